package kernel

import (
	"math"
	"math/bits"
)

// The plain tier: the definition of every operation, in Go.

func plainTable() table {
	return table{
		gemm: plainGEMM(),
		dot:  plainDot, sqL2: plainSqL2, dotBF16: plainDotBF16, dotInt8: plainDotInt8, hammingRows: plainHammingRows,
		dot4: four(plainDot), sqL24: four(plainSqL2), dot4BF16: four(plainDotBF16), dot4Int8: four(plainDotInt8),
		above: plainAbove, greater: plainGreater,
		add: plainAdd, mul: plainMul, scale: plainScale, addScaled: plainAddScaled,
		max: plainMax, sum: plainSum, sumSquares: plainSumSquares, variance: plainVariance, normScale: plainNormScale,
		exp: plainExp, expSub: plainExpSub, silu: plainSiLU, siluMul: plainSiLUMul,
		gelu: plainGELU, geluTanh: plainGELUTanh, softcap: plainSoftcap, rope: plainRope, ropePairs: plainRopePairs,
		toBF16: plainToBF16, fromBF16: plainFromBF16, toF16: plainToF16, fromF16: plainFromF16,
		maxAbs: plainMaxAbs, quantS8: plainQuantS8, quantS16: plainQuantS16, scaleF16: plainScaleF16, hadamard: plainHadamard,
	}
}

func four[S, Q, R any](one func([]Q, []R) S) func(out *[4]S, q []Q, a, b, c, d []R) {
	return func(out *[4]S, q []Q, a, b, c, d []R) { *out = [4]S{one(q, a), one(q, b), one(q, c), one(q, d)} }
}

func plainDot(a, b []float32) float32 {
	b = b[:len(a)]
	var s [4]float32
	n := len(a) &^ 3
	for i := 0; i < n; i += 4 {
		s[0] += a[i] * b[i]
		s[1] += a[i+1] * b[i+1]
		s[2] += a[i+2] * b[i+2]
		s[3] += a[i+3] * b[i+3]
	}
	for i := n; i < len(a); i++ {
		s[0] += a[i] * b[i]
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

func plainSqL2(a, b []float32) float32 {
	b = b[:len(a)]
	var s [2]float32
	n := len(a) &^ 1
	for i := 0; i < n; i += 2 {
		d, e := a[i]-b[i], a[i+1]-b[i+1]
		s[0] += d * d
		s[1] += e * e
	}
	if n < len(a) {
		d := a[n] - b[n]
		s[0] += d * d
	}
	return s[0] + s[1]
}

func plainDotBF16(a []float32, b []BF16) float32 {
	b = b[:len(a)]
	var s [2]float32
	n := len(a) &^ 1
	for i := 0; i < n; i += 2 {
		s[0] += a[i] * b[i].Float32()
		s[1] += a[i+1] * b[i+1].Float32()
	}
	if n < len(a) {
		s[0] += a[n] * b[n].Float32()
	}
	return s[0] + s[1]
}

func plainDotInt8(a, b []int8) int32 {
	b = b[:len(a)]
	var s int32
	for i, v := range a {
		s += int32(v) * int32(b[i])
	}
	return s
}

func plainHammingRows(out []int32, q, rows []uint64) {
	for i := range out {
		row := rows[i*len(q):][:len(q)]
		n := 0
		for j, v := range q {
			n += bits.OnesCount64(v ^ row[j])
		}
		out[i] = int32(n)
	}
}

func plainAbove(dst []int32, scores, limits []float32) int {
	n := 0
	for i, s := range scores {
		if s > limits[i] {
			dst[n] = int32(i)
			n++
		}
	}
	return n
}

func plainGreater(dst []int32, scores []float32, limit float32) int {
	n := 0
	for i, s := range scores {
		if s > limit {
			dst[n] = int32(i)
			n++
		}
	}
	return n
}

func plainAdd(dst, a, b []float32) {
	for i, v := range a {
		dst[i] = v + b[i]
	}
}

func plainMul(dst, a, b []float32) {
	for i, v := range a {
		dst[i] = v * b[i]
	}
}

func plainScale(dst, a []float32, s float32) {
	for i, v := range a {
		dst[i] = v * s
	}
}

func plainAddScaled(dst, a []float32, s float32) {
	for i, v := range a {
		dst[i] += v * s
	}
}

func plainMax(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func plainMaxAbs(x []float32) float32 {
	var m float32
	for _, v := range x {
		m = max(m, float32(math.Abs(float64(v))))
	}
	return m
}

func plainSum(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

func plainSumSquares(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return float32(s)
}

func plainVariance(x []float32, mean float32) float32 {
	var s float64
	for _, v := range x {
		d := float64(v - mean)
		s += d * d
	}
	return float32(s)
}

func plainNormScale(dst, x, w []float32, mean, inv float32) {
	for i, v := range x {
		dst[i] = (v - mean) * inv * w[i]
	}
}

// expLow and expHigh bound Exp: beyond them float32 has no normal value.
const expLow, expHigh = -87.33654, 88.72283

func exp32(x float32) float32 {
	switch {
	case x < expLow:
		return 0
	case x > expHigh:
		x = expHigh
	}
	return float32(math.Exp(float64(x)))
}

func plainExp(dst, a []float32) {
	for i, v := range a {
		dst[i] = exp32(v)
	}
}

func plainExpSub(dst, a []float32, m float32) float32 {
	var s float32
	for i, v := range a {
		e := exp32(v - m)
		dst[i] = e
		s += e
	}
	return s
}

func plainSiLU(dst, a []float32) {
	for i, v := range a {
		dst[i] = silu32(v)
	}
}

func plainSiLUMul(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = silu32(v) * up[i]
	}
}

func silu32(v float32) float32 {
	v = max(v, -88.7) // as on other tiers: SiLU is less than 3e-37 there
	return v / (1 + exp32(-v))
}

func plainGELU(dst, a []float32) {
	for i, v := range a {
		dst[i] = float32(0.5 * float64(v) * math.Erfc(-float64(v)/math.Sqrt2))
	}
}

func plainGELUTanh(dst, a []float32) {
	for i, v := range a {
		x := float64(v)
		dst[i] = float32(0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))))
	}
}

func plainSoftcap(dst, a []float32, limit float32) {
	for i, v := range a {
		dst[i] = limit * float32(math.Tanh(float64(v/limit)))
	}
}

func plainRope(x, y, cos, sin []float32) {
	for i, a := range x {
		b := y[i]
		x[i] = a*cos[i] - b*sin[i]
		y[i] = b*cos[i] + a*sin[i]
	}
}

func plainRopePairs(x, cos, sin []float32) {
	for i, c := range cos {
		a, b := x[2*i], x[2*i+1]
		x[2*i] = a*c - b*sin[i]
		x[2*i+1] = b*c + a*sin[i]
	}
}

func plainToBF16(dst []BF16, src []float32) {
	for i, v := range src {
		dst[i] = ToBF16(v)
	}
}

func plainFromBF16(dst []float32, src []BF16) {
	for i, v := range src {
		dst[i] = v.Float32()
	}
}

func plainToF16(dst []F16, src []float32) {
	for i, v := range src {
		dst[i] = ToF16(v)
	}
}

func plainFromF16(dst []float32, src []F16) {
	for i, v := range src {
		dst[i] = v.Float32()
	}
}

func plainQuantS8(dst []int8, src []float32, inv float32, shift int8) {
	for i, v := range src {
		dst[i] = int8(max(-127, min(127, math.RoundToEven(float64(v*inv))))) + shift
	}
}

func plainQuantS16(dst []int16, src []float32, inv float32) {
	for i, v := range src {
		dst[i] = int16(max(-32767, min(32767, math.RoundToEven(float64(v*inv)))))
	}
}

func plainScaleF16(dst []F16, src []float32, scale float32) {
	for i, v := range src {
		dst[i] = ToF16(v * scale)
	}
}

// plainHadamard writes the fast Walsh-Hadamard transform of each block of x * y, without the factor 1/sqrt(block).
func plainHadamard(dst, x, y []float32, block int) {
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
	for x = dst; len(x) >= block; x = x[block:] {
		for h := 1; h < block; h *= 2 {
			for i := 0; i < block; i += 2 * h {
				for j := i; j < i+h; j++ {
					a, b := x[j], x[j+h]
					x[j], x[j+h] = a+b, a-b
				}
			}
		}
	}
}
