package index

import (
	"context"
	"fmt"
	"math"

	"github.com/labrador-lab/labrador"
)

// FuseTrial is one choice of weights and what it was worth.
type FuseTrial struct {
	Weights []float64 `json:"weights"`
	Value   float64   `json:"value"`
}

// maxTrials bounds the grid: more is a mistake in the step or too many lists for a grid.
const maxTrials = 20_000

// TuneFuse tries all weights that are multiples of 1/steps and add up to 1, and returns the best by objective (higher is better:
// mean nDCG@10 of queries kept for tuning, say) with every trial. Of equal values the weights nearest to equal ones win, then
// the first tried. runs and objective must hold no query that the result is tested on; the caller sees to that.
//
// The lists are normalised once. o.Weights is ignored; the method must know weights (RRF, convex).
func TuneFuse(ctx context.Context, runs []labrador.Run, o FuseOptions, steps int, objective func(labrador.Run) (float64, error)) (FuseTrial, []FuseTrial, error) {
	o.Weights = nil
	if err := o.Validate(len(runs)); err != nil {
		return FuseTrial{}, nil, err
	}
	o = o.withDefaults()
	if !o.Method.weighted() {
		return FuseTrial{}, nil, fmt.Errorf("index: %s knows no weights to tune (rrf and convex do)", o.Method)
	}
	grid, err := weightGrid(len(runs), steps)
	if err != nil {
		return FuseTrial{}, nil, err
	}
	ids := fuseQueryIDs(runs)
	pools := make([]fuser, len(ids))
	if err := overQueries(len(ids), func(_ *fuser, i int) error { return pools[i].poolRuns(runs, ids[i], o) }); err != nil {
		return FuseTrial{}, nil, err
	}
	var trials []FuseTrial
	best := 0
	for _, weights := range grid {
		if err := ctx.Err(); err != nil {
			return FuseTrial{}, nil, err
		}
		value, err := tryWeights(pools, ids, o, weights, objective)
		if err != nil {
			return FuseTrial{}, nil, err
		}
		trials = append(trials, FuseTrial{weights, value})
		if t := trials[best]; value > t.Value || value == t.Value && unevenness(weights) < unevenness(t.Weights)-1e-12 {
			best = len(trials) - 1
		}
	}
	return trials[best], trials, nil
}

func tryWeights(pools []fuser, ids []string, o FuseOptions, weights []float64, objective func(labrador.Run) (float64, error)) (float64, error) {
	o.Weights = weights
	fused := make([][]labrador.Hit, len(ids))
	overQueries(len(ids), func(_ *fuser, i int) error { fused[i] = pools[i].combine(o); return nil })
	run := make(labrador.Run, len(ids))
	for i, id := range ids {
		run[id] = fused[i]
	}
	value, err := objective(run)
	if err == nil && math.IsNaN(value) {
		err = fmt.Errorf("index: weights %v: the objective is not a number", weights)
	}
	return value, err
}

// unevenness is the squared distance from equal weights.
func unevenness(weights []float64) float64 {
	var sum float64
	for _, w := range weights {
		sum += (w - 1/float64(len(weights))) * (w - 1/float64(len(weights)))
	}
	return sum
}

// weightGrid lists all weights in multiples of 1/steps that add up to 1.
func weightGrid(lists, steps int) ([][]float64, error) {
	if steps < 1 {
		return nil, fmt.Errorf("index: %d steps of a weight", steps)
	}
	var grid [][]float64
	parts := make([]int, lists)
	var fill func(i, left int) bool
	fill = func(i, left int) bool {
		if i == lists-1 {
			parts[i] = left
			weights := make([]float64, lists)
			for j, p := range parts {
				weights[j] = float64(p) / float64(steps)
			}
			grid = append(grid, weights)
			return len(grid) <= maxTrials
		}
		for p := range left + 1 {
			parts[i] = p
			if !fill(i+1, left-p) {
				return false
			}
		}
		return true
	}
	if !fill(0, steps) {
		return nil, fmt.Errorf("index: weights of %d lists in steps of 1/%d are more than %d trials: take fewer steps", lists, steps, maxTrials)
	}
	return grid, nil
}
