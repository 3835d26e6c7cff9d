package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
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
					check(fmt.Sprintf("text %d, layer %d", j, depth), compact(part(x.Mat, b.Offsets[j], b.Offsets[j+1])).Data, f.expect(t, "%d.hidden.%d", j, depth))
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
	e, err := newEngine(t.Context(), kernel.Current(), f, 2, n, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(e, 1)
	t.Cleanup(w.pool.Close)
	return w
}

// TestLayerInPieces checks that a layer gives the same states whether a batch goes through it whole or in pieces, for all rows and for those
// that pooling reads.
func TestLayerInPieces(t *testing.T) {
	for _, dir := range []string{"bert", "llama3", "t5-encoder"} {
		m := openModel(t, tiny.Model(t, dir), Options{Threads: 1})
		w := <-m.single
		w.pieceTokens = 100
		defer func() { m.single <- w }()
		texts := randomTexts(m, 8, 31)
		for _, how := range []Pooling{PoolMean, PoolCLS, PoolLast} {
			whole := &m.plan(texts, how, nil)[0].Batch
			if n := whole.Sequences(); n != 8 {
				t.Fatalf("%s: %d sequences in the batch, want all", dir, n)
			}
			w.begin(t.Context(), whole)
			got := compact(Forward(w, m.net, whole, m.net.Layers).Mat)
			at := 0
			for s := range whole.Sequences() {
				alone := &Batch{IDs: texts[s].IDs, Offsets: []int{0, 31}, Keep: whole.Keep[s : s+1]}
				w.begin(t.Context(), alone)
				for x := Forward(w, m.net, alone, m.net.Layers); x.Rows > 0; x.Rows-- {
					for c, v := range x.Row(x.Rows - 1) {
						if g := got.Row(at + x.Rows - 1)[c]; math.Abs(float64(v-g)) > 1e-5*max(1, math.Abs(float64(v))) {
							t.Fatalf("%s, %s: sequence %d, row %d, column %d: %v alone, %v in a batch", dir, how, s, x.Rows-1, c, v, g)
						}
					}
				}
				k := whole.kept(s)
				at += k.To - k.From
			}
			if at != got.Rows {
				t.Errorf("%s, %s: %d rows, want %d", dir, how, got.Rows, at)
			}
		}
	}
}

// TestCutTexts cuts texts of random lengths into ranges of rows: they follow each other, none but the last rows of texts are cut off a stretch, and what
// the texts of a range begin with is what is told of it.
func TestCutTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		texts := []int{0}
		for range 1 + r.IntN(9) {
			texts = append(texts, texts[len(texts)-1]+r.IntN(400))
		}
		n, block, w := texts[len(texts)-1], 64+r.IntN(500), &worker{}
		for from := 0; from < n; {
			to, parts := w.cutTexts(texts, from, min(n, from+block))
			if to <= from || to > from+block || parts[0] != 0 || parts[len(parts)-1] != to-from || !slices.IsSorted(parts) {
				t.Fatalf("texts %v, %d rows from %d: to %d, %v", texts, block, from, to, parts)
			}
			for i, first := range texts[:len(texts)-1] {
				end := texts[i+1]
				if first < to && to < end && (to-first)%kernel.StretchRows != 0 {
					t.Fatalf("texts %v: text from %d is cut at %d", texts, first, to)
				}
				if from < first && first < to && end > first && !slices.Contains(parts, first-from) {
					t.Fatalf("texts %v, from %d: %v lacks the text at %d", texts, from, parts, first)
				}
			}
			from = to
		}
	}
}
