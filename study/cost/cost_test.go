package cost

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"testing"
)

// TestFLOPs: the counts are those of torch.utils.flop_counter (PyTorch 2.15) for transformers' BertModel and Qwen2Model of 3 layers, width
// 128 and inner width 512, on one text of each length. Its attention computes all pairs, so causal models differ by half of that part.
func TestFLOPs(t *testing.T) {
	for _, c := range []struct {
		parameters int64
		tokens     int
		want       float64
	}{
		{589824, 17, 20497920}, {589824, 96, 127401984}, {589824, 300, 492134400}, // BERT
		{737280, 17, 25511424}, {737280, 96, 155713536}, {737280, 300, 580608000}, // Qwen2
	} {
		m := Model{Parameters: c.parameters, Layers: 3, Width: 128}
		if got := m.FLOPs(Count(1, []int{c.tokens})); got != c.want {
			t.Errorf("%d tokens: %v, want %v", c.tokens, got, c.want)
		}
		m.Causal = true
		products := 2 * float64(c.parameters) * float64(c.tokens)
		if got := m.FLOPs(Count(1, []int{c.tokens})); got != products+(c.want-products)/2 {
			t.Errorf("%d tokens, causal: %v", c.tokens, got)
		}
	}
}

// TestFLOPsOfSharedPrefix: the rows below the shared tokens, as the sum over the tokens that are computed.
func TestFLOPsOfSharedPrefix(t *testing.T) {
	m := Model{Parameters: 1000, Layers: 2, Width: 8, Causal: true}
	want := 0.0
	for at := 10; at < 50; at++ {
		want += 2*1000 + 4*2*8*float64(at) // a token sees those before it
	}
	texts := Count(1, []int{50})
	texts.Shared = 10
	if got := m.FLOPs(texts); math.Abs(got-want)/want > 0.02 { // half a token each: the diagonal
		t.Errorf("%v, want about %v", got, want)
	}
}

func numbers(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// TestSample: each item is drawn equally often, by the chi-square statistic over many seeds (99.9 % quantile of 49 degrees of freedom:
// scipy.stats.chi2.ppf(.999, 49) = 85.35).
func TestSample(t *testing.T) {
	var drawn [50]float64
	const rounds, size = 4000, 10
	for seed := range uint64(rounds) {
		got, all, err := Sample(context.Background(), numbers(50), size, seed)
		if err != nil || all != 50 || len(got) != size {
			t.Fatal(got, all, err)
		}
		for i, x := range got {
			drawn[x]++
			if i > 0 && got[i-1] >= x {
				t.Fatalf("not in order: %v", got)
			}
		}
	}
	chi, want := 0.0, float64(rounds*size)/50
	for _, n := range drawn {
		chi += (n - want) * (n - want) / want / (1 - float64(size)/50)
	}
	if chi > 85.35 {
		t.Errorf("chi-square %v", chi)
	}
	if got, all, _ := Sample(context.Background(), numbers(3), 10, 1); len(got) != 3 || all != 3 {
		t.Errorf("of three: %v, %d", got, all)
	}
	broken := errors.New("broken")
	_, _, err := Sample(context.Background(), func(yield func(int, error) bool) { yield(0, broken) }, 3, 1)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Sample(ctx, numbers(10), 3, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestIntervalCovers counts how often the interval holds the true total, over many samples of skewed lengths.
func TestIntervalCovers(t *testing.T) {
	length := func(i int) int { return 20 + (i*i*7)%97 + 150*((i%10)/9) }
	const texts = 3000
	total := 0
	for i := range texts {
		total += length(i)
	}
	covered := 0
	const rounds = 500
	for seed := range uint64(rounds) {
		items, all, _ := Sample(context.Background(), numbers(texts), 100, seed)
		var lengths []int
		for _, i := range items {
			lengths = append(lengths, length(i))
		}
		if Count(all, lengths).Interval().Contains(float64(total)) {
			covered++
		}
	}
	if share := float64(covered) / rounds; share < 0.92 || share > 0.98 {
		t.Errorf("the 95 %% interval held the total in %v of the samples", share)
	}
	if i := Count(2, []int{3, 5}).Interval(); i.Low != 8 || i.High != 8 {
		t.Errorf("all counted: %v", i)
	}
}

func TestPlan(t *testing.T) {
	model := &Model{Parameters: 1e6, Layers: 1, Width: 0, Dimensions: 10}
	documents, queries := Count(1000, []int{100, 100}), Count(10, []int{20, 20})
	works := []Work{
		{System: "bm25", Dataset: "a", Documents: Tokens{Texts: 1000}, Queries: Tokens{Texts: 10}, DocumentSeconds: .001, QuerySeconds: .1, DocumentBytes: 50},
		{System: "f32", Dataset: "a", Key: "m", Documents: documents, Queries: queries, Model: model, TokensPerSecond: 100, DocumentsDone: .5},
		{System: "int8", Dataset: "a", Key: "m", Documents: documents, Queries: queries, Model: model, TokensPerSecond: 100, QuerySeconds: 1},
		{System: "remote", Dataset: "a", Documents: documents, Queries: queries, PricePerMillion: 2},
		{System: "done", Dataset: "b", Documents: documents, Queries: queries, Model: model, Done: true},
		{System: "unknown", Dataset: "b", Documents: documents, Queries: queries, Model: model},
	}
	p := New(works, []Machine{{"fast", 1e9}})
	for i, want := range []struct{ tokens, flops, seconds, left, price float64 }{
		{0, 0, 2, 2, 0}, {100200, 200400e6, 1002, 502, 0}, {0, 0, 10, 10, 0}, {100200, 0, 0, 0, .2004}, {100200, 200400e6, 0, 0, 0}, {100200, 200400e6, 0, 0, 0},
	} {
		r := p.Rows[i]
		for _, c := range [][2]float64{{r.All.Tokens, want.tokens}, {r.All.FLOPs, want.flops}, {r.All.Seconds, want.seconds}, {r.Left.Seconds, want.left}, {r.All.Price, want.price}} {
			if math.Abs(c[0]-c[1]) > 1e-6*max(1, c[1]) {
				t.Errorf("%s: %+v", r.System, r)
			}
		}
	}
	if p.Rows[2].SameAs != "f32" || p.All.Unknown != 2 || p.Left.Unknown != 1 {
		t.Errorf("%+v", p)
	}
	if math.Abs(p.All.On[0]-3*200.4) > 1e-6 || math.Abs(p.Left.On[0]-(200.4*1.5+.2)) > 0.3 {
		t.Errorf("other machine: %v, %v", p.All.On, p.Left.On)
	}
	loads := p.Loads()
	if len(loads) != 2 || math.Abs(loads[0].Fixed-501) > 1e-6 || math.Abs(loads[0].PerQuery-(.1+.2+1)) > 1e-6 || loads[1].Fixed != 0 {
		t.Errorf("%+v", loads)
	}
	if _, err := json.Marshal(p); err != nil {
		t.Error(err)
	}
}

// TestPlanOfOnePass: of works that one pass makes, the deepest pays for the tokens, wherever it stands; each keeps vectors of its own; what a
// shallower one lacks beyond the deepest costs what it costs at its depth.
func TestPlanOfOnePass(t *testing.T) {
	documents, queries := Count(1000, []int{100, 100}), Count(10, []int{20, 20})
	layer := func(name string, layers int64, done float64) Work {
		return Work{System: name, Dataset: "a", Key: name, Pass: "p", Documents: documents, Queries: queries, DocumentsDone: done, QueriesDone: done,
			Model: &Model{Parameters: layers * 1e6, Dimensions: 10}, TokensPerSecond: 600 / float64(layers)}
	}
	same := layer("cut", 6, .75)
	same.Key = "6"
	p := New([]Work{layer("2", 2, .5), layer("6", 6, .75), layer("4", 4, .75), same}, nil)
	const tokens, bytes = 100200, 1010 * 10 * 4
	for i, want := range []struct {
		tokens, bytes, left, flops float64
		sameAs, passOf             string
	}{
		{0, bytes, .25 * tokens, .25 * tokens * 2 * 2e6, "", "6"}, {tokens, bytes, .25 * tokens, .25 * tokens * 2 * 6e6, "", ""}, {0, bytes, 0, 0, "", "6"}, {0, 0, 0, 0, "6", ""},
	} {
		r := p.Rows[i]
		if r.All.Tokens != want.tokens || r.All.Bytes != want.bytes || r.Left.Tokens != want.left || r.Left.FLOPs != want.flops || r.SameAs != want.sameAs || r.PassOf != want.passOf {
			t.Errorf("%s: %+v", r.System, r)
		}
	}
	if p.All.Tokens != tokens || p.All.Seconds != tokens/100. || p.All.Bytes != 3*bytes {
		t.Errorf("%+v", p.All)
	}
	finished := layer("6", 6, 1)
	finished.Done = true
	if p = New([]Work{layer("2", 2, 0), finished}, nil); p.Left.Tokens != tokens || p.Left.FLOPs != tokens*2*2e6 || p.All.FLOPs != tokens*2*6e6 {
		t.Errorf("the deepest is there: %+v", p)
	}
}

// TestPlanOfTwoSplits: the documents of two splits of one corpus are encoded and indexed once, their queries each; a shallower layer in the same
// pass and a system with the same vectors are counted as on one dataset.
func TestPlanOfTwoSplits(t *testing.T) {
	documents, queries, more := Count(1000, []int{100, 100}), Count(10, []int{20, 20}), Count(30, []int{20, 20})
	work := func(system, key string, layers int64, q Tokens, dataset string) Work {
		return Work{System: system, Dataset: dataset, Corpus: "c", Key: key, Pass: "p", Documents: documents, Queries: q,
			Model: &Model{Parameters: layers * 1e6, Dimensions: 10}, TokensPerSecond: 100}
	}
	bm25 := func(q Tokens, dataset string) Work {
		return Work{System: "bm25", Dataset: dataset, Corpus: "c", Key: "b", Documents: documents, Queries: q, DocumentSeconds: .001, DocumentBytes: 5, QuerySeconds: .1}
	}
	works := []Work{work("6", "6", 6, queries, "dev"), work("2", "2", 2, queries, "dev"), work("bits", "6", 6, queries, "dev"), bm25(queries, "dev"),
		work("6", "6", 6, more, "test"), work("2", "2", 2, more, "test"), work("bits", "6", 6, more, "test"), bm25(more, "test")}
	p := New(works, nil)
	for i, want := range []struct {
		tokens, bytes, seconds, fixed float64
		sameAs, passOf, documentsOf   string
	}{
		{100200, 1010 * 40, 1002, 1000, "", "", ""}, {0, 1010 * 40, 0, 0, "", "6", ""}, {0, 0, 0, 0, "6", "", ""}, {0, 5000, 2, 1, "", "", ""},
		{600, 30 * 40, 6, 0, "", "", "dev"}, {0, 30 * 40, 0, 0, "", "6", "dev"}, {0, 0, 0, 0, "6", "", "dev"}, {0, 0, 3, 0, "", "", "dev"},
	} {
		r := p.Rows[i]
		tokens := r.Left.Tokens
		if r.Model == nil { // what an index reads is not encoded
			tokens = 0
		}
		if tokens != want.tokens || r.Left.Bytes != want.bytes || math.Abs(r.Left.Seconds-want.seconds) > 1e-9 || r.FixedSeconds != want.fixed ||
			r.SameAs != want.sameAs || r.PassOf != want.passOf || r.DocumentsOf != want.documentsOf {
			t.Errorf("%s on %s: %+v", r.System, r.Dataset, r)
		}
	}
	loads := p.Loads()
	if len(loads) != 2 || loads[0].Corpus != "c" || loads[1].Corpus != "c" || loads[0].Fixed != 1001 || loads[1].Fixed != 1001 {
		t.Errorf("%+v", loads)
	}
	if r := Reduce(loads, nil, 1e6, Options{}); math.Abs(r.Full-p.Left.Seconds) > 1e-9 {
		t.Errorf("a reduction of %v seconds, a plan of %v", r.Full, p.Left.Seconds)
	}
	works[0].Done, works[4].DocumentsDone = true, 1
	if p = New(works, nil); p.Rows[4].Left.Tokens != 600 || p.Left.Tokens-p.Rows[3].Left.Tokens-p.Rows[7].Left.Tokens != 100200+600 {
		t.Errorf("with the first there, layer 2 is left: %+v", p)
	}
}

// TestPlanOfSameTexts: one corpus with its queries under two names is encoded once, whatever the pass would be; other queries are not the same.
func TestPlanOfSameTexts(t *testing.T) {
	work := func(dataset, asked, pass string) Work {
		return Work{System: "mini", Dataset: dataset, Corpus: "c", Asked: asked, Key: "k", Pass: pass, Documents: Count(1000, []int{100, 100}),
			Queries: Count(10, []int{20, 20}), Model: &Model{Parameters: 1e6, Dimensions: 10}, TokensPerSecond: 100}
	}
	p := New([]Work{work("one", "q", "int8"), work("two", "q", "auto"), work("three", "task q", "int8")}, nil)
	for i, want := range []struct {
		tokens, bytes       float64
		sameAs, documentsOf string
	}{{100200, 1010 * 40, "", ""}, {0, 0, "mini", "one"}, {200, 10 * 40, "", "one"}} {
		r := p.Rows[i]
		if r.All.Tokens != want.tokens || r.All.Bytes != want.bytes || r.Left.Tokens != want.tokens || r.SameAs != want.sameAs || r.DocumentsOf != want.documentsOf {
			t.Errorf("%s: %+v", r.Dataset, r)
		}
	}
}

// TestPlanOfDoneWithoutVectors: a run that is there gives no vectors to others once they were removed, so the next system with the same ones
// makes them, and only it.
func TestPlanOfDoneWithoutVectors(t *testing.T) {
	work := func(system string, done bool) Work {
		return Work{System: system, Dataset: "d", Key: "k", Done: done, Documents: Count(1000, []int{100, 100}), Queries: Count(10, []int{20, 20}),
			Model: &Model{Parameters: 1e6, Dimensions: 10}, TokensPerSecond: 100}
	}
	works := []Work{work("f32", true), work("bits", false), work("int8", false)}
	p := New(works, nil)
	if r := p.Rows[1]; r.Left.Tokens != 100200 || r.Left.Bytes != 1010*40 || r.Left.Seconds != 1002 || r.All.Tokens != 0 || r.SameAs != "f32" {
		t.Errorf("the vectors were removed: %+v", r)
	}
	if r := p.Rows[2]; r.Left.Tokens != 0 || r.Left.Bytes != 0 {
		t.Errorf("the other makes the vectors: %+v", r)
	}
	works[1].DocumentsDone, works[1].QueriesDone, works[2].DocumentsDone, works[2].QueriesDone = 1, .5, 1, .5
	if p = New(works, nil); p.Left.Tokens != 100 || p.Left.Bytes != 5*40 {
		t.Errorf("half of the queries are left: %+v", p.Left)
	}
	works[0].Done = false // and then the first makes what is left
	works[0].DocumentsDone, works[0].QueriesDone = 1, .5
	if p = New(works, nil); p.Left.Tokens != 100 || p.Rows[0].Left.Tokens != 100 {
		t.Errorf("the first is not done: %+v", p.Rows)
	}
}
