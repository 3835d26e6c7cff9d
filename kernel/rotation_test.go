package kernel

import (
	"fmt"
	"math"
	"math/bits"
	"testing"
	"unsafe"
)

// TestRotation compares what every tier does with the definition, in float64: Walsh-Hadamard within blocks (Hadamard's matrix in Sylvester's order has
// the sign of the parity of i and j), Hartley's cas between them (Hartley 1942), as many at a time as are mixed, both orthogonal.
func TestRotation(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		for _, c := range []int{1, 3, 7, 24, 40, 56, 64, 72, 88, 96, 100, 192, 268, 384, 576, 600, 640, 768, 896, 960, 1024, 1100, 1200, 1536, 2048} {
			r := newRotation(c)
			x := normals(random(uint64(c)), c)
			got := r.apply(k, make([]float32, c), make([]float32, c), x, r.signs, &gemmArgs{})
			want, size, after := make([]float64, c), 0.0, 0.0
			cas := make([]float64, r.mixed) // Hartley's transform
			for i := range cas {
				a := 2 * math.Pi * float64(i) / float64(r.mixed)
				cas[i] = math.Cos(a) + math.Sin(a)
			}
			for i := range c {
				size += float64(x[i]) * float64(x[i])
				whole := r.block * r.mixed
				for j := i / whole * whole; j < (i/whole+1)*whole; j++ {
					h := 1.0
					if bits.OnesCount(uint(i%r.block&(j%r.block)))%2 == 1 {
						h = -1
					}
					h *= cas[(i/r.block)*(j/r.block)%r.mixed]
					want[i] += h * float64(r.signs[j]) * float64(x[j])
				}
				after += want[i] * want[i]
			}
			if math.Abs(after/size-1) > 1e-5 {
				t.Errorf("C = %d: the square of the length is %v of what it was", c, after/size)
			}
			for i, v := range got {
				near(t, fmt.Sprint("C = ", c), float64(v), want[i], 1e-5, 1e-6, i)
			}
		}
	})
}

// TestTurnToCodes compares turning and quantising in one call with the same step by step, which TestRotation and TestQuantize hold to the definition.
func TestTurnToCodes(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		if k.t.turnU8 == nil {
			t.Skip("it goes step by step")
		}
		checked := 0
		for c := 64; c <= 9216; c += 64 {
			r := newRotation(c)
			if !r.whole() {
				continue
			}
			checked++
			const rows = 5
			x, codes, scales := normals(random(uint64(c)), rows*c), make([]uint8, rows*c), make([]float32, rows)
			x[c/3] *= 100
			for row, by := range []float32{1, 1e-30, 0, 1e30, 1} {
				plainScale(x[row*c:][:c], x[row*c:][:c], by)
			}
			for n := 1; n <= rows; n++ {
				tmp := make([]float32, 2*c)
				k.t.turnU8(&turnArgs{codes: unsafe.Pointer(&codes[0]), codesStep: c, x: unsafe.Pointer(&x[0]), xStep: 4 * c, scales: unsafe.Pointer(&scales[0]),
					signs: unsafe.Pointer(&r.signs[0]), tmp: unsafe.Pointer(&tmp[0]), before: unsafe.Pointer(&tmp[c]), c: c, block: r.block, odd: r.odd, rows: n})
				for row := range n {
					want := make([]int8, c)
					turned := r.apply(k, make([]float32, c), make([]float32, c), x[row*c:][:c], r.signs, &gemmArgs{})
					if scale := k.quantizeBy(want, turned, k.t.maxAbs(turned)/127, -128); scales[row] != scale {
						t.Errorf("C = %d, row %d of %d: scale %g instead of %g", c, row, n, scales[row], scale)
					}
					for i, v := range codes[row*c:][:c] {
						if v != uint8(want[i]) {
							t.Fatalf("C = %d, row %d of %d: code %d is %d instead of %d", c, row, n, i, v, uint8(want[i]))
						}
					}
				}
				clear(codes)
				clear(scales)
			}
		}
		if checked < 40 {
			t.Errorf("%d sizes checked", checked)
		}
	})
}

// TestTurnHalf holds codes of turning in half precision, also GELU, to the rotation in float32, which TestRotation holds to its definition: half a step for the
// code and less than a third for eight stages of 11 bits and a scale. Rows out of its range are those of turning in float32.
func TestTurnHalf(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		if k.t.turnF16 == nil {
			t.Skip("it turns in float32")
		}
		checked, last, least := 0, 9216, 40
		if testing.Short() {
			last, least = 1536, 14
		}
		for c := 64; c <= last; c += 64 {
			r := newRotation(c)
			if !r.whole() {
				continue
			}
			checked++
			r.halve()
			checkTurnHalf(t, k, r, c, false)
			if r.hartley == nil {
				checkTurnHalf(t, k, r, c, true)
			}
		}
		if checked < least {
			t.Errorf("%d sizes checked", checked)
		}
	})
}

func checkTurnHalf(t *testing.T, k *Kernels, r *rotation, c int, gelu bool) {
	t.Helper()
	by := []float32{1, 1e-30, 30, 0, 1e30, .01, 1, float32(math.NaN()), 200}
	x := normals(random(uint64(c)), len(by)*c)
	x[c/3] *= 100
	for row, by := range by {
		plainScale(x[row*c:][:c], x[row*c:][:c], by)
	}
	acted := append([]float32(nil), x...)
	if gelu {
		k.GELURough(acted, acted)
	}
	for n := 1; n <= len(by); n++ {
		if testing.Short() && n > 2 && n < len(by) {
			continue
		}
		codes, scales := make([]uint8, n*c), make([]float32, n)
		again, exact := make([]uint8, n*c), make([]float32, n)
		tmp := make([]float32, 2*c)
		args := func(x []float32, codes []uint8, scales []float32) turnArgs {
			return turnArgs{codes: unsafe.Pointer(&codes[0]), codesStep: c, x: unsafe.Pointer(&x[0]), xStep: 4 * c, scales: unsafe.Pointer(&scales[0]),
				signs: unsafe.Pointer(&r.signs[0]), tmp: unsafe.Pointer(&tmp[0]), before: unsafe.Pointer(&tmp[c]), c: c, block: r.block, odd: r.odd, rows: n}
		}
		half, whole := args(append([]float32(nil), x...), codes, scales), args(acted, again, exact)
		k.turnHalf(&half, r, gelu)
		k.t.turnU8(&whole)
		for row := range n {
			what := fmt.Sprintf("C = %d, GELU %v, row %d of %d", c, gelu, row, n)
			if b := float64(by[row]); !(b > 1e-3 && b < 1e3) {
				if math.Float32bits(scales[row]) != math.Float32bits(exact[row]) {
					t.Fatalf("%s: scale %g instead of %g", what, scales[row], exact[row])
				}
				for i, v := range codes[row*c:][:c] {
					if v != again[row*c+i] {
						t.Fatalf("%s: code %d is %d instead of %d", what, i, v, again[row*c+i])
					}
				}
				continue
			}
			near(t, what+": scale", float64(scales[row]), float64(exact[row]), 0, 3e-3)
			turned := r.apply(k, make([]float32, c), make([]float32, c), acted[row*c:][:c], r.signs, &gemmArgs{})
			for i, v := range codes[row*c:][:c] {
				near(t, what, float64(int(v)-128), float64(turned[i]/scales[row]), .8, 0, i)
			}
		}
	}
}
