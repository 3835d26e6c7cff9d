package stats

import (
	"cmp"
	"slices"
)

// Holm returns the p-values adjusted for the family by Holm's step-down method (1979), in the order given: comparing each
// with alpha keeps the chance of any false finding at alpha or below. Equal to R's p.adjust(p, "holm").
func Holm(p []float64) []float64 {
	order := ascending(p)
	adjusted := make([]float64, len(p))
	reached := 0.0
	for rank, i := range order {
		reached = max(reached, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = reached
	}
	return adjusted
}

// BenjaminiHochberg returns the p-values adjusted for the family by the step-up method of Benjamini and Hochberg (1995), in
// the order given: comparing each with alpha keeps the expected share of false findings at alpha or below. Equal to R's
// p.adjust(p, "BH") and SciPy's false_discovery_control.
func BenjaminiHochberg(p []float64) []float64 {
	order := ascending(p)
	adjusted := make([]float64, len(p))
	reached := 1.0
	for rank, i := range slices.Backward(order) {
		reached = min(reached, p[i]*float64(len(p))/float64(rank+1))
		adjusted[i] = reached
	}
	return adjusted
}

// ascending is the order of p from smallest to largest.
func ascending(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	return order
}
