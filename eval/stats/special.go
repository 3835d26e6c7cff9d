package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// normalCDF is P(Z <= z).
func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalQuantile is the z with P(Z <= z) = p; infinite at 0 and 1.
func normalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// StudentUpper is P(T >= t) for df > 0 degrees of freedom (not necessarily whole): for t >= 0 half the regularised incomplete
// beta function I_{df/(df+t^2)}(df/2, 1/2) (Abramowitz and Stegun 26.7.1).
func StudentUpper(t, df float64) float64 {
	switch {
	case t < 0:
		return 1 - StudentUpper(-t, df)
	case t == 0:
		return 0.5
	}
	ratio := t / math.Sqrt(df) // squared apart, so that large t does not overflow
	return mathext.RegIncBeta(df/2, 0.5, 1/(1+ratio*ratio)) / 2
}

// StudentQuantile is the t with P(T <= t) = p, for p between 0 and 1: bisection of StudentUpper, which is monotone.
func StudentQuantile(p, df float64) float64 {
	upper := 1 - p
	switch {
	case upper > 0.5:
		return -StudentQuantile(upper, df)
	case upper == 0.5:
		return 0
	}
	high := 1.0
	for StudentUpper(high, df) > upper && high < 1e300 {
		high *= 2
	}
	return bisect(0, high, func(t float64) bool { return StudentUpper(t, df) <= upper })
}

// bisect returns the smallest float in [low, high] at which the monotone past holds, to about one unit in the last place;
// high where it holds nowhere below.
func bisect(low, high float64, past func(float64) bool) float64 {
	for range 200 {
		mid := low + (high-low)/2
		if mid <= low || mid >= high {
			break
		}
		if past(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// root of f, which rises from below 0 at low to 0 or more at high: regula falsi with the Illinois weights (Dowell and Jarratt
// 1971), some ten evaluations of a smooth f.
func root(low, high float64, f func(float64) float64) float64 {
	atLow, atHigh := f(low), f(high)
	side := 0
	for range 200 {
		mid := (low*atHigh - high*atLow) / (atHigh - atLow)
		if !(mid > low && mid < high) {
			break
		}
		at := f(mid)
		if math.Abs(at) < 1e-14 {
			return mid
		}
		if at < 0 {
			low, atLow = mid, at
			if side < 0 {
				atHigh /= 2
			}
			side = -1
		} else {
			high, atHigh = mid, at
			if side > 0 {
				atLow /= 2
			}
			side = 1
		}
	}
	return high
}

// chiSquareUpper is P(X >= x) for df degrees of freedom.
func chiSquareUpper(x, df float64) float64 {
	if x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(df/2, x/2)
}
