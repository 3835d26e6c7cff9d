package explain

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/vectors"
)

// openMiniLM are MiniLM's vectors of SciFact with its test queries, and a scorer by nDCG@10.
func openMiniLM(t *testing.T) (Sets, labrador.Qrels) {
	dir := outside.Data(t, "vectors/scifact-minilm")
	qrels := labrador.Qrels{}
	data, err := os.ReadFile(filepath.Join(dir, "qrels.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) >= 3 && f[len(f)-1] == "1" {
			q := f[0]
			if qrels[q] == nil {
				qrels[q] = map[string]int{}
			}
			qrels[q][f[len(f)-2]] = 1
		}
	}
	docs, err := vectors.OpenSet(filepath.Join(dir, "embeddings_minilm_pca128.npy"), filepath.Join(dir, "embedding_ids_minilm.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { docs.Close() })
	queries, err := vectors.OpenSet(filepath.Join(dir, "query_embeddings_minilm_128.npy"), filepath.Join(dir, "query_ids_minilm.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { queries.Close() })
	s := Sets{DocumentIDs: docs.IDs, Documents: docs.Matrix, QueryIDs: qrels.QueryIDs()}
	s.Queries = labrador.NewMatrix(len(s.QueryIDs), queries.Matrix.Cols)
	for i, id := range s.QueryIDs {
		row, ok := queries.Row(id)
		if !ok {
			t.Fatalf("no vector of query %s", id)
		}
		copy(s.Queries.Row(i), row)
	}
	return s, qrels
}

func scorer(t *testing.T, qrels labrador.Qrels) func(labrador.Run) ([]float64, error) {
	m, err := eval.Parse("nDCG@10")
	if err != nil {
		t.Fatal(err)
	}
	return func(run labrador.Run) ([]float64, error) {
		r, err := eval.PerQuery(m, qrels, run, eval.Options{Complete: true})
		if err != nil {
			return nil, err
		}
		return r.Values[0], nil
	}
}

// TestCompress: nDCG@10 and overlap of the first 64 and 32 of MiniLM's 128 principal dimensions on SciFact are those of faiss-cpu 1.15
// (IndexFlatIP over rows made unit length again) and pytrec_eval.
func TestCompress(t *testing.T) {
	s, qrels := openMiniLM(t)
	c, err := Compress(context.Background(), s, 100, scorer(t, qrels))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "full", c.Full, 0.6104031454232389, 1e-6)
	want := map[string][2]float64{"64 dimensions": {0.5162839479449752, 0.7123333333333333}, "32 dimensions": {0.40847629749043524, 0.5259999999999998}}
	for _, f := range c.Forms {
		if w, ok := want[f.Name]; ok {
			near(t, f.Name, f.Mean, w[0], 1e-4)
			near(t, f.Name+" overlap", f.Overlap, w[1], 1e-3)
			delete(want, f.Name)
		}
		near(t, f.Name+" difference", f.Difference, f.Mean-c.Full, 1e-9)
		if f.Name == "int8" && (math.Abs(f.Difference) > 0.01 || f.Overlap < 0.95) {
			t.Errorf("int8 lost too much: %+v", f)
		}
		if f.Name == "binary" && f.Difference > -0.02 {
			t.Errorf("128 bits lost nothing: %+v", f)
		}
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
	c.System, c.Dataset, c.Measure = "minilm", "scifact", "nDCG@10"
	t.Log(c.Sentence())
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}
