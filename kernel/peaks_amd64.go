//go:build !purego

package kernel

// peakLoops are the register-only loops that a tier's products could at best run at.
func peakLoops(t Tier) []peakLoop {
	const perLoop = 12 * 2 // instructions, operations of each lane
	switch {
	case t >= AVX512:
		l := []peakLoop{{"f32", perLoop * 16, peakF32AVX512}, {"int16", perLoop * 32, peakS16AVX512}}
		if t >= AVX512VNNI {
			l = append(l, peakLoop{"int8", perLoop * 64, peakU8AVX512})
		}
		if t >= AVX512BF16 {
			l = append(l, peakLoop{"bf16", perLoop * 32, peakBF16AVX512})
		}
		return l
	case t == AVX2:
		return []peakLoop{{"f32", perLoop * 8, peakF32AVX2}, {"int16", perLoop * 16, peakS16AVX2}}
	}
	return plainPeaks()
}
