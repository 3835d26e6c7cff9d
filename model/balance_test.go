package model

import (
	"context"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/kernel"
)

// TestBalanceThreads: int8's vectors are the same to the bit however many threads packed the model.
func TestBalanceThreads(t *testing.T) {
	for _, name := range []string{"bert", "qwen2", "gemma2", "modernbert", "t5-encoder"} {
		dir := tiny.Model(t, name)
		var first labrador.Matrix
		for _, threads := range []int{1, 3} {
			m := openModel(t, dir, Options{DType: "int8", Threads: threads})
			if s := m.sample(); s.Sequences() != len(sampleTexts)+1 {
				t.Errorf("%s: a sample of %d sequences", name, s.Sequences())
			}
			v, err := m.EncodeTokens(context.Background(), randomTexts(m, 5, 12))
			if err != nil {
				t.Fatal(err)
			}
			if first.Rows == 0 {
				first = v
			} else if !slices.Equal(v.Data, first.Data) {
				t.Errorf("%s: %d threads give other vectors", name, threads)
			}
		}
	}
}

// TestBalanceLoses less of a network's states than int8 without a sample does, and packs every matrix, where single channels of norms are large and what they
// multiply is small, as in trained models.
func TestBalanceLoses(t *testing.T) {
	for _, name := range []string{"qwen2", "bert", "gemma3", "modernbert"} {
		dir := tiny.Model(t, name)
		m := openModel(t, dir, Options{})
		b := m.sample()
		states := func(f kernel.Format, sample *Batch) labrador.Matrix {
			n := openNetwork(t, dir, "config.json")
			for i, v := range n.Vectors {
				if len(v.Data) == n.Width { // norms and biases
					v.Data[i*7%n.Width] *= 30
				}
			}
			e, err := newEngine(t.Context(), kernel.Current(), f, 1, n, nil, sample)
			if err != nil {
				t.Fatal(err)
			}
			defer e.free()
			w := newWorker(e, 1)
			defer w.close()
			w.begin(t.Context(), b)
			x := compact(Forward(w, n, b, n.Layers).Mat)
			return labrador.Matrix{Rows: x.Rows, Cols: x.Cols, Data: x.Data}
		}
		exact := states(kernel.FormatF32, nil)
		plain, balanced := 1-CentredCosine(exact, states(kernel.FormatInt8, nil)), 1-CentredCosine(exact, states(kernel.FormatInt8, b))
		t.Logf("%s: 1 less the cosine %.1e, balanced %.1e", name, plain, balanced)
		if !(balanced < plain) {
			t.Errorf("%s: 1 less the cosine is %.1e with a sample, %.1e without", name, balanced, plain)
		}
	}
}

// TestInt8Cosine: real models keep AutoCosine in int8, on texts that they were not balanced with.
func TestInt8Cosine(t *testing.T) {
	for _, name := range []string{"all-MiniLM-L6-v2", "SmolLM2-135M-Instruct.Q4_1 one-word"} {
		path := realPath(t, name)
		if testing.Short() {
			t.Skip("packs 135 million weights")
		}
		_, items := readItems(t, outside.Data(t, "text/scifact"), name)
		vectors := func(dtype string) labrador.Matrix {
			m := openModel(t, path, Options{DType: dtype, NoSpecial: name[0] == 'S'})
			return encodeAll(t, m, labrador.DocumentSide, items[:12])
		}
		exact, got := vectors("f32"), vectors("int8")
		plain, centred := meanCosine(exact, got), CentredCosine(exact, got)
		t.Logf("%s: cosine %.5f, centred %.5f", name, plain, centred)
		if plain < .9993 || centred < AutoCosine {
			t.Errorf("%s: cosine %.5f, centred %.5f", name, plain, centred)
		}
	}
}

// TestGatedInParts: gates and values alternate as Fused.Gated takes them, wherever a fill begins.
func TestGatedInParts(t *testing.T) {
	n := openNetwork(t, tiny.Model(t, "qwen2"), "config.json")
	m := n.body.(*decoder).layers[0].mlp
	k, g := kernel.Current(), group{maps: []*Linear{m.Gate, m.Up}, format: kernel.FormatBF16, gated: true}
	out, in := g.outputs(), m.Gate.W.Cols
	w := g.place(k.NewShelf(k.PackedBytes(g.format, out, in)))
	for from := (out - 1) / kernel.FillAtOnce * kernel.FillAtOnce; from >= 0; from -= kernel.FillAtOnce {
		if err := g.fill(t.Context(), w, from, min(out, from+kernel.FillAtOnce)); err != nil {
			t.Fatal(err)
		}
	}
	p := kernel.NewPool(1)
	defer p.Close()
	x, y := kernel.MatOf(make([]float32, in), 1, in), kernel.MatOf(make([]float32, out), 1, out)
	x.Data[3] = 1 // so that y is column 3 of the weights
	w.Linear(p, y, x)
	row := make([]float32, in)
	for i, got := range y.Data {
		from := g.maps[i/kernel.GateChannels%2]
		if err := from.ReadRows(row, i/(2*kernel.GateChannels)*kernel.GateChannels+i%kernel.GateChannels); err != nil {
			t.Fatal(err)
		}
		if want := kernel.ToBF16(row[3]).Float32(); got != want {
			t.Fatalf("channel %d is %v, want %v of %s", i, got, want, from.W.Name)
		}
	}
}
