package token

// symbol is a part of a word while it is merged.
type symbol struct {
	id   int32
	size int32 // bytes; -1: merged into one before
}

// merger merges the symbols of a word.
type merger struct {
	symbols []symbol
	pending int32    // bytes of an unknown symbol that is not among symbols yet
	merged  []uint64 // merge of each symbol with the next
	heap    []mergeEntry
	prev    []int32
	next    []int32
}

type mergeEntry struct {
	merge uint64 // rank<<32 | id
	pos   int32
}

func (g *merger) add(id, size int32) { g.symbols = append(g.symbols, symbol{id, size}) }

// scanLimit is the number of symbols up to which looking at all of them for the next merge beats a heap.
const scanLimit = 48

func (g *merger) merge(t *pairTable) {
	if len(g.symbols) <= scanLimit {
		g.mergeScan(t)
	} else {
		g.mergeHeap(t)
	}
}

func (g *merger) mergeScan(t *pairTable) {
	y := g.symbols
	g.merged = g.merged[:0]
	for i := 0; i+1 < len(y); i++ {
		g.merged = append(g.merged, t.get(y[i].id, y[i+1].id))
	}
	m := g.merged
	for len(m) > 0 {
		best, at := uint64(noMerge>>32), -1
		for i, v := range m {
			if v>>32 < best {
				best, at = v>>32, i
			}
		}
		if at < 0 {
			break
		}
		y[at] = symbol{int32(uint32(m[at])), y[at].size + y[at+1].size}
		y = append(y[:at+1], y[at+2:]...)
		m = append(m[:at], m[at+1:]...)
		if at > 0 {
			m[at-1] = t.get(y[at-1].id, y[at].id)
		}
		if at < len(m) {
			m[at] = t.get(y[at].id, y[at+1].id)
		}
	}
	g.symbols = y
}

// mergeHeap takes n log n steps for n symbols. Entries of the heap that no longer hold are recognised when they come up.
func (g *merger) mergeHeap(t *pairTable) {
	y, n := g.symbols, int32(len(g.symbols))
	g.heap, g.prev, g.next = g.heap[:0], g.prev[:0], g.next[:0]
	for i := range n {
		g.prev, g.next = append(g.prev, i-1), append(g.next, i+1)
		if i+1 < n {
			g.push(t, i, i+1)
		}
	}
	for i := len(g.heap)/2 - 1; i >= 0; i-- {
		g.down(i)
	}
	for len(g.heap) > 0 {
		e := g.pop()
		i := e.pos
		j := g.next[i]
		if y[i].size < 0 || j >= n || t.get(y[i].id, y[j].id) != e.merge {
			continue
		}
		y[i] = symbol{int32(uint32(e.merge)), y[i].size + y[j].size}
		y[j].size = -1
		g.next[i] = g.next[j]
		if g.next[i] < n {
			g.prev[g.next[i]] = i
		}
		if p := g.prev[i]; p >= 0 && g.push(t, p, i) {
			g.up(len(g.heap) - 1)
		}
		if k := g.next[i]; k < n && g.push(t, i, k) {
			g.up(len(g.heap) - 1)
		}
	}
}

// push puts the merge of the symbols i and j, if there is one, at the end of the heap.
func (g *merger) push(t *pairTable, i, j int32) bool {
	m := t.get(g.symbols[i].id, g.symbols[j].id)
	if m == noMerge {
		return false
	}
	g.heap = append(g.heap, mergeEntry{m, i})
	return true
}

func (e mergeEntry) before(o mergeEntry) bool {
	if e.merge>>32 != o.merge>>32 {
		return e.merge>>32 < o.merge>>32
	}
	return e.pos < o.pos
}

func (g *merger) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !g.heap[i].before(g.heap[p]) {
			return
		}
		g.heap[i], g.heap[p] = g.heap[p], g.heap[i]
		i = p
	}
}

func (g *merger) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(g.heap) {
			return
		}
		if c+1 < len(g.heap) && g.heap[c+1].before(g.heap[c]) {
			c++
		}
		if !g.heap[c].before(g.heap[i]) {
			return
		}
		g.heap[i], g.heap[c] = g.heap[c], g.heap[i]
		i = c
	}
}

func (g *merger) pop() mergeEntry {
	e, last := g.heap[0], len(g.heap)-1
	g.heap[0] = g.heap[last]
	g.heap = g.heap[:last]
	g.down(0)
	return e
}
