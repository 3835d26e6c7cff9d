package eval

import "math"

// Geometric means go through a logarithm and back. Go's Log and Exp may be one unit in the last place off, C's (glibc) as good as never;
// where the mean is a tie of four decimals, such as 7/32 = .21875 of one query, the printed figure turns on it. These two round
// correctly but for a few in 2^50 arguments, and do so alike on every processor.

// pair is an unevaluated sum of two numbers, the second below half a unit in the last place of the first (Dekker 1971).
type pair struct{ hi, lo float64 }

func (a pair) times(b pair) pair {
	p := a.hi * b.hi
	return fastSum(p, math.FMA(a.hi, b.hi, -p)+(a.hi*b.lo+a.lo*b.hi))
}

// over divides by a small whole number.
func (a pair) over(n float64) pair {
	q := a.hi / n
	return fastSum(q, (math.FMA(-q, n, a.hi)+a.lo)/n)
}

// plusOne is 1 + a for |a| < 1.
func (a pair) plusOne() pair {
	s := fastSum(1, a.hi)
	return fastSum(s.hi, s.lo+a.lo)
}

// fastSum adds numbers of which the first is not the smaller one.
func fastSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

// expPair is e^x = 2^k e^r with r = x - k ln 2, by Taylor's series of e^r; without the 2^k.
func expPair(x float64) (e pair, k int) {
	const ln2, ln2Rest = math.Ln2, 2.3190468138462996e-17 // ln 2 rounded to float64, and what is left of it
	n := math.Round(x / ln2)
	p := n * ln2
	r := fastSum(x-p, -math.FMA(n, ln2, -p)-n*ln2Rest)
	e = pair{hi: 1}
	for i := 27.0; i > 0; i-- { // .35^28/28! < 2^-140
		e = e.times(r).over(i).plusOne()
	}
	return e, int(n)
}

// exp is e^x.
func exp(x float64) float64 {
	e, k := expPair(x)
	return math.Ldexp(e.hi, k)
}

// log is the natural logarithm: one step of Newton's from Go's.
func log(x float64) float64 {
	y := math.Log(x)
	if math.IsInf(y, 0) || math.IsNaN(y) {
		return y
	}
	e, k := expPair(-y)
	scaled := math.Ldexp(x, k)
	return y + (math.FMA(scaled, e.hi, -1) + scaled*e.lo)
}
