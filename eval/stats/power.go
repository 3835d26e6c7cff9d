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
	return powerAt(math.Abs(difference)/sd*math.Sqrt(float64(n)), df, studentQuantile(1-alpha/2, df))
}

// powerAt is the chance of |T| > critical under noncentrality shift >= 0.
func powerAt(shift, df, critical float64) float64 {
	return min(1, max(0, 1-noncentralCDF(critical, df, shift)+noncentralCDF(-critical, df, shift)))
}

// SmallestDifference is the smallest true difference that a test over n queries at alpha would have found with the given
// power (0.8), when the differences have standard deviation sd: what a comparison without a significant result could have
// shown. It is in the unit of the measure. Fewer than two queries: math.MaxFloat64. No spread: 0.
func SmallestDifference(sd float64, n int, alpha, power float64) float64 {
	if n < 2 {
		return math.MaxFloat64
	}
	if sd == 0 {
		return 0
	}
	df := float64(n - 1)
	critical := studentQuantile(1-alpha/2, df)
	high := 1.0
	for powerAt(high, df, critical) < power && high < 1e6 {
		high *= 2
	}
	shift := bisect(0, high, func(shift float64) bool { return powerAt(shift, df, critical) >= power })
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
// incomplete beta functions. The sum starts at the largest weight and goes both ways, so that no weight underflows.
// Beyond a noncentrality of 37 the normal distribution is all there is in float64 for the critical values used here.
func noncentralCDF(t, df, shift float64) float64 {
	if t < 0 {
		return max(0, 1-noncentralCDF(-t, df, -shift))
	}
	cdf := normalCDF(-shift)
	half := shift * shift / 2
	if t == 0 || half > 700 {
		if half > 700 {
			return normalCDF((t*(1-1/(4*df)) - shift) / math.Sqrt(1+t*t/(2*df))) // Abramowitz and Stegun 26.7.10
		}
		return cdf
	}
	x := t * t / (t*t + df)
	term := func(j float64) float64 {
		odd, _ := math.Lgamma(j + 1)
		even, _ := math.Lgamma(j + 1.5)
		var p, q float64
		if half > 0 {
			p = math.Exp(-half + j*math.Log(half) - odd)
			q = shift / math.Sqrt2 * math.Exp(-half+j*math.Log(half)-even)
		} else if j == 0 {
			p = 1
		}
		return (p*mathext.RegIncBeta(j+0.5, df/2, x) + q*mathext.RegIncBeta(j+1, df/2, x)) / 2
	}
	peak := math.Floor(half)
	for j := peak; j < peak+1000; j++ {
		v := term(j)
		cdf += v
		if math.Abs(v) < 1e-16 {
			break
		}
	}
	for j := peak - 1; j >= 0; j-- {
		v := term(j)
		cdf += v
		if math.Abs(v) < 1e-16 {
			break
		}
	}
	return max(0, min(1, cdf))
}
