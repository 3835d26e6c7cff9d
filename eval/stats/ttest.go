package stats

import "math"

// TTest is a paired t-test: the statistic, its degrees of freedom and the two-sided p.
type TTest struct {
	T  float64 `json:"t"`
	DF float64 `json:"df"`
	P  float64 `json:"p"`
}

// PairedT tests whether the mean of the differences d is 0 (Student 1908), as SciPy's ttest_rel and R's t.test(paired=TRUE).
// With fewer than two values, or all of them 0, T is 0 and P 1. Equal values other than 0 have no spread: T is
// +-math.MaxFloat64 (JSON has no infinity) and P 0, SciPy's limit.
func PairedT(d []float64) TTest {
	s := moments(d)
	if s.n < 2 {
		return TTest{P: 1}
	}
	r := TTest{DF: float64(s.n - 1)}
	r.T = ratio(s.mean, s.standardError())
	r.P = 2 * StudentUpper(math.Abs(r.T), r.DF)
	return r
}

// ratio is a/b; 0 where a is 0; +-MaxFloat64 where b is 0 or the ratio overflows.
func ratio(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return max(-math.MaxFloat64, min(math.MaxFloat64, a/b))
}

// TInterval is the interval of the mean by Student's t at the given confidence (0.95). It is unbounded for fewer than two
// values.
func TInterval(x []float64, confidence float64) Interval {
	s := moments(x)
	if s.n < 2 {
		return unbounded
	}
	half := StudentQuantile((1+confidence)/2, float64(s.n-1)) * s.standardError()
	return Interval{s.mean - half, s.mean + half}
}
