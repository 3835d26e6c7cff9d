package index

import (
	"cmp"
	"slices"

	"github.com/labrador-lab/labrador/kernel"
)

// graph is the layers of neighbours over the rows of a rowStore.
type graph struct {
	rows   *rowStore
	m      int      // neighbours on layers above 0; 2m on layer 0
	levels []uint8  // (rows) highest layer of each row
	links0 []uint32 // (rows, 2m) layer 0
	count0 []uint16 // (rows) how many of them are used
	base   []uint32 // (rows) where a row's upper layers begin, in slots of m
	upper  []uint32 // (slots, m)
	countU []uint16 // (slots)
	entry  uint32
	n      int        // rows that are in the graph
	guard  *hnswGuard // of a mapped file; nil for a graph that is built
}

// neighbours is the list of row i on a layer.
func (g *graph) neighbours(i uint32, layer int) []uint32 {
	if layer == 0 {
		at := int(i) * 2 * g.m
		return g.links0[at : at+int(g.count0[i])]
	}
	slot := int(g.base[i]) + layer - 1
	return g.upper[slot*g.m : slot*g.m+int(g.countU[slot])]
}

// setNeighbours replaces the list of row i on a layer; links fits.
func (g *graph) setNeighbours(i uint32, layer int, links []uint32) {
	if layer == 0 {
		copy(g.links0[int(i)*2*g.m:], links)
		g.count0[i] = uint16(len(links))
		return
	}
	slot := int(g.base[i]) + layer - 1
	copy(g.upper[slot*g.m:], links)
	g.countU[slot] = uint16(len(links))
}

// room is how many neighbours a row may have on a layer.
func (g *graph) room(layer int) int {
	if layer == 0 {
		return 2 * g.m
	}
	return g.m
}

// found is a row with its similarity to the point of a walk.
type found struct {
	sim  float32
	row  uint32
	done bool // its neighbours were looked at
}

func compareFound(a, b found) int {
	return cmp.Or(cmp.Compare(b.sim, a.sim), cmp.Compare(a.row, b.row))
}

// walker is the scratch of one walk through a graph. The zero value is ready.
type walker struct {
	pool  []found  // best first, at most ef
	seen  []uint16 // (rows) the round in which a row was met
	round uint16
	fresh []uint32
	sims  []float32
	ints  []int32
	wide  []float32
	codes []int8
	query []float32
	links []uint32
	err   error // what is wrong with the file, where a walk ended early
}

// begin forgets what was seen.
func (w *walker) begin(n int) {
	if len(w.seen) < n {
		w.seen = make([]uint16, n+n/8+1)
		w.round = 0
	}
	w.round++
	if w.round == 0 {
		clear(w.seen)
		w.round = 1
	}
	w.pool = w.pool[:0]
}

func (w *walker) scratch(n int) {
	if cap(w.sims) < n {
		w.sims, w.ints = make([]float32, 2*n), make([]int32, 2*n)
	}
	w.sims, w.ints = w.sims[:n], w.ints[:n]
}

// insert places f in the pool of at most ef and returns its place, or ef when it is not good enough.
func (w *walker) insert(f found, ef int) int {
	n := len(w.pool)
	if n == ef && compareFound(f, w.pool[n-1]) > 0 {
		return ef
	}
	at, _ := slices.BinarySearchFunc(w.pool, f, compareFound)
	if n < ef {
		w.pool = append(w.pool, found{})
	}
	copy(w.pool[at+1:], w.pool[at:])
	w.pool[at] = f
	return at
}

// trust remembers what is wrong with the file, which ends a walk.
func (w *walker) trust(err error) bool {
	if err != nil {
		w.err = err
	}
	return err == nil
}

// descend goes greedily from the entry point to the layer above stop and returns the nearest row it meets.
func (g *graph) descend(w *walker, p point, stop int) found {
	w.scratch(1)
	start := [1]uint32{g.entry}
	if !w.trust(g.trustRows("vectors", start[:])) {
		return found{row: g.entry}
	}
	g.rows.near(w.sims, w.ints, p, start[:])
	best := found{sim: w.sims[0], row: g.entry}
	for layer := int(g.levels[g.entry]); layer > stop; layer-- {
		for improved := true; improved; {
			improved = false
			links := g.neighbours(best.row, layer)
			if !w.trust(g.trustRows("vectors", links)) {
				return best
			}
			w.scratch(len(links))
			g.rows.near(w.sims, w.ints, p, links)
			for i, sim := range w.sims {
				if f := (found{sim: sim, row: links[i]}); compareFound(f, best) < 0 {
					best, improved = f, true
				}
			}
		}
	}
	return best
}

// layer fills w.pool with the ef rows nearest to p that a walk from the given rows finds on a layer (algorithm 2 of the
// paper, with a sorted array for its two heaps).
func (g *graph) layer(w *walker, p point, from []found, ef, layer int) {
	w.begin(len(g.levels))
	for _, f := range from {
		f.done = false
		w.seen[f.row] = w.round
		w.insert(f, ef)
	}
	for i := 0; i < len(w.pool); {
		if w.pool[i].done {
			i++
			continue
		}
		w.pool[i].done = true
		if layer == 0 && !w.trust(g.trustLinks(w.pool[i].row)) {
			return
		}
		w.fresh = w.fresh[:0]
		for _, row := range g.neighbours(w.pool[i].row, layer) {
			if w.seen[row] != w.round {
				w.seen[row] = w.round
				w.fresh = append(w.fresh, row)
				g.rows.ahead(row)
			}
		}
		if i+1 < len(w.pool) && layer == 0 { // its neighbours are likely the next to be asked for
			kernel.Prefetch(g.rows.k, g.links0[int(w.pool[i+1].row)*2*g.m:][:2*g.m])
		}
		w.scratch(len(w.fresh))
		g.rows.near(w.sims, w.ints, p, w.fresh)
		next := i + 1
		for j, sim := range w.sims {
			if len(w.pool) == ef && sim < w.pool[ef-1].sim {
				continue
			}
			next = min(next, w.insert(found{sim: sim, row: w.fresh[j]}, ef))
		}
		i = next
	}
}

// choose keeps at most room of the candidates, best first: one that is nearer to a chosen row than to the centre is left
// out, which spreads the links over directions (algorithm 4).
func (g *graph) choose(w *walker, candidates []found, room int) []uint32 {
	chosen := w.links[:0]
	if cap(w.wide) < g.rows.dims {
		w.wide = make([]float32, g.rows.dims)
	}
	for _, c := range candidates {
		if len(chosen) == room {
			break
		}
		w.scratch(len(chosen))
		g.rows.near(w.sims, w.ints, g.rows.row(c.row, w.wide[:g.rows.dims]), chosen)
		keep := true
		for _, sim := range w.sims {
			if sim > c.sim {
				keep = false
				break
			}
		}
		if keep {
			chosen = append(chosen, c.row)
		}
	}
	w.links = chosen
	return chosen
}
