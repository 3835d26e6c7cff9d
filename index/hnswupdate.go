package index

import (
	"context"
	"fmt"
	"slices"
)

// widen writes row i as float32 to dst (dims), from the most exact form that is kept.
func (r *rowStore) widen(dst []float32, i uint32) {
	lo, hi := int(i)*r.dims, (int(i)+1)*r.dims
	switch {
	case r.exact32 != nil:
		copy(dst, r.exact32[lo:hi])
	case r.exact16 != nil:
		r.k.F32FromBF16(dst, r.exact16[lo:hi])
	case r.f32 != nil:
		copy(dst, r.f32[lo:hi])
	case r.bf16 != nil:
		r.k.F32FromBF16(dst, r.bf16[lo:hi])
	default:
		for j, c := range r.codes[lo:hi] {
			dst[j] = float32(c) * r.scales[i]
		}
	}
}

// UpdateHNSW applies changes to the index in the file path: the documents to remove leave the graph, whose links close
// over them, and the new ones are inserted. The file is written anew and replaced at the end, or stays as it was. All vectors are in
// memory meanwhile. Threads and Progress of o are used; its other settings are the index's own, the
// queries that ef is tuned on among them.
func UpdateHNSW(ctx context.Context, path string, c Changes, o HNSWOptions) (Changed, error) {
	old, err := OpenHNSW(path)
	if err != nil {
		return Changed{}, err
	}
	defer old.Close()
	if err := c.check(path, old.meta.Dims); err != nil {
		return Changed{}, err
	}
	gone, done := c.apply(old.ids)
	if done == (Changed{}) {
		return done, nil
	}
	if err := old.Verify(); err != nil {
		return Changed{}, fmt.Errorf("index: %s: %w", path, err)
	}
	return done, old.update(ctx, path, c, gone, o)
}

// update writes to path what is left of the index without gone and with what c adds.
func (old *HNSW) update(ctx context.Context, path string, c Changes, gone *Filter, o HNSWOptions) error {
	h, err := old.without(gone)
	if err != nil {
		return err
	}
	first := h.meta.Rows
	ids := slices.Clone(c.IDs)
	all := make([]string, 0, first+len(ids))
	for i := range first {
		all = append(all, h.ids.id(uint32(i)))
	}
	if h.ids, err = newIDTable(append(all, ids...)); err != nil {
		return err
	}
	if err := h.g.rows.load(MatrixSource(c.Add), first, h.meta); err != nil {
		return err
	}
	h.meta.Rows += c.Add.Rows
	h.g.grow(h.meta.Rows, h.meta.Seed)
	o.M, o.EfConstruction = h.meta.M, h.meta.EfConstruction
	if err := h.insert(ctx, first, o.withDefaults()); err != nil {
		return err
	}
	return h.save(ctx, path)
}

// without is a copy of the index, in memory, without some rows. A row that loses neighbours chooses anew among those it
// has left and the neighbours of the lost ones.
func (h *HNSW) without(gone *Filter) (*HNSW, error) {
	out := &HNSW{meta: h.meta, threads: h.threads, queries: h.queries}
	number := make([]uint32, h.meta.Rows) // of each row in the copy
	var ids []string
	rows := &rowStore{k: h.g.rows.k, dims: h.g.rows.dims}
	for i := range h.meta.Rows {
		if gone.has(i) {
			continue
		}
		number[i] = uint32(len(ids))
		ids = append(ids, h.ids.id(uint32(i)))
		rows.copyRow(h.g.rows, i)
	}
	out.meta.Rows = len(ids)
	var err error
	if out.ids, err = newIDTable(ids); err != nil {
		return nil, err
	}
	g := &graph{rows: rows, m: h.g.m, n: len(ids)}
	for i := range h.meta.Rows {
		if !gone.has(i) {
			g.levels = append(g.levels, h.g.levels[i])
			g.base = append(g.base, uint32(len(g.countU)))
			g.countU = append(g.countU, make([]uint16, h.g.levels[i])...)
		}
	}
	g.links0, g.count0 = make([]uint32, len(ids)*2*g.m), make([]uint16, len(ids))
	g.upper = make([]uint32, len(g.countU)*g.m)
	w := &walker{}
	for i := range h.meta.Rows {
		if gone.has(i) {
			continue
		}
		for layer := range int(h.g.levels[i]) + 1 {
			g.setNeighbours(number[i], layer, h.g.mended(w, uint32(i), layer, gone, number))
		}
		if g.levels[number[i]] > g.levels[g.entry] {
			g.entry = number[i]
		}
	}
	out.g, out.meta.Entry = g, g.entry
	return out, nil
}

// mended is the list of row i on a layer without the rows that are gone, in the numbers of the copy.
func (g *graph) mended(w *walker, i uint32, layer int, gone *Filter, number []uint32) []uint32 {
	have := g.neighbours(i, layer)
	candidates := make([]uint32, 0, len(have))
	lost := false
	for _, to := range have {
		if !gone.has(int(to)) {
			candidates = append(candidates, to)
			continue
		}
		lost = true
		for _, next := range g.neighbours(to, layer) {
			if next != i && !gone.has(int(next)) {
				candidates = append(candidates, next)
			}
		}
	}
	links := candidates
	if lost {
		slices.Sort(candidates)
		candidates = slices.Compact(candidates)
		all := make([]found, len(candidates))
		w.scratch(len(candidates))
		g.rows.near(w.sims, w.ints, g.rows.row(i, make([]float32, g.rows.dims)), candidates)
		for j, to := range candidates {
			all[j] = found{sim: w.sims[j], row: to}
		}
		slices.SortFunc(all, compareFound)
		links = g.choose(w, all, g.room(layer))
	}
	out := make([]uint32, len(links))
	for j, to := range links {
		out[j] = number[to]
	}
	return out
}

// copyRow appends row i of another store of the same formats.
func (r *rowStore) copyRow(from *rowStore, i int) {
	lo, hi := i*r.dims, (i+1)*r.dims
	if from.f32 != nil {
		r.f32 = append(r.f32, from.f32[lo:hi]...)
	}
	if from.bf16 != nil {
		r.bf16 = append(r.bf16, from.bf16[lo:hi]...)
	}
	if from.codes != nil {
		r.codes, r.scales = append(r.codes, from.codes[lo:hi]...), append(r.scales, from.scales[i])
	}
	if from.exact32 != nil {
		r.exact32 = append(r.exact32, from.exact32[lo:hi]...)
	}
	if from.exact16 != nil {
		r.exact16 = append(r.exact16, from.exact16[lo:hi]...)
	}
}
