package kernel

import (
	"slices"
	"testing"
)

// TestShelf puts matrices of odd sizes beside each other, on shelves of Go's heap and of the system's memory: their products
// are those of matrices packed alone and at once, to the bit.
func TestShelf(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p, r := NewPool(1), random(5)
		defer p.Close()
		for _, shapes := range [][][2]int{{{7, 33}, {0, 5}, {65, 3}, {1, 130}}, {{900, 1100}, {70, 1001}, {300, 640}}} {
			values := make([][]float32, len(shapes))
			for i, s := range shapes {
				values[i] = normals(r, s[0]*s[1])
			}
			for _, f := range formatsOf(k) {
				if testing.Short() && f != FormatF32 && shapes[0][0] > 100 { // the system's memory is the same for all
					continue
				}
				total := 0
				for _, s := range shapes {
					total += k.PackedBytes(f, s[0], s[1])
				}
				shelf := k.NewShelf(total)
				var alone, beside []*Packed
				for i, s := range shapes {
					row := func(r int, dst []float32) { copy(dst, values[i][r*s[1]:]) }
					w := shelf.Place(f, s[0], s[1])
					if f == FormatF32 {
						w.Fill(0, s[0], row)
					} else { // in parts, the last one first
						for from := (s[0] - 1) / FillAtOnce * FillAtOnce; from >= 0; from -= FillAtOnce {
							w.Fill(from, min(s[0], from+FillAtOnce), row)
						}
					}
					alone, beside = append(alone, k.Pack(f, s[0], s[1], row)), append(beside, w)
				}
				for i, s := range shapes {
					x := MatOf(normals(r, 3*s[1]), 3, s[1])
					want, got := MatOf(make([]float32, 3*s[0]), 3, s[0]), MatOf(make([]float32, 3*s[0]), 3, s[0])
					alone[i].Linear(p, want, x)
					beside[i].Linear(p, got, x)
					if !slices.Equal(got.Data, want.Data) {
						t.Errorf("%s, matrix %d of %v differs", f, i, shapes)
					}
				}
				shelf.Free()
			}
		}
	})
}
