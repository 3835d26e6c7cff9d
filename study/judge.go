package study

import (
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
)

// pair is what a claim compares: the paired differences left - right of each dataset, and the means.
type pair struct {
	datasets    []string
	differences [][]float64
	left, right []float64 // means by dataset
}

// test is the outcome of a claim's test before correction.
type test struct {
	p    float64 // of the verdict that the data lean to
	lean string  // Supported or Refuted
}

// verdict of a test whose p was adjusted.
func (t test) verdict(adjusted float64) string {
	if adjusted <= alpha {
		return t.lean
	}
	return Undecided
}

// testClaim tests a claim on the differences of its datasets. A claim of higher or lower takes the two-sided randomisation
// test, stratified by dataset; the sign says which verdict p is for. A claim of equality has two null hypotheses, of which one is true
// whatever the data say: that the difference lies beyond the margin (refuted by two one-sided t-tests: supported) and
// that it lies within (refuted by one: refuted). The smaller p counts, and no correction is due for the choice, since only one of the
// two verdicts can be an error.
func testClaim(c Claim, differences [][]float64, seed uint64) test {
	s := newStrata(differences)
	if c.Kind == Equal {
		if equal, beyond := s.equal(c.Within), s.beyond(c.Within); beyond < equal {
			return test{beyond, Refuted}
		} else {
			return test{equal, Supported}
		}
	}
	return test{stats.RandomiseStrata(differences, 0, seed).P, lean(c.Kind, s.mean)}
}

// lean is the verdict that a difference of this sign speaks for.
func lean(kind ClaimKind, difference float64) string {
	if kind == Higher && difference > 0 || kind == Lower && difference < 0 {
		return Supported
	}
	return Refuted
}

// testBeyond tests the same claim for datasets like these: the pooled difference under random effects.
func testBeyond(c Claim, pooled stats.Pooled) test {
	if c.Kind != Equal {
		return test{pooled.P, lean(c.Kind, pooled.Difference)}
	}
	if pooled.DF < 1 || pooled.SE <= 0 {
		return test{1, Refuted}
	}
	distance := func(d float64) float64 { return tUpper(d/pooled.SE, pooled.DF) }
	equal := max(distance(c.Within+pooled.Difference), distance(c.Within-pooled.Difference))
	if beyond := distance(math.Abs(pooled.Difference) - c.Within); beyond < equal {
		return test{beyond, Refuted}
	}
	return test{equal, Supported}
}

// judge tests all claims and corrects over them: one family for the verdicts, one for those beyond these datasets.
func judge(claims []Claim, pairs []pair, seed uint64) []Verdict {
	verdicts := make([]Verdict, len(claims))
	tests, beyond := make([]test, len(claims)), make([]test, len(claims))
	var ps, beyondPs []float64
	for i, c := range claims {
		tests[i] = testClaim(c, pairs[i].differences, seed)
		ps = append(ps, tests[i].p)
		verdicts[i] = evidence(c, pairs[i], seed)
		if len(pairs[i].datasets) > 1 {
			pooled := stats.PoolRandomEffects(pairs[i].differences, confidence)
			beyond[i] = testBeyond(c, pooled)
			verdicts[i].Beyond = &Beyond{P: beyond[i].p, Pooled: pooled}
			beyondPs = append(beyondPs, beyond[i].p)
		}
	}
	adjusted, beyondAdjusted := stats.Holm(ps), stats.Holm(beyondPs)
	for i := range verdicts {
		v := &verdicts[i]
		v.P, v.PAdjusted, v.Family = ps[i], adjusted[i], len(claims)
		v.Verdict = tests[i].verdict(adjusted[i])
		if v.Beyond != nil {
			v.Beyond.PAdjusted, beyondAdjusted = beyondAdjusted[0], beyondAdjusted[1:]
			v.Beyond.Verdict = beyond[i].verdict(v.Beyond.PAdjusted)
		}
		v.Why = why(claims[i], *v)
	}
	return verdicts
}

// evidence fills in everything of a verdict that needs no correction.
func evidence(c Claim, p pair, seed uint64) Verdict {
	s := newStrata(p.differences)
	v := Verdict{Say: c.Say, Claim: c.String(), Kind: string(c.Kind), Measure: c.Measure, Within: c.Within, Datasets: p.datasets,
		SmallestDifference: s.smallest(), Test: testName(c, len(p.datasets))}
	v.Difference = s.mean
	v.Interval = claimInterval(p.differences, s, seed)
	for i, d := range p.differences {
		one := testClaim(c, [][]float64{d}, seed)
		v.Evidence = append(v.Evidence, Evidence{Dataset: p.datasets[i], Queries: len(d), Left: p.left[i], Right: p.right[i],
			Difference: stats.Mean(d), Interval: stats.Bootstrap(d, 0, confidence, seed).BCa, P: one.p, Says: one.verdict(one.p)})
	}
	return v
}

// claimInterval is the interval of the difference over the datasets: BCa for one, Welch's for several.
func claimInterval(differences [][]float64, s strata, seed uint64) stats.Interval {
	if len(differences) == 1 {
		return stats.Bootstrap(differences[0], 0, confidence, seed).BCa
	}
	return s.interval(confidence)
}

func testName(c Claim, datasets int) string {
	name := "two-sided paired randomisation"
	if c.Kind == Equal {
		name = "two one-sided paired t-tests"
	}
	if datasets > 1 {
		name += ", stratified by dataset"
	}
	return name
}

// why puts the numbers behind a verdict in a sentence or two.
func why(c Claim, v Verdict) string {
	s := fmt.Sprintf("Difference %s, 95 %% interval %s, adjusted p %s.", Signed(v.Difference), IntervalText(v.Interval), PText(v.PAdjusted))
	if v.Verdict == Undecided {
		s += " " + couldHaveShown(c, v)
	}
	if len(v.Evidence) > 1 {
		n := map[string]int{}
		for _, e := range v.Evidence {
			n[e.Says]++
		}
		s += fmt.Sprintf(" By dataset, uncorrected: %d for, %d against, %d undecided.", n[Supported], n[Refuted], n[Undecided])
	}
	return s
}

func couldHaveShown(c Claim, v Verdict) string {
	if v.Interval.Low == 0 && v.Interval.High == 0 {
		return "No query tells the two apart."
	}
	if c.Kind == Equal {
		return fmt.Sprintf("The interval reaches beyond the margin of %v without lying outside of it.", c.Within)
	}
	if v.SmallestDifference >= math.MaxFloat64 {
		return "Too few queries to show any difference."
	}
	return fmt.Sprintf("These queries could have shown a difference of %s or more (power 0.8).", Figure(v.SmallestDifference))
}

// notTheSame lists the settings in which two systems differ, as "setting: left / right". What only one of them has is given
// as "-" for the other.
func notTheSame(left, right *SystemSpec) []string {
	a, b := allSettings(left), allSettings(right)
	keys := sortedKeys(a)
	for _, k := range sortedKeys(b) {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	list := []string{}
	slices.Sort(keys)
	for _, k := range keys {
		if va, vb := orDash(a[k]), orDash(b[k]); va != vb {
			list = append(list, fmt.Sprintf("%s: %s / %s", k, va, vb))
		}
	}
	return list
}

func allSettings(s *SystemSpec) map[string]string {
	all := map[string]string{"kind": s.Kind}
	for k, v := range s.System.Settings() {
		all[k] = v
	}
	return all
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
