package stats

import "math"

// Effect says how large a difference is, apart from how sure.
type Effect struct {
	// DZ is Cohen's d for paired values: mean difference over the standard deviation of the differences.
	DZ float64 `json:"d_z"`
	// HedgesG is DZ times Hedges' correction for small samples, gamma(df/2) / (sqrt(df/2) gamma((df-1)/2)).
	HedgesG float64 `json:"hedges_g"`
	// RankBiserial is the matched-pairs rank-biserial correlation (Kerby 2014): the share of the rank sum of Wilcoxon's test that
	// favours the first system less the share against it, from -1 to 1.
	RankBiserial float64 `json:"rank_biserial"`
}

// EffectSize of the differences d. All are 0 for fewer than two values or where every difference is 0; without spread DZ and
// HedgesG are +-math.MaxFloat64. The correction needs three values; with two HedgesG is 0.
func EffectSize(d []float64) Effect {
	s := moments(d)
	if s.n < 2 {
		return Effect{}
	}
	e := Effect{DZ: ratio(s.mean, s.sd)}
	if df := float64(s.n - 1); df > 1 {
		a, _ := math.Lgamma(df / 2)
		b, _ := math.Lgamma((df - 1) / 2)
		e.HedgesG = e.DZ * math.Exp(a-b) / math.Sqrt(df/2)
	}
	if r := rankSigned(d); r.n > 0 {
		e.RankBiserial = float64(2*r.plus-r.total) / float64(r.total)
	}
	return e
}

// Outcomes counts the queries by sign of the difference.
type Outcomes struct {
	Wins   int `json:"wins"`
	Ties   int `json:"ties"`
	Losses int `json:"losses"`
}

// CountOutcomes of the differences d. Differences below 1e-12 of the largest count as ties.
func CountOutcomes(d []float64) Outcomes {
	var largest float64
	for _, v := range d {
		largest = max(largest, math.Abs(v))
	}
	var o Outcomes
	for _, v := range d {
		switch {
		case v > tieTolerance*largest:
			o.Wins++
		case v < -tieTolerance*largest:
			o.Losses++
		default:
			o.Ties++
		}
	}
	return o
}
