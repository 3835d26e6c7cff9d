//go:build !purego

package kernel

import (
	"github.com/klauspost/cpuid/v2"
)

//go:generate go run ./gen

// machineTiers asks the processor. cpuid reports AVX and AVX-512 only where the operating system keeps their registers.
func machineTiers() []Tier {
	has := cpuid.CPU.Supports
	if !has(cpuid.AVX2, cpuid.FMA3, cpuid.POPCNT) {
		return nil
	}
	tiers := []Tier{AVX2}
	if has(cpuid.AVXVNNI) {
		tiers = append(tiers, AVXVNNI)
	}
	for _, t := range []struct {
		tier  Tier
		needs []cpuid.FeatureID
	}{
		{AVX512, []cpuid.FeatureID{cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL}},
		{AVX512VNNI, []cpuid.FeatureID{cpuid.AVX512VNNI}}, {AVX512BF16, []cpuid.FeatureID{cpuid.AVX512BF16}},
		{AVX512FP16, []cpuid.FeatureID{cpuid.AVX512FP16}},
	} {
		if !has(t.needs...) {
			return tiers
		}
		tiers = append(tiers, t.tier)
	}
	if has(cpuid.AMXTILE, cpuid.AMXINT8, cpuid.AMXBF16) && tilesAllowed() {
		tiers = append(tiers, AMX)
	}
	return tiers
}

func tableFor(tier Tier) table {
	switch tier {
	case AVX2, AVXVNNI:
		return avx2Table(tier)
	case AVX512, AVX512VNNI, AVX512BF16, AVX512FP16, AMX:
		return avx512Table(tier)
	}
	return plainTable()
}
