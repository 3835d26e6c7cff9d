package model

import (
	"fmt"
	"testing"

	"github.com/labrador-lab/labrador/kernel"
)

// fixtureBatch is all texts of a fixture as one ragged batch.
func fixtureBatch(f *fixture) *Batch {
	b := &Batch{Offsets: []int{0}}
	for _, in := range f.inputs {
		b.IDs = append(b.IDs, in.IDs...)
		b.Offsets = append(b.Offsets, len(b.IDs))
	}
	return b
}

// TestCPUEqualsTransformers runs the CPU interpreter in f32 over every architecture, all texts in one ragged batch, and
// compares every layer and every pooled vector with transformers' states.
func TestCPUEqualsTransformers(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			f := openFixture(t, name)
			n := openNetwork(t, f.dir, "config.json")
			w := testWorker(t, n, kernel.FormatF32)
			b, worst := fixtureBatch(f), 0.0
			check := func(what string, got, want []float32) {
				t.Helper()
				d := relative(got, want)
				worst = max(worst, d)
				if !(d <= 1e-4) {
					t.Errorf("%s: relative difference %.2e", what, d)
				}
			}
			for depth := range n.Layers + 1 {
				w.begin(t.Context(), b)
				x := Forward(w, n, b, depth)
				for j := range f.inputs {
					check(fmt.Sprintf("text %d, layer %d", j, depth), compact(x.part(b.Offsets[j], b.Offsets[j+1])).Data, f.expect(t, "%d.hidden.%d", j, depth))
				}
			}
			for _, how := range []Pooling{PoolMean, PoolCLS, PoolLast, PoolWeightedMean} {
				b.Keep = keepFor(b, how)
				w.begin(t.Context(), b)
				y := w.Normalize(w.Pool(Forward(w, n, b, n.Layers), how))
				for j := range f.inputs {
					check(fmt.Sprintf("text %d, %s", j, how), y.Row(j), f.expect(t, "%d.pooled.%s", j, how))
				}
			}
			t.Logf("worst relative difference %.1e", worst)
		})
	}
}

// keepFor are the rows that a pooling of whole texts reads.
func keepFor(b *Batch, how Pooling) []Span {
	var keep []Span
	for s := range b.Sequences() {
		n := b.Offsets[s+1] - b.Offsets[s]
		switch how {
		case PoolCLS:
			keep = append(keep, Span{0, 1})
		case PoolLast:
			keep = append(keep, Span{n - 1, n})
		default:
			keep = append(keep, Span{0, n})
		}
	}
	return keep
}

func testWorker(t testing.TB, n *Network, f kernel.Format) *worker {
	t.Helper()
	e, err := newEngine(t.Context(), kernel.Current(), f, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(e, 1)
	t.Cleanup(w.pool.Close)
	return w
}
