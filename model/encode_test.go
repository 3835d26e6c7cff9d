package model

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/kernel"
)

// TestFormats compares the faster modes' vectors with the f32 ones of transformers on every architecture.
func TestFormats(t *testing.T) {
	for _, name := range fixtures {
		f := openFixture(t, name)
		n := openNetwork(t, f.dir, "config.json")
		for format, least := range map[kernel.Format]float64{kernel.FormatBF16: 0.999, kernel.FormatF16: 0.9995, kernel.FormatInt16: 0.9999, kernel.FormatInt8: 0.98} {
			if !kernel.Current().Has(format) || format == kernel.FormatF16 && testing.Short() { // plain takes its time
				continue
			}
			w, b := testWorker(t, n, format), fixtureBatch(f)
			w.begin(t.Context(), b)
			y := w.Normalize(w.Pool(Forward(w, n, b, n.Layers), PoolMean))
			lowest := 1.0
			for j := range f.inputs {
				lowest = min(lowest, cosine(y.Row(j), f.expect(t, "%d.pooled.mean", j)))
			}
			if !(lowest >= least) {
				t.Errorf("%s %s: cosine %.5f", name, format, lowest)
			}
			t.Logf("%s %s: lowest cosine %.5f", name, format, lowest)
		}
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, v := range a {
		ab, aa, bb = ab+float64(v)*float64(b[i]), aa+float64(v)*float64(v), bb+float64(b[i])*float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// sameVector says whether two ways to encode a text of n tokens gave the same vector: to the bit, but for float32 of long texts where the two compute
// other rows with each other, as with a shared beginning or where only some rows of a layer go on; those differ by rounding.
func sameVector(a, b []float32, dtype string, n int, otherRows bool) bool {
	if otherRows && dtype == "f32" && n >= kernel.LeastStretch {
		return relative(a, b) < 5e-6
	}
	return slices.Equal(a, b)
}

// TestBatchesDoNotMatter encodes texts together, alone, in another order, with other numbers of threads and with a
// shared beginning computed once: the vectors are the same.
func TestBatchesDoNotMatter(t *testing.T) {
	for _, name := range []string{"qwen3", "mistral", "bert", "gemma2", "t5-encoder"} {
		dir := tiny.Model(t, name)
		one := openModel(t, dir, Options{Threads: 1, Prompt: "Represent this passage for a search: "})
		three := openModel(t, dir, Options{Threads: 3, Prompt: "Represent this passage for a search: "})
		var items []labrador.Item
		for i, text := range tiny.Texts {
			items = append(items, labrador.Item{Text: text}, labrador.Item{Text: strings.Repeat(text+" ", i)})
		}
		together := encodeAll2(t, three, items)
		tokens, err := one.Tokenize(t.Context(), labrador.DocumentSide, items)
		if err != nil {
			t.Fatal(err)
		}
		for i, it := range items {
			if alone := encodeAll2(t, one, []labrador.Item{it}); !sameVector(alone.Row(0), together.Row(i), "f32", len(tokens[i].IDs), one.net.Causal) {
				t.Errorf("%s: text %d: alone and together differ by %.1e", name, i, relative(alone.Row(0), together.Row(i)))
			}
		}
		if n := len(three.prefixes); n == 0 && three.net.Causal {
			t.Errorf("%s: no shared beginning was used", name)
		}
		reversed := slices.Clone(items)
		slices.Reverse(reversed)
		back := encodeAll2(t, three, reversed)
		for i := range items {
			if !slices.Equal(back.Row(len(items)-1-i), together.Row(i)) {
				t.Errorf("%s: text %d: depends on the order", name, i)
			}
		}
	}
}

// TestScaledTurnsShareNothing: with dynamic scaling the length of a text decides how all its positions turn, so that the beginning that
// texts share is computed for each, and each has the same vector alone and together: that of the float64 interpreter.
func TestScaledTurnsShareNothing(t *testing.T) {
	dir := changed(t, "qwen2", "max_position_embeddings", "16", "rope_scaling", `{"rope_type":"dynamic","factor":4.0}`)
	m := openModel(t, dir, Options{Threads: 1, Pooling: "mean"})
	texts := randomTexts(m, 6, 48)
	texts[2].IDs, texts[3].IDs, texts[4].IDs = texts[2].IDs[:12], texts[3].IDs[:16], texts[4].IDs[:17]
	for i := range texts {
		copy(texts[i].IDs[:8], texts[0].IDs)
		texts[i].From = 8
	}
	encode := func(m *Model, texts ...Tokens) labrador.Matrix {
		x, err := m.EncodeTokens(context.Background(), texts)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	together := encode(m, texts...)
	if len(m.prefixes) > 0 {
		t.Error("scaled texts share a beginning")
	}
	for i, text := range texts {
		if alone := encode(openModel(t, dir, Options{Threads: 1, Pooling: "mean"}), text); !slices.Equal(alone.Row(0), together.Row(i)) {
			t.Errorf("text %d: alone and together differ by %.1e", i, relative(alone.Row(0), together.Row(i)))
		}
		b := &Batch{IDs: text.IDs, Offsets: []int{0, len(text.IDs)}, Keep: []Span{{8, len(text.IDs)}}}
		ops := NewReference(b)
		exact := ops.Normalize(ops.Pool(Forward(ops, m.net, b, m.net.Layers), PoolMean))
		if d := relative(exact.row(0), together.Row(i)); !(d < 1e-4) {
			t.Errorf("text %d: differs from the float64 interpreter by %.1e", i, d)
		}
	}
	short := texts[2:4]
	if x := encode(m, short...); !slices.Equal(x.Row(0), together.Row(2)) || len(m.prefixes) != 1 {
		t.Errorf("texts that are not scaled: %d shared beginnings", len(m.prefixes))
	}
	if x := encode(m, texts...); !slices.Equal(x.Data, together.Data) { // now that a shared beginning is kept
		t.Error("a kept beginning changes scaled texts")
	}
}

// TestEncodeLayers: one pass gives each layer's vectors as a model opened with the layer gives them, whatever the architecture, the
// arithmetic and the pooling, for texts with a shared beginning too; and its ID.
func TestEncodeLayers(t *testing.T) {
	names := []string{"qwen3", "mistral", "gemma2", "bert", "t5-encoder", "modernbert"}
	if testing.Short() {
		names = names[:3]
	}
	for _, name := range names {
		dir := tiny.Model(t, name)
		var items []labrador.Item
		for i, text := range tiny.Texts {
			items = append(items, labrador.Item{Text: text}, labrador.Item{Text: strings.Repeat(text+" ", i)})
		}
		for n, c := range [][2]string{{"f32", "mean"}, {"f32", "last"}, {"bf16", "last"}, {"int8", "last"}} {
			o := Options{Threads: 1 + n%2, DType: c[0], Pooling: c[1], Prompt: "Represent this passage for a search: "}
			t.Run(name+"/"+c[0]+"/"+c[1], func(t *testing.T) { checkLayers(t, dir, o, items) })
		}
	}
}

func checkLayers(t *testing.T, dir string, o Options, items []labrador.Item) {
	t.Helper()
	ctx, whole := context.Background(), openModel(t, dir, o)
	tokens, err := whole.Tokenize(ctx, labrador.DocumentSide, items)
	if err != nil {
		t.Fatal(err)
	}
	layers := []int{0, 1, -1}
	got, err := whole.EncodeLayers(ctx, tokens, layers)
	if err != nil {
		t.Fatal(err)
	}
	for n, layer := range layers {
		o.Layer = layer
		alone := openModel(t, dir, o)
		want := encodeAll2(t, alone, items)
		for i, text := range tokens {
			if !sameVector(got[n].Row(i), want.Row(i), o.DType, len(text.IDs), o.Pooling == "last") {
				t.Errorf("%+v: text %d: another vector than on its own", o, i)
			}
		}
		if alone.ID() != whole.LayerID(layer) {
			t.Errorf("%+v: another ID than on its own", o)
		}
	}
	if _, err := whole.EncodeLayers(ctx, tokens, []int{1, whole.Layers() + 1}); err == nil || !strings.Contains(err.Error(), "there are") {
		t.Errorf("a layer too many: %v", err)
	}
}

func encodeAll2(t *testing.T, m *Model, items []labrador.Item) labrador.Matrix {
	t.Helper()
	x, err := m.Encode(context.Background(), labrador.DocumentSide, items)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestConcurrentUse encodes on several goroutines at once; the race detector watches.
func TestConcurrentUse(t *testing.T) {
	m := openModel(t, tiny.Model(t, "qwen2"), Options{Threads: 2})
	var items []labrador.Item
	for range 11 {
		for _, text := range tiny.Texts {
			items = append(items, labrador.Item{Text: "find: " + text})
		}
	}
	want := encodeAll2(t, m, items)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			part := items[:1+10*g]
			x, err := m.Encode(context.Background(), labrador.DocumentSide, part)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range part {
				if relative(x.Row(i), want.Row(i)) > 1e-5 {
					t.Errorf("text %d differs", i)
				}
			}
		})
	}
	wg.Wait()
}

func TestEncodeErrors(t *testing.T) {
	m := openModel(t, tiny.Model(t, "bert"), Options{})
	ctx := context.Background()
	long := make([]int32, 257)
	for _, c := range []struct {
		tokens Tokens
		want   string
	}{
		{Tokens{IDs: []int32{5, 1100}}, "token 1100"},
		{Tokens{IDs: []int32{-1}}, "token -1"},
		{Tokens{}, "no tokens"},
		{Tokens{IDs: long}, "257 tokens"},
		{Tokens{IDs: []int32{1, 2}, From: 3}, "pooling over"},
		{Tokens{IDs: []int32{1, 2}, To: 5}, "pooling over"},
	} {
		if _, err := m.EncodeTokens(ctx, []Tokens{{IDs: []int32{1}}, c.tokens}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	if err := m.Logits(ctx, []Tokens{{IDs: []int32{1}}}, nil, nil); err == nil || !strings.Contains(err.Error(), "no language-model head") {
		t.Errorf("logits of an encoder: %v", err)
	}
	if _, err := m.Encode(ctx, labrador.QuerySide, []labrador.Item{{Picture: "a.png"}}); err == nil || !strings.Contains(err.Error(), "picture") {
		t.Errorf("picture: %v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := m.Encode(stopped, labrador.QuerySide, []labrador.Item{{Text: "a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if x, err := m.Encode(ctx, labrador.QuerySide, nil); err != nil || x.Rows != 0 {
		t.Errorf("no items: %v, %v", x, err)
	}
}

// TestOptions checks what options change, and that the ID knows.
func TestOptions(t *testing.T) {
	dir := tiny.Model(t, "st-qwen3-prompts")
	items := []labrador.Item{{Title: "A title", Text: "and a text"}, {Text: "A title and a text"}, {Text: ""}}
	ids := map[string]string{}
	for name, o := range map[string]Options{"": {}, "bf16": {DType: "bf16"}, "mean": {Pooling: "mean"}, "16": {Dimensions: 16}, "2 layers": {Layer: 2},
		"prompt": {Prompt: "query"}, "cut": {MaxTokens: 5}, "eos": {Append: "<|endoftext|>"}, "threads": {Threads: 3}} {
		m := openModel(t, dir, o)
		if other, seen := ids[m.ID()]; seen && name != "threads" && other != "threads" {
			t.Errorf("%q and %q have the same ID", name, other)
		}
		ids[m.ID()] = name
		x := encodeAll2(t, m, items)
		if x.Cols != m.Dimensions() || !slices.Equal(x.Row(0), x.Row(1)) {
			t.Errorf("%q: title and text are not joined by a blank, or %d columns for %d dimensions", name, x.Cols, m.Dimensions())
		}
		for i := range x.Rows {
			if n := cosine(x.Row(i), x.Row(i)); !(n > 0.999) {
				t.Errorf("%q: row %d is no vector", name, i)
			}
		}
	}
	if len(ids) != 8 {
		t.Errorf("%d IDs; threads must not count", len(ids))
	}
	back, two := openModel(t, dir, Options{Layer: -1}), openModel(t, dir, Options{Layer: 2})
	if !slices.Equal(encodeAll2(t, back, items).Data, encodeAll2(t, two, items).Data) {
		t.Error("layer -1 of 3 is not layer 2")
	}
	for _, o := range []Options{{DType: "f64"}, {Pooling: "median"}, {MaxTokens: -1}, {MaxTokens: 1 << 20}, {Dimensions: 65}, {Layer: 4}, {Layer: -3}, {Append: "<nope>"}} {
		if m, err := Open(dir, o); err == nil {
			m.Close()
			t.Errorf("%+v was accepted", o)
		}
	}
}

// TestSteadyState checks that encoding allocates for calls and texts, not for tokens.
func TestSteadyState(t *testing.T) {
	m := openModel(t, tiny.Model(t, "qwen3"), Options{Threads: 1})
	allocs := func(length int) float64 {
		texts := randomTexts(m, 8, length)
		return testing.AllocsPerRun(5, func() {
			if _, err := m.EncodeTokens(context.Background(), texts); err != nil {
				t.Fatal(err)
			}
		})
	}
	if short, long := allocs(4), allocs(15); long > short+8 { // one piece both
		t.Errorf("%v allocations for 8 texts of 4 tokens, %v for 8 of 15", short, long)
	}
}
