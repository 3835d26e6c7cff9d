package index

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
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

// TestRM3OfZeroScores: where query likelihood gives the documents found the score 0, the words around them weigh nothing, and the
// query's own terms find what they found.
func TestRM3OfZeroScores(t *testing.T) {
	var docs []labrador.Document
	for i := range 40 {
		docs = append(docs, labrador.Document{ID: fmt.Sprintf("%02d", i), Text: strings.Repeat(fmt.Sprintf("filler%d ", i), 30)})
	}
	docs[3].Text += " apple" + strings.Repeat(" banana cherry", 1000)
	x := buildDocuments(t, docs, BM25Options{Variant: "ql"})
	query := labrador.Query{Text: "apple"}
	want, err := x.Search(t.Context(), query, 10)
	if err != nil || len(want) != 1 || want[0].Score != 0 {
		t.Fatal(want, err)
	}
	for _, weight := range []float64{0, Zero, 1} {
		r, err := x.RM3(RM3Options{OriginalWeight: weight})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Search(t.Context(), query, 10); err != nil || !slices.Equal(got, want) {
			terms, _ := r.Expand(t.Context(), query.Text)
			t.Errorf("weight %v: %v, %v, want %v; terms %v", weight, got, err, want, terms)
		}
	}
}
