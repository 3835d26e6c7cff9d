package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Power is the chance that a two-sided paired t-test at alpha over n queries finds a true mean difference, when the
// differences have standard deviation sd. It is exact, by the noncentral t distribution, and counts both tails, as R's
// power.t.test(type="paired", strict=TRUE) and statsmodels' TTestPower. Fewer than two queries: 0. No spread: 1, and 0 for a
// difference of 0.
func Power(difference, sd float64, n int, alpha float64) float64 {
	if n < 2 {
		return 0
	}
	if sd == 0 {
		if difference == 0 {
			return 0
		}
		return 1
	}
	df := float64(n - 1)
	return powerAt(math.Abs(difference)/sd*math.Sqrt(float64(n)), df, StudentQuantile(1-alpha/2, df))
}

// powerAt is the chance of |T| > critical under noncentrality shift >= 0.
func powerAt(shift, df, critical float64) float64 {
	return min(1, max(0, 1-noncentralCDF(critical, df, shift)+noncentralCDF(-critical, df, shift)))
}

// SmallestDifference is the smallest true difference that a test over n queries at alpha would have found with the given
// power (0.8), when the differences have standard deviation sd: what a comparison without a significant result could have
// shown. It is in the unit of the measure. Fewer than two queries: math.MaxFloat64. No
// spread, or a power of alpha or less: 0.
func SmallestDifference(sd float64, n int, alpha, power float64) float64 {
	if n < 2 {
		return math.MaxFloat64
	}
	if sd == 0 || power <= alpha {
		return 0
	}
	df := float64(n - 1)
	critical := StudentQuantile(1-alpha/2, df)
	high := 1.0
	for powerAt(high, df, critical) < power && high < 1e6 {
		high *= 2
	}
	shift := root(0, high, func(shift float64) float64 { return powerAt(shift, df, critical) - power })
	return shift * sd / math.Sqrt(float64(n))
}

// maxQueries bounds QueriesNeeded.
const maxQueries = 1 << 40

// QueriesNeeded is the number of queries with which a test at alpha finds the given true difference with the given power,
// when the differences have standard deviation sd. A difference of 0 is never found: maximal (2^40) is returned.
func QueriesNeeded(difference, sd, alpha, power float64) int {
	enough := func(n int) bool { return Power(difference, sd, n, alpha) >= power }
	if difference == 0 {
		return maxQueries
	}
	high := 2
	for high < maxQueries && !enough(high) {
		high *= 2
	}
	low := max(2, high/2)
	for low < high {
		mid := low + (high-low)/2
		if enough(mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return high
}

// noncentralCDF is P(T <= t) of the noncentral t distribution (Lenth 1989, algorithm AS 243): a Poisson-weighted sum of
// incomplete beta functions. The sum starts at the largest weight and goes both ways, so that no weight underflows. Beyond a
// noncentrality of 37, far past every power asked for, it is Abramowitz and Stegun's normal approximation (26.7.10).
func noncentralCDF(t, df, shift float64) float64 {
	half := shift * shift / 2
	switch {
	case half > 700:
		return normalCDF((t*(1-1/(4*df)) - shift) / math.Sqrt(1+t*t/(2*df)))
	case t < 0:
		return max(0, 1-noncentralCDF(-t, df, -shift))
	case t == 0:
		return normalCDF(-shift)
	}
	x := t * t / (t*t + df)
	cdf := normalCDF(-shift)
	add := func(j float64) (more bool) {
		v := noncentralTerm(j, x, df, shift)
		cdf += v
		return math.Abs(v) >= 1e-16
	}
	peak := math.Floor(half)
	for j := peak; add(j); j++ {
	}
	for j := peak - 1; j >= 0 && add(j); j-- {
	}
	return max(0, min(1, cdf))
}

// noncentralTerm is term j of the series of noncentralCDF.
func noncentralTerm(j, x, df, shift float64) float64 {
	half := shift * shift / 2
	p, q := 0.0, 0.0
	switch {
	case half > 0:
		odd, _ := math.Lgamma(j + 1)
		even, _ := math.Lgamma(j + 1.5)
		p = math.Exp(-half + j*math.Log(half) - odd)
		q = shift / math.Sqrt2 * math.Exp(-half+j*math.Log(half)-even)
	case j == 0:
		p = 1
	}
	return (p*mathext.RegIncBeta(j+0.5, df/2, x) + q*mathext.RegIncBeta(j+1, df/2, x)) / 2
}
