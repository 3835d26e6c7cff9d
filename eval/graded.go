package eval

import (
	"cmp"
	"math"
	"slices"
)

// The measures in this file see grades. Those of trec_eval keep its order of summation, and its rules where gains are
// given by hand; names in brackets are its files.

// log2 is the discount of rank (from 0): rank 0 divides by log2(2).
func log2(rank int) float64 {
	if rank < len(discounts) {
		return discounts[rank]
	}
	return math.Log2(float64(rank + 2))
}

var discounts = func() (d [1024]float64) {
	for i := range d {
		d[i] = math.Log2(float64(i + 2))
	}
	return d
}()

// ndcgCut is nDCG of the first k ranks; the gain is the grade [m_ndcg_cut.c].
func ndcgCut(m *Measure, r *ranking, _ int) float64 {
	return normalizedDCG(m.k, r, func(g int) float64 { return float64(g) })
}

// cutNDCG is ir_measures' nDCG with its parameters: gain 2^grade - 1, or a table of gains.
func cutNDCG(m *Measure, r *ranking, level int) float64 {
	switch {
	case m.exp:
		return normalizedDCG(m.k, r, func(g int) float64 { return math.Exp2(float64(g)) - 1 })
	case len(m.gains) > 0:
		return ndcgOfTable(m, r)
	}
	return ndcgCut(m, r, level)
}

// normalizedDCG divides the discounted gains of the first k ranks (0: all) by the best possible. gain rises with the grade.
func normalizedDCG(k int, r *ranking, gain func(grade int) float64) float64 {
	if k == 0 {
		k = math.MaxInt
	}
	sum, ideal, rank := 0.0, 0.0, 0
	for _, p := range r.pooled {
		if p.rank >= k {
			break
		}
		if p.grade > 0 {
			sum += gain(p.grade) / log2(p.rank)
		}
	}
	if sum == 0 {
		return 0
	}
	for i := len(r.levels) - 1; i >= 0 && r.levels[i].grade > 0; i-- {
		for n := 0; n < r.levels[i].count && rank < k; n++ {
			ideal += gain(r.levels[i].grade) / log2(rank)
			rank++
		}
	}
	if ideal == 0 {
		return sum
	}
	return sum / ideal
}

// ndcgOfTable is nDCG after every grade is replaced by its gain; grades that the table does not name stay.
func ndcgOfTable(m *Measure, r *ranking) float64 {
	gain := func(g int) int {
		for _, p := range m.gains {
			if p.grade == g {
				return int(p.gain)
			}
		}
		return g
	}
	mapped := ranking{numRet: r.numRet}
	for _, l := range r.levels {
		mapped.levels = append(mapped.levels, level{gain(l.grade), l.count})
	}
	slices.SortFunc(mapped.levels, func(a, b level) int { return cmp.Compare(a.grade, b.grade) })
	for _, p := range r.pooled {
		if p.grade >= 0 {
			p.grade = gain(p.grade)
		}
		mapped.pooled = append(mapped.pooled, p)
	}
	return ndcgCut(m, &mapped, 1)
}

// relGain is a grade, its gain and how often the qrels have it.
type relGain struct {
	grade int
	gain  float64
	count int
}

// gainsOf lists the gains in ascending order [gain_init.c, setup_gains].
func gainsOf(m *Measure, r *ranking) []relGain {
	var out []relGain
	for _, p := range m.gains {
		out = append(out, relGain{grade: p.grade, gain: p.gain})
	}
	next := 0
	for _, l := range r.levels {
		for ; l.grade <= maxFilled && next < l.grade; next++ {
			out = addGain(out, level{next, 0}) // grades that nothing has
		}
		out = addGain(out, l)
		next = l.grade + 1
	}
	return sortGains(out)
}

// maxFilled is the grade up to which grades that no document has take part in the sorting of gains: more only cost time.
const maxFilled = 256

func addGain(out []relGain, l level) []relGain {
	for i := range out {
		if out[i].grade == l.grade {
			out[i].count = l.count
			return out
		}
	}
	return append(out, relGain{l.grade, float64(l.grade), l.count})
}

// sortGains is a merge sort that compares the whole part of the difference only: what glibc's qsort makes of trec_eval's comp_rel_gain,
// which returns the difference as an int. Gains less than 1 apart keep their places.
func sortGains(g []relGain) []relGain {
	if len(g) < 2 {
		return g
	}
	a, b := sortGains(g[:len(g)/2]), sortGains(g[len(g)/2:])
	out := make([]relGain, 0, len(g))
	for len(a) > 0 && len(b) > 0 {
		if math.Trunc(a[0].gain-b[0].gain) <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func gainOf(gains []relGain, grade int) float64 {
	for _, g := range gains {
		if g.grade == grade {
			return g.gain
		}
	}
	return 0
}

// idealWalk goes down the best possible ranking.
type idealWalk struct {
	gains     []relGain
	level, at int
	gain      float64 // of the current document; 0 behind the last
}

func newIdealWalk(gains []relGain) *idealWalk {
	w := &idealWalk{gains: gains, level: len(gains) - 1}
	if w.level >= 0 {
		w.gain = gains[w.level].gain
	}
	return w
}

func (w *idealWalk) step() {
	w.at++
	for w.level >= 0 && w.at > w.gains[w.level].count {
		w.at = 1
		w.level--
		w.gain = 0
		if w.level >= 0 {
			w.gain = w.gains[w.level].gain
		}
	}
}

// ndcg is nDCG over the whole ranking [m_ndcg.c].
func ndcg(m *Measure, r *ranking, level int) float64 {
	if len(m.gains) == 0 {
		return normalizedDCG(0, r, func(g int) float64 { return float64(g) })
	}
	if best := idealDCG(m, r, level); best > 0 {
		return dcg(m, r, level) / best
	}
	return 0
}

func dcg(m *Measure, r *ranking, _ int) float64 {
	gains, sum := gainsOf(m, r), 0.0
	r.grades(func(rank, grade int) {
		if g := gainOf(gains, grade); g != 0 {
			sum += g / log2(rank)
		}
	})
	return sum
}

func idealDCG(m *Measure, r *ranking, _ int) float64 {
	w, sum := newIdealWalk(gainsOf(m, r)), 0.0
	for rank := 0; w.gain > 0; rank++ {
		if w.step(); w.gain > 0 {
			sum += w.gain / log2(rank)
		}
	}
	return sum
}

// ndcgRel is nDCG averaged over the relevant documents [m_ndcg_rel.c].
func ndcgRel(m *Measure, r *ranking, _ int) float64 {
	gains := gainsOf(m, r)
	w := newIdealWalk(gains)
	got, best, sum := 0.0, 0.0, 0.0
	rel, relRet := 0, 0
	step := func(rank int) {
		if w.step(); w.gain > 0 {
			rel++
			best += w.gain / log2(rank)
		}
	}
	r.grades(func(rank, grade int) {
		g := gainOf(gains, grade)
		if g != 0 {
			got += g / log2(rank)
		}
		if w.gain > 0 {
			step(rank)
		}
		if g > 0 {
			sum += got / best
			relRet++
		}
	})
	for rank := r.numRet; w.gain > 0; rank++ {
		step(rank)
	}
	if sum += float64(rel-relRet) * got / best; sum > 0 {
		return sum / float64(rel)
	}
	return 0
}

// rNDCG is nDCG averaged over the ranks where the ideal gain changes [m_Rndcg.c].
func rNDCG(m *Measure, r *ranking, level int) float64 {
	if r.relevant(level) == 0 {
		return 0
	}
	gains := gainsOf(m, r)
	w := newIdealWalk(gains)
	got, best, sum, old := 0.0, 0.0, 0.0, w.gain
	changes := 0
	change := func() {
		if best > 0 {
			sum += got / best
			changes++
		}
	}
	step := func() {
		if w.step(); old != w.gain {
			change()
			old = w.gain
		}
	}
	outside := false // ranks were retrieved below the last gain
	r.grades(func(rank, grade int) {
		ideal := w.gain > 0
		if ideal {
			step()
		}
		if g := gainOf(gains, grade); g != 0 {
			got += g / log2(rank)
		}
		if ideal && w.gain > 0 {
			best += w.gain / log2(rank)
		}
		outside = outside || !ideal
	})
	if outside {
		change()
	}
	for rank := r.numRet; w.gain > 0; rank++ {
		if step(); w.gain > 0 {
			best += w.gain / log2(rank)
		}
	}
	return sum / float64(changes)
}

// normalizedG is Buckley's G: gain over log2 of how much gain was missed before [m_G.c].
func normalizedG(m *Measure, r *ranking, _ int) float64 {
	gains := gainsOf(m, r)
	w := newIdealWalk(gains)
	got, best, cost, sum := 0.0, 0.0, 0.0, 0.0
	const minCost = 1
	r.grades(func(_, grade int) {
		g := gainOf(gains, grade)
		got += g
		if w.gain > 0 {
			if w.step(); w.gain > 0 {
				best += w.gain
			}
			cost += max(w.gain, minCost)
		} else {
			cost += minCost
		}
		if g != 0 {
			sum += g / math.Log2(2+cost-got)
		}
	})
	for w.gain > 0 {
		if w.step(); w.gain > 0 {
			best += w.gain
		}
	}
	if best > 0 {
		return sum / best
	}
	return 0
}

// The persistence where none is given: trec_eval's and ir_measures'.
const (
	defaultTrecRBP = 0.9
	defaultRBP     = 0.8
)

func persistence(m *Measure) float64 {
	switch {
	case m.x != 0:
		return m.x
	case m.own:
		return defaultRBP
	}
	return defaultTrecRBP
}

// rankBiased is rank-biased precision (Moffat and Zobel, TOIS 2008) with gains scaled to [0, 1] where the query has others
// [m_rbp.c, whose minimum and maximum start from variables it never sets: 0 is what its own expected outputs have].
func rankBiased(m *Measure, r *ranking, _ int) float64 {
	gains := gainsOf(m, r)
	low, high := 0.0, 0.0
	for _, g := range gains {
		low, high = min(low, g.gain), max(high, g.gain)
	}
	if low < 0 || high > 1 {
		for i := range gains {
			gains[i].gain = (gains[i].gain - low) / (high - low)
		}
	}
	p := persistence(m)
	return (1 - p) * discounted(r, m.k, p, func(grade int) float64 { return gainOf(gains, grade) })
}

// rankBiasedCut is ir_measures' RBP: documents of grade rel and up count 1, or without rel the scaled gains of rankBiased.
func rankBiasedCut(m *Measure, r *ranking, _ int) float64 {
	if m.rel == 0 {
		return rankBiased(m, r, 0)
	}
	p := persistence(m)
	return (1 - p) * discounted(r, m.k, p, func(grade int) float64 {
		if grade >= m.rel {
			return 1
		}
		return 0
	})
}

// discounted sums gain times p to the rank over the first k ranks (0: all).
func discounted(r *ranking, k int, p float64, gain func(grade int) float64) float64 {
	sum, weight := 0.0, 1.0
	r.grades(func(rank, grade int) {
		if k == 0 || rank < k {
			sum += gain(grade) * weight
		}
		weight *= p
	})
	return sum
}

// rankBiasedResidual is how much rbp could rise if every unjudged document had full gain [m_rbp_resid.c].
func rankBiasedResidual(m *Measure, r *ranking, _ int) float64 {
	p := persistence(m)
	sum, weight, seen := 0.0, 1.0, false
	r.grades(func(_, grade int) {
		if grade < 0 {
			sum += weight
			seen = true
		}
		weight *= p
	})
	if !seen {
		return 0
	}
	return weight + (1-p)*sum
}

// maxERRGrade is gdeval's MAX_JUDGMENT: the grade at which a document satisfies with probability 15/16.
const maxERRGrade = 4

// expectedRR is the expected reciprocal rank (Chapelle et al., CIKM 2009, equation 4) on gdeval's scale of grades 0 to 4.
func expectedRR(m *Measure, r *ranking, _ int) float64 {
	sum, unsatisfied := 0.0, 1.0
	for _, p := range r.pooled {
		if m.k > 0 && p.rank >= m.k {
			break
		}
		if p.grade > 0 {
			satisfied := (math.Exp2(float64(p.grade)) - 1) / math.Exp2(maxERRGrade)
			sum += unsatisfied * satisfied / float64(p.rank+1)
			unsatisfied *= 1 - satisfied
		}
	}
	return sum
}
