package vectors

import (
	"context"
	"fmt"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
)

// ParseMetric reads "cosine" (or "", the default) and "ip" (or "dot").
func ParseMetric(name string) (index.Metric, error) {
	switch name {
	case "", "cosine":
		return index.Cosine, nil
	case "ip", "dot":
		return index.InnerProduct, nil
	}
	return "", fmt.Errorf("vectors: metric %q is unknown: cosine or ip", name)
}

// Searcher finds documents by given vectors: every query must have its vector, by its id. It is exact, and a
// labrador.BatchSearcher.
type Searcher struct {
	flat    *index.Flat
	queries *Set
}

// NewSearcher checks both sets (dimensions, NaN, zero rows under cosine) and returns a searcher over them.
func NewSearcher(documents, queries *Set, metric index.Metric) (*Searcher, error) {
	if d, q := documents.Matrix.Cols, queries.Matrix.Cols; d != q {
		return nil, fmt.Errorf("vectors: documents of %s have %d dimensions, queries of %s have %d", documents.Name, d, queries.Name, q)
	}
	for _, s := range []*Set{documents, queries} {
		if err := s.check(metric); err != nil {
			return nil, err
		}
	}
	flat, err := index.NewFlat(documents.IDs, documents.Matrix, metric)
	if err != nil {
		return nil, fmt.Errorf("vectors: %s: %w", documents.Name, err)
	}
	return &Searcher{flat: flat, queries: queries}, nil
}

// Search implements labrador.Searcher.
func (s *Searcher) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	lists, err := s.SearchBatch(ctx, []labrador.Query{q}, k)
	if err != nil {
		return nil, err
	}
	return lists[0], nil
}

// SearchBatch implements labrador.BatchSearcher.
func (s *Searcher) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	m := labrador.NewMatrix(len(queries), s.queries.Matrix.Cols)
	for i, q := range queries {
		row, ok := s.queries.Row(q.ID)
		if !ok {
			return nil, fmt.Errorf("vectors: %s has no row for query %q", s.queries.Name, q.ID)
		}
		copy(m.Row(i), row)
	}
	return s.flat.Search(ctx, m, k, nil)
}
