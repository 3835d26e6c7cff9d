package study

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"github.com/labrador-lab/labrador/eval/stats"
)

const (
	alpha      = 0.05
	power      = 0.8
	confidence = 1 - alpha
)

// strata estimates the mean over datasets of the mean difference, each dataset of the same weight, for just these datasets: queries are
// the sample, datasets are not. With one dataset it is the plain mean.
type strata struct {
	mean, se, df float64
	queries      int
}

// newStrata takes the paired differences of each dataset. Standard error: independent datasets' variances of the mean add up;
// degrees of freedom: Welch (1947) and Satterthwaite (1946).
func newStrata(datasets [][]float64) strata {
	var s strata
	k := float64(len(datasets))
	var variance, spread float64
	for _, d := range datasets {
		n := float64(len(d))
		s.mean += stats.Mean(d) / k
		s.queries += len(d)
		if n < 2 {
			continue
		}
		v := stats.SD(d) * stats.SD(d) / n / (k * k)
		variance += v
		spread += v * v / (n - 1)
	}
	s.se = math.Sqrt(variance)
	if spread > 0 {
		s.df = variance * variance / spread
	}
	return s
}

// interval is the two-sided t interval of the mean. Without spread it is the mean alone, or everything where no dataset has two
// queries.
func (s strata) interval(confidence float64) stats.Interval {
	if s.df == 0 {
		if s.queries < 2 {
			return stats.Interval{Low: math.Inf(-1), High: math.Inf(1)}
		}
		return stats.Interval{Low: s.mean, High: s.mean}
	}
	half := s.se * tQuantile(1-(1-confidence)/2, s.df)
	return stats.Interval{Low: s.mean - half, High: s.mean + half}
}

// smallest is the smallest difference that this many queries could have shown: a single sample of as many queries with the same
// standard error stands for the datasets.
func (s strata) smallest() float64 {
	return stats.SmallestDifference(s.se*math.Sqrt(float64(s.queries)), s.queries, alpha, power)
}

// equal tests whether the mean lies within (-margin, margin): p of two one-sided t-tests (Schuirmann 1987).
func (s strata) equal(margin float64) float64 {
	return max(s.above(s.mean+margin), s.above(margin-s.mean))
}

// beyond tests whether the mean lies outside of [-margin, margin], on the side where it was seen.
func (s strata) beyond(margin float64) float64 { return s.above(math.Abs(s.mean) - margin) }

// above is the chance under a true distance of 0 of one at least as large as seen.
func (s strata) above(distance float64) float64 {
	switch {
	case s.df > 0:
		return tUpper(distance/s.se, s.df)
	case s.queries >= 2 && distance > 0:
		return 0
	}
	return 1
}

// tUpper is P(T > t) of Student's t (Abramowitz and Stegun 26.5.27).
func tUpper(t, df float64) float64 {
	tail := mathext.RegIncBeta(df/2, 0.5, df/(df+t*t)) / 2
	if t < 0 {
		return 1 - tail
	}
	return tail
}

// tQuantile is the t that Student's distribution does not exceed with probability p > 0.5.
func tQuantile(p, df float64) float64 {
	x := mathext.InvRegIncBeta(df/2, 0.5, 2*(1-p))
	return math.Sqrt(df * (1/x - 1))
}
