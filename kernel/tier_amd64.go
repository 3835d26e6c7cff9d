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
	case AVX2:
		return avx2Table()
	case AVX512, AVX512VNNI, AVX512BF16:
		return avx512Table(tier)
	}
	return plainTable()
}

func avx2Table() table {
	t := plainTable()
	t.gemm = gemmSet{lanes: 8, kBlock: 2048, f32: gemmF32AVX2, bf16: gemmWidenAVX2, int8: gemmS16AVX2}
	return t
}

func avx512Table(tier Tier) table {
	t := plainTable()
	t.gemm = gemmSet{lanes: 16, kBlock: 2048, f32: gemmF32AVX512, bf16: gemmWidenAVX512, int8: gemmS16AVX512}
	if tier >= AVX512VNNI {
		t.gemm.int8 = gemmU8AVX512VNNI
	}
	if tier >= AVX512BF16 {
		t.gemm.bf16 = gemmBF16AVX512BF16
	}
	return t
}
