package vectors

import (
	"context"
	"math"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/outside"
)

// The figures that the source of the vectors gives for cosine over all-MiniLM-L6-v2 reduced to 128 dimensions: nDCG@10 0.6104,
// R@100 0.904 on SciFact's test queries; NumPy and pytrec_eval 0.5.11 give 0.61040 and 0.90433.
func TestSciFactMiniLM(t *testing.T) {
	dir := outside.Data(t, "vectors/scifact-minilm")
	docs, err := OpenSet(dir+"/embeddings_minilm_pca128.npy", dir+"/embedding_ids_minilm.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer docs.Close()
	queries, err := OpenSet(dir+"/query_embeddings_minilm_128.npy", dir+"/query_ids_minilm.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer queries.Close()
	s, err := NewSearcher(docs, queries, index.Cosine)
	if err != nil {
		t.Fatal(err)
	}
	qrels, err := labrador.ReadQrels(outside.Data(t, "text/scifact") + "/qrels/test.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var batch []labrador.Query
	for _, id := range qrels.QueryIDs() {
		batch = append(batch, labrador.Query{ID: id})
	}
	lists, err := s.SearchBatch(context.Background(), batch, 100)
	if err != nil {
		t.Fatal(err)
	}
	run := labrador.Run{}
	for i, q := range batch {
		run[q.ID] = lists[i]
	}
	for name, want := range map[string]float64{"nDCG@10": 0.6104, "R@100": 0.9043} {
		measures, err := eval.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := eval.PerQuery(measures, qrels, run, eval.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Overall[0]; math.Abs(got-want) > 0.00005 {
			t.Errorf("%s of %d queries: %.5f, want %.4f", name, len(batch), got, want)
		}
	}
}
