package eval

import "math"

// The measures in this file see documents as relevant or not. Each is the calculation of trec_eval's file of its name (m_map.c for
// averagePrecision), with its order of summation.

// minGeoMean and infAPEpsilon are trec_eval.h's MIN_GEO_MEAN and INFAP_EPSILON.
const (
	minGeoMean   = .00001
	infAPEpsilon = .00001
)

func numRet(_ *Measure, r *ranking, _ int) float64 { return float64(r.numRet) }

func numRel(_ *Measure, r *ranking, level int) float64 { return float64(r.relevant(level)) }

func numRelRet(_ *Measure, r *ranking, level int) float64 { return float64(r.retrieved(0, level)) }

func numNonrelJudgedRet(_ *Measure, r *ranking, level int) float64 {
	return float64(r.retrieved(0, 0) - r.retrieved(0, level))
}

// averagePrecision is map, and map_cut where the measure has a cut-off.
func averagePrecision(m *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	if rel == 0 {
		return 0
	}
	return sumOfPrecisions(m.k, r, level) / float64(rel)
}

func sumOfPrecisions(k int, r *ranking, level int) float64 {
	sum, seen := 0.0, 0
	for _, p := range r.pooled {
		if k > 0 && p.rank >= k {
			break
		}
		if p.grade >= level {
			seen++
			sum += float64(seen) / float64(p.rank+1)
		}
	}
	return sum
}

// logAveragePrecision is gm_map's value of a query: log of map, at least minGeoMean.
func logAveragePrecision(m *Measure, r *ranking, level int) float64 {
	return log(max(averagePrecision(m, r, level), minGeoMean))
}

func logBpref(m *Measure, r *ranking, level int) float64 {
	return log(max(bpref(m, r, level), minGeoMean))
}

// yaap is Robertson's "Yet Another Average Precision" (ECIR 2012).
func yaap(_ *Measure, r *ranking, level int) float64 {
	s := sumOfPrecisions(0, r, level)
	return log((1 + s) / (1 + float64(r.relevant(level)) - s))
}

func rPrecision(_ *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	if rel == 0 || r.numRet == 0 {
		return 0
	}
	return float64(r.retrieved(rel, level)) / float64(rel)
}

func reciprocalRank(m *Measure, r *ranking, level int) float64 {
	for _, p := range r.pooled {
		if m.k > 0 && p.rank >= m.k {
			break
		}
		if p.grade >= level {
			return 1 / float64(p.rank+1)
		}
	}
	return 0
}

func precision(m *Measure, r *ranking, level int) float64 {
	return float64(r.retrieved(m.k, level)) / float64(m.k)
}

func recall(m *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	if rel == 0 {
		return 0
	}
	return float64(r.retrieved(m.k, level)) / float64(rel)
}

func relativePrecision(m *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	if rel == 0 {
		return 0
	}
	return float64(r.retrieved(m.k, level)) / float64(min(m.k, rel))
}

func success(m *Measure, r *ranking, level int) float64 {
	if r.retrieved(m.k, level) > 0 {
		return 1
	}
	return 0
}

// unjudged is the share of the first k ranks without a judgement; ranks that were not filled do not count as such.
func unjudged(m *Measure, r *ranking, _ int) float64 {
	return float64(min(m.k, r.numRet)-r.retrieved(m.k, 0)) / float64(m.k)
}

// judgedRate is ir_measures' Judged@k: the share of the retrieved among the first k ranks that the qrels name, whatever the grade.
func judgedRate(m *Measure, r *ranking, _ int) float64 {
	k := r.numRet
	if m.k > 0 {
		k = min(k, m.k)
	}
	if k == 0 {
		return 0
	}
	n := 0
	for _, p := range r.pooled {
		if p.rank < k {
			n++
		}
	}
	return float64(n) / float64(k)
}

// bpref follows Buckley and Voorhees (SIGIR 2004) as m_bpref.c has it: documents that nobody judged are skipped.
func bpref(_ *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	nonrel := r.relevant(0) - rel
	sum, before := 0.0, 0
	for _, p := range r.pooled {
		switch {
		case p.grade < 0:
		case p.grade < level:
			before++
		case before > 0:
			sum += 1 - float64(min(before, rel))/float64(min(nonrel, rel))
		default:
			sum++
		}
	}
	if rel > 0 {
		sum /= float64(rel)
	}
	return sum
}

// inferredAP follows Yilmaz and Aslam (CIKM 2006) as m_infap.c has it: negative grades are in the pool but not judged, documents that
// the qrels do not name are outside the pool.
func inferredAP(_ *Measure, r *ranking, level int) float64 {
	sum, relevant, nonrel, pool := 0.0, 0, 0, 0
	for _, p := range r.pooled {
		switch {
		case p.grade < 0:
			pool++
		case p.grade < level:
			nonrel++
		default:
			relevant++
			if p.rank == 0 {
				sum++
				continue
			}
			j := float64(p.rank)
			before := float64(relevant - 1)
			sum += 1/(j+1) + (j/(j+1))*((before+float64(nonrel+pool))/j)*
				((before+infAPEpsilon)/(before+float64(nonrel)+2*infAPEpsilon))
		}
	}
	if rel := r.relevant(level); rel > 0 {
		sum /= float64(rel)
	}
	return sum
}

// elevenPoints averages the interpolated precision over the recall points of the list.
func elevenPoints(m *Measure, r *ranking, level int) float64 {
	return interpolate(m.list, r, level) / float64(len(m.list))
}

func interpolatedPrecision(m *Measure, r *ranking, level int) float64 {
	return interpolate([]float64{m.x}, r, level)
}

// interpolate sums the interpolated precision (the best at this rank or below it) at the recall points, which m_11pt_avg.c and
// m_iprec_at_recall.c turn into numbers of relevant documents by rounding (version 10; earlier ones added 0.9 and cut).
// Points that the run does not reach count 0. They are walked from the last down, as there.
func interpolate(points []float64, r *ranking, level int) float64 {
	rel, got := float64(r.relevant(level)), r.retrieved(0, level)
	target := func(i int) int { return int(math.Round(points[i] * rel)) }
	cur := len(points) - 1
	for cur >= 0 && target(cur) > got {
		cur--
	}
	sum, best, seen := 0.0, float64(got)/float64(r.numRet), got
	for i := len(r.pooled) - 1; i >= 0 && seen > 0; i-- {
		p := r.pooled[i]
		if p.grade < level {
			continue
		}
		if here := float64(seen) / float64(p.rank+1); best < here {
			best = here
		}
		for cur >= 0 && seen == target(cur) {
			sum += best
			cur--
		}
		seen--
	}
	for ; cur >= 0; cur-- {
		sum += best
	}
	return sum
}

// rPrecisionMultiple is the precision after x times as many documents as are relevant.
func rPrecisionMultiple(m *Measure, r *ranking, level int) float64 {
	k := int(m.x*float64(r.relevant(level)) + 0.9)
	if k <= 0 {
		return 0
	}
	return float64(r.retrieved(k, level)) / float64(k)
}

// utility weighs the four cells of the contingency table.
func utility(m *Measure, r *ranking, level int) float64 {
	got, rel := float64(r.retrieved(0, level)), float64(r.relevant(level))
	ret := float64(r.numRet)
	return m.list[0]*got + m.list[1]*(ret-got) + m.list[2]*(rel-got) + m.list[3]*(float64(r.docs)+got-ret-rel)
}

func binaryG(_ *Measure, r *ranking, level int) float64 {
	sum, seen := 0.0, 0
	for _, p := range r.pooled {
		if p.grade >= level {
			seen++
			sum += 1 / math.Log2(float64(3+p.rank-seen))
		}
	}
	if seen == 0 {
		return 0
	}
	return sum / float64(r.relevant(level))
}

func setPrecision(_ *Measure, r *ranking, level int) float64 {
	if r.numRet == 0 {
		return 0
	}
	return float64(r.retrieved(0, level)) / float64(r.numRet)
}

func setRelativePrecision(_ *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	if r.numRet == 0 || rel == 0 {
		return 0
	}
	return float64(r.retrieved(0, level)) / float64(min(r.numRet, rel))
}

func setRecall(_ *Measure, r *ranking, level int) float64 {
	rel := r.relevant(level)
	if rel == 0 {
		return 0
	}
	return float64(r.retrieved(0, level)) / float64(rel)
}

func setMAP(_ *Measure, r *ranking, level int) float64 {
	rel, got := float64(r.relevant(level)), float64(r.retrieved(0, level))
	if r.numRet == 0 || rel == 0 {
		return 0
	}
	return got * got / (float64(r.numRet) * rel)
}

// setF is (x+1)PR/(xP+R): x, not its square, weighs recall.
func setF(m *Measure, r *ranking, level int) float64 {
	got := float64(r.retrieved(0, level))
	if got == 0 {
		return 0
	}
	p, rec, x := got/float64(r.numRet), got/float64(r.relevant(level)), m.list[0]
	return (x + 1) * p * rec / (x*p + rec)
}
