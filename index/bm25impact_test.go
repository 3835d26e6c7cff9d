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

// buildImpacts indexes the vectors.
func buildImpacts(t *testing.T, path string, vectors ...SparseVector) *BM25 {
	t.Helper()
	all := func(yield func(SparseVector, error) bool) {
		for _, v := range vectors {
			if !yield(v, nil) {
				return
			}
		}
	}
	if err := BuildImpact(t.Context(), path, all, ImpactOptions{}); err != nil {
		t.Fatal(err)
	}
	x, err := OpenBM25(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// TestImpactsOfOddTerms: an empty term is one as others are, a term that comes twice counts with the sum and one weight too large is an
// error also as a sum.
func TestImpactsOfOddTerms(t *testing.T) {
	x := buildImpacts(t, filepath.Join(t.TempDir(), "index"),
		SparseVector{"1", []WeightedTerm{{"a", 1.004}, {"", 1}, {"a", 1.004}, {"a", -5}}}, SparseVector{"2", []WeightedTerm{{"a", 2}}})
	for term, want := range map[string][]labrador.Hit{"a": {{ID: "1", Score: 2.01}, {ID: "2", Score: 2}}, "": {{ID: "1", Score: 1}}} {
		if got, err := x.SearchTerms(t.Context(), []WeightedTerm{{term, 1}}, 10); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", term, got, err, want)
		}
	}
	if _, err := x.SearchTerms(t.Context(), []WeightedTerm{{"a", float32(math.Inf(1))}}, 10); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("infinite weight: %v", err)
	}
	big := func(yield func(SparseVector, error) bool) {
		yield(SparseVector{"b", slices.Repeat([]WeightedTerm{{"x", maxImpact}}, 256)}, nil)
	}
	err := BuildImpact(t.Context(), filepath.Join(t.TempDir(), "index"), big, ImpactOptions{Scale: 1})
	if err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("a sum that is too large: %v", err)
	}
}

// TestImpactsInASet: deleting and merging keep the scale, and documents, which have none, are refused.
func TestImpactsInASet(t *testing.T) {
	dir := t.TempDir()
	vector := func(id string, w float32) SparseVector { return SparseVector{id, []WeightedTerm{{"a", w}}} }
	buildImpacts(t, filepath.Join(dir, setSingle), vector("1", 1.5), vector("2", 2), vector("3", 3), vector("4", 4))
	set := openSet(t, dir)
	defer set.Close()
	if n, err := set.Delete(t.Context(), "3", "4"); n != 2 || err != nil { // half, so the rest is written anew
		t.Fatal(n, err)
	}
	if parts, deleted := set.Parts(); parts != 1 || deleted != 0 {
		t.Fatal(parts, deleted)
	}
	want := []labrador.Hit{{ID: "2", Score: 2}, {ID: "1", Score: 1.5}}
	if got, err := set.SearchTerms(t.Context(), []WeightedTerm{{"a", 1}}, 10); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, _, err := set.Add(t.Context(), sequence([]labrador.Document{{ID: "5", Text: "a"}}), BM25Options{}); err == nil {
		t.Error("a document was added to sparse vectors")
	}
}
