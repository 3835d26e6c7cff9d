package eval

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
)

// grouper collects the hits of one query and finds the ranks of those that are judged. It is reused from query to query and then
// allocates nothing.
type grouper struct {
	hits    []hit
	set     []setSlot // open addressing, at most half full
	round   uint32    // slots of other rounds are empty
	keys    []uint64
	ranks   []int32
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
		g.sortRanks()
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

// sortRanks does the same by sorting.
func (g *grouper) sortRanks() {
	g.keys = g.keys[:0]
	for i := range g.hits {
		g.keys = append(g.keys, uint64(descending(g.hits[i].score))<<32|uint64(i))
	}
	slices.Sort(g.keys)
	for from := 0; from < len(g.keys); {
		to := from + 1
		for to < len(g.keys) && g.keys[to]>>32 == g.keys[from]>>32 {
			to++
		}
		if tied := g.keys[from:to]; len(tied) > 1 {
			slices.SortFunc(tied, func(a, b uint64) int { return cmp.Compare(g.hits[uint32(b)].doc, g.hits[uint32(a)].doc) })
		}
		from = to
	}
	g.ranks = slices.Grow(g.ranks[:0], len(g.hits))[:len(g.hits)]
	for rank, key := range g.keys {
		g.ranks[uint32(key)] = int32(rank)
	}
	for i := range g.ranking.pooled {
		p := &g.ranking.pooled[i]
		p.rank = int(g.ranks[p.rank])
	}
	slices.SortFunc(g.ranking.pooled, func(a, b pooled) int { return cmp.Compare(a.rank, b.rank) })
}

// descending maps scores to numbers whose ascending order is the scores' descending one; both zeros are one score.
func descending(score float32) uint32 {
	bits := math.Float32bits(score + 0) // -0 + 0 is 0
	if bits>>31 == 0 {
		return ^(bits | 1<<31)
	}
	return bits
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
