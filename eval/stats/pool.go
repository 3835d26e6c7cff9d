package stats

import "math"

// Pooled is a random-effects meta-analysis of one difference over several datasets.
type Pooled struct {
	Difference float64  `json:"difference"`
	SE         float64  `json:"se"`
	T          float64  `json:"t"`
	DF         float64  `json:"df"`
	P          float64  `json:"p"`
	Interval   Interval `json:"interval"`
	Tau2       float64  `json:"tau2"` // variance of the true difference between datasets
	I2         float64  `json:"i2"`   // share of the variation that is between datasets, 0 to 1
	Q          float64  `json:"q"`    // Cochran's heterogeneity statistic
	QP         float64  `json:"q_p"`  // its p
	Datasets   int      `json:"datasets"`
}

// PoolRandomEffects pools the differences of several datasets: the between-dataset variance by DerSimonian and Laird (1986),
// weights 1/(variance + tau2), interval and test by Hartung and Knapp (2001) with datasets-1 degrees of freedom, their variance
// factor taken as at least 1 (Knapp and Hartung 2003), so that chance agreement of few datasets cannot shrink the interval
// below the plain one.
//
// Claims about a group of datasets use it for the question whether the difference would hold on another dataset of the kind:
// what varies from dataset to dataset counts as uncertainty, which pooling all queries in one test would hide behind the
// largest dataset. RandomiseStrata answers the narrower question about just these datasets.
//
// Datasets with fewer than two values are left out. One without spread takes the mean variance of the others (its own sample
// says 0, and would otherwise outweigh everything). No dataset: P 1, interval unbounded; one: its own PairedT and TInterval.
func PoolRandomEffects(datasets [][]float64, confidence float64) Pooled {
	effects, variances, single := poolInputs(datasets)
	switch len(effects) {
	case 0:
		return Pooled{P: 1, QP: 1, Interval: unbounded}
	case 1:
		t := PairedT(single)
		return Pooled{Difference: effects[0], SE: moments(single).standardError(), T: t.T, DF: t.DF, P: t.P, QP: 1,
			Interval: TInterval(single, confidence), Datasets: 1}
	}
	return poolEffects(effects, variances, confidence)
}

// poolInputs are the mean difference of each usable dataset and the variance of that mean; single is the last usable dataset.
func poolInputs(datasets [][]float64) (effects, variances, single []float64) {
	var sum, with float64
	var sizes []float64
	for _, d := range datasets {
		s := moments(d)
		if s.n < 2 {
			continue
		}
		single = d
		effects = append(effects, s.mean)
		variances = append(variances, s.sd*s.sd/float64(s.n))
		sizes = append(sizes, float64(s.n))
		if s.sd > 0 {
			sum += s.sd * s.sd
			with++
		}
	}
	for i := range variances {
		switch {
		case with == 0: // no dataset has any spread: weigh them alike
			variances[i] = 1e-30
		case variances[i] == 0:
			variances[i] = sum / with / sizes[i]
		}
	}
	return effects, variances, single
}

func poolEffects(effects, variances []float64, confidence float64) Pooled {
	k := float64(len(effects))
	_, total, q, totalSquares := weighted(effects, variances, 0)
	p := Pooled{Q: min(q, math.MaxFloat64), DF: k - 1, Datasets: len(effects)}
	p.QP = chiSquareUpper(p.Q, p.DF)
	p.Tau2 = max(0, (q-p.DF)/(total-totalSquares/total))
	if q > 0 {
		p.I2 = max(0, (q-p.DF)/q)
	}
	p.Difference, total, q, _ = weighted(effects, variances, p.Tau2)
	p.SE = math.Sqrt(max(1, q/p.DF) / total)
	p.T = ratio(p.Difference, p.SE)
	p.P = 2 * StudentUpper(math.Abs(p.T), p.DF)
	half := StudentQuantile((1+confidence)/2, p.DF) * p.SE
	p.Interval = Interval{p.Difference - half, p.Difference + half}
	return p
}

// weighted is the mean under weights 1/(variance+tau2), the sum of the weights, the weighted squared distance from the mean
// and the sum of the squared weights.
func weighted(effects, variances []float64, tau2 float64) (mean, total, q, totalSquares float64) {
	for i, e := range effects {
		w := 1 / (variances[i] + tau2)
		mean += w * e
		total += w
		totalSquares += w * w
	}
	mean /= total
	for i, e := range effects {
		q += (e - mean) * (e - mean) / (variances[i] + tau2)
	}
	return mean, total, q, totalSquares
}
