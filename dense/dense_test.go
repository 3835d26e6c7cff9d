package dense

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/store"
)

const smol = "SmolLM2-135M-Instruct.Q4_1.gguf"

func readLines[T any](t *testing.T, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var x T
		if err := json.Unmarshal(s.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

func openEncoder(t testing.TB, o Options) *Encoder {
	t.Helper()
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func sideOf(name string) labrador.Side {
	if strings.EqualFold(name, "query") {
		return labrador.QuerySide
	}
	return labrador.DocumentSide
}

// TestOneWordPrompts compares the one-word prompts that come out of the GGUF file's own chat template with those that
// transformers 5.23 made of it (smollm2-expected: apply_chat_template, cut behind the prefilled words), strings and ids.
func TestOneWordPrompts(t *testing.T) {
	inputs := readLines[struct {
		Side, Text, Prompt string
		IDs                []int32
	}](t, filepath.Join(outside.Data(t, "models/smollm2-expected"), "inputs.jsonl"))
	path := outside.RealModel(t, smol)
	tok, err := model.Tokenizer(path)
	if err != nil {
		t.Fatal(err)
	}
	template, err := Template(path)
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := prompt.New("one-word", prompt.Options{Template: template})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		p := recipe.Make(tok, sideOf(in.Side), labrador.Item{Text: in.Text}, 0)
		if p.String() != in.Prompt {
			t.Errorf("%.30q: prompt\n%q, want\n%q", in.Text, p.String(), in.Prompt)
		}
		if ids := p.Encode(tok).IDs; !slices.Equal(ids, in.IDs) {
			t.Errorf("%.30q: ids\n%v, want\n%v", in.Text, ids, in.IDs)
		}
		if p.Cut != 0 {
			t.Errorf("%.30q: %d bytes were cut", in.Text, p.Cut)
		}
	}
}

// TestPromptRepsSparse compares tokens of the prompt and sparse vectors of ten texts with the rule of PromptReps' authors.
// The expectation was made by transformers 5.23 (the GGUF file dequantised by it, float32) and nltk 3.10.4, by a script that
// follows the authors' encode.py, dataset.py and modeling.py (github.com/ielab/PromptReps): prefix, stripped text and suffix tokenised
// apart; log(1+relu(logit)) of the next token, in hundredths, over the tokens of word_tokenize(text.lower()) that are neither
// in NLTK's English stop words nor single punctuation marks, 128 at most, and the ten likeliest tokens where that leaves none. Sentences were
// cut by hand, as Punkt's tables are not part of the package. The weights may differ by one hundredth: two engines round differently.
func TestPromptRepsSparse(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a real model")
	}
	cases := readLines[struct {
		Side, Text string
		IDs        []int32
		Vector     [][2]any
	}](t, "testdata/promptreps-smollm2.jsonl")
	e := openEncoder(t, Options{Model: outside.RealModel(t, smol), Recipe: "promptreps"})
	exact, all := 0, 0
	for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
		var items []labrador.Item
		var want []map[string]int
		for _, c := range cases {
			if sideOf(c.Side) != side {
				continue
			}
			items = append(items, labrador.Item{Text: c.Text})
			v := map[string]int{}
			for _, w := range c.Vector {
				v[w[0].(string)] = int(w[1].(float64))
			}
			want = append(want, v)
			got, err := e.Tokenize(context.Background(), side, items[len(items)-1:])
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0].IDs, c.IDs) {
				t.Errorf("%.30q: ids\n%v, want\n%v", c.Text, got[0].IDs, c.IDs)
			}
		}
		got, err := e.Sparse(context.Background(), side, items)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			all += len(v)
			exact += checkSparse(t, e, items[i].Text, v, want[i])
		}
	}
	t.Logf("%d of %d weights are equal, the others differ by one hundredth", exact, all)
	if exact*10 < all*8 {
		t.Errorf("only %d of %d weights are equal", exact, all)
	}
}

func checkSparse(t *testing.T, e *Encoder, text string, got []prompt.Weight, want map[string]int) (exact int) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%.30q: %d entries, want %d", text, len(got), len(want))
	}
	for _, w := range got {
		name, _ := e.Tokenizer().Token(w.Token)
		switch d := w.Impact - want[name]; {
		case d == 0:
			exact++
		case d < -1 || d > 1:
			t.Errorf("%.30q: token %q weighs %d, want %d", text, name, w.Impact, want[name])
		}
	}
	return exact
}

// tinyChat is a fixture model under a chat template, its folder a copy of links.
func tinyChat(t testing.TB, template string) string {
	t.Helper()
	from, dir := tiny.Model(t, "qwen2"), t.TempDir()
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte(template), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// chatML has a system line of its own, as Qwen's has.
const chatML = `{%- if messages[0].role != 'system' %}{{ '[system]Reason step by step.[end]' }}{% endif %}
{%- for m in messages %}{{ '[' + m.role + ']' + m.content + '[end]' }}{% endfor %}`

func texts(n int, seed uint64) []labrador.Item {
	r := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields("retrieval finds what a person asked for and ranks it before the rest of all documents 42 parseHTTPHeader func return")
	items := make([]labrador.Item, n)
	for i := range items {
		var b strings.Builder
		for range 1 + r.IntN(40) {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		items[i] = labrador.Item{Title: words[r.IntN(len(words))], Text: b.String()}
	}
	return items
}

// TestSharedPrefix: texts that share a prompt's beginning give, together, the vectors that each gives alone, where nothing is
// shared.
func TestSharedPrefix(t *testing.T) {
	items := texts(9, 7)
	for _, dtype := range []string{"f32", "bf16"} {
		dir := tinyChat(t, chatML)
		for _, recipe := range []string{"one-word", "promptreps"} {
			together := openEncoder(t, Options{Model: dir, Recipe: recipe, DType: dtype, Threads: 2})
			got, err := together.Encode(context.Background(), labrador.DocumentSide, items)
			if err != nil {
				t.Fatal(err)
			}
			alone := openEncoder(t, Options{Model: dir, Recipe: recipe, DType: dtype, Threads: 1})
			worst := 0.0
			for i := range items {
				one, err := alone.Encode(context.Background(), labrador.DocumentSide, items[i:i+1])
				if err != nil {
					t.Fatal(err)
				}
				for j, x := range one.Data {
					worst = max(worst, math.Abs(float64(x-got.Row(i)[j])))
				}
			}
			t.Logf("%s %s: the largest difference of a component is %.2g", recipe, dtype, worst)
			if bound := map[string]float64{"f32": 1e-6, "bf16": 0.02}[dtype]; worst > bound {
				t.Errorf("%s %s: a component differs by %g, more than %g", recipe, dtype, worst, bound)
			}
		}
	}
}

// TestSystemText: one setting makes the system text equal whatever the template's own is, and no other part of the prompt
// changes.
func TestSystemText(t *testing.T) {
	equal := "You are a helpful assistant."
	dir := tinyChat(t, chatML)
	own := openEncoder(t, Options{Model: dir, Recipe: "one-word"})
	same := openEncoder(t, Options{Model: dir, Recipe: "one-word", SystemText: &equal})
	item := labrador.Item{Text: `what is "BM25"?`}
	a, _ := own.Prompt(labrador.QuerySide, item)
	b, _ := same.Prompt(labrador.QuerySide, item)
	tail := "[user]Query: \"" + item.Text + "\". Use one word to represent the query in a retrieval task. Make sure your word is in lowercase.[end][assistant]The word is: \""
	if want := "[system]Reason step by step.[end]" + tail; a.String() != want {
		t.Errorf("the template's own: %q, want %q", a.String(), want)
	}
	if want := "[system]" + equal + "[end]" + tail; b.String() != want {
		t.Errorf("equal: %q, want %q", b.String(), want)
	}
	if own.ID() == same.ID() {
		t.Error("the system text is not part of the encoder's ID")
	}
	reps := openEncoder(t, Options{Model: dir, Recipe: "promptreps"})
	c, _ := reps.Prompt(labrador.QuerySide, item)
	if want := "[system]You are an AI assistant that can understand human language.[end]" + tail; c.String() != want {
		t.Errorf("promptreps: %q, want %q", c.String(), want)
	}
}

// TestNoModel: a path that leads nowhere is said so, not that its model has no chat template.
func TestNoModel(t *testing.T) {
	if _, err := Open(t.Context(), Options{Model: filepath.Join(t.TempDir(), "none"), Recipe: "one-word"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestDatedTemplate: vectors behind a template that writes the date are kept under another ID each day, those behind others under one.
func TestDatedTemplate(t *testing.T) {
	const dated = `{{ strftime_now("%d %b %Y") }}` + chatML
	for _, c := range []struct {
		template, recipe string
		changes          bool
	}{{dated, "one-word", true}, {dated, "echo", false}, {chatML, "one-word", false}} { // echo takes no template
		dir := tinyChat(t, c.template)
		synctest.Test(t, func(t *testing.T) {
			id := func() string {
				e, err := Open(t.Context(), Options{Model: dir, Recipe: c.recipe, Threads: 1})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				if e.Dated() != c.changes {
					t.Errorf("%s with %q: Dated says %t", c.recipe, c.template[:20], e.Dated())
				}
				return e.ID()
			}
			first := id()
			time.Sleep(time.Minute)
			second := id()
			time.Sleep(24 * time.Hour)
			if third := id(); first != second || (first != third) != c.changes {
				t.Errorf("%s with %q: IDs %s, a minute later %s, a day later %s", c.recipe, c.template[:20], first, second, third)
			}
		})
	}
}

// TestLongTexts: a text that does not fit the model's context is cut until its prompt does, whatever the recipe puts around
// it, and the last words of the prompt stay.
func TestLongTexts(t *testing.T) {
	dir := tinyChat(t, chatML)
	long := labrador.Item{Text: strings.Repeat("a text about retrieval that does not end ", 200)}
	for _, recipe := range []string{"one-word", "promptreps", "echo", "qwen3"} {
		e := openEncoder(t, Options{Model: dir, Recipe: recipe})
		limit := e.Model().Network().Context
		tokens, err := e.Tokenize(context.Background(), labrador.DocumentSide, []labrador.Item{long, {Text: "short"}})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(tokens[0].IDs); n > limit || n < limit-8 {
			t.Errorf("%s: %d tokens for a context of %d", recipe, n, limit)
		}
		p, _ := e.Prompt(labrador.DocumentSide, long)
		if p.Cut == 0 || !strings.HasPrefix(long.Text, p.Text) || recipe == "one-word" && !strings.HasSuffix(p.String(), "The word is: \"") {
			t.Errorf("%s: cut %d bytes, prompt ends with %q", recipe, p.Cut, p.String()[len(p.String())-40:])
		}
		longer := labrador.Item{Text: strings.Repeat(long.Text, 50)} // of which nothing more is read
		if again, _ := e.Prompt(labrador.DocumentSide, longer); again.String() != p.String() || again.Cut != p.Cut+49*len(long.Text) {
			t.Errorf("%s: cut %d bytes of a text of %d, %d of one of %d", recipe, p.Cut, len(long.Text), again.Cut, len(longer.Text))
		}
		if recipe != "promptreps" && e.Cut() != 3 { // Tokenize and Prompt
			t.Errorf("%s: %d texts counted as cut", recipe, e.Cut())
		}
		if _, err := e.Encode(context.Background(), labrador.DocumentSide, []labrador.Item{long}); err != nil {
			t.Errorf("%s: %v", recipe, err)
		}
	}
}

// TestSparseVectors: kept sparse vectors are those that Sparse gives, and a second call encodes nothing.
func TestSparseVectors(t *testing.T) {
	e := openEncoder(t, Options{Model: tinyChat(t, chatML), Recipe: "promptreps"})
	kept, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	items := texts(5, 3)
	docs := func() []labrador.Document {
		var out []labrador.Document
		for i, it := range items {
			out = append(out, labrador.Document{ID: fmt.Sprint(i), Title: it.Title, Text: it.Text})
		}
		return out
	}()
	source := Documents(func() iter.Seq2[labrador.Document, error] {
		return func(yield func(labrador.Document, error) bool) {
			for _, d := range docs {
				if !yield(d, nil) {
					return
				}
			}
		}
	})
	want, err := e.Sparse(context.Background(), labrador.DocumentSide, items)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		encoded := 0
		got, err := e.SparseVectors(context.Background(), kept, labrador.DocumentSide, source, func(n, _ int) { encoded += n })
		if err != nil {
			t.Fatal(err)
		}
		if round == 1 && encoded != 0 {
			t.Errorf("%d texts were encoded again", encoded)
		}
		for i := range want {
			if got.IDs[i] != docs[i].ID || len(want[i]) == 0 || !slices.Equal(got.Vectors[i], want[i]) {
				t.Errorf("document %d: %v, want %v", i, got.Vectors[i], want[i])
			}
		}
	}
	if dense, err := e.Vectors(context.Background(), kept, labrador.DocumentSide, source, nil); err != nil || dense.Matrix.Cols != e.Dimensions() {
		t.Errorf("dense vectors beside the sparse ones: %v", err)
	}
}

// sourceOf are documents with the numbers of the items as ids.
func sourceOf(items []labrador.Item) Items {
	return func() iter.Seq2[Item, error] {
		return func(yield func(Item, error) bool) {
			for i, it := range items {
				if !yield(Item{fmt.Sprint(i), it}, nil) {
					return
				}
			}
		}
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKeepSparse: one pass keeps the dense and the sparse vectors that two passes give, bit for bit, over more than a part of a shard;
// afterwards neither encodes anything. Where one is there already, the other is added.
func TestKeepSparse(t *testing.T) {
	e := openEncoder(t, Options{Model: tinyChat(t, chatML), Recipe: "promptreps", MaxTokens: 8})
	ctx, source := context.Background(), sourceOf(texts(batchRows+9, 4))
	apart := openStore(t)
	dense, err := e.Vectors(ctx, apart, labrador.DocumentSide, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	sparse, err := e.SparseVectors(ctx, apart, labrador.DocumentSide, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, first := range map[string]func(*store.Store) error{
		"nothing": func(*store.Store) error { return nil },
		"dense": func(s *store.Store) error {
			_, err := e.Vectors(ctx, s, labrador.DocumentSide, source, nil)
			return err
		},
		"sparse": func(s *store.Store) error {
			_, err := e.SparseVectors(ctx, s, labrador.DocumentSide, source, nil)
			return err
		},
	} {
		kept, encoded := openStore(t), 0
		count := func(n, _ int) { encoded += n }
		if err := first(kept); err != nil {
			t.Fatal(err)
		}
		if err := e.Keep(ctx, kept, labrador.DocumentSide, source, Pass{Layers: []int{0}, Sparse: true}, count); err != nil {
			t.Fatal(err)
		}
		d, err := e.Vectors(ctx, kept, labrador.DocumentSide, source, count)
		if err != nil || !slices.Equal(d.Matrix.Data, dense.Matrix.Data) {
			t.Errorf("with %s there, %v: other dense vectors than alone", name, err)
		}
		s, err := e.SparseVectors(ctx, kept, labrador.DocumentSide, source, count)
		if err != nil || !slices.EqualFunc(s.Vectors, sparse.Vectors, slices.Equal) {
			t.Errorf("with %s there, %v: other sparse vectors than alone", name, err)
		}
		if encoded != batchRows+9 {
			t.Errorf("with %s there: %d texts encoded, want %d", name, encoded, batchRows+9)
		}
	}
	for _, o := range []Options{{Model: e.opts.Model, Recipe: "echo"}, {Model: e.opts.Model, Recipe: "promptreps", Pooling: "mean"}, {Model: e.opts.Model}} {
		if openEncoder(t, o).OnePass() {
			t.Errorf("%+v: one pass", o)
		}
	}
}

// TestKeepLayers: one pass keeps the vectors of several layers, and sparse ones beside them, under the keys that encoders with each
// layer give them, the same but for float32's rounding, over more than a part of a shard. What is there already is not encoded again, and a pass that another
// stopped goes on.
func TestKeepLayers(t *testing.T) {
	ctx, source, path := context.Background(), sourceOf(texts(batchRows+9, 4)), tinyChat(t, chatML)
	layers := []int{1, 2, 0, -1}
	encoders := make([]*Encoder, len(layers))
	for n, layer := range layers {
		encoders[n] = openEncoder(t, Options{Model: path, Recipe: "promptreps", MaxTokens: 8, Layer: layer})
	}
	for name, p := range map[string]Pass{"dense": {Layers: layers}, "with sparse": {Layers: layers, Sparse: true}} {
		kept, apart, encoded := openStore(t), openStore(t), 0
		count := func(n, _ int) { encoded += n }
		if _, err := encoders[1].Vectors(ctx, kept, labrador.DocumentSide, source, nil); err != nil {
			t.Fatal(err)
		}
		stopped, stop := context.WithCancel(ctx)
		err := encoders[0].Keep(stopped, kept, labrador.DocumentSide, source, p, func(n, _ int) { encoded += n; stop() })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("a stopped pass: %v", err)
		}
		if err := encoders[0].Keep(ctx, kept, labrador.DocumentSide, source, p, count); err != nil {
			t.Fatal(err)
		}
		for n, e := range encoders {
			got, err := e.Vectors(ctx, kept, labrador.DocumentSide, source, count)
			want, err2 := e.Vectors(ctx, apart, labrador.DocumentSide, source, nil)
			if err != nil || err2 != nil || !slices.EqualFunc(got.Matrix.Data, want.Matrix.Data, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
				t.Errorf("%s, layer %d, %v, %v: other vectors than alone", name, layers[n], err, err2)
			}
		}
		if p.Sparse {
			got, err := encoders[1].SparseVectors(ctx, kept, labrador.DocumentSide, source, count)
			want, err2 := encoders[2].SparseVectors(ctx, apart, labrador.DocumentSide, source, nil)
			if err != nil || err2 != nil || !slices.EqualFunc(got.Vectors, want.Vectors, slices.Equal) {
				t.Errorf("%v, %v: other sparse vectors than alone", err, err2)
			}
		}
		if encoded != batchRows+9 {
			t.Errorf("%s: %d texts encoded, want %d", name, encoded, batchRows+9)
		}
	}
}

// TestDimensions: vectors cut from the kept ones are those that the model gives when it is asked for so many dimensions, and encoding them
// with other dimensions before is enough.
func TestDimensions(t *testing.T) {
	path := tiny.Model(t, "st-bert-mean")
	ctx, items, kept := context.Background(), texts(30, 5), openStore(t)
	whole := openEncoder(t, Options{Model: path})
	if _, err := whole.Vectors(ctx, kept, labrador.DocumentSide, sourceOf(items), nil); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{whole.ID(): true}
	for _, dims := range []int{1, 7, whole.Dimensions() / 2, whole.Dimensions()} {
		m, err := model.Open(path, model.Options{Dimensions: dims})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		want, err := m.Encode(ctx, labrador.DocumentSide, items)
		if err != nil {
			t.Fatal(err)
		}
		e := openEncoder(t, Options{Model: path, Dimensions: dims})
		got, err := e.Vectors(ctx, kept, labrador.DocumentSide, sourceOf(items), func(n, _ int) { t.Errorf("%d dimensions: %d texts were encoded again", dims, n) })
		if err != nil {
			t.Fatal(err)
		}
		direct, err := e.Encode(ctx, labrador.DocumentSide, items)
		if err != nil || e.Dimensions() != dims || got.Matrix.Rows != want.Rows || got.Matrix.Cols != dims {
			t.Fatalf("%d dimensions: %d x %d, %v", dims, got.Matrix.Rows, got.Matrix.Cols, err)
		}
		for i := range want.Data {
			if math.Abs(float64(got.Matrix.Data[i]-want.Data[i])) > 3e-7 || math.Abs(float64(direct.Data[i]-want.Data[i])) > 3e-7 {
				t.Fatalf("%d dimensions: kept %v, encoded %v, the model gives %v", dims, got.Matrix.Data[i], direct.Data[i], want.Data[i])
			}
		}
		if ids[e.ID()] {
			t.Errorf("%d dimensions: an ID of others", dims)
		}
		ids[e.ID()] = true
	}
	if list, err := kept.List(); err != nil || len(list) != 1 {
		t.Errorf("%d sets, %v", len(list), err)
	}
	for _, dims := range []int{-1, whole.Dimensions() + 1} {
		if _, err := Open(t.Context(), Options{Model: path, Dimensions: dims}); err == nil || !strings.Contains(err.Error(), "dimensions") {
			t.Errorf("%d dimensions: %v", dims, err)
		}
	}
}

// TestImpacts compares with inner products computed one by one.
func TestImpacts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	random := func() []prompt.Weight {
		var v []prompt.Weight
		for token := range int32(30) {
			if r.IntN(5) == 0 {
				v = append(v, prompt.Weight{Token: token, Impact: 1 + r.IntN(3)})
			}
		}
		r.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
		return v
	}
	var ids []string
	var vectors [][]prompt.Weight
	for i := range 50 {
		ids, vectors = append(ids, fmt.Sprintf("d%d", i)), append(vectors, random())
	}
	x, err := NewImpacts(ids, vectors)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		q := append(random(), prompt.Weight{Token: 1000, Impact: 9})
		var want []labrador.Hit
		for i, v := range vectors {
			s := 0
			for _, a := range v {
				for _, b := range q {
					if a.Token == b.Token {
						s += a.Impact * b.Impact
					}
				}
			}
			if s > 0 {
				want = append(want, labrador.Hit{ID: ids[i], Score: float32(s)})
			}
		}
		labrador.SortHits(want)
		k := r.IntN(60)
		got, err := x.Search(context.Background(), q, k)
		if err != nil || !slices.Equal(got, want[:min(k, len(want))]) {
			t.Fatalf("%v: got %v, %v, want %v", q, got, err, want)
		}
	}
	if _, err := NewImpacts([]string{"a"}, [][]prompt.Weight{{{Token: -1, Impact: 1}}}); err == nil {
		t.Error("a negative token was taken")
	}
	empty, err := NewImpacts(nil, nil)
	if hits, err2 := empty.Search(context.Background(), random(), 3); err != nil || err2 != nil || len(hits) != 0 {
		t.Errorf("an empty index: %v, %v, %v", hits, err, err2)
	}
}

// TestKeptOnce: texts are encoded once under whatever name a dataset has, and with the default under its own; a task line changes the queries of
// recipes that take one, and nothing else.
func TestKeptOnce(t *testing.T) {
	ctx, source, qwen, path := context.Background(), sourceOf(texts(3, 6)), tiny.Model(t, "qwen2"), tiny.Model(t, "st-bert-mean")
	kept := openStore(t)
	for _, c := range []struct {
		options Options
		side    labrador.Side
		encoded int
	}{
		{Options{Model: path, Dataset: "scifact"}, labrador.DocumentSide, 3}, {Options{Model: path, Dataset: "fiqa"}, labrador.DocumentSide, 0},
		{Options{Model: path, DType: "f32"}, labrador.DocumentSide, 0}, {Options{Model: path, MaxTokens: 5}, labrador.DocumentSide, 3},
		{Options{Model: path, DType: "int8"}, labrador.DocumentSide, 3}, {Options{Model: path}, labrador.QuerySide, 3},
		{Options{Model: qwen, Recipe: "echo", Dataset: "scifact"}, labrador.QuerySide, 3}, {Options{Model: qwen, Recipe: "echo", Dataset: "fiqa"}, labrador.QuerySide, 3},
		{Options{Model: qwen, Recipe: "echo", Dataset: "scifact"}, labrador.DocumentSide, 3}, {Options{Model: qwen, Recipe: "echo", Dataset: "fiqa"}, labrador.DocumentSide, 0},
		{Options{Model: qwen, Recipe: "echo", Dataset: "scifact-2"}, labrador.QuerySide, 0}, {Options{Model: qwen, Recipe: "echo", Task: "find"}, labrador.QuerySide, 3},
		{Options{Model: qwen, Recipe: "e5", Dataset: "scifact"}, labrador.QuerySide, 3}, {Options{Model: qwen, Recipe: "e5", Dataset: "fiqa"}, labrador.QuerySide, 0},
	} {
		e, encoded := openEncoder(t, c.options), 0
		got, err := e.Vectors(ctx, kept, c.side, source, func(n, _ int) { encoded += n })
		want, err2 := e.Vectors(ctx, openStore(t), c.side, source, nil)
		if err != nil || err2 != nil || encoded != c.encoded || !slices.Equal(got.Matrix.Data, want.Matrix.Data) {
			t.Errorf("%+v, %s: %d texts encoded, want %d; %v, %v, the vectors it has alone: %t", c.options, c.side, encoded, c.encoded, err, err2, slices.Equal(got.Matrix.Data, want.Matrix.Data))
		}
	}
}

// TestAdapterWithRecipe: an adapter without a tokenizer is given the prompts of its base model, by the base's template and tokenizer.
func TestAdapterWithRecipe(t *testing.T) {
	item := labrador.Item{Text: "a text"}
	var prompts [2]string
	var vectors [2]labrador.Matrix
	for i, name := range []string{"models/qwen2", "models/qwen2-lora"} {
		e := openEncoder(t, Options{Model: outside.Data(t, name), Recipe: "one-word"})
		p, _ := e.Prompt(labrador.DocumentSide, item)
		prompts[i] = p.Text
		if in := p.Encode(e.Tokenizer()); len(in.IDs) < 10 {
			t.Errorf("%s: %d tokens", name, len(in.IDs))
		}
		var err error
		if vectors[i], err = e.Encode(t.Context(), labrador.DocumentSide, []labrador.Item{item}); err != nil {
			t.Fatal(err)
		}
	}
	if prompts[0] != prompts[1] || slices.Equal(vectors[0].Data, vectors[1].Data) {
		t.Errorf("prompts %q and %q, vectors equal: %v", prompts[0], prompts[1], slices.Equal(vectors[0].Data, vectors[1].Data))
	}
}
