package index

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// Insertion goes in rounds. The rows of one round look for neighbours in the graph of the rounds before, side by side, and
// are linked afterwards, row by row in a fixed order; so the graph depends on the seed and the data alone. Rounds double in
// size up to a fiftieth of all rows (ParlayANN, Manohar et al. 2024, builds graphs in such rounds).
const roundShare = 50

type hnswBuilder struct {
	g       *graph
	ef      int
	threads int
	walkers []walker
	links   [][][]uint32 // of the round's rows: per layer, what was chosen
	sims    [][][]float32
}

// newGraph is a graph without links over all rows of a store, whose layers are drawn from the seed.
func newGraph(rows *rowStore, n, m int, seed uint64) *graph {
	g := &graph{rows: rows, m: m}
	g.grow(n, seed)
	return g
}

// grow makes room for rows up to n, and draws the layers of the new ones.
func (g *graph) grow(n int, seed uint64) {
	scale := 1 / math.Log(float64(g.m))
	for i := len(g.levels); i < n; i++ {
		u := rand.New(rand.NewPCG(seed, uint64(i))).Float64()
		level := min(int(-math.Log(1-u)*scale), 30)
		g.levels = append(g.levels, uint8(level))
		g.base = append(g.base, uint32(len(g.countU)))
		for range level {
			g.countU = append(g.countU, 0)
		}
	}
	g.links0 = append(g.links0, make([]uint32, n*2*g.m-len(g.links0))...)
	g.count0 = append(g.count0, make([]uint16, n-len(g.count0))...)
	g.upper = append(g.upper, make([]uint32, len(g.countU)*g.m-len(g.upper))...)
}

// insertAll inserts the rows in order, which the caller has shuffled.
func (g *graph) insertAll(ctx context.Context, order []uint32, o HNSWOptions) error {
	b := &hnswBuilder{g: g, ef: o.EfConstruction, threads: o.Threads, walkers: make([]walker, o.Threads)}
	limit := max(1, (g.n+len(order))/roundShare)
	for len(order) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if g.n == 0 {
			g.entry, g.n = order[0], 1
			order = order[1:]
			o.progress(1)
			continue
		}
		size := min(g.n, limit, len(order))
		b.round(order[:size])
		order = order[size:]
		o.progress(size)
	}
	return nil
}

// round inserts rows into the graph.
func (b *hnswBuilder) round(rows []uint32) {
	b.links, b.sims = make([][][]uint32, len(rows)), make([][][]float32, len(rows))
	b.parallel(len(rows), func(w *walker, i int) { b.links[i], b.sims[i] = b.find(w, rows[i]) })
	for layer := range int(b.g.levels[b.g.entry]) + 1 {
		b.connect(rows, layer)
	}
	for _, r := range rows {
		if b.g.levels[r] > b.g.levels[b.g.entry] {
			b.g.entry = r
		}
	}
	b.g.n += len(rows)
}

// parallel calls f for 0..n-1, spread over threads by a counter.
func (b *hnswBuilder) parallel(n int, f func(w *walker, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for t := range min(b.threads, n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(&b.walkers[t], i)
			}
		})
	}
	wg.Wait()
}

// find walks the graph for one new row and chooses its neighbours on each of its layers that the graph has.
func (b *hnswBuilder) find(w *walker, row uint32) (links [][]uint32, sims [][]float32) {
	g := b.g
	own := make([]float32, g.rows.dims)
	p := g.rows.row(row, own)
	top := min(int(g.levels[row]), int(g.levels[g.entry]))
	from := []found{g.descend(w, p, top)}
	links, sims = make([][]uint32, top+1), make([][]float32, top+1)
	for layer := top; layer >= 0; layer-- {
		g.layer(w, p, from, b.ef, layer)
		from = slices.Clone(w.pool)
		links[layer] = slices.Clone(g.choose(w, from, g.m))
		sims[layer] = make([]float32, len(links[layer]))
		g.rows.near(sims[layer], make([]int32, len(links[layer])), p, links[layer])
	}
	return links, sims
}

// edge is a link to be added to a row's list.
type edge struct {
	at   uint32
	link found
}

// connect stores the chosen links of the new rows on a layer, and adds the links back to them.
func (b *hnswBuilder) connect(rows []uint32, layer int) {
	var back []edge
	for i, row := range rows {
		if layer >= len(b.links[i]) {
			continue
		}
		b.g.setNeighbours(row, layer, b.links[i][layer])
		for j, to := range b.links[i][layer] {
			back = append(back, edge{to, found{sim: b.sims[i][layer][j], row: row}})
		}
	}
	slices.SortFunc(back, func(x, y edge) int { return cmp.Or(cmp.Compare(x.at, y.at), compareFound(x.link, y.link)) })
	var starts []int
	for i := range back {
		if i == 0 || back[i].at != back[i-1].at {
			starts = append(starts, i)
		}
	}
	b.parallel(len(starts), func(w *walker, s int) {
		end := len(back)
		if s+1 < len(starts) {
			end = starts[s+1]
		}
		b.addLinks(w, back[starts[s]:end], layer)
	})
}

// addLinks adds edges, all at one row, to its list, choosing anew when they do not all fit.
func (b *hnswBuilder) addLinks(w *walker, edges []edge, layer int) {
	g, at := b.g, edges[0].at
	have := g.neighbours(at, layer)
	room := g.room(layer)
	if len(have)+len(edges) <= room {
		links := append(w.links[:0], have...)
		for _, e := range edges {
			links = append(links, e.link.row)
		}
		w.links = links
		g.setNeighbours(at, layer, links)
		return
	}
	all := make([]found, 0, len(have)+len(edges))
	own := make([]float32, g.rows.dims)
	w.scratch(len(have))
	g.rows.near(w.sims, w.ints, g.rows.row(at, own), have)
	for i, row := range have {
		all = append(all, found{sim: w.sims[i], row: row})
	}
	for _, e := range edges {
		all = append(all, e.link)
	}
	slices.SortFunc(all, compareFound)
	g.setNeighbours(at, layer, g.choose(w, all, room))
}
