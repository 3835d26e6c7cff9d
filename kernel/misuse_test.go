package kernel

import (
	"fmt"
	"strings"
	"testing"
)

// TestMisuse: what does not fit panics with a sentence of this package's, not inside a kernel.
func TestMisuse(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	forTiers(t, func(t *testing.T, k *Kernels) {
		none := func(int, []float32) {}
		f32, codes := k.Pack(FormatF32, 3, 2, none), k.PackInt8(3, 2, make([]int8, 6), nil)
		int8s := k.NewShelf(k.PackedBytes(FormatInt8, 3, 2)).Place(FormatInt8, 3, 2)
		mat := func(rows, cols int) Mat { return MatOf(make([]float32, rows*cols), rows, cols) }
		attend := func(a Attention, spans ...Span) func() {
			return func() {
				k.Attend(p, a, AttentionData{Q: mat(4, 8), Out: mat(4, 8), K: mat(5, 4), V: mat(5, 4), Spans: spans})
			}
		}
		calls := map[string]func(){
			"columns of x":         func() { f32.Linear(p, mat(4, 3), mat(4, 3)) },
			"rows of out":          func() { f32.Linear(p, mat(5, 3), mat(4, 2)) },
			"values of out":        func() { f32.Linear(p, Mat{Data: make([]float32, 11), Rows: 4, Cols: 3, Stride: 3}, mat(4, 2)) },
			"what is added":        func() { f32.LinearFused(p, mat(4, 3), mat(4, 2), Fused{Add: mat(4, 2)}) },
			"bias":                 func() { f32.SetBias(make([]float32, 2)) },
			"no columns":           func() { k.Pack(FormatF32, 3, 0, none) },
			"rows of codes":        func() { codes.RowsInt8(p, mat(4, 3), make([]int8, 7), nil) },
			"scales":               func() { codes.RowsInt8(p, mat(4, 3), make([]int8, 8), make([]float32, 3)) },
			"codes, not quantised": func() { f32.RowsInt8(p, mat(4, 3), make([]int8, 8), nil) },
			"bfloat16 times codes": func() { codes.RowsBF16(p, mat(4, 3), make([]BF16, 8)) },
			"lengths":              func() { k.Dot(make([]float32, 3), make([]float32, 4)) },
			"balanced codes":       func() { codes.Balance(make([]float32, 2), make([]float32, 2)) },
			"means of channels":    func() { int8s.Balance(make([]float32, 2), make([]float32, 3)) },
			"channels to fill":     func() { int8s.Fill(0, 4, none) },
			"where a fill begins":  func() { int8s.Fill(1, 3, none) },
			"heads":                attend(Attention{Heads: 3, KVHeads: 2, D: 2}),
			"queries of a span":    attend(Attention{Heads: 4, KVHeads: 2, D: 2}, Span{Q: 1, NQ: 4, NK: 5}),
			"keys of a span":       attend(Attention{Heads: 4, KVHeads: 2, D: 2}, Span{NQ: 4, K: 1, NK: 5}),
			"reach of a bias":      attend(Attention{Heads: 4, KVHeads: 2, D: 2, Bias: make([]float32, 4*7), BiasReach: 3}, Span{NQ: 4, NK: 5}),
			"values of a bias":     attend(Attention{Heads: 4, KVHeads: 2, D: 2, Bias: make([]float32, 7), BiasReach: 4}, Span{NQ: 4, NK: 5}),
		}
		if !k.Has(FormatF16) {
			calls["a format that the tier has not"] = func() { k.Pack(FormatF16, 3, 2, none) }
		}
		for name, call := range calls {
			func() {
				defer func() {
					if said := fmt.Sprint(recover()); !strings.HasPrefix(said, "kernel: ") {
						t.Errorf("%s: %s", name, said)
					}
				}()
				call()
			}()
		}
	})
}
