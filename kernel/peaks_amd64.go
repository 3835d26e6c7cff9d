//go:build !purego

package kernel

import (
	"sync"

	"github.com/klauspost/cpuid/v2"
)

// peakLoops are the register-only loops that a tier's products could at best run at.
func peakLoops(t Tier) []peakLoop {
	const perLoop = 12 * 2 // instructions, operations of each lane
	switch {
	case t >= AVX512:
		l := []peakLoop{{"f32", perLoop * 16, peakF32AVX512}}
		if t >= AMX {
			const perLoop = 4 * 2 * 16 * 16
			return append(l, peakLoop{"bf16", perLoop * 32, peakBF16AMX}, peakLoop{"int8", perLoop * 64, peakU8AMX})
		}
		if t >= AVX512VNNI {
			l = append(l, peakLoop{"int16", perLoop * 32, peakVNNI16AVX512}, peakLoop{"int8", perLoop * 64, peakVNNIAVX512})
		} else {
			l = append(l, peakLoop{"int16", perLoop * 32, peakS16AVX512})
		}
		if t >= AVX512BF16 {
			l = append(l, peakLoop{"bf16", perLoop * 32, peakBF16AVX512})
		}
		if cpuid.CPU.Supports(cpuid.AVX512FP16) { // whichever tier is
			l = append(l, peakLoop{"f16", perLoop * 32, peakF16AVX512})
		}
		return l
	case t >= AVX2:
		l := []peakLoop{{"f32", perLoop * 8, peakF32AVX2}}
		if t >= AVXVNNI {
			return append(l, peakLoop{"int16", perLoop * 16, peakVNNI16AVX2}, peakLoop{"int8", perLoop * 32, peakVNNIAVX2})
		}
		return append(l, peakLoop{"int16", perLoop * 16, peakS16AVX2}, peakLoop{"int8", perLoop * 64, peakU8AVX2})
	}
	return plainPeaks()
}

// bf16Pays measures, once, whether the processor multiplies pairs of bfloat16 clearly faster than float32: AMD's do it at
// twice the rate, some of Intel's at half (a quarter of the products of bytes).
var bf16Pays = sync.OnceValue(func() bool {
	return peakLoop{ops: 2, run: peakBF16AVX512}.rate() > 1.2*peakLoop{ops: 1, run: peakF32AVX512}.rate()
})

// f16Pays measures, once, whether the processor multiplies numbers of half precision clearly faster than 16-bit integers, whose sums are exact, and
// than pairs of bfloat16.
var f16Pays = sync.OnceValue(func() bool {
	return peakLoop{ops: 1, run: peakF16AVX512}.rate() > 1.2*max(peakLoop{ops: 1, run: peakVNNI16AVX512}.rate(), peakLoop{ops: 1, run: peakBF16AVX512}.rate())
})
