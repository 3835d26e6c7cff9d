package explain

import (
	"cmp"
	"math"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
)

// Correlation is a rank correlation with the p of its absence.
type Correlation struct {
	R float64 `json:"r"`
	P float64 `json:"p"`
	N int     `json:"n"`
}

// Spearman is the correlation of average ranks (Spearman 1904), with the two-sided p of Student's t on n-2 degrees of freedom, as SciPy's
// spearmanr. Fewer than three pairs, or a side without spread: R 0, P 1. x and y have the same length.
func Spearman(x, y []float64) Correlation {
	n := len(x)
	c := Correlation{P: 1, N: n}
	if n < 3 {
		return c
	}
	r := pearson(ranks(x), ranks(y))
	if math.IsNaN(r) {
		return c
	}
	c.R = min(max(r, -1), 1)
	if (1-c.R)*(1+c.R) <= 0 {
		c.P = 0
		return c
	}
	df := float64(n - 2)
	c.P = 2 * stats.StudentUpper(math.Abs(c.R)*math.Sqrt(df/((1-c.R)*(1+c.R))), df)
	return c
}

// pearson is the product-moment correlation, NaN without spread.
func pearson(x, y []float64) float64 {
	mx, my := stats.Mean(x), stats.Mean(y)
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xy += dx * dy
		xx += dx * dx
		yy += dy * dy
	}
	return xy / math.Sqrt(xx*yy)
}

// ranks are the average ranks of x from 1.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	r := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			r[k] = float64(i+j+1) / 2
		}
		i = j
	}
	return r
}

// Kendall is tau-b (Kendall 1945), counted in O(n log n) (Knight 1966), with the two-sided p of the normal approximation under ties, as
// SciPy's kendalltau(method="asymptotic"). Fewer than three pairs, or a side without spread: R 0, P 1.
func Kendall(x, y []float64) Correlation {
	n := len(x)
	c := Correlation{P: 1, N: n}
	if n < 3 {
		return c
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(y[a], y[b])) })
	both := 0.0 // pairs tied on both sides
	for i := 0; i < n; {
		j := i + 1
		for j < n && x[order[j]] == x[order[i]] && y[order[j]] == y[order[i]] {
			j++
		}
		both += float64(j-i) * float64(j-i-1) / 2
		i = j
	}
	sorted := make([]float64, n)
	for i, k := range order {
		sorted[i] = y[k]
	}
	swaps := inversions(sorted, make([]float64, n))
	tx, ty := tiesOf(x), tiesOf(y)
	pairs := float64(n) * float64(n-1) / 2
	if tx.pairs == pairs || ty.pairs == pairs {
		return c
	}
	balance := pairs - tx.pairs - ty.pairs + both - 2*swaps // concordant less discordant
	c.R = min(max(balance/math.Sqrt(pairs-tx.pairs)/math.Sqrt(pairs-ty.pairs), -1), 1)
	m := 2 * pairs
	variance := (m*float64(2*n+5)-tx.linear-ty.linear)/18 + 2*tx.pairs*ty.pairs/m + tx.cubic*ty.cubic/(9*m*float64(n-2))
	c.P = math.Erfc(math.Abs(balance) / math.Sqrt(variance) / math.Sqrt2)
	return c
}

// tieCounts are sums over groups of t tied values: t(t-1)/2, t(t-1)(2t+5) and t(t-1)(t-2).
type tieCounts struct{ pairs, linear, cubic float64 }

func tiesOf(x []float64) tieCounts {
	s := slices.Clone(x)
	slices.Sort(s)
	var c tieCounts
	for i := 0; i < len(s); {
		j := i + 1
		for j < len(s) && s[j] == s[i] {
			j++
		}
		t := float64(j - i)
		c.pairs += t * (t - 1) / 2
		c.linear += t * (t - 1) * (2*t + 5)
		c.cubic += t * (t - 1) * (t - 2)
		i = j
	}
	return c
}

// inversions sorts x by merging and counts the pairs that stood in the wrong order. tmp has x's length.
func inversions(x, tmp []float64) float64 {
	n := len(x)
	if n < 2 {
		return 0
	}
	h := n / 2
	count := inversions(x[:h], tmp[:h]) + inversions(x[h:], tmp[h:])
	copy(tmp, x)
	i, j := 0, h
	for k := range x {
		if j == n || i < h && tmp[i] <= tmp[j] {
			x[k] = tmp[i]
			i++
		} else {
			x[k] = tmp[j]
			j++
			count += float64(h - i)
		}
	}
	return count
}
