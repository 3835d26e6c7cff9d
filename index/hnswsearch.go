package index

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
)

// HNSWQuery are the settings of a search. The zero value uses the tuned ef and all documents.
type HNSWQuery struct {
	// Ef is the number of candidates a walk keeps; 0 is the tuned one. It is at least k.
	Ef int
	// Allow restricts hits to a set of documents; nil allows all.
	Allow *Filter
}

// Filter makes the set of the documents with the given ids; ids that the index does not hold are left out.
func (h *HNSW) Filter(ids []string) *Filter { return h.ids.filter(ids) }

// Search returns about the k best documents for each row of queries (Q, Dimensions), best first; their scores are exact
// where vectors are kept for that.
func (h *HNSW) Search(ctx context.Context, queries labrador.Matrix, k int, o HNSWQuery) ([][]labrador.Hit, error) {
	if queries.Cols != h.meta.Dims && queries.Rows > 0 {
		return nil, fmt.Errorf("index: queries have %d dimensions, the index has %d", queries.Cols, h.meta.Dims)
	}
	if err := checkFinite(queries.Data, 0, max(1, queries.Cols)); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	all := make([][]labrador.Hit, queries.Rows)
	k = min(max(k, 0), h.meta.Rows)
	if k == 0 {
		return all, nil
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	work := func() {
		w, _ := h.states.Get().(*walker)
		if w == nil {
			w = &walker{}
		}
		for ctx.Err() == nil && failed.Load() == nil {
			i := int(next.Add(1)) - 1
			if i >= queries.Rows {
				break
			}
			if all[i] = h.search(w, queries.Row(i), k, o); w.err != nil {
				failed.CompareAndSwap(nil, &w.err)
				return
			}
		}
		h.states.Put(w)
	}
	for range min(h.threads, queries.Rows) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, fmt.Errorf("index: %w", *err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return all, nil
}

// search finds the hits of one query; w.err says what is wrong with the file, if anything.
func (h *HNSW) search(w *walker, q []float32, k int, o HNSWQuery) []labrador.Hit {
	rows := h.g.rows
	if len(w.query) != rows.dims {
		w.query, w.codes = make([]float32, rows.dims), make([]int8, rows.dims)
	}
	copy(w.query, q)
	if h.meta.Metric == Cosine {
		rows.k.Normalize(w.query, q)
	}
	p := rows.query(w.query, w.codes)
	ef := o.Ef
	if ef <= 0 {
		ef = h.meta.Ef
	}
	ef = max(ef, k)
	if o.Allow != nil {
		return h.filtered(w, p, k, ef, o.Allow)
	}
	from := [1]found{h.g.descend(w, p, 0)}
	if h.g.layer(w, p, from[:], ef, 0); w.err != nil {
		return nil
	}
	return h.name(w, w.pool, p, k)
}

// Filtered searches scan the allowed rows where these are few: a walk of wide candidates looks at some m*wide rows or
// more. Otherwise the walk goes through rows that are not allowed, and keeps so many candidates that ef of them are
// expected to be. Where the filter and the query are related fewer may come out, in the worst case none: the k-th allowed
// hit is then too near the edge of what the walk has seen, and a wider walk, or in the end the scan, takes its place.
func (h *HNSW) filtered(w *walker, p point, k, ef int, allow *Filter) []labrador.Hit {
	if allow.count == 0 {
		return nil
	}
	enough := max(k, ef-ef/4) // a quarter less than expected is chance
	share := float64(allow.count) / float64(h.meta.Rows)
	for {
		wide := int(float64(ef)/share) + ef
		if allow.count <= h.meta.M*(wide-ef) {
			return h.scanAllowed(w, p, k, allow)
		}
		from := [1]found{h.g.descend(w, p, 0)}
		if h.g.layer(w, p, from[:], wide, 0); w.err != nil {
			return nil
		}
		pool := slices.DeleteFunc(w.pool, func(f found) bool { return !allow.has(int(f.row)) })
		if len(pool) >= enough {
			return h.name(w, pool, p, k)
		}
		share = min(share/2, max(float64(len(pool)), 0.5)/float64(wide))
	}
}

// scanAllowed scores every allowed row.
func (h *HNSW) scanAllowed(w *walker, p point, k int, allow *Filter) []labrador.Hit {
	const block = 1024
	keep := min(max(4*k, k+16), allow.count)
	best := topK{k: keep}
	score := func() {
		if !w.trust(h.g.trustRows("vectors", w.fresh)) {
			w.fresh = w.fresh[:0]
		}
		w.scratch(len(w.fresh))
		h.g.rows.near(w.sims, w.ints, p, w.fresh)
		for i, row := range w.fresh {
			best.push(candidate{w.sims[i], row, h.ids.ranks[row]})
		}
		w.fresh = w.fresh[:0]
	}
	w.fresh = w.fresh[:0]
	for row := range h.meta.Rows {
		if allow.has(row) {
			if w.fresh = append(w.fresh, uint32(row)); len(w.fresh) == block {
				score()
			}
		}
	}
	score()
	pool := w.pool[:0]
	for _, c := range best.sorted() {
		pool = append(pool, found{sim: c.score, row: c.row})
	}
	w.pool = pool
	return h.name(w, pool, p, k)
}

// name scores the candidates exactly, sorts them by the rule of hits, and gives them their ids.
func (h *HNSW) name(w *walker, pool []found, p point, k int) []labrador.Hit {
	if h.g.rows.codes != nil {
		pool = pool[:min(len(pool), max(4*k, k+16))] // the codes' order is good enough that the k best are among these
	}
	if h.meta.Keep != "" {
		w.fresh = w.fresh[:0]
		for _, f := range pool {
			w.fresh = append(w.fresh, f.row)
		}
		if !w.trust(h.g.trustRows("exact", w.fresh)) {
			return nil
		}
	}
	list := make([]candidate, len(pool))
	for i, f := range pool {
		if i+2 < len(pool) {
			h.g.rows.exactAhead(pool[i+2].row)
		}
		list[i] = candidate{h.g.rows.exact(p, f.row), f.row, h.ids.ranks[f.row]}
	}
	slices.SortFunc(list, compareCandidates)
	hits := make([]labrador.Hit, min(k, len(list)))
	for i := range hits {
		hits[i] = labrador.Hit{ID: h.ids.id(list[i].row), Score: list[i].score}
	}
	return hits
}
