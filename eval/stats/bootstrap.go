package stats

import (
	"math"
	"slices"
)

// DefaultResamples is the number of bootstrap samples where none is given.
const DefaultResamples = 10_000

// Bootstrapped holds the mean of a list and its bootstrap intervals.
type Bootstrapped struct {
	Mean       float64  `json:"mean"`
	Percentile Interval `json:"percentile"`
	BCa        Interval `json:"bca"` // bias-corrected and accelerated
}

// Bootstrap gives intervals of the mean of x from resamples drawn with replacement (0: DefaultResamples), at the given
// confidence (0.95). Given the differences of two systems it gives intervals of the paired difference. Both intervals are
// those of SciPy's bootstrap: percentiles by linear interpolation, and BCa (Efron 1987; Efron and Tibshirani 1993, chapter
// 14) with the jackknife acceleration. Intervals are unbounded for fewer than two values, and the mean itself where all are equal.
func Bootstrap(x []float64, resamples int, confidence float64, seed uint64) Bootstrapped {
	if resamples <= 0 {
		resamples = DefaultResamples
	}
	s := moments(x)
	b := Bootstrapped{Mean: s.mean, Percentile: unbounded, BCa: unbounded}
	if s.n < 2 {
		return b
	}
	if s.sd == 0 {
		b.Percentile = Interval{s.mean, s.mean}
		b.BCa = b.Percentile
		return b
	}
	means := resampledMeans(x, resamples, seed)
	slices.Sort(means)
	tail := (1 - confidence) / 2
	b.Percentile = Interval{quantile(means, tail), quantile(means, 1-tail)}
	b.BCa = bca(means, s.mean, acceleration(x, s.mean), tail)
	return b
}

// resampledMeans draws the means; sample r, draw i is fixed by the position in the random numbers, two draws a number.
func resampledMeans(x []float64, resamples int, seed uint64) []float64 {
	means := make([]float64, resamples)
	words := uint64(len(x)+1) / 2
	parallel(resamples, func(low, high int) {
		for r := low; r < high; r++ {
			means[r] = resampledSum(x, start(seed)+uint64(r)*words*gamma) / float64(len(x))
		}
	})
	return means
}

func resampledSum(x []float64, state uint64) float64 {
	var even, odd float64
	n := uint64(len(x))
	for range len(x) / 2 {
		state += gamma
		z := mix(state)
		even += x[(z>>32)*n>>32]
		odd += x[(z&math.MaxUint32)*n>>32]
	}
	if len(x)%2 == 1 {
		even += x[(mix(state+gamma)>>32)*n>>32]
	}
	return even + odd
}

// acceleration of the mean: the jackknife skewness over 6. For a mean the leave-one-out estimates are linear in the values.
func acceleration(x []float64, mean float64) float64 {
	var squares, cubes float64
	for _, v := range x {
		u := v - mean
		squares += u * u
		cubes += u * u * u
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

// bca corrects the percentiles for the bias and the skewness of sorted resampled means.
func bca(means []float64, estimate, acceleration, tail float64) Interval {
	below, _ := slices.BinarySearch(means, estimate)
	upTo, _ := slices.BinarySearchFunc(means, estimate, func(m, e float64) int {
		if m <= e {
			return -1
		}
		return 1
	})
	bias := normalQuantile(float64(below+upTo) / 2 / float64(len(means)))
	if math.IsInf(bias, 0) { // every mean on one side of the estimate: no correction can be told from the sample
		bias = 0
	}
	corrected := func(p float64) float64 {
		z := bias + normalQuantile(p)
		return quantile(means, normalCDF(bias+z/(1-acceleration*z)))
	}
	return Interval{corrected(tail), corrected(1 - tail)}
}

// quantile of a sorted list by linear interpolation (Hyndman and Fan's type 7, the default of NumPy and R).
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := max(0, min(len(sorted)-1, int(math.Floor(at))))
	j := min(len(sorted)-1, i+1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}
