package index

import (
	"math"
	"slices"
)

// rank is a score (its bits in the high half) and the complement of a document number: of two ranks the greater comes first,
// by score and then by the lower document. Scores are not negative, so their bits order as they do.
type rank uint64

func rankOf(score float32, doc uint32) rank {
	return rank(math.Float32bits(score))<<32 | rank(^doc)
}

func (r rank) score() float32 { return math.Float32frombits(uint32(r >> 32)) }
func (r rank) doc() uint32    { return ^uint32(r) }

// top keeps the k greatest ranks: up to heapTop as a heap, more as a list that is cut to k whenever it has grown to twice
// that.
type top struct {
	k     int
	ranks []rank
	// least is the score above which a document must be to count, or -1 as long as any does. It is compared as a float64,
	// to which float32 scores convert exactly.
	least float64
	// guessed is the highest score that least was raised to by a guess, -1 without one; sample is for guessing.
	guessed float64
	sample  []rank
}

const heapTop = 128

func (t *top) reset(k int) {
	t.k, t.ranks, t.least, t.guessed = k, t.ranks[:0], -1, -1
}

// floor says that k documents score at least s: nothing below counts.
func (t *top) floor(s float64) { t.least = max(t.least, float64(math.Nextafter32(float32(s), -1))) }

func (t *top) push(r rank) {
	if t.k > heapTop {
		t.ranks = append(t.ranks, r)
		if len(t.ranks) >= 2*t.k {
			t.cut()
		}
		return
	}
	if len(t.ranks) < t.k {
		t.ranks = append(t.ranks, r)
		if len(t.ranks) == t.k {
			for i := t.k/2 - 1; i >= 0; i-- {
				t.down(i)
			}
			t.raise(t.ranks[0])
		}
		return
	}
	if r > t.ranks[0] {
		t.ranks[0] = r
		t.down(0)
		t.raise(t.ranks[0])
	}
}

func (t *top) raise(worst rank) { t.least = max(t.least, float64(worst.score())) }

func (t *top) down(i int) {
	h, r := t.ranks, t.ranks[i]
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[c] >= r {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = r
}

// cut keeps the k greatest of more than k.
func (t *top) cut() {
	selectGreatest(t.ranks, t.k)
	t.ranks = t.ranks[:t.k]
	t.raise(t.ranks[t.k-1])
}

// sorted ends the collecting: the ranks, greatest first.
func (t *top) sorted() []rank {
	if len(t.ranks) > t.k {
		t.cut()
	}
	slices.Sort(t.ranks)
	slices.Reverse(t.ranks)
	return t.ranks
}

// selectGreatest moves the k greatest to the front, the least of them to place k-1. Ranks are distinct; 0 < k <= len(r).
func selectGreatest(r []rank, k int) {
	lo, hi := 0, len(r) // r[:lo] belong to the front, r[hi:] do not
	for hi-lo > 16 {
		a, b, c := r[lo], r[lo+(hi-lo)/2], r[hi-1]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi-1
		for i <= j {
			for r[i] > pivot {
				i++
			}
			for r[j] < pivot {
				j--
			}
			if i <= j {
				r[i], r[j] = r[j], r[i]
				i++
				j--
			}
		}
		switch { // r[lo:j+1] >= pivot, r[i:hi] <= pivot
		case k-1 <= j:
			hi = j + 1
		case k-1 >= i:
			lo = i
		default:
			return
		}
	}
	part := r[lo:hi]
	for i := 1; i < len(part); i++ {
		for j := i; j > 0 && part[j] > part[j-1]; j-- {
			part[j], part[j-1] = part[j-1], part[j]
		}
	}
}
