package explain

import (
	"errors"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval/stats"
)

func documents(list ...labrador.Document) iter.Seq2[labrador.Document, error] {
	return func(yield func(labrador.Document, error) bool) {
		for _, d := range list {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func TestFacts(t *testing.T) {
	c := Corpus{
		Queries: []labrador.Query{{ID: "q1", Text: "Red foxes run"}, {ID: "q2", Text: "blue"}, {ID: "q3", Text: "nothing here"}},
		Qrels:   labrador.Qrels{"q1": {"a": 1, "b": 2, "c": 0}, "q2": {"c": 1, "gone": 1}, "q3": {"gone": 1}},
		Documents: documents(labrador.Document{ID: "a", Title: "Red", Text: "foxes sleep"}, labrador.Document{ID: "b", Text: "a dog"},
			labrador.Document{ID: "c", Text: "Blue, blue sky above"}),
		BM25: labrador.Run{"q1": {{ID: "c"}, {ID: "b"}, {ID: "a"}}, "q2": {{ID: "a"}}},
	}
	facts, err := c.Facts()
	if err != nil {
		t.Fatal(err)
	}
	if want := (QueryFacts{Length: 3, DocumentLength: 2.5, Overlap: (2./3 + 0) / 2, FirstPositive: 2}); facts[0] != want {
		t.Errorf("q1: %+v, want %+v", facts[0], want)
	}
	if want := (QueryFacts{Length: 1, DocumentLength: 4, Overlap: 1, FirstPositive: 2}); facts[1] != want { // behind its one hit
		t.Errorf("q2: %+v, want %+v", facts[1], want)
	}
	if f := facts[2]; !math.IsNaN(f.DocumentLength) || !math.IsNaN(f.Overlap) || f.FirstPositive != 1 {
		t.Errorf("q3: %+v", f)
	}
	c.BM25, c.Level = nil, 2
	if facts, _ = c.Facts(); facts[0].DocumentLength != 2 || !math.IsNaN(facts[0].FirstPositive) {
		t.Errorf("level 2 without BM25: %+v", facts[0])
	}
	broken := errors.New("broken")
	c.Documents = func(yield func(labrador.Document, error) bool) { yield(labrador.Document{}, broken) }
	if _, err = c.Facts(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestTrend: bins hold a fifth each, means and the correlation are those of the plain functions.
func TestTrend(t *testing.T) {
	var list []Observation
	var x, d []float64
	for i := range 50 {
		v := float64((i * 17) % 50)
		x, d = append(x, v), append(d, v/100-.2+.01*float64(i%3))
		list = append(list, Observation{Dataset: "one", Difference: d[i]})
	}
	got := FindTrend(list, x, 1)
	if len(got.Bins) != 5 || got.Within || got.Spearman != Spearman(x, d) {
		t.Fatalf("%+v", got)
	}
	for k, b := range got.Bins {
		var part []float64
		for i := range x {
			if x[i] >= float64(10*k) && x[i] < float64(10*k+10) {
				part = append(part, d[i])
			}
		}
		if b.Queries != 10 || b.Low != float64(10*k) || b.High != float64(10*k+9) {
			t.Errorf("bin %d: %+v", k, b)
		}
		near(t, "mean", b.Mean, stats.Mean(part), 1e-12)
		if !b.Interval.Contains(b.Mean) {
			t.Errorf("interval %v of %v", b.Interval, b.Mean)
		}
	}
}

// TestTrendWithinDatasets: a difference between datasets is no trend among queries (Simpson 1951), and a trend within datasets is found
// though their levels hide it.
func TestTrendWithinDatasets(t *testing.T) {
	var list []Observation
	var x []float64
	for i := range 40 {
		list = append(list, Observation{Dataset: "short", Difference: .3 - float64(i)/1000}, Observation{Dataset: "long", Difference: .9 - float64(i)/1000})
		x = append(x, float64(i), float64(1000+i))
	}
	got := FindTrend(list, x, 1)
	if !got.Within || got.Spearman.R >= 0 {
		t.Errorf("%+v", got.Spearman)
	}
	for i := 1; i < len(got.Bins); i++ {
		if got.Bins[i].Mean >= got.Bins[i-1].Mean {
			t.Errorf("bins do not fall: %+v", got.Bins)
		}
	}
}

func TestWhereOfTiesAndLittle(t *testing.T) {
	var list []Observation
	for i := range 30 {
		list = append(list, Observation{Dataset: "d", Group: "g", Difference: float64(i%2) / 10, Facts: QueryFacts{Length: 5, DocumentLength: math.NaN(), Overlap: math.NaN(), FirstPositive: 1}})
	}
	w := FindWhere("a", "b", "nDCG@10", list, 1)
	if len(w.Trends) != 2 || len(w.Trends[0].Bins) != 1 || w.Trends[0].Spearman.P != 1 || w.Datasets != nil {
		t.Errorf("%+v", w)
	}
	if !strings.Contains(w.Sentence(), "none of the 2 features") {
		t.Error(w.Sentence())
	}
	for _, w := range []Where{FindWhere("a", "b", "m", nil, 1), FindWhere("a", "b", "m", list[:1], 1)} {
		if len(w.Trends) != 0 || w.Sentence() == "" {
			t.Errorf("%+v", w)
		}
	}
}

func TestGain(t *testing.T) {
	g := FindGain("a", "b", "nDCG@10", []Measured{{Left: []float64{1, 0, .5}, Right: []float64{0, 1, .5}, RRF: []float64{.8, .8, .5}}, {}, {Left: []float64{.2}, Right: []float64{.4}, RRF: []float64{.3}}})
	near(t, "left", g.LeftMean, (0.5+.2)/2, 1e-12)
	near(t, "right", g.RightMean, (0.5+.4)/2, 1e-12)
	near(t, "oracle", g.Oracle, (2.5/3+.4)/2, 1e-12)
	near(t, "gain of the oracle", g.OracleGain, (2.5/3+.4)/2-.45, 1e-12)
	near(t, "rrf", g.RRF, (.7+.3)/2, 1e-12)
	near(t, "gain of rrf", g.RRFGain, .05, 1e-12)
	if g.Datasets != 2 || g.Queries != 4 {
		t.Errorf("%+v", g)
	}
}

func TestAgree(t *testing.T) {
	a := Agree([]string{"a", "b", "c"}, []Rankings{
		{Dataset: "x", Lists: map[string][][]int32{"a": {{1, 2, 3}, {4}}, "b": {{1, 2, 3}, {5}}}, Values: map[string][]float64{"a": {1, 0}, "b": {1, .5}}},
		{Dataset: "y", Lists: map[string][][]int32{"a": {{1}}, "b": {{1}}, "c": {{2}}}, Values: map[string][]float64{"a": {1}, "b": {1}, "c": {0}}},
	})
	if len(a.Pairs) != 3 {
		t.Fatalf("%+v", a)
	}
	if p := a.pair("b", "a"); p.Datasets != 2 || p.Queries != 3 || p.RBO != .75 || p.Overlap != .75 {
		t.Errorf("%+v", p)
	}
	if p := a.pair("a", "c"); p.Datasets != 1 || p.RBO != 0 {
		t.Errorf("%+v", p)
	}
	for _, part := range []string{"Most alike: a and b", "least: a and c"} {
		if !strings.Contains(a.Sentence(), part) {
			t.Error(a.Sentence())
		}
	}
}
