package stats

import "math"

// Equivalence is the outcome of two one-sided tests.
type Equivalence struct {
	Margin     float64  `json:"margin"`
	P          float64  `json:"p"`          // the larger of the two one-sided p
	Interval   Interval `json:"interval"`   // at confidence 1-2*alpha; within +-margin exactly when Equivalent
	Equivalent bool     `json:"equivalent"` // P is at most alpha
}

// Equivalent asks whether the mean of the differences d lies within (-margin, margin), by two one-sided paired t-tests
// (Schuirmann 1987), as statsmodels' ttost_paired: each tests that the mean lies beyond one end, and both must be refuted at alpha. A
// p of a plain test above alpha shows nothing of the kind.
//
// Fewer than two values, or a margin of 0 or below: P 1, not equivalent. Values without spread: P 0 when their mean lies
// inside the margin, 1 otherwise.
func Equivalent(d []float64, margin, alpha float64) Equivalence {
	s := moments(d)
	e := Equivalence{Margin: margin, P: 1, Interval: TInterval(d, 1-2*alpha)}
	if s.n < 2 || !(margin > 0) {
		return e
	}
	if s.sd == 0 {
		if math.Abs(s.mean) < margin {
			e.P, e.Equivalent = 0, true
		}
		return e
	}
	df := float64(s.n - 1)
	above := StudentUpper((s.mean+margin)/s.standardError(), df) // against: mean <= -margin
	below := StudentUpper((margin-s.mean)/s.standardError(), df) // against: mean >= margin
	e.P = max(above, below)
	e.Equivalent = e.P <= alpha
	return e
}
