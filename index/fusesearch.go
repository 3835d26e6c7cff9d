package index

import (
	"context"
	"fmt"

	"github.com/labrador-lab/labrador"
)

// DefaultFuseDepth is how many hits a Fused asks each of its searchers for where FuseOptions.Depth is 0.
const DefaultFuseDepth = 1000

// Fused is a labrador.BatchSearcher that asks several searchers and fuses what they find.
type Fused struct {
	searchers []labrador.Searcher
	opts      FuseOptions
}

// NewFused fuses the searchers, in the order of o.Weights and o.Minima. Each is asked for o.Depth hits (0: DefaultFuseDepth), and for k
// where that is more; a depth that does not follow k keeps a hit's fused score the same for every k.
func NewFused(searchers []labrador.Searcher, o FuseOptions) (*Fused, error) {
	if err := o.Validate(len(searchers)); err != nil {
		return nil, err
	}
	if o.Depth == 0 {
		o.Depth = DefaultFuseDepth
	}
	return &Fused{searchers: searchers, opts: o.withDefaults()}, nil
}

// Search implements labrador.Searcher.
func (f *Fused) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	lists, err := f.SearchBatch(ctx, []labrador.Query{q}, k)
	if err != nil {
		return nil, err
	}
	return lists[0], nil
}

// SearchBatch implements labrador.BatchSearcher; searchers that take batches get them.
func (f *Fused) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	o := f.opts
	o.Depth = max(o.Depth, k)
	found := make([][][]labrador.Hit, len(f.searchers)) // (searcher, query)
	for i, s := range f.searchers {
		lists, err := searchAll(ctx, s, queries, o.Depth)
		if err != nil {
			return nil, fmt.Errorf("index: fusion, system %d: %w", i+1, err)
		}
		found[i] = lists
	}
	out := make([][]labrador.Hit, len(queries))
	err := overQueries(len(queries), func(pool *fuser, q int) error {
		if err := pool.pool(len(found), func(i int) []labrador.Hit { return found[i][q] }, o); err != nil {
			return fmt.Errorf("index: fusion, query %s: %w", queries[q].ID, err)
		}
		hits := pool.combine(o)
		out[q] = hits[:max(0, min(k, len(hits)))]
		return nil
	})
	return out, err
}

func searchAll(ctx context.Context, s labrador.Searcher, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	if b, ok := s.(labrador.BatchSearcher); ok {
		return b.SearchBatch(ctx, queries, k)
	}
	out := make([][]labrador.Hit, len(queries))
	for i, q := range queries {
		hits, err := s.Search(ctx, q, k)
		if err != nil {
			return nil, err
		}
		out[i] = hits
	}
	return out, nil
}
