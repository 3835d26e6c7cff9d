package kernel

import (
	"math"
	"testing"
)

// TestElementwise compares every tier with float64 on all tails and on wide ranges of values.
func TestElementwise(t *testing.T) {
	gelu := func(x float64) float64 { return .5 * x * math.Erfc(-x/math.Sqrt2) }
	geluTanh := func(x float64) float64 {
		return .5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+.044715*x*x*x)))
	}
	silu := func(x float64) float64 { return x / (1 + math.Exp(-x)) }
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(11)
		for _, n := range sizes(1000) {
			for _, spread := range []float32{1, 30} {
				a, b := normals(r, n), normals(r, n)
				plainScale(a, a, spread)
				dst := make([]float32, n+3)[3:]
				each := func(name string, abs, rel float64, run func(), want func(i int) float64) {
					t.Helper()
					run()
					for i := range dst {
						near(t, name, float64(dst[i]), want(i), abs, rel)
					}
				}
				each("Add", 0, 1e-7, func() { k.Add(dst, a, b) }, func(i int) float64 { return float64(a[i] + b[i]) })
				each("Mul", 0, 1e-7, func() { k.Mul(dst, a, b) }, func(i int) float64 { return float64(a[i] * b[i]) })
				each("Scale", 0, 1e-7, func() { k.Scale(dst, a, 1.7) }, func(i int) float64 { return float64(a[i] * 1.7) })
				each("AddScaled", 1e-5, 1e-6, func() { copy(dst, b); k.AddScaled(dst, a, 1.7) },
					func(i int) float64 { return float64(b[i]) + 1.7*float64(a[i]) })
				each("Exp", 2e-38, 3e-7, func() { k.Exp(dst, a) }, func(i int) float64 { return math.Exp(min(float64(float32(expHigh)), float64(a[i]))) })
				each("ReLU", 0, 0, func() { k.ReLU(dst, a) }, func(i int) float64 { return math.Max(0, float64(a[i])) })
				each("SiLU", 1e-36, 6e-7, func() { k.SiLU(dst, a) }, func(i int) float64 { return silu(float64(a[i])) })
				each("SiLUMul", 2e-36, 8e-7, func() { k.SiLUMul(dst, a, b) }, func(i int) float64 { return silu(float64(a[i])) * float64(b[i]) })
				each("SiLUMulRough", 1e-35, 2e-4, func() { k.SiLUMulRough(dst, a, b) }, func(i int) float64 { return silu(float64(a[i])) * float64(b[i]) })
				each("GELU", 4e-7, 4e-7, func() { k.GELU(dst, a) }, func(i int) float64 { return gelu(float64(a[i])) })
				each("GELURough", 6e-6, 6e-6, func() { k.GELURough(dst, a) }, func(i int) float64 { return gelu(float64(a[i])) })
				each("GELUTanh", 4e-7, 6e-7, func() { k.GELUTanh(dst, a) }, func(i int) float64 { return geluTanh(float64(a[i])) })
				each("Softcap", 1e-6, 4e-7, func() { k.Softcap(dst, a, 5) }, func(i int) float64 { return 5 * math.Tanh(float64(a[i])/5) })
				copy(dst, a)
				each("Add in place", 0, 1e-7, func() { k.Add(dst, dst, b) }, func(i int) float64 { return float64(a[i] + b[i]) })
			}
		}
	})
}

// TestRoughGELU: as near to the definition as the docstring says, relatively too where results are not small.
func TestRoughGELU(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		x := make([]float32, 40001)
		for i := range x {
			x[i] = float32(i-20000) / 2000
		}
		dst := make([]float32, len(x))
		k.GELURough(dst, x)
		for i, v := range x {
			want := float64(v) / 2 * math.Erfc(-float64(v)/math.Sqrt2)
			off := math.Abs(float64(dst[i]) - want)
			if off > 6e-6*math.Max(1, math.Abs(float64(v))) || v >= -3 && off > 7e-4*math.Abs(want) {
				t.Fatalf("GELURough(%v) = %v, want %v", v, dst[i], want)
			}
		}
	})
}

func TestExtremes(t *testing.T) {
	inf := float32(math.Inf(1))
	forTiers(t, func(t *testing.T, k *Kernels) {
		x := []float32{-inf, -1e30, -200, -100, -88, 0, 88, 100, 1e30, inf, 3, -3, 0, 0, 0, 0, 1, 2}
		dst := make([]float32, len(x))
		check := func(name string, rel float64, f func(dst, a []float32), want func(x float64) float64) {
			t.Helper()
			f(dst, x)
			for i, v := range x {
				w := want(float64(v))
				if g := float64(dst[i]); g != w && !(math.Abs(g-w) <= rel*math.Abs(w)+2e-7) {
					t.Errorf("%s(%v) = %v, want %v", name, v, g, w)
				}
			}
		}
		check("Exp", 1e-6, k.Exp, func(x float64) float64 { return math.Exp(min(x, float64(float32(expHigh)))) })
		x[0], x[9] = -3e38, 3e38 // infinities have no activation
		check("SiLU", 1e-6, k.SiLU, func(x float64) float64 { return x / (1 + math.Exp(-x)) })
		one := make([]float32, len(x))
		for i := range one {
			one[i] = 1
		}
		check("SiLUMul", 1e-6, func(dst, a []float32) { k.SiLUMul(dst, a, one) }, func(x float64) float64 { return x / (1 + math.Exp(-x)) })
		check("SiLUMulRough", 2e-4, func(dst, a []float32) { k.SiLUMulRough(dst, a, one) }, func(x float64) float64 { return x / (1 + math.Exp(-x)) })
		check("GELU", 1e-6, k.GELU, func(x float64) float64 { return .5 * x * math.Erfc(-x/math.Sqrt2) })
		check("GELUTanh", 1e-6, k.GELUTanh, func(x float64) float64 {
			return .5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+.044715*x*x*x)))
		})
	})
}

func TestNorms(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(12)
		for _, n := range sizes(1000)[1:] {
			x, w, b := normals(r, n), normals(r, n), normals(r, n)
			for i := range x {
				x[i] += 3
			}
			var sum, sq float64
			for _, v := range x {
				sum += float64(v)
				sq += float64(v) * float64(v)
			}
			mean := sum / float64(n)
			variance := 0.
			for _, v := range x {
				variance += (float64(v) - mean) * (float64(v) - mean)
			}
			variance /= float64(n)
			dst := make([]float32, n)
			k.RMSNorm(dst, x, w, 1e-5)
			for i, v := range x {
				near(t, "RMSNorm", float64(dst[i]), float64(v)/math.Sqrt(sq/float64(n)+1e-5)*float64(w[i]), 1e-7, 2e-6)
			}
			for _, bias := range [][]float32{nil, b} {
				k.LayerNorm(dst, x, w, bias, 1e-2)
				for i, v := range x {
					want := (float64(v) - mean) / math.Sqrt(variance+1e-2) * float64(w[i])
					if bias != nil {
						want += float64(b[i])
					}
					near(t, "LayerNorm", float64(dst[i]), want, 2e-5, 5e-6)
				}
			}
			near(t, "Normalize", float64(k.Normalize(dst, x)), math.Sqrt(sq), 0, 1e-6)
			for i, v := range x {
				near(t, "Normalize", float64(dst[i]), float64(v)/math.Sqrt(sq), 1e-7, 1e-6)
			}
		}
		zero := make([]float32, 20)
		if k.Normalize(zero, zero) != 0 || zero[3] != 0 {
			t.Error("Normalize of zeros")
		}
	})
}

func TestSoftmax(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(13)
		k.Softmax(nil)
		for _, n := range sizes(1000)[1:] {
			x := normals(r, n)
			plainScale(x, x, 20)
			var l float64
			m := float64(plainMax(x))
			for _, v := range x {
				l += math.Exp(float64(v) - m)
			}
			got := append([]float32(nil), x...)
			k.Softmax(got)
			for i, v := range x {
				near(t, "Softmax", float64(got[i]), math.Exp(float64(v)-m)/l, 1e-9, 3e-6)
			}
		}
	})
}

func TestRopes(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(14)
		for h := range 70 {
			x := normals(r, 2*h)
			cos, sin := normals(r, h), normals(r, h)
			half, pairs := append([]float32(nil), x...), append([]float32(nil), x...)
			k.Rope(half, cos, sin)
			k.RopePairs(pairs, cos, sin)
			turn := func(a, b float32, i int) (float64, float64) {
				c, s := float64(cos[i]), float64(sin[i])
				return float64(a)*c - float64(b)*s, float64(b)*c + float64(a)*s
			}
			for i := range h {
				u, v := turn(x[i], x[i+h], i)
				near(t, "Rope", float64(half[i]), u, 1e-6, 1e-6)
				near(t, "Rope", float64(half[i+h]), v, 1e-6, 1e-6)
				u, v = turn(x[2*i], x[2*i+1], i)
				near(t, "RopePairs", float64(pairs[2*i]), u, 1e-6, 1e-6)
				near(t, "RopePairs", float64(pairs[2*i+1]), v, 1e-6, 1e-6)
			}
		}
	})
}

func TestQuantizeInt8(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(15)
		for _, n := range sizes(1000) {
			x := normals(r, n)
			dst := make([]int8, n)
			scale := k.QuantizeInt8(dst, x)
			near(t, "scale", float64(scale), float64(plainMaxAbs(x))/127, 0, 1e-6)
			for i, v := range x {
				near(t, "QuantizeInt8", float64(dst[i])*float64(scale), float64(v), float64(scale)*.50001, 0)
			}
		}
		zero := make([]float32, 40)
		codes := make([]int8, 40)
		codes[3] = 7
		if s := k.QuantizeInt8(codes, zero); s != 0 || codes[3] != 0 {
			t.Error("QuantizeInt8 of zeros")
		}
	})
}
