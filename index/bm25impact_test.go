package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

// TestImpactsAreInnerProducts compares with inner products over dense rows, top k from 1 to 1,000.
func TestImpactsAreInnerProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const docs, words = 3000, 200
	rows := make([][words]float64, docs)
	vectors := func(yield func(SparseVector, error) bool) {
		for i := range rows {
			v := SparseVector{ID: fmt.Sprintf("%05d", i)}
			for w, x := range rows[i] {
				if x > 0 {
					v.Terms = append(v.Terms, WeightedTerm{fmt.Sprint("t", w), float32(x)})
				}
			}
			if !yield(v, nil) {
				return
			}
		}
	}
	for i := range rows {
		for range 1 + r.IntN(40) {
			rows[i][int(words*r.Float64()*r.Float64())] = float64(1+r.IntN(300)) / 100
		}
	}
	path := filepath.Join(t.TempDir(), "index")
	if err := BuildImpact(context.Background(), path, vectors, ImpactOptions{}); err != nil {
		t.Fatal(err)
	}
	x, err := OpenBM25(path)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for range 20 {
		var query []WeightedTerm
		sums := make([]float64, docs)
		for range 1 + r.IntN(12) {
			w, weight := r.IntN(words), float32(1+r.IntN(30))/8
			query = append(query, WeightedTerm{fmt.Sprint("t", w), weight})
			for i := range rows {
				sums[i] += rows[i][w] * float64(weight)
			}
		}
		order := slices.Clone(sums)
		slices.Sort(order)
		slices.Reverse(order)
		for _, k := range []int{1, 10, 200, 1000} {
			hits, err := x.SearchTerms(context.Background(), query, k)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range hits {
				at, _ := strconv.Atoi(h.ID)
				if math.Abs(float64(h.Score)-order[i]) > 1e-5*order[i] || math.Abs(sums[at]-order[i]) > 1e-5*order[i] {
					t.Fatalf("k %d, place %d: %v, its product %v, want %v", k, i, h, sums[at], order[i])
				}
			}
		}
	}
}

func TestImpactTooLarge(t *testing.T) {
	vectors := func(yield func(SparseVector, error) bool) {
		yield(SparseVector{ID: "a", Terms: []WeightedTerm{{"x", 1e9}}}, nil)
	}
	err := BuildImpact(context.Background(), filepath.Join(t.TempDir(), "index"), vectors, ImpactOptions{})
	if err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Fatal(err)
	}
}

// TestVariantImpactSumsFrequencies: the formula without a scale.
func TestVariantImpactSumsFrequencies(t *testing.T) {
	x := buildDocuments(t, []labrador.Document{{ID: "a", Text: "x x y"}, {ID: "b", Text: "x"}}, BM25Options{Analyzer: "whitespace", Variant: "impact"})
	hits, err := x.Search(context.Background(), labrador.Query{Text: "x y y"}, 10)
	if err != nil || len(hits) != 2 || hits[0] != (labrador.Hit{ID: "a", Score: 4}) {
		t.Fatal(hits, err)
	}
}
