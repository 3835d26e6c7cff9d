package dense

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/prompt"
)

// Impacts is an exact index of sparse vectors in memory: the score of a document is the inner product of its vector and the
// query's, as a Lucene impact index scores the pseudo-texts that PromptReps' authors make of them. It is safe for
// concurrent use.
type Impacts struct {
	ids      []string
	start    []int32 // token t's postings are start[t] to start[t+1]
	document []int32 // of a posting, ascending within a token
	impact   []int32
}

// NewImpacts indexes the documents' vectors. Tokens are from 0 up.
func NewImpacts(ids []string, vectors [][]prompt.Weight) (*Impacts, error) {
	if len(ids) != len(vectors) {
		return nil, fmt.Errorf("dense: %d ids for %d sparse vectors", len(ids), len(vectors))
	}
	x := &Impacts{ids: ids}
	for i, v := range vectors {
		for _, w := range v {
			if w.Token < 0 || w.Token >= maxToken {
				return nil, fmt.Errorf("dense: document %s: token %d in its sparse vector", ids[i], w.Token)
			}
			for int(w.Token)+2 > len(x.start) {
				x.start = append(x.start, 0)
			}
			x.start[w.Token+1]++
		}
	}
	total := 0
	for t := range x.start {
		total += int(x.start[t])
		x.start[t] = int32(total)
	}
	if total > math.MaxInt32 {
		return nil, fmt.Errorf("dense: %d tokens in the sparse vectors of %d documents: an index in memory takes %d", total, len(ids), math.MaxInt32)
	}
	x.document, x.impact = make([]int32, total), make([]int32, total)
	next := slices.Clone(x.start)
	for i, v := range vectors {
		for _, w := range v {
			at := next[w.Token]
			x.document[at], x.impact[at] = int32(i), int32(w.Impact)
			next[w.Token]++
		}
	}
	return x, nil
}

// Search returns the k best documents for a query's vector, best first by labrador.CompareHits. Documents that share no token
// with it are not found.
func (x *Impacts) Search(ctx context.Context, query []prompt.Weight, k int) ([]labrador.Hit, error) {
	scores := map[int32]int64{}
	for _, w := range query {
		if w.Token < 0 || int(w.Token)+1 >= len(x.start) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for at := x.start[w.Token]; at < x.start[w.Token+1]; at++ {
			scores[x.document[at]] += int64(w.Impact) * int64(x.impact[at])
		}
	}
	hits := make([]labrador.Hit, 0, len(scores))
	for d, s := range scores {
		hits = append(hits, labrador.Hit{ID: x.ids[d], Score: float32(s)})
	}
	labrador.SortHits(hits)
	return hits[:min(max(k, 0), len(hits))], nil
}

// Bytes is the size of the postings.
func (x *Impacts) Bytes() int64 { return 4 * int64(len(x.start)+len(x.document)+len(x.impact)) }
