//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run ./gen

// machineTiers asks the processor. x/sys/cpu reports AVX and AVX-512 only where the operating system keeps their registers.
func machineTiers() []Tier {
	var tiers []Tier
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA || !x.HasPOPCNT {
		return nil
	}
	tiers = append(tiers, AVX2)
	if x.HasAVXVNNI {
		tiers = append(tiers, AVXVNNI)
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL {
		return tiers
	}
	tiers = append(tiers, AVX512)
	if !x.HasAVX512VNNI {
		return tiers
	}
	tiers = append(tiers, AVX512VNNI)
	if !x.HasAVX512BF16 {
		return tiers
	}
	return append(tiers, AVX512BF16)
}

func tableFor(tier Tier) table {
	switch tier {
	case AVX2, AVXVNNI:
		return avx2Table(tier)
	case AVX512, AVX512VNNI, AVX512BF16:
		return avx512Table(tier)
	}
	return plainTable()
}
