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
// weight the lesser comes first. Where the best documents give no terms or all have the score 0, the query's own terms are all.
type RM3 struct {
	x rm3Index
	o RM3Options
}

// rm3Index is what RM3 needs of an index.
type rm3Index interface {
	Len() int
	SearchTerms(ctx context.Context, terms []WeightedTerm, k int) ([]labrador.Hit, error)
	// feedback is the k best documents of a query, with scores that are equal where they are.
	feedback(ctx context.Context, query string, k int) ([]scored, error)
	frequency(term []byte) (documents int64, err error)
	analyze(text string, out *analysis.Tokens)
}

// scored is the contents of a document and its score.
type scored struct {
	contents string
	score    float32
}

// RM3 returns a searcher over x. The index must have one field and keep its documents.
func (x *BM25) RM3(o RM3Options) (*RM3, error) {
	if x.arrivals == nil {
		return nil, fmt.Errorf("index: %s: RM3 reads documents, which this index does not keep", x.path)
	}
	if len(x.fields) != 1 {
		return nil, fmt.Errorf("index: %s: RM3 takes terms from one field, the index has %d", x.path, len(x.fields))
	}
	return newRM3(x, o)
}

// RM3 returns a searcher over s. The index must have one field and keep its documents.
func (s *BM25Set) RM3(o RM3Options) (*RM3, error) {
	own := s.Options()
	if own.NoDocuments {
		return nil, fmt.Errorf("index: %s: RM3 reads documents, which this index does not keep", s.dir)
	}
	if own.TitleWeight > 0 {
		return nil, fmt.Errorf("index: %s: RM3 takes terms from one field, the index has 2", s.dir)
	}
	return newRM3(s, o)
}

func newRM3(x rm3Index, o RM3Options) (*RM3, error) {
	if o.Documents == 0 {
		o.Documents = 10
	}
	if o.Terms == 0 {
		o.Terms = 10
	}
	if o.OriginalWeight == 0 {
		o.OriginalWeight = 0.5
	}
	if w := number(o.OriginalWeight); o.Documents < 1 || o.Terms < 1 || !(w >= 0 && w <= 1) {
		return nil, fmt.Errorf("index: RM3 with %d documents, %d terms, weight %v: want at least 1, 1, and 0 to 1", o.Documents, o.Terms, w)
	}
	return &RM3{x, o}, nil
}

func (x *BM25) analyze(text string, out *analysis.Tokens) { x.analyzer.Analyze(text, out) }

func (x *BM25) frequency(term []byte) (int64, error) {
	t, _, err := x.fields[0].dict.find(term)
	if err != nil {
		err = fmt.Errorf("index: %s: %w", x.path, err)
	}
	return t.df, err
}

func (x *BM25) feedback(_ context.Context, query string, k int) ([]scored, error) {
	hits, err := x.SearchNumbers(nil, query, k)
	docs := make([]scored, len(hits))
	for i, h := range hits {
		d, err := x.stored(h.Number)
		if err != nil {
			return nil, fmt.Errorf("index: %s: %w", x.path, err)
		}
		docs[i] = scored{d.Contents(), h.Score}
	}
	return docs, err
}

func (s *BM25Set) analyze(text string, out *analysis.Tokens) { s.analyzer.Analyze(text, out) }

func (s *BM25Set) frequency(term []byte) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	df, _, err := s.count(0, term)
	return df, err
}

func (s *BM25Set) feedback(ctx context.Context, query string, k int) ([]scored, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	hits, err := s.best(ctx, k, func(st *bm25Search) { st.analyze(query) })
	docs := make([]scored, len(hits))
	for i, h := range hits {
		p, doc, err := s.find(h.ID)
		if p == nil || err != nil {
			return nil, err
		}
		d, err := p.x.stored(doc)
		if err != nil {
			return nil, fmt.Errorf("index: %s: %w", p.x.path, err)
		}
		docs[i] = scored{d.Contents(), h.Score}
	}
	return docs, err
}

// Search implements labrador.Searcher.
func (r *RM3) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	terms, err := r.Expand(ctx, q.Text)
	if err != nil {
		return nil, err
	}
	return r.x.SearchTerms(ctx, terms, k)
}

// Expand returns the terms of the expanded query, in ascending order.
func (r *RM3) Expand(ctx context.Context, query string) ([]WeightedTerm, error) {
	first, err := r.x.feedback(ctx, query, r.o.Documents)
	if err != nil {
		return nil, err
	}
	model := features{}
	for _, h := range first {
		doc, err := r.document(h.contents)
		if err != nil {
			return nil, err
		}
		if norm := float32(doc.sum()); norm > 0.001 {
			for t, w := range doc {
				model[t] += w / norm * h.score
			}
		}
	}
	model = model.greatest(r.o.Terms)
	model.scale()
	var tokens analysis.Tokens
	r.x.analyze(query, &tokens)
	original := features{}
	for i := range tokens.Len() {
		original[string(tokens.Term(i))]++
	}
	original.scale()
	w := float32(number(r.o.OriginalWeight))
	if model.sum() == 0 { // nothing to expand with
		model = nil
		if w == 0 {
			w = 1
		}
	}
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
func (r *RM3) document(contents string) (features, error) {
	var tokens analysis.Tokens
	r.x.analyze(contents, &tokens)
	f := features{}
	for i := range tokens.Len() {
		if name := tokens.Term(i); expansionTerm(name) {
			f[string(name)]++
		}
	}
	n := float32(r.x.Len())
	for name := range f {
		df, err := r.x.frequency([]byte(name))
		if err != nil {
			return nil, err
		}
		if float32(df)/n > 0.1 {
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

// scale makes the weights add up to 1, unless all are 0.
func (f features) scale() {
	s := f.sum()
	if s == 0 {
		return
	}
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
