//go:build !purego

package kernel

import (
	"sync"

	"github.com/klauspost/cpuid/v2"
)

// machineTiers: NEON belongs to every arm64 processor that Go runs on.
func machineTiers() []Tier {
	switch {
	case cpuid.CPU.Supports(cpuid.ASIMDDP, cpuid.I8MM, cpuid.BF16):
		return []Tier{NEON, DotProd, I8MM}
	case cpuid.CPU.Supports(cpuid.ASIMDDP):
		return []Tier{NEON, DotProd}
	}
	return []Tier{NEON}
}

func tableFor(tier Tier) table {
	t := plainTable()
	if tier == Plain {
		return t
	}
	t.gemm = gemmSet{lanes: 4, ahead: 64, kBlock: 2048, f32: gemmF32NEON, attend: gemmF32NEON, bf16: gemmWidenNEON, int16: plainGEMM().int16, int8: gemmS16NEON, codes: gemmS16NEON}
	t.dot, t.sqL2 = dotNEON, sqL2NEON
	t.dotBF16 = wholeBF16(16, dotBF16NEON)
	t.dot4, t.sqL24, t.dot4BF16 = four(t.dot), four(t.sqL2), four(t.dotBF16)
	t.add, t.mul, t.scale, t.addScaled = addNEON, mulNEON, scaleNEON, addScaledNEON
	t.max, t.maxAbs, t.sum, t.sumSquares = maxNEON, maxAbsNEON, sumNEON, sumSquaresNEON
	t.variance, t.normScale = varianceNEON, normScaleNEON
	t.exp, t.expSub, t.silu, t.siluMul = expNEON, expSubNEON, siluNEON, siluMulNEON
	t.gelu, t.geluTanh, t.softcap, t.rope = geluNEON, geluTanhNEON, softcapNEON, ropeNEON
	t.transpose = transposeNEON
	t.fromBF16 = wholeConvert(8, fromBF16NEON, plainFromBF16)
	t.quantS8 = wholeQuant(16, quantS8NEON)
	t.hadamard = hadamardOf(map[int]hadamardFunc{4: hadamard4NEON, 8: hadamard8NEON, 16: hadamard16NEON, 32: hadamard32NEON}, butterflyNEON, butterfly4NEON)
	t.hartley = map[int]func(*float32, int){3: hartley3NEON, 5: hartley5NEON, 7: hartley7NEON, 9: hartley9NEON}
	if tier >= DotProd {
		t.gemm.int8, t.gemm.codes = gemmS8DotProd, gemmS8DotProd
		t.dotInt8 = wholeInt8(32, dotInt8DotProd)
		t.dot4Int8 = whole4(16, dot4Int8DotProd, plainDotInt8)
	}
	if tier == I8MM {
		t.gemm.int8, t.gemm.codes = gemmS8I8MM, gemmS8I8MM
		t.toBF16 = wholeConvert(8, toBF16I8MM, plainToBF16)
		if bf16Pays() {
			t.gemm.bf16 = gemmBF16I8MM
		}
	}
	return t
}

// peakLoops are the register-only loops that a tier's products could at best run at.
func peakLoops(t Tier) []peakLoop {
	const perLoop = 24 * 2 // instructions, operations of each lane
	if t == Plain {
		return plainPeaks()
	}
	l := []peakLoop{{"f32", perLoop * 4, peakF32NEON}}
	switch t {
	case DotProd:
		l = append(l, peakLoop{"int8", perLoop * 16, peakS8DotProd})
	case I8MM:
		l = append(l, peakLoop{"bf16", perLoop * 16, peakBF16I8MM}, peakLoop{"int8", perLoop * 32, peakS8I8MM})
	}
	return l
}

// bf16Pays measures, once, whether the processor multiplies matrices of bfloat16 clearly faster than float32.
var bf16Pays = sync.OnceValue(func() bool {
	return peakLoop{ops: 4, run: peakBF16I8MM}.rate() > 1.2*peakLoop{ops: 1, run: peakF32NEON}.rate()
})
