package index

import "math"

// Guessing the k-th score. A search for many documents learns their k-th score slowly: it must have found k first. But where the documents
// so far are a fair sample, a share p of all of them, about kp of them score above the final k-th score. So the score that
// somewhat more than kp of them have is very likely below the final one, and what cannot get above it is passed over. If k documents
// reach the guess in the end, it was right and no document is missing; otherwise the search is made again without guesses. Hits are the same
// in either case.

// guessFrom is the least k that is worth a guess: for fewer a sample says nothing new.
const guessFrom = 50

// firstGuess is the document behind which a search for k documents guesses first, noDoc where it does not.
func (x *BM25) firstGuess(k int) uint32 {
	if k < guessFrom || x.trust.Load() < 0 && x.trust.Add(1) < 0 {
		return noDoc
	}
	return uint32(x.n / 32)
}

// Where documents of a kind lie together, their order is no sample. A wrong guess costs a second search, so after wrong
// ones searches go without: at most one of about wrongGuess searches is made again.
const (
	wrongGuess = 16
	mostTrust  = 64
)

// judge says whether the guesses of a search that has ended were right, and remembers it.
func (x *BM25) judge(t *top) bool {
	if t.guessed < 0 {
		return true
	}
	if len(t.ranks) == t.k && float64(t.ranks[t.k-1].score()) >= t.guessed {
		if x.trust.Load() < mostTrust {
			x.trust.Add(1)
		}
		return true
	}
	x.trust.Add(-wrongGuess)
	return false
}

// guess raises least to a guess from the hits of a share of the documents: three standard deviations of their number, and
// three, above the number expected.
func (t *top) guess(share float64) {
	expected := float64(t.k) * share
	r := int(expected + 3*math.Sqrt(expected) + 3)
	if r >= t.k || r > len(t.ranks) {
		return
	}
	t.sample = append(t.sample[:0], t.ranks...)
	selectGreatest(t.sample, r)
	if s := float64(t.sample[r-1].score()); s > t.least {
		t.least, t.guessed = s, s
	}
}
