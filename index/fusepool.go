package index

import (
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador"
)

// FuseNorm says how one list's scores are made comparable with another's, before they are combined.
type FuseNorm string

// The normalisations, of each list by itself, as ranx 0.3.21 has them; a divisor below 1e-9 counts as 1e-9.
const (
	NormNone   FuseNorm = "none"    // s
	NormMinMax FuseNorm = "min-max" // (s-min)/(max-min)
	NormMax    FuseNorm = "max"     // s/max
	NormSum    FuseNorm = "sum"     // (s-min)/sum(s-min)
	NormZScore FuseNorm = "z-score" // (s-mean)/standard deviation (divisor n); ranx calls it zmuv
	NormRank   FuseNorm = "rank"    // 1-(rank-1)/n
	// NormTMM is (s-theoretical minimum)/(max-theoretical minimum), with the smallest score that the system could give to any
	// document in place of the list's own (Bruch, Gai and Ingber, TOIS 2023, section 4): it does not depend on the list's depth.
	NormTMM FuseNorm = "tmm"
)

// FuseNorms lists the normalisations.
func FuseNorms() []FuseNorm {
	return []FuseNorm{NormNone, NormMinMax, NormMax, NormSum, NormZScore, NormRank, NormTMM}
}

// smallestDivisor is ranx's.
const smallestDivisor = 1e-9

// fuser holds one query's documents with what each list says of them. It is used again for the next query.
type fuser struct {
	lists  int
	ids    []string
	index  map[string]int
	values []float64 // (len(ids), lists): normalised score or value of the rank, NaN where the list lacks the document
	sorted []labrador.Hit
}

// pool gathers the lists for one query.
func (f *fuser) pool(lists int, list func(int) []labrador.Hit, o FuseOptions) error {
	if f.index == nil {
		f.index = map[string]int{}
	}
	clear(f.index)
	f.lists, f.ids, f.values = lists, f.ids[:0], f.values[:0]
	for i := range lists {
		if err := f.add(i, list(i), o); err != nil {
			return fmt.Errorf("list %d: %w", i+1, err)
		}
	}
	return nil
}

// poolRuns gathers one query's lists from runs.
func (f *fuser) poolRuns(runs []labrador.Run, id string, o FuseOptions) error {
	if err := f.pool(len(runs), func(i int) []labrador.Hit { return runs[i][id] }, o); err != nil {
		return fmt.Errorf("index: fusion, query %s, %w", id, err)
	}
	return nil
}

// add takes in list number list.
func (f *fuser) add(list int, hits []labrador.Hit, o FuseOptions) error {
	for _, h := range hits {
		if s := float64(h.Score); math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("document %s has score %v", h.ID, h.Score)
		}
	}
	if !slices.IsSortedFunc(hits, labrador.CompareHits) {
		f.sorted = append(f.sorted[:0], hits...)
		labrador.SortHits(f.sorted)
		hits = f.sorted
	}
	if o.Depth > 0 && len(hits) > o.Depth {
		hits = hits[:o.Depth]
	}
	value := o.values(list, hits)
	for rank, h := range hits {
		doc, known := f.index[h.ID]
		if !known {
			doc = len(f.ids)
			f.index[h.ID] = doc
			f.ids = append(f.ids, h.ID)
			for range f.lists {
				f.values = append(f.values, math.NaN())
			}
		}
		at := &f.values[doc*f.lists+list]
		if !math.IsNaN(*at) {
			return fmt.Errorf("document %s occurs twice", h.ID)
		}
		*at = value(rank, float64(h.Score))
	}
	return nil
}

// values is the function from rank (from 0) and score to what is combined, for one list.
func (o FuseOptions) values(list int, hits []labrador.Hit) func(rank int, score float64) float64 {
	switch o.Method {
	case FuseRRF:
		return func(rank int, _ float64) float64 { return 1 / (o.K + float64(rank+1)) }
	case FuseISR, FuseLogISR:
		return func(rank int, _ float64) float64 { return 1 / (float64(rank+1) * float64(rank+1)) }
	}
	if o.Norm == NormRank {
		return func(rank int, _ float64) float64 { return 1 - float64(rank)/float64(len(hits)) }
	}
	if o.Norm == NormNone || len(hits) == 0 {
		return func(_ int, score float64) float64 { return score }
	}
	shift, divisor := o.scale(list, hits)
	divisor = max(divisor, smallestDivisor)
	return func(_ int, score float64) float64 { return (score - shift) / divisor }
}

// scale is what the normalisation takes off a score and divides by; hits are best first and not empty.
func (o FuseOptions) scale(list int, hits []labrador.Hit) (shift, divisor float64) {
	n := float64(len(hits))
	largest, smallest := float64(hits[0].Score), float64(hits[len(hits)-1].Score)
	switch o.Norm {
	case NormMax:
		return 0, largest
	case NormMinMax:
		return smallest, largest - smallest
	case NormTMM:
		return o.Minima[list], largest - o.Minima[list]
	}
	var sum float64
	for _, h := range hits {
		sum += float64(h.Score)
	}
	if o.Norm == NormSum {
		return smallest, sum - smallest*n
	}
	mean, squares := sum/n, 0.0
	for _, h := range hits {
		squares += (float64(h.Score) - mean) * (float64(h.Score) - mean)
	}
	return mean, math.Sqrt(squares / n)
}

// combine makes one list of what was added.
func (f *fuser) combine(o FuseOptions) []labrador.Hit {
	weights := o.fullWeights(f.lists)
	out := make([]labrador.Hit, len(f.ids))
	present := make([]float64, 0, f.lists)
	for doc, id := range f.ids {
		row := f.values[doc*f.lists : (doc+1)*f.lists]
		var sum float64
		present = present[:0]
		for i, v := range row {
			if !math.IsNaN(v) {
				sum += weights[i] * v
				present = append(present, v)
			}
		}
		score := o.Method.score(sum, present)
		out[doc] = labrador.Hit{ID: id, Score: float32(max(-math.MaxFloat32, min(math.MaxFloat32, score)))}
	}
	labrador.SortHits(out)
	if o.Depth > 0 && len(out) > o.Depth {
		out = out[:o.Depth]
	}
	return out
}

// fullWeights are the weights to sum by: 1 each where the method knows none; those of convex add up to 1.
func (o FuseOptions) fullWeights(lists int) []float64 {
	weights := make([]float64, lists)
	var sum float64
	for i := range weights {
		weights[i] = 1
		if o.Weights != nil {
			weights[i] = o.Weights[i]
		}
		sum += weights[i]
	}
	if o.Method == FuseConvex {
		for i := range weights {
			weights[i] /= sum
		}
	}
	return weights
}

// score of a document from its weighted sum and its values in the lists that hold it, which it may reorder.
func (m FuseMethod) score(sum float64, present []float64) float64 {
	n := float64(len(present))
	switch m {
	case FuseISR, FuseCombMNZ:
		return sum * n
	case FuseLogISR:
		return sum * math.Log(n)
	case FuseCombANZ:
		return sum / n
	case FuseCombMAX:
		return slices.Max(present)
	case FuseCombMIN:
		return slices.Min(present)
	case FuseCombMED:
		slices.Sort(present)
		half := len(present) / 2
		if len(present)%2 == 1 {
			return present[half]
		}
		return (present[half-1] + present[half]) / 2
	}
	return sum
}
