package model

import (
	"slices"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/kernel"
)

// TestTinyCheckpoints compares with transformers and tokenizers on random checkpoints of every architecture: the ids, the float64 interpreter's vectors,
// and those of every tier that this machine can run, in every format, all texts in one ragged batch.
func TestTinyCheckpoints(t *testing.T) {
	for _, name := range tiny.Architectures {
		t.Run(name, func(t *testing.T) {
			want := tiny.Expected(t, name)
			m := openModel(t, tiny.Model(t, name), Options{})
			b := &Batch{Offsets: []int{0}}
			for j, text := range tiny.Texts {
				tokens, err := m.Tokenize(t.Context(), labrador.QuerySide, []labrador.Item{{Text: text}})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(tokens[0].IDs, want.IDs[j]) {
					t.Fatalf("text %d: ids %v, want %v", j, tokens[0].IDs, want.IDs[j])
				}
				b.IDs = append(b.IDs, want.IDs[j]...)
				b.Offsets = append(b.Offsets, len(b.IDs))
			}
			checkNetwork(t, m.net, want)
			tiers := kernel.Tiers()
			if testing.Short() { // plain takes its time under the race detector
				tiers = tiers[len(tiers)-1:]
			}
			for _, tier := range tiers {
				k, err := kernel.For(tier)
				if err != nil {
					t.Fatal(err)
				}
				checkTier(t, k, m.net, b, want)
			}
		})
	}
}

// checkNetwork compares the float64 interpreter's vectors with those expected.
func checkNetwork(t *testing.T, n *Network, want tiny.Expectation) {
	t.Helper()
	for j, ids := range want.IDs {
		if j == 2 && testing.Short() { // the race detector makes this slow
			break
		}
		b := &Batch{IDs: ids, Offsets: []int{0, len(ids)}}
		ops := NewReference(b)
		x := Forward(ops, n, b, n.Layers)
		for how, v := range map[Pooling][]float32{PoolMean: want.Mean[j], PoolLast: want.Last[j]} {
			if d := relative(ops.Normalize(ops.Pool(x, how)).Data, v); !(d <= 1e-5) {
				t.Errorf("text %d: float64, %s: relative difference %.2e", j, how, d)
			}
		}
	}
}

// checkTier compares a tier's vectors of a batch with those expected: float32 within 1e-4 of their length, other formats by the cosine.
func checkTier(t *testing.T, k *kernel.Kernels, n *Network, b *Batch, want tiny.Expectation) {
	t.Helper()
	least := map[kernel.Format]float64{kernel.FormatF32: 0, kernel.FormatBF16: .999, kernel.FormatF16: .9995, kernel.FormatInt16: .9999, kernel.FormatInt8: .98}
	for format, least := range least {
		if !k.Has(format) {
			continue
		}
		e, err := newEngine(t.Context(), k, format, 2, n, nil, b)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(e, 1)
		for how, vectors := range map[Pooling][][]float32{PoolMean: want.Mean, PoolLast: want.Last} {
			b.Keep = keepFor(b, how)
			w.begin(t.Context(), b)
			got := w.Normalize(w.Pool(Forward(w, n, b, n.Layers), how))
			for j, v := range vectors {
				if d := relative(got.Row(j), v); format == kernel.FormatF32 && !(d <= 1e-4) {
					t.Errorf("%s: text %d, %s: relative difference %.2e", k.Tier(), j, how, d)
				}
				if c := cosine(got.Row(j), v); !(c >= least) {
					t.Errorf("%s, %s: text %d, %s: cosine %.5f", k.Tier(), format, j, how, c)
				}
			}
		}
		w.pool.Close()
	}
}
