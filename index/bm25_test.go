package index

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/internal/outside"
)

// buildFolder indexes the corpus of a BEIR folder of the reference data.
func buildFolder(t testing.TB, name string, o BM25Options) (*BM25, string) {
	t.Helper()
	dir := outside.Data(t, name)
	var docs []labrador.Document
	for d, err := range labrador.ReadDocuments(filepath.Join(dir, "corpus.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		if o.TitleWeight == 0 || strings.TrimSpace(d.Text) != "" { // Anserini's two-field collection leaves out documents without text
			docs = append(docs, d)
		}
	}
	return buildDocuments(t, docs, o), dir
}

// runFolder searches the folder's test queries.
func runFolder(t testing.TB, x *BM25, dir string, k int) (labrador.Qrels, labrador.Run) {
	t.Helper()
	qrels, err := labrador.ReadQrels(filepath.Join(dir, "qrels", "test.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var queries []labrador.Query
	for q, err := range labrador.ReadQueries(filepath.Join(dir, "queries.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		if qrels[q.ID] != nil {
			queries = append(queries, q)
		}
	}
	hits, err := x.SearchBatch(context.Background(), queries, k)
	if err != nil {
		t.Fatal(err)
	}
	run := labrador.Run{}
	for i, q := range queries {
		run[q.ID] = hits[i]
	}
	return qrels, run
}

// means are the measures' means over the queries.
func means(t testing.TB, names []string, qrels labrador.Qrels, run labrador.Run) []float64 {
	t.Helper()
	var out []float64
	for _, n := range names {
		m, err := eval.Parse(n)
		if err != nil {
			t.Fatal(err)
		}
		r, err := eval.PerQuery(m, qrels, run, eval.Options{Complete: true})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Overall[0])
	}
	return out
}

// TestAnserini compares with what Anserini 1.7.1 gets on the same folders (bm25-anserini-1.7.1.json), to its four decimals.
func TestAnserini(t *testing.T) {
	for _, c := range []struct {
		name       string
		title      float64
		ndcg, r100 float64
		ap, rr     float64
	}{
		{name: "text/scifact", ndcg: .6789, r100: .9253, ap: .6401, rr: .6506},
		{name: "text/scifact", title: 1, ndcg: .6647, r100: .9076, ap: .6221, rr: .6348},
		{name: "text/nfcorpus", ndcg: .3218, r100: .2457, ap: .1504, rr: .5280},
		{name: "text/nfcorpus", title: 1, ndcg: .3254, r100: .2500, ap: .1525, rr: .5368},
		{name: "text/cranfield", ndcg: .3510, r100: .7224, ap: .2879, rr: .5124},
		{name: "text/cranfield", title: 1, ndcg: .3724, r100: .7378, ap: .3044, rr: .5502},
		{name: "text/cacm", ndcg: .4754, r100: .6424, ap: .3270, rr: .6911},
		{name: "text/cacm", title: 1, ndcg: .4671, r100: .6063, ap: .3139, rr: .7129},
		{name: "text/med", ndcg: .6651, r100: .7729, ap: .5118, rr: .8872},
		{name: "text/vaswani", ndcg: .4368, r100: .6186, ap: .2856, rr: .6802},
		{name: "text/msmarco-dl19-5k", ndcg: .7320, r100: .7799, ap: .8518, rr: 1},
		{name: "code/cosqa", ndcg: .3143, r100: .7200, ap: .2777, rr: .2777},
		{name: "code/mbpp", ndcg: .1230, r100: .4220, ap: .1060, rr: .1060},
		{name: "code/humaneval", ndcg: .4324, r100: .8902, ap: .3874, rr: .3874},
		{name: "code/text2sql-advising", ndcg: .4431, r100: .9387, ap: .3876, rr: .3876},
	} {
		x, dir := buildFolder(t, c.name, BM25Options{TitleWeight: c.title})
		qrels, run := runFolder(t, x, dir, 1000)
		got := means(t, []string{"nDCG@10", "R@100", "AP", "RR"}, qrels, run)
		want := []float64{c.ndcg, c.r100, c.ap, c.rr}
		t.Logf("%-24s title %v: %.4f, Anserini %.4f", c.name, c.title, got, want)
		for i := range got {
			if math.Abs(got[i]-want[i]) > .00005001 {
				t.Errorf("%s title %v: got %.4f, want %.4f", c.name, c.title, got, want)
				break
			}
		}
	}
}
