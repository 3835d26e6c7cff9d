package eval

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
)

// grouper collects the hits of one query and finds the ranks of those that are judged. It is reused from query to query and then
// allocates nothing.
type grouper struct {
	hits    []hit
	set     []setSlot // open addressing, at most half full
	round   uint32    // slots of other rounds are empty
	ranking ranking
}

type hit struct {
	doc   string // may alias a buffer that is reused after the query
	hash  uint64
	score float32
}

type setSlot struct {
	round uint32
	hit   int32
}

func (g *grouper) reset() { g.hits = g.hits[:0] }

func (g *grouper) add(doc string, score float32) {
	g.hits = append(g.hits, hit{doc, maphash.String(seed, doc), score})
}

// before is the order of hits: score descending, then id descending (labrador.CompareHits).
func before(a, b *hit) bool {
	if a.score != b.score {
		return a.score > b.score
	}
	return a.doc > b.doc
}

// rank fills g.ranking with the first depth hits (0: all) as q judges them.
func (g *grouper) rank(q *queryTable, depth int) error {
	if err := g.checkTwice(); err != nil {
		return err
	}
	n := len(g.hits)
	if depth > 0 {
		n = min(n, depth)
	}
	r := &g.ranking
	r.pooled, r.numRet, r.levels = r.pooled[:0], n, q.levels
	sorted := g.sorted()
	for i := range g.hits {
		if grade, ok := q.lookup(g.hits[i].doc, g.hits[i].hash); ok {
			r.pooled = append(r.pooled, pooled{i, grade})
		}
	}
	switch {
	case sorted:
	case len(r.pooled) <= fewJudged:
		g.countRanks()
	default:
		g.sortRanks(q)
	}
	if last := len(r.pooled); last > 0 && r.pooled[last-1].rank >= n {
		r.pooled = slices.DeleteFunc(r.pooled, func(p pooled) bool { return p.rank >= n })
	}
	return nil
}

// fewJudged is the number of judged hits up to which counting what is before each is faster than sorting.
const fewJudged = 12

// countRanks replaces the positions in pooled by ranks.
func (g *grouper) countRanks() {
	pool := g.ranking.pooled
	for i := range pool {
		own, rank := &g.hits[pool[i].rank], 0
		for j := range g.hits {
			if h := &g.hits[j]; h.score > own.score || h.score == own.score && h.doc > own.doc {
				rank++
			}
		}
		pool[i].rank = rank
	}
	slices.SortFunc(pool, func(a, b pooled) int { return cmp.Compare(a.rank, b.rank) })
}

func (g *grouper) sortRanks(q *queryTable) {
	slices.SortFunc(g.hits, func(a, b hit) int {
		if before(&a, &b) {
			return -1
		}
		return 1
	})
	g.ranking.pooled = g.ranking.pooled[:0]
	for i := range g.hits {
		if grade, ok := q.lookup(g.hits[i].doc, g.hits[i].hash); ok {
			g.ranking.pooled = append(g.ranking.pooled, pooled{i, grade})
		}
	}
}

func (g *grouper) sorted() bool {
	for i := 1; i < len(g.hits); i++ {
		if !before(&g.hits[i-1], &g.hits[i]) {
			return false
		}
	}
	return true
}

// checkTwice finds a document that occurs twice.
func (g *grouper) checkTwice() error {
	if need := 2 * len(g.hits); need > len(g.set) {
		size := 2048
		for size < need {
			size *= 2
		}
		g.set, g.round = make([]setSlot, size), 0
	}
	if g.round++; g.round == 0 {
		clear(g.set)
		g.round = 1
	}
	mask := len(g.set) - 1
	for i := range g.hits {
		h := &g.hits[i]
		at := int(h.hash) & mask
		for g.set[at].round == g.round {
			if o := &g.hits[g.set[at].hit]; o.hash == h.hash && o.doc == h.doc {
				return fmt.Errorf("document %s occurs twice", h.doc)
			}
			at = (at + 1) & mask
		}
		g.set[at] = setSlot{g.round, int32(i)}
	}
	return nil
}
