package index

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
)

// FuseMethod says how several systems' lists for a query become one. The names are those of the literature; values agree
// with ranx 0.3.21.
type FuseMethod string

// The methods. A list is ranked from 1 in its own order; s is a document's normalised score in a list, n the number of lists that
// hold it.
const (
	// FuseRRF is reciprocal rank fusion, the sum of weight/(K+rank) (Cormack, Clarke and Buettcher, SIGIR 2009).
	FuseRRF FuseMethod = "rrf"
	// FuseISR is the inverse square rank, n times the sum of 1/rank^2 (Mourao, Martins and Magalhaes 2015).
	FuseISR FuseMethod = "isr"
	// FuseLogISR is log n times the sum of 1/rank^2 (the same): a document of one list scores 0.
	FuseLogISR FuseMethod = "log-isr"
	// FuseConvex is the sum of weight*s, the weights scaled to add up to 1 (Bruch, Gai and Ingber, TOIS 2023).
	FuseConvex FuseMethod = "convex"
	// FuseCombSUM is the sum of s; this and the next five are Fox and Shaw's (TREC-2, 1993).
	FuseCombSUM FuseMethod = "combsum"
	// FuseCombMNZ is n times the sum of s.
	FuseCombMNZ FuseMethod = "combmnz"
	// FuseCombANZ is the mean s over the lists that hold the document.
	FuseCombANZ FuseMethod = "combanz"
	// FuseCombMAX is the largest s.
	FuseCombMAX FuseMethod = "combmax"
	// FuseCombMIN is the smallest s over the lists that hold the document.
	FuseCombMIN FuseMethod = "combmin"
	// FuseCombMED is the median s over the lists that hold the document.
	FuseCombMED FuseMethod = "combmed"
)

// FuseMethods lists the methods.
func FuseMethods() []FuseMethod {
	return []FuseMethod{FuseRRF, FuseISR, FuseLogISR, FuseConvex, FuseCombSUM, FuseCombMNZ, FuseCombANZ, FuseCombMAX, FuseCombMIN, FuseCombMED}
}

// ranksOnly says whether the method looks at ranks and never at scores.
func (m FuseMethod) ranksOnly() bool { return m == FuseRRF || m == FuseISR || m == FuseLogISR }

// weighted says whether the method knows weights.
func (m FuseMethod) weighted() bool { return m == FuseRRF || m == FuseConvex }

// FuseOptions are the settings of a fusion. The zero value is RRF with K 60 of the whole lists.
type FuseOptions struct {
	Method  FuseMethod // default FuseRRF
	Norm    FuseNorm   // default NormMinMax; only for methods that look at scores
	K       float64    // of RRF; default 60
	Weights []float64  // one per list, 0 or more; default all the same; for RRF and convex
	Minima  []float64  // smallest score each system could give (0 for BM25, -1 for cosine); needed by NormTMM, else unused
	Depth   int        // how many hits of each list count, and how many the fusion keeps; 0: all
}

func (o FuseOptions) withDefaults() FuseOptions {
	if o.Method == "" {
		o.Method = FuseRRF
	}
	if o.Norm == "" {
		o.Norm = NormMinMax
		if o.Method.ranksOnly() {
			o.Norm = NormNone
		}
	}
	if o.K == 0 {
		o.K = 60
	}
	return o
}

// Validate says what is wrong with the options for the given number of lists.
func (o FuseOptions) Validate(lists int) error {
	o = o.withDefaults()
	switch {
	case lists == 0:
		return fmt.Errorf("index: nothing to fuse")
	case !slices.Contains(FuseMethods(), o.Method):
		return fmt.Errorf("index: fusion method %q is unknown: %s", o.Method, join(FuseMethods()))
	case !slices.Contains(FuseNorms(), o.Norm):
		return fmt.Errorf("index: normalisation %q is unknown: %s", o.Norm, join(FuseNorms()))
	case o.Method.ranksOnly() && o.Norm != NormNone:
		return fmt.Errorf("index: %s looks at ranks only, so normalisation %s has no meaning", o.Method, o.Norm)
	case !(o.K > 0) || math.IsInf(o.K, 0):
		return fmt.Errorf("index: k %v of reciprocal rank fusion is not above 0", o.K)
	case o.Depth < 0:
		return fmt.Errorf("index: depth %d is negative", o.Depth)
	case o.Norm == NormTMM && len(o.Minima) != lists:
		return fmt.Errorf("index: %d theoretical minima for %d lists", len(o.Minima), lists)
	}
	for _, v := range o.Minima {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("index: theoretical minimum %v is not finite", v)
		}
	}
	return o.validateWeights(lists)
}

func (o FuseOptions) validateWeights(lists int) error {
	if o.Weights == nil {
		return nil
	}
	if !o.Method.weighted() {
		return fmt.Errorf("index: %s knows no weights (rrf and convex do)", o.Method)
	}
	if len(o.Weights) != lists {
		return fmt.Errorf("index: %d weights for %d lists", len(o.Weights), lists)
	}
	var sum float64
	for _, w := range o.Weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("index: weight %v is not 0 or more", w)
		}
		sum += w
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return fmt.Errorf("index: weights %v add up to %v", o.Weights, sum)
	}
	return nil
}

func join[T ~string](list []T) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// Fuse fuses runs, query by query. A query that a run lacks is fused from the others; a document that a list lacks adds nothing
// there. Hits come best first by labrador.CompareHits on the fused scores rounded to float32, so the result depends on nothing but the
// input. Lists need not be sorted. A document twice in a list and a score that is not finite are errors.
func Fuse(runs []labrador.Run, o FuseOptions) (labrador.Run, error) {
	return FuseQueries(runs, fuseQueryIDs(runs), o)
}

// FuseQueries is Fuse for the given queries only.
func FuseQueries(runs []labrador.Run, queryIDs []string, o FuseOptions) (labrador.Run, error) {
	if err := o.Validate(len(runs)); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	fused := make([][]labrador.Hit, len(queryIDs))
	err := overQueries(len(queryIDs), func(f *fuser, i int) error {
		if err := f.poolRuns(runs, queryIDs[i], o); err != nil {
			return err
		}
		fused[i] = f.combine(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make(labrador.Run, len(queryIDs))
	for i, id := range queryIDs {
		out[id] = fused[i]
	}
	return out, nil
}

// fuseQueryIDs are the ids of all queries of the runs, ascending.
func fuseQueryIDs(runs []labrador.Run) []string {
	all := labrador.Run{}
	for _, r := range runs {
		for id := range r {
			all[id] = nil
		}
	}
	return all.QueryIDs()
}

// overQueries calls do for every query, queries handed to the processors by a counter, each with a fuser of its own. It
// returns the error of the first query, in their order, that failed.
func overQueries(n int, do func(f *fuser, i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			var f fuser
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = do(&f, i)
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
