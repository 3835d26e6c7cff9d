package index

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
)

// RM3Options are the settings of RM3; the zero value is Anserini's (-rm3).
type RM3Options struct {
	Documents      int     // best documents that terms are taken from; 0 is 10
	Terms          int     // terms taken; 0 is 10
	OriginalWeight float64 // of the query as it was, the new terms having the rest; 0 is 0.5, Zero is nought
}

// RM3 searches with a query that is expanded by terms of the documents found first: the relevance model RM3 (Lavrenko and Croft
// 2001; Abdul-Jaleel et al., TREC 2004), as Anserini's Rm3Reranker runs it. From each of the best documents it takes the most
// frequent terms (2 to 20 of the characters a-z and 0-9, in at most a tenth of the documents), weighs them by their share of
// the document and the document's score, and searches again with the best, beside the terms of the query. Among terms of equal
// weight the lesser comes first.
type RM3 struct {
	x *BM25
	o RM3Options
}

// RM3 returns a searcher over x. The index must have one field and keep its documents.
func (x *BM25) RM3(o RM3Options) (*RM3, error) {
	if o.Documents == 0 {
		o.Documents = 10
	}
	if o.Terms == 0 {
		o.Terms = 10
	}
	if o.OriginalWeight == 0 {
		o.OriginalWeight = 0.5
	}
	switch w := number(o.OriginalWeight); {
	case o.Documents < 1 || o.Terms < 1 || !(w >= 0 && w <= 1):
		return nil, fmt.Errorf("index: RM3 with %d documents, %d terms, weight %v: want at least 1, 1, and 0 to 1", o.Documents, o.Terms, w)
	case len(x.fields) != 1:
		return nil, fmt.Errorf("index: %s: RM3 takes terms from one field, the index has %d", x.path, len(x.fields))
	case x.arrivals == nil:
		return nil, fmt.Errorf("index: %s: RM3 reads documents, which this index does not keep", x.path)
	}
	return &RM3{x, o}, nil
}

// Search implements labrador.Searcher.
func (r *RM3) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	terms, err := r.Expand(q.Text)
	if err != nil {
		return nil, err
	}
	return r.x.SearchTerms(ctx, terms, k)
}

// Expand returns the terms of the expanded query, in ascending order.
func (r *RM3) Expand(query string) ([]WeightedTerm, error) {
	first, err := r.x.SearchNumbers(nil, query, r.o.Documents)
	if err != nil {
		return nil, err
	}
	model := features{}
	for _, h := range first {
		doc, err := r.document(h.Number)
		if err != nil {
			return nil, err
		}
		if norm := float32(doc.sum()); norm > 0.001 {
			for t, w := range doc {
				model[t] += w / norm * h.Score
			}
		}
	}
	model = model.greatest(r.o.Terms)
	model.scale()
	var tokens analysis.Tokens
	r.x.analyzer.Analyze(query, &tokens)
	original := features{}
	for i := range tokens.Len() {
		original[string(tokens.Term(i))]++
	}
	original.scale()
	w := float32(number(r.o.OriginalWeight))
	mixed := features{}
	for t, v := range original {
		mixed[t] = w * v
	}
	for t, v := range model {
		mixed[t] = float32(float64(w*original[t]) + (1-float64(w))*float64(v))
	}
	var out []WeightedTerm
	for t, v := range mixed {
		out = append(out, WeightedTerm{t, v})
	}
	slices.SortFunc(out, func(a, b WeightedTerm) int { return cmp.Compare(a.Term, b.Term) })
	return out, nil
}

// document is the terms of a document that may be taken, by frequency.
func (r *RM3) document(doc uint32) (features, error) {
	d, err := r.x.stored(doc)
	if err != nil {
		return nil, fmt.Errorf("index: %s: %w", r.x.path, err)
	}
	var tokens analysis.Tokens
	r.x.analyzer.Analyze(d.Contents(), &tokens)
	f := features{}
	for i := range tokens.Len() {
		if name := tokens.Term(i); expansionTerm(name) {
			f[string(name)]++
		}
	}
	for name := range f {
		t, _, err := r.x.fields[0].dict.find([]byte(name))
		if err != nil {
			return nil, fmt.Errorf("index: %s: %w", r.x.path, err)
		}
		if float32(t.df)/float32(r.x.n) > 0.1 {
			delete(f, name)
		}
	}
	return f.greatest(r.o.Terms), nil
}

// expansionTerm says whether a term's form makes it one to expand with.
func expansionTerm(name []byte) bool {
	if len(name) < 2 || len(name) > 20 {
		return false
	}
	for _, c := range name {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}

// features are weighted terms.
type features map[string]float32

// sum adds the weights, in the order of the terms so that it always comes out the same.
func (f features) sum() float64 {
	s := 0.0
	for _, t := range f.byWeight() {
		s += math.Abs(float64(f[t]))
	}
	return s
}

// scale makes the weights add up to 1.
func (f features) scale() {
	s := f.sum()
	for t, w := range f {
		f[t] = float32(float64(w) / s)
	}
}

// byWeight are the terms, heaviest first.
func (f features) byWeight() []string {
	terms := make([]string, 0, len(f))
	for t := range f {
		terms = append(terms, t)
	}
	slices.SortFunc(terms, func(a, b string) int {
		if f[a] != f[b] {
			return cmp.Compare(f[b], f[a])
		}
		return cmp.Compare(a, b)
	})
	return terms
}

// greatest keeps the n heaviest.
func (f features) greatest(n int) features {
	kept := features{}
	for i, t := range f.byWeight() {
		if i == n {
			break
		}
		kept[t] = f[t]
	}
	return kept
}

var _ labrador.Searcher = (*RM3)(nil)
