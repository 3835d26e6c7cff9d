package index

import (
	"cmp"
	"math"
	"slices"
)

// candidate is a row with its score. Rank is the row's place when all ids are sorted descending, so that a lower rank wins
// a tie as labrador.CompareHits wants it.
type candidate struct {
	score float32
	row   uint32
	rank  uint32
}

// worse reports whether a is to be dropped before b.
func worse(a, b candidate) bool {
	return a.score < b.score || a.score == b.score && a.rank > b.rank
}

// topK keeps the k best candidates it is offered: a binary heap with the worst on top.
type topK struct {
	k    int
	heap []candidate
}

// push offers c.
func (t *topK) push(c candidate) {
	h := t.heap
	if len(h) < t.k {
		h = append(h, c)
		for i := len(h) - 1; i > 0; {
			up := (i - 1) / 2
			if !worse(h[i], h[up]) {
				break
			}
			h[i], h[up] = h[up], h[i]
			i = up
		}
		t.heap = h
		return
	}
	if t.k == 0 || !worse(h[0], c) {
		return
	}
	h[0] = c
	for i := 0; ; {
		low := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(h) && worse(h[child], h[low]) {
				low = child
			}
		}
		if low == i {
			return
		}
		h[i], h[low] = h[low], h[i]
		i = low
	}
}

// limit is the largest float32 below every score that could still enter, for scores known up to slack.
func (t *topK) limit(slack float32) float32 {
	if len(t.heap) < t.k {
		return float32(math.Inf(-1))
	}
	return math.Nextafter32(t.heap[0].score-slack, float32(math.Inf(-1)))
}

// sorted is the candidates, best first. The heap is spent.
func (t *topK) sorted() []candidate {
	slices.SortFunc(t.heap, compareCandidates)
	return t.heap
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.rank, b.rank))
}
