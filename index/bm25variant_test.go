package index

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

// TestVariantsAgainstBM25S compares every document's score under five formulas with bm25s 0.3.16 (testdata/bm25s.py).
func TestVariantsAgainstBM25S(t *testing.T) {
	data, err := os.ReadFile("testdata/bm25s.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Documents, Queries []string
		Scores             map[string][][]float64
		Missing            map[string]map[string]float64
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	var docs []labrador.Document
	for i, text := range want.Documents {
		docs = append(docs, labrador.Document{ID: fmt.Sprintf("%02d", i), Text: text})
	}
	for variant, scores := range want.Scores {
		x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace", Variant: variant, ExactLengths: true})
		for q, query := range want.Queries {
			hits, err := x.SearchNumbers(nil, query, len(docs))
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float64, len(docs))
			for _, h := range hits {
				got[h.Number] = float64(h.Score)
			}
			for i, text := range want.Documents {
				expect := scores[q][i]
				for word := range strings.FieldsSeq(query) {
					if !strings.Contains(" "+text+" ", " "+word+" ") {
						expect -= want.Missing[variant][word]
					}
				}
				if math.Abs(got[i]-expect) > 1e-6*max(1, expect) {
					t.Errorf("%s, %q, document %d: got %v, bm25s has %v", variant, query, i, got[i], expect)
				}
			}
		}
	}
}
