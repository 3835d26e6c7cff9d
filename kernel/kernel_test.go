package kernel

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// forTiers runs f once for every tier that this machine can run.
func forTiers(t *testing.T, f func(t *testing.T, k *Kernels)) {
	t.Helper()
	for _, tier := range Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			k, err := For(tier)
			if err != nil {
				t.Fatal(err)
			}
			f(t, k)
		})
	}
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// normals is n values of a normal distribution at a place that is not aligned.
func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n+1)[1:]
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func codes(r *rand.Rand, n int) []int8 {
	x := make([]int8, n+1)[1:]
	for i := range x {
		x[i] = int8(r.IntN(255) - 127)
	}
	return x
}

func bf16s(x []float32) []BF16 {
	out := make([]BF16, len(x)+1)[1:]
	for i, v := range x {
		out[i] = ToBF16(v)
	}
	return out
}

// near fails unless got, which is at some place of what, is within abs + rel*|want| of want.
func near(t *testing.T, what string, got, want, abs, rel float64, at ...int) {
	t.Helper()
	if !(math.Abs(got-want) <= abs+rel*math.Abs(want)) {
		t.Fatalf("%s %v: got %v, want %v (off by %.3g)", what, at, got, want, got-want)
	}
}

func TestTiers(t *testing.T) {
	tiers := Tiers()
	if tiers[0] != Plain {
		t.Fatalf("first tier is %v", tiers[0])
	}
	for i, tier := range tiers {
		got, err := ParseTier(tier.String())
		if err != nil || got != tier {
			t.Fatalf("ParseTier(%q) = %v, %v", tier, got, err)
		}
		if i > 0 && tier <= tiers[i-1] {
			t.Fatalf("tiers %v are not ascending", tiers)
		}
	}
	if _, err := ParseTier("sse"); err == nil {
		t.Fatal("no error for an unknown tier")
	}
	if _, err := For(Tier(200)); err == nil {
		t.Fatal("no error for a tier that cannot run")
	}
}

func TestChoose(t *testing.T) {
	tiers := Tiers()
	best := tiers[len(tiers)-1]
	if k, err := choose(""); err != nil || k.Tier() != best {
		t.Errorf("no name: %v, %v", k.Tier(), err)
	}
	for _, tier := range tiers {
		if k, err := choose(tier.String()); err != nil || k.Tier() != tier {
			t.Errorf("%v: %v, %v", tier, k.Tier(), err)
		}
	}
	wrong := []string{"sse", "AVX2", " avx2", "avx512f"}
	for _, tier := range []Tier{NEON, DotProd, I8MM, AVX512BF16} {
		if !slices.Contains(tiers, tier) {
			wrong = append(wrong, tier.String())
		}
	}
	for _, name := range wrong {
		k, err := choose(name)
		if err == nil || !strings.Contains(err.Error(), EnvVar) || k.Tier() != best {
			t.Errorf("%q: %v, %v", name, k.Tier(), err)
		}
	}
	if k, err := choose(os.Getenv(EnvVar)); err != CheckEnv() && err == nil || k.Tier() != Current().Tier() {
		t.Errorf("the environment gives %v, Current is %v", k.Tier(), Current().Tier())
	}
}

func TestF16(t *testing.T) {
	for h := range 1 << 16 {
		f := F16(h).Float32()
		if f != f {
			continue
		}
		if got := ToF16(f); got != F16(h) {
			t.Fatalf("ToF16(F16(%#x) = %v) = %#x", h, f, got)
		}
	}
	for _, c := range []struct {
		f    float32
		want F16
	}{{65504, 0x7bff}, {65519.99, 0x7bff}, {65520, 0x7c00}, {1e9, 0x7c00}, {-1e9, 0xfc00}, {1 + 1.0/2048, 0x3c00},
		{1 + 3.0/2048, 0x3c02}, {0x1p-24, 1}, {0x1p-25, 0}, {0x1.8p-25, 1}, {0x1.ff8p-15, 0x3ff}, {0x1.ffcp-15, 0x400}} {
		if got := ToF16(c.f); got != c.want {
			t.Errorf("ToF16(%v) = %#x, want %#x", c.f, got, c.want)
		}
	}
}

func TestBF16(t *testing.T) {
	for _, c := range []struct {
		f    float32
		want BF16
	}{{1, 0x3f80}, {1 + 1.0/256, 0x3f80}, {1 + 3.0/256, 0x3f82}, {math.MaxFloat32, 0x7f80}, {float32(math.Inf(-1)), 0xff80}} {
		if got := ToBF16(c.f); got != c.want {
			t.Errorf("ToBF16(%v) = %#x, want %#x", c.f, got, c.want)
		}
	}
	if f := ToBF16(float32(math.NaN())).Float32(); f == f {
		t.Error("NaN became a number")
	}
}

// TestConversions compares every tier's conversions with the scalar ones, bit for bit, NaN aside.
func TestConversions(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(1)
		for n := range 70 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(r.Uint32())
				if i%3 == 0 {
					x[i] = float32(r.NormFloat64())
				}
				if i%7 == 3 {
					x[i] *= 1e-5
				}
				if x[i] != x[i] || math.Abs(float64(x[i])) < 0x1p-126 { // hardware takes denormal inputs as zero
					x[i] = 0
				}
			}
			b, h, back := make([]BF16, n), make([]F16, n), make([]float32, n)
			k.BF16FromF32(b, x)
			k.F16FromF32(h, x)
			for i, v := range x {
				if b[i] != ToBF16(v) || h[i] != ToF16(v) {
					t.Fatalf("n=%d: %v became %#x and %#x, want %#x and %#x", n, v, b[i], h[i], ToBF16(v), ToF16(v))
				}
			}
			k.F32FromBF16(back, b)
			for i := range back {
				if back[i] != b[i].Float32() {
					t.Fatalf("n=%d: BF16 %#x became %v", n, b[i], back[i])
				}
			}
			k.F32FromF16(back, h)
			for i := range back {
				if back[i] != h[i].Float32() {
					t.Fatalf("n=%d: F16 %#x became %v", n, h[i], back[i])
				}
			}
		}
	})
}

func TestDots(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(2)
		for _, n := range sizes(300) {
			a, b := normals(r, n), normals(r, n)
			var dot, l2, size float64
			for i, v := range a {
				d := float64(v) - float64(b[i])
				dot += float64(v) * float64(b[i])
				size += math.Abs(float64(v) * float64(b[i]))
				l2 += d * d
			}
			near(t, "Dot", float64(k.Dot(a, b)), dot, 1e-6*size, 0)
			near(t, "SquaredL2", float64(k.SquaredL2(a, b)), l2, 0, 1e-5)
			h := bf16s(b)
			dot = 0
			for i, v := range a {
				dot += float64(v) * float64(h[i].Float32())
			}
			near(t, "DotBF16", float64(k.DotBF16(a, h)), dot, 1e-6*size, 0)
			c, d := codes(r, n), codes(r, n)
			if n > 3 {
				c[0], d[0], c[1], d[1] = -128, -128, 127, -128
			}
			if got, want := k.DotInt8(c, d), plainDotInt8(c, d); got != want {
				t.Fatalf("DotInt8 of %d: %d, want %d", n, got, want)
			}
		}
	})
}

func TestHamming(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(16)
		for d := range 20 {
			for n := range 6 {
				q, rows, out := make([]uint64, d), make([]uint64, n*d), make([]int32, n)
				for i := range q {
					q[i] = r.Uint64()
				}
				for i := range rows {
					rows[i] = r.Uint64()
				}
				k.HammingRows(out, q, rows)
				for i, got := range out {
					want := 0
					for j := range 64 * d {
						want += int((q[j/64] ^ rows[i*d+j/64]) >> (j % 64) & 1)
					}
					if int(got) != want || k.Hamming(q, rows[i*d:(i+1)*d]) != want {
						t.Fatalf("%d words, row %d: %d, want %d", d, i, got, want)
					}
				}
			}
		}
	})
}

// sizes are those where tails hide: all up to 70 and some larger.
func sizes(most int) []int {
	var s []int
	for n := range 71 {
		if !testing.Short() || n < 35 || n%7 == 0 {
			s = append(s, n)
		}
	}
	for _, n := range []int{96, 127, 128, 129, 255, 256, 257, 300, 383, 384, 1000} {
		if n <= most {
			s = append(s, n)
		}
	}
	return s
}

func TestRows(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(3)
		for _, d := range []int{1, 7, 16, 33, 64, 100, 384} {
			for _, n := range []int{0, 1, 3, 4, 5, 17} {
				q, rows := normals(r, d), normals(r, n*d)
				ids := make([]uint32, n)
				for i := range ids {
					ids[i] = uint32(r.IntN(n))
				}
				out, l2, at := make([]float32, n), make([]float32, n), make([]float32, n)
				row := func(i int) []float32 { return rows[i*d : (i+1)*d] }
				k.DotRows(out, q, rows)
				k.SquaredL2Rows(l2, q, rows)
				k.DotAt(at, q, rows, ids)
				for i := range n {
					near(t, "DotRows", float64(out[i]), float64(plainDot(q, row(i))), 1e-4, 1e-5)
					near(t, "SquaredL2Rows", float64(l2[i]), float64(plainSqL2(q, row(i))), 1e-4, 1e-5)
					near(t, "DotAt", float64(at[i]), float64(plainDot(q, row(int(ids[i])))), 1e-4, 1e-5)
				}
				k.SquaredL2At(at, q, rows, ids)
				for i := range n {
					near(t, "SquaredL2At", float64(at[i]), float64(plainSqL2(q, row(int(ids[i])))), 1e-4, 1e-5)
				}
				rowsInt8(t, k, r, n, d, ids)
				rowsBF16(t, k, q, rows, ids)
			}
		}
	})
}

func rowsInt8(t *testing.T, k *Kernels, r *rand.Rand, n, d int, ids []uint32) {
	t.Helper()
	q, rows := codes(r, d), codes(r, n*d)
	out, at := make([]int32, n), make([]int32, n)
	k.DotRowsInt8(out, q, rows)
	k.DotAtInt8(at, q, rows, ids)
	for i, id := range ids {
		if want := plainDotInt8(q, rows[i*d:(i+1)*d]); out[i] != want {
			t.Fatalf("DotRowsInt8 (%d, %d) row %d: %d, want %d", n, d, i, out[i], want)
		}
		if want := plainDotInt8(q, rows[int(id)*d:(int(id)+1)*d]); at[i] != want {
			t.Fatalf("DotAtInt8 (%d, %d) row %d: %d, want %d", n, d, id, at[i], want)
		}
	}
}

func rowsBF16(t *testing.T, k *Kernels, q, rows []float32, ids []uint32) {
	t.Helper()
	h := bf16s(rows)
	d, n := len(q), len(ids)
	out, at := make([]float32, n), make([]float32, n)
	k.DotRowsBF16(out, q, h)
	k.DotAtBF16(at, q, h, ids)
	for i, id := range ids {
		near(t, "DotRowsBF16", float64(out[i]), float64(plainDotBF16(q, h[i*d:(i+1)*d])), 1e-4, 1e-5)
		near(t, "DotAtBF16", float64(at[i]), float64(plainDotBF16(q, h[int(id)*d:(int(id)+1)*d])), 1e-4, 1e-5)
	}
}

func TestAbove(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		r := random(4)
		for _, n := range sizes(1000) {
			scores, limits := normals(r, n), normals(r, n)
			if n > 5 {
				scores[2], limits[5] = float32(math.NaN()), scores[5]
			}
			got, want := make([]int32, n), make([]int32, n)
			g, w := k.Above(got, scores, limits), plainAbove(want, scores, limits)
			equalInts(t, "Above", got[:g], want[:w])
			g, w = k.Greater(got, scores, .5), plainGreater(want, scores, .5)
			equalInts(t, "Greater", got[:g], want[:w])
		}
	})
}

func equalInts(t *testing.T, what string, got, want []int32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d positions, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: position %d is %d, want %d", what, i, got[i], want[i])
		}
	}
}

// TestPrefetch asks for nothing, for less than a line, and for the end of a slice: no tier reads beyond, and nothing changes.
func TestPrefetch(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		a := []float32{1, 2, 3}
		Prefetch(k, a[:0])
		Prefetch(k, a[2:])
		Prefetch(k, make([]int8, 1000))
		if a[0] != 1 || a[1] != 2 || a[2] != 3 {
			t.Error(a)
		}
	})
}
