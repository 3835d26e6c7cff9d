package study

import (
	"context"
	"fmt"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
)

// results puts results.json together from the values.
func (p *Plan) results(ctx context.Context, values []*Values, infos []DatasetInfo, chosen map[string]map[string]string) (*Results, error) {
	s := p.Study
	r := &Results{Version: ResultsVersion, Study: s.Name, About: s.About, Baseline: s.Baseline, Measures: measureNames(p.measured),
		Depth: s.Depth, Seed: s.Seed, Twins: s.Twins, Tests: testsInWords(), Datasets: infos,
		Results: []Result{}, Groups: []GroupResult{}, Comparisons: []Comparison{}, GroupComparisons: []GroupComparison{},
		Claims: []Verdict{}, Expectations: []Expected{}}
	for i := range s.Systems {
		spec := &s.Systems[i]
		r.Systems = append(r.Systems, SystemInfo{Name: spec.Name, Kind: spec.Kind, Group: spec.Group, Of: spec.System.Of(),
			Settings: allSettings(spec), Chosen: chosen[spec.Name]})
	}
	for _, v := range values {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Results = append(r.Results, p.means(v)...)
	}
	for _, g := range p.groupsOfData() {
		r.Groups = append(r.Groups, p.averages(g, values)...)
	}
	if err := p.compare(ctx, r, values); err != nil {
		return nil, err
	}
	if err := p.judgeClaims(r, values); err != nil {
		return nil, err
	}
	r.Expectations = append(r.Expectations, p.expectations(r)...)
	return r, nil
}

func testsInWords() Tests {
	return Tests{
		Alpha:      alpha,
		Difference: fmt.Sprintf("two-sided paired randomisation test, %s rounds", Thousands(stats.DefaultRounds)),
		Interval:   fmt.Sprintf("95 %%, bias-corrected and accelerated bootstrap over queries, %s resamples", Thousands(stats.DefaultResamples)),
		Equal:      "two one-sided paired t-tests within the margin; refuted where the difference lies outside of it",
		Correction: "Holm: comparisons over all systems and datasets of a measure, group comparisons likewise, claims over all claims",
		Group:      "randomisation stratified by dataset, each dataset of the same weight; interval by Welch and Satterthwaite: holds for just these datasets",
		Pooled: "random effects (DerSimonian and Laird; Hartung and Knapp): holds for further datasets of the kind, since the spread between datasets " +
			"counts as uncertainty, which a test over all queries would hide behind the largest dataset",
		Power: "smallest difference that a paired t-test would show with power 0.8",
	}
}

func (p *Plan) means(v *Values) []Result {
	var list []Result
	for _, system := range v.Systems {
		for m, measure := range p.measured {
			res := Result{Dataset: v.Dataset, System: system, Measure: measure.String(), Mean: v.Means[system][m], Queries: len(v.Queries),
				Interval: stats.Bootstrap(v.Of[system][m], 0, confidence, p.Study.Seed).BCa}
			if v.Apart != nil {
				res.MeanTwinsApart = &v.Apart[system][m]
			}
			list = append(list, res)
		}
	}
	return list
}

// dataGroup is a group of datasets.
type dataGroup struct {
	name     string
	datasets []string
}

// groupsOfData are the groups with two datasets or more, and all datasets together where they are not one group anyway.
func (p *Plan) groupsOfData() []dataGroup {
	var list []dataGroup
	whole := len(p.Data) < 2
	for _, name := range p.DataGroups() {
		g := dataGroup{name: name, datasets: dataNames(p.dataNamed([]string{name}))}
		whole = whole || len(g.datasets) == len(p.Data)
		if len(g.datasets) > 1 {
			list = append(list, g)
		}
	}
	if !whole {
		list = append(list, dataGroup{"all", dataNames(p.Data)})
	}
	return list
}

func dataNames(list []*Data) []string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.Name
	}
	return names
}

func valuesOf(values []*Values, datasets []string) []*Values {
	var list []*Values
	for _, v := range values {
		if slices.Contains(datasets, v.Dataset) {
			list = append(list, v)
		}
	}
	return list
}

func (p *Plan) averages(g dataGroup, values []*Values) []GroupResult {
	var list []GroupResult
	members := valuesOf(values, g.datasets)
	for _, system := range p.Study.systemNames() {
		if slices.ContainsFunc(members, func(v *Values) bool { return !v.has([]string{system}) }) {
			continue
		}
		for m, measure := range p.measured {
			sum := 0.0
			for _, v := range members {
				sum += v.Means[system][m]
			}
			list = append(list, GroupResult{g.name, g.datasets, system, measure.String(), sum / float64(len(members))})
		}
	}
	return list
}

// compare holds every system against the baseline, on every dataset and group of datasets, and corrects measure by measure.
func (p *Plan) compare(ctx context.Context, r *Results, values []*Values) error {
	base := p.Study.system(p.Study.Baseline)
	for m, measure := range p.measured {
		from, fromGroup := len(r.Comparisons), len(r.GroupComparisons)
		for i := range p.Study.Systems {
			spec := &p.Study.Systems[i]
			if spec == base {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			one, err := p.compareSystem(spec, base, values, m)
			if err != nil {
				return err
			}
			r.Comparisons = append(r.Comparisons, one...)
			for _, g := range p.groupsOfData() {
				group, ok, err := p.compareGroup(g, spec, values, m)
				if err != nil {
					return err
				}
				if ok {
					group.Measure = measure.String()
					r.GroupComparisons = append(r.GroupComparisons, group)
				}
			}
		}
		adjust(r.Comparisons[from:], r.GroupComparisons[fromGroup:])
	}
	return nil
}

// adjust corrects the comparisons of one measure, those by dataset and those by group as a family each.
func adjust(list []Comparison, groups []GroupComparison) {
	ps := make([]float64, len(list))
	for i, c := range list {
		ps[i] = c.P
	}
	for i, q := range stats.Holm(ps) {
		list[i].PAdjusted, list[i].Family = q, len(list)
	}
	ps = make([]float64, len(groups))
	for i, g := range groups {
		ps[i] = g.P
	}
	for i, q := range stats.Holm(ps) {
		groups[i].PAdjusted = q
	}
}

func (p *Plan) compareSystem(spec, base *SystemSpec, values []*Values, m int) ([]Comparison, error) {
	var list []Comparison
	for _, v := range values {
		if !v.has([]string{spec.Name, base.Name}) {
			continue
		}
		c, err := stats.Compare(v.Of[spec.Name][m], v.Of[base.Name][m], stats.Options{Seed: p.Study.Seed})
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", spec.Name, v.Dataset, err)
		}
		list = append(list, Comparison{Dataset: v.Dataset, System: spec.Name, Baseline: base.Name, Measure: p.measured[m].String(),
			Queries: c.Queries, Difference: c.Difference, Interval: c.Bootstrap.BCa, P: c.Randomisation.P, Test: "paired randomisation",
			EffectSize: c.Effect.HedgesG, Wins: c.Outcomes.Wins, Ties: c.Outcomes.Ties, Losses: c.Outcomes.Losses,
			SmallestDifference: c.SmallestDifference, NotTheSame: notTheSame(spec, base)})
	}
	return list, nil
}

// compareGroup compares on a group; not where one of the two did not run on all of it.
func (p *Plan) compareGroup(g dataGroup, spec *SystemSpec, values []*Values, m int) (GroupComparison, bool, error) {
	pair, err := pairOf(values, g.datasets, []string{spec.Name}, []string{p.Study.Baseline}, m)
	if err != nil || len(pair.datasets) < len(g.datasets) {
		return GroupComparison{}, false, err
	}
	s := newStrata(pair.differences)
	return GroupComparison{Group: g.name, Datasets: g.datasets, System: spec.Name, Baseline: p.Study.Baseline,
		These:  These{s.mean, s.interval(confidence), stats.RandomiseStrata(pair.differences, 0, p.Study.Seed).P},
		Pooled: stats.PoolRandomEffects(pair.differences, confidence)}, true, nil
}

// judgeClaims pairs up what each claim compares and judges them all.
func (p *Plan) judgeClaims(r *Results, values []*Values) error {
	var pairs []pair
	for _, c := range p.Study.Claims {
		m := slices.Index(r.Measures, c.Measure)
		pair, err := pairOf(values, dataNames(p.dataNamed(c.On)), p.Study.systemsNamed(c.Left), p.Study.systemsNamed(c.Right), m)
		if err != nil {
			return err
		}
		pairs = append(pairs, pair)
	}
	r.Claims = append(r.Claims, judge(p.Study.Claims, pairs, p.Study.Seed)...)
	for i, c := range p.Study.Claims {
		v := &r.Claims[i]
		v.Left, v.Right = p.Study.systemsNamed(c.Left), p.Study.systemsNamed(c.Right)
		v.NotTheSame = notTheSame(p.Study.system(v.Left[0]), p.Study.system(v.Right[0]))
		for _, left := range v.Left {
			for _, right := range v.Right {
				for _, d := range notTheSame(p.Study.system(left), p.Study.system(right)) {
					if !slices.Contains(v.NotTheSame, d) {
						v.NotTheSame = append(v.NotTheSame, d)
					}
				}
			}
		}
	}
	return nil
}

// expectations compares known figures with the means of datasets or the averages of groups.
func (p *Plan) expectations(r *Results) []Expected {
	var list []Expected
	for _, e := range p.Study.Expect {
		x := Expected{System: e.System, On: e.On, Measure: e.Measure, Value: e.Value, Within: e.Within, Source: e.Source}
		found := false
		for _, res := range r.Results {
			if res.Dataset == e.On && res.System == e.System && res.Measure == e.Measure {
				x.Mean, found = res.Mean, true
				if res.MeanTwinsApart != nil {
					x.Mean = *res.MeanTwinsApart // figures from outside count documents as they lie there
				}
			}
		}
		for _, g := range r.Groups {
			if g.Group == e.On && g.System == e.System && g.Measure == e.Measure {
				x.Mean, found = g.Mean, true
			}
		}
		distance := x.Mean - x.Value
		x.Met = found && max(distance, -distance) <= x.Within
		list = append(list, x)
	}
	return list
}
