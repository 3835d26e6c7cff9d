//go:build !purego

package kernel

import "unsafe"

// machineTiers: NEON belongs to every arm64 processor that Go runs on.
func machineTiers() []Tier { return []Tier{NEON} }

func tableFor(tier Tier) table {
	t := plainTable()
	if tier == Plain {
		return t
	}
	t.gemm = gemmSet{lanes: 4, kBlock: 2048, f32: gemmF32NEON, attend: gemmF32NEON, bf16: gemmWidenNEON, int16: plainGEMM().int16, int8: gemmS16NEON, codes: gemmS16NEON}
	t.dot, t.sqL2 = dot16, sqL216
	t.dot4, t.sqL24 = four(dot16), four(sqL216)
	return t
}

func dot16(a, b []float32) float32 {
	n := len(a) &^ 15
	s := dotNEON(unsafe.SliceData(a), unsafe.SliceData(b), n)
	if n < len(a) {
		s += plainDot(a[n:], b[n:])
	}
	return s
}

func sqL216(a, b []float32) float32 {
	n := len(a) &^ 15
	s := sqL2NEON(unsafe.SliceData(a), unsafe.SliceData(b), n)
	if n < len(a) {
		s += plainSqL2(a[n:], b[n:])
	}
	return s
}
