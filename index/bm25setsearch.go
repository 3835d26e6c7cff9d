package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador"
)

// sole is the only part where nothing of it is deleted, nil otherwise: a search of it needs nothing of the set.
func (s *BM25Set) sole() *BM25 {
	if len(s.parts) == 1 && s.parts[0].deleted == nil {
		return s.parts[0].x
	}
	return nil
}

// Search implements labrador.Searcher, as BM25.Search does.
func (s *BM25Set) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	return s.search(ctx, k, func(st *bm25Search) { st.analyze(q.Text) })
}

// SearchAll is Search for the documents that hold every term of the query, in one field or another.
func (s *BM25Set) SearchAll(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	return s.search(ctx, k, func(st *bm25Search) {
		st.analyze(q.Text)
		st.all = true
	})
}

// SearchTerms is Search for terms that need no analysis, as BM25.SearchTerms.
func (s *BM25Set) SearchTerms(ctx context.Context, terms []WeightedTerm, k int) ([]labrador.Hit, error) {
	return s.search(ctx, k, func(st *bm25Search) { st.setTerms(terms) })
}

// SearchBatch implements labrador.BatchSearcher: the queries are handed to one goroutine per processor.
func (s *BM25Set) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	return SearchEach(ctx, s, queries, k)
}

// search finds the k best of all parts; ask puts the query's terms into a search.
func (s *BM25Set) search(ctx context.Context, k int, ask func(*bm25Search)) ([]labrador.Hit, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if x := s.sole(); x != nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		st := x.state()
		defer func() { st.all = false; x.states.Put(st) }()
		ask(st)
		return st.hits(k)
	}
	hits, err := s.best(ctx, k, ask)
	separate(hits)
	return hits, err
}

// best finds the k best of all parts, equal scores left equal. The caller holds s.mu.
func (s *BM25Set) best(ctx context.Context, k int, ask func(*bm25Search)) ([]labrador.Hit, error) {
	var hits []labrador.Hit
	for _, p := range s.parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := p.search(k, ask)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	slices.SortFunc(hits, func(a, b labrador.Hit) int {
		if a.Score != b.Score {
			return cmp.Compare(b.Score, a.Score)
		}
		return strings.Compare(a.ID, b.ID)
	})
	return slices.Clip(hits[:max(0, min(k, len(hits)))]), ctx.Err()
}

// search finds the part's k best, equal scores left equal.
func (p *setPart) search(k int, ask func(*bm25Search)) ([]labrador.Hit, error) {
	st := p.x.state()
	st.part, st.exhaust = p, p.formulas[0].kind == ql
	defer func() {
		st.part, st.exhaust, st.all = nil, false, false
		p.x.states.Put(st)
	}()
	ask(st)
	ranks, err := st.run(k)
	if err != nil {
		return nil, err
	}
	hits := make([]labrador.Hit, len(ranks))
	for i, r := range ranks {
		id, err := p.x.ID(r.doc())
		if err != nil {
			return nil, fmt.Errorf("index: %s: %w", p.x.path, err)
		}
		hits[i] = labrador.Hit{ID: id, Score: r.score()}
	}
	return hits, nil
}

var _ labrador.BatchSearcher = (*BM25Set)(nil)
