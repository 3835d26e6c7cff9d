package dataset

import (
	"math"
	"slices"

	"github.com/labrador-lab/labrador"
)

// Caps are the best figures that a system can reach on average when it sees only the content of documents: identical ones get the same
// score, chance (or their ids) orders them, and those that are not judged count as wrong.
type Caps struct {
	NDCG10  float64 `json:"ndcg@10"` // expected nDCG@10 of a perfect system, mean over the queries with a relevant document
	R10     float64 `json:"r@10"`
	R100    float64 `json:"r@100"`
	Queries int     `json:"queries"` // queries with a relevant document
}

// caps computes Caps. groupOf names the group of identical documents that a document belongs to, sizes has the groups' sizes;
// documents that are in no group stand alone. Documents that the corpus lacks must not be in qrels.
//
// For a query, a group of m documents with grades g1..gm (0 where not judged) fills m places, and the expected gain at each is the mean
// of the grades. Ranking groups by that mean is best for every cut-off, since places only differ by a falling discount.
func caps(qrels labrador.Qrels, level int, groupOf Twins, sizes map[string]int) Caps {
	var c Caps
	for _, q := range qrels.QueryIDs() {
		places, ideal, relevant := expected(qrels[q], level, groupOf, sizes)
		if best := dcg10(ideal); relevant > 0 && best > 0 {
			gains := make([]float64, len(places))
			for i, p := range places {
				gains[i] = p.gain
			}
			c.NDCG10 += dcg10(gains) / best
			slices.SortStableFunc(places, func(a, b place) int { return descending(a.relevant, b.relevant) })
			c.R10 += found(places, 10) / relevant
			c.R100 += found(places, 100) / relevant
			c.Queries++
		}
	}
	if n := float64(c.Queries); n > 0 {
		c.NDCG10, c.R10, c.R100 = c.NDCG10/n, c.R10/n, c.R100/n
	}
	return c
}

// place is what a system may expect at one rank: the mean gain and the chance that the document is relevant.
type place struct{ gain, relevant float64 }

// expected lists the places in a perfect system's order as far as gains go, the ideal gains and the number of relevant documents.
func expected(judged map[string]int, level int, groupOf Twins, sizes map[string]int) (places []place, ideal []float64, relevant float64) {
	type sum struct{ gain, relevant float64 }
	sums := map[string]sum{}
	for id, grade := range judged {
		s := sums[groupOf.Of(id)]
		if grade > 0 {
			s.gain += float64(grade)
			ideal = append(ideal, float64(grade))
		}
		if grade >= level {
			s.relevant++
			relevant++
		}
		sums[groupOf.Of(id)] = s
	}
	for group, s := range sums {
		m := max(1, sizes[group])
		for range min(m, 1000) {
			places = append(places, place{s.gain / float64(m), s.relevant / float64(m)})
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.gain != b.gain {
			return descending(a.gain, b.gain)
		}
		return descending(a.relevant, b.relevant)
	})
	slices.SortFunc(ideal, descending)
	return places, ideal, relevant
}

func descending(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// dcg10 is trec_eval's discounted cumulative gain of the first ten places: gain / log2(rank + 1).
func dcg10(gains []float64) float64 {
	sum := 0.0
	for i, g := range gains[:min(10, len(gains))] {
		sum += g / math.Log2(float64(i)+2)
	}
	return sum
}

func found(places []place, k int) float64 {
	n := 0.0
	for _, p := range places[:min(k, len(places))] {
		n += p.relevant
	}
	return n
}
