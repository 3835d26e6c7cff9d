package kernel

import "math"

// BF16 is a bfloat16: the upper half of a float32.
type BF16 uint16

// F16 is an IEEE 754 binary16.
type F16 uint16

// ToBF16 rounds to nearest, ties to even. A NaN stays one.
func ToBF16(f float32) BF16 {
	b := math.Float32bits(f)
	if f != f {
		return BF16(b>>16 | 0x40)
	}
	return BF16((b + 0x7fff + b>>16&1) >> 16)
}

// Float32 is exact.
func (b BF16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// ToF16 rounds to nearest, ties to even, overflows to infinity.
func ToF16(f float32) F16 {
	b := math.Float32bits(f)
	sign := F16(b >> 16 & 0x8000)
	abs := b & 0x7fffffff
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00
	case abs >= 0x47800000: // 65536: beyond rounding down to 65504
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: denormal in units of 2^-24
		return sign | F16(math.RoundToEven(float64(math.Float32frombits(abs))*(1<<24)))
	}
	return sign | F16((abs-0x38000000+0xfff+abs>>13&1)>>13)
}

// roundF16 rounds to the nearest number of half precision, ties to even, beyond the largest to infinity.
func roundF16(v float64) float64 {
	const smallest, dropped = 0x1p-14, 52 - 10 // normal number; bits of the fraction
	if math.Abs(v) < smallest {
		const step = 0x1.8p52 * 0x1p-24 // whose last bit is the step of denormal numbers
		return v + step - step
	}
	b := math.Float64bits(v)
	b += 1<<(dropped-1) - 1 + b>>dropped&1
	v = math.Float64frombits(b &^ (1<<dropped - 1))
	if math.Abs(v) > 65504 {
		return math.Copysign(math.Inf(1), v)
	}
	return v
}

// Float32 is exact.
func (h F16) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(frac)/(1<<24)))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// BF16FromF32 rounds src (n) into dst (n).
func (k *Kernels) BF16FromF32(dst []BF16, src []float32) {
	same("BF16FromF32", len(dst), len(src))
	k.t.toBF16(dst, src)
}

// F32FromBF16 widens src (n) into dst (n).
func (k *Kernels) F32FromBF16(dst []float32, src []BF16) {
	same("F32FromBF16", len(dst), len(src))
	k.t.fromBF16(dst, src)
}

// F16FromF32 rounds src (n) into dst (n).
func (k *Kernels) F16FromF32(dst []F16, src []float32) {
	same("F16FromF32", len(dst), len(src))
	k.t.toF16(dst, src)
}

// F32FromF16 widens src (n) into dst (n).
func (k *Kernels) F32FromF16(dst []float32, src []F16) {
	same("F32FromF16", len(dst), len(src))
	k.t.fromF16(dst, src)
}

// QuantizeInt8 writes src (n) as dst (n) = round(src/scale) and returns the scale, the largest magnitude over 127: src is
// about dst*scale, with an error of at most scale/2 per value. A row of zeros has scale 0.
func (k *Kernels) QuantizeInt8(dst []int8, src []float32) (scale float32) {
	same("QuantizeInt8", len(dst), len(src))
	return k.quantizeBy(dst, src, k.t.maxAbs(src)/127, 0)
}

// quantizeBy is QuantizeInt8 for a scale that is known, at least the largest magnitude over 127, plus shift in 8
// bits: the unsigned side of a product of bytes wants positive codes.
func (k *Kernels) quantizeBy(dst []int8, src []float32, scale float32, shift int8) float32 {
	if scale == 0 {
		for i := range dst {
			dst[i] = shift
		}
		return 0
	}
	k.t.quantS8(dst, src, 1/scale, shift)
	return scale
}
