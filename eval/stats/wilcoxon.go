package stats

import (
	"cmp"
	"math"
	"slices"
)

// Wilcoxon is a signed-rank test: W, the smaller of the two rank sums, and the two-sided p.
type Wilcoxon struct {
	W     float64 `json:"w"`
	P     float64 `json:"p"`
	Exact bool    `json:"exact"` // by the exact distribution, otherwise by the normal approximation
}

// The samples up to which SciPy's wilcoxon (1.17, method "auto") takes the exact distribution.
const (
	exactWithoutTies = 50
	exactWithTies    = 13
)

// SignedRank is Wilcoxon's signed-rank test of the differences d (1945), as SciPy's wilcoxon with its defaults: zeros dropped
// (zero_method "wilcox"), average ranks for ties; p from the exact distribution for up to 50 pairs without ties and zeros, up to 13
// with them, else from the normal approximation with the correction for ties and none for continuity. Absolute values
// that differ by less than one part in 10^12 of the largest are tied. No differences, or all 0: W 0 and P 1.
func SignedRank(d []float64) Wilcoxon {
	if !finite(d) {
		d = nil
	}
	r := rankSigned(d)
	if r.n == 0 {
		return Wilcoxon{P: 1, Exact: true}
	}
	w := Wilcoxon{W: float64(min(r.plus, r.total-r.plus)) / 2}
	tied := r.ties > 0 || r.n < len(d)
	if w.Exact = !tied && len(d) <= exactWithoutTies || len(d) <= exactWithTies; w.Exact {
		w.P = r.exact()
		return w
	}
	n := float64(r.n)
	sd := math.Sqrt((n*(n+1)*(2*n+1) - r.ties/2) / 24)
	w.P = min(1, 2*normalCDF((w.W-n*(n+1)/4)/sd))
	return w
}

// signedRanks are twice the ranks of the absolute values, so that average ranks are whole numbers.
type signedRanks struct {
	n           int
	doubled     []int
	plus, total int     // sums of the doubled ranks: of the positive values, of all
	ties        float64 // sum of t^3-t over groups of t tied values
}

func rankSigned(d []float64) signedRanks {
	values := slices.Clone(d)
	slices.SortFunc(values, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	var r signedRanks
	if len(values) == 0 {
		return r
	}
	tolerance := tieTolerance * math.Abs(values[len(values)-1])
	for len(values) > 0 && math.Abs(values[0]) <= tolerance {
		values = values[1:]
	}
	r.n = len(values)
	for i := 0; i < r.n; {
		j := i + 1
		for j < r.n && math.Abs(values[j])-math.Abs(values[i]) <= tolerance {
			j++
		}
		for _, v := range values[i:j] {
			rank := i + j + 1 // twice the mean of i+1..j
			r.doubled = append(r.doubled, rank)
			r.total += rank
			if v > 0 {
				r.plus += rank
			}
		}
		t := float64(j - i)
		r.ties += t*t*t - t
		i = j
	}
	return r
}

// exact is the two-sided p: twice the smaller tail of the distribution of the positive rank sum over all sign patterns.
func (r signedRanks) exact() float64 {
	share := make([]float64, r.total+1) // share of patterns by doubled rank sum
	share[0] = 1
	reach := 0
	for _, rank := range r.doubled {
		reach += rank
		for s := reach; s >= 0; s-- {
			share[s] /= 2
			if s >= rank {
				share[s] += share[s-rank] / 2
			}
		}
	}
	var lower float64
	for _, p := range share[:min(r.plus, r.total-r.plus)+1] { // the distribution is symmetric
		lower += p
	}
	return min(1, 2*lower)
}
