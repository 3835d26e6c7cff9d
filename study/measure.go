package study

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/eval/stats"
)

// Values are the per-query values of all systems on one dataset.
type Values struct {
	Dataset string
	Queries []string // ids, ascending
	Systems []string // those that ran here, in the study's order
	Means   map[string][]float64
	Of      map[string][][]float64 // by system: (measure, query)
	Apart   map[string][]float64   // by system: means with identical documents as different ones; nil where the study asks for nothing else
}

// measures parses the study's measures; a name may stand for several. Only means over queries can be compared.
func (s *Study) measures() ([]eval.Measure, error) {
	var list []eval.Measure
	for _, name := range s.Measures {
		parsed, err := eval.Parse(name)
		if err != nil {
			return nil, &ParseError{s.File, 0, fmt.Sprintf("measures: %v", err)}
		}
		for _, m := range parsed {
			if !m.Averaged() || strings.HasPrefix(m.String(), "gm_") {
				return nil, &ParseError{s.File, 0, fmt.Sprintf("measures: %s is no mean over queries, so systems cannot be compared by it", m)}
			}
			if !slices.ContainsFunc(list, func(o eval.Measure) bool { return o.String() == m.String() }) {
				list = append(list, m)
			}
		}
	}
	return list, nil
}

// checkMeasures checks the names of measures in claims and expectations.
func (s *Study) checkMeasures(measures []eval.Measure) error {
	known := measureNames(measures)
	for _, c := range s.Claims {
		if !slices.Contains(known, c.Measure) {
			return &ParseError{s.File, c.line, fmt.Sprintf("claim: %s is not among the study's measures%s", c.Measure, suggestion(c.Measure, known))}
		}
	}
	for _, e := range s.Expect {
		if !slices.Contains(known, e.Measure) {
			return &ParseError{s.File, e.line, fmt.Sprintf("expect: %s is not among the study's measures%s", e.Measure, suggestion(e.Measure, known))}
		}
	}
	return nil
}

func measureNames(measures []eval.Measure) []string {
	list := make([]string, len(measures))
	for i, m := range measures {
		list[i] = m.String()
	}
	return list
}

// measureAll measures every run of the study, one run in memory at a time.
func (p *Plan) measureAll(ctx context.Context) ([]*Values, error) {
	var all []*Values
	for _, d := range p.Data {
		v := &Values{Dataset: d.Name, Means: map[string][]float64{}, Of: map[string][][]float64{}}
		twins, err := p.twins(ctx, d)
		if err != nil {
			return nil, err
		}
		if p.Study.Twins == "one" {
			v.Apart = map[string][]float64{}
		}
		for _, name := range p.Study.systemNames() {
			c := p.cells[cellID{d, name}]
			if c == nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := p.measureCell(v, c, twins); err != nil {
				return nil, fmt.Errorf("system %s on %s: %w", name, d.Name, err)
			}
		}
		all = append(all, v)
	}
	return all, nil
}

// twins are the identical documents that the study takes for one.
func (p *Plan) twins(ctx context.Context, d *Data) (dataset.Twins, error) {
	if p.Study.Twins != "one" {
		return nil, nil
	}
	f, err := p.facts(ctx, d)
	if err != nil {
		return nil, err
	}
	return f.Twins, nil
}

func (p *Plan) measureCell(v *Values, c *Cell, twins dataset.Twins) error {
	run, err := p.readRun(c)
	if err != nil {
		return err
	}
	name := c.System.Name
	v.Systems = append(v.Systems, name)
	if v.Apart != nil {
		r, err := p.measure(c.Data, c.Data.Qrels, run)
		if err != nil {
			return err
		}
		v.Apart[name] = r.Overall
	}
	qrels := c.Data.Qrels
	if len(twins) > 0 {
		qrels, run = twins.Qrels(qrels), twins.Run(run)
	}
	r, err := p.measure(c.Data, qrels, run)
	if err != nil {
		return err
	}
	v.Queries, v.Of[name], v.Means[name] = r.Queries, r.Values, r.Overall
	return nil
}

// measure averages over all judged queries: a query that a system finds nothing for counts, with 0 for most measures.
func (p *Plan) measure(d *Data, qrels labrador.Qrels, run labrador.Run) (*eval.Result, error) {
	return eval.PerQuery(p.measured, qrels, run, eval.Options{Level: d.RelevanceLevel, Complete: true})
}

// tuningScore is what a system tunes for: the mean of the study's first measure on the split to tune on.
func (p *Plan) tuningScore(d *Data) func(labrador.Run) (float64, error) {
	return func(run labrador.Run) (float64, error) {
		r, err := eval.PerQuery(p.measured[:1], d.Qrels, run, eval.Options{Level: d.RelevanceLevel, Complete: true})
		if err != nil {
			return 0, err
		}
		return r.Overall[0], nil
	}
}

// mean of the systems' values, query by query.
func (v *Values) mean(systems []string, measure int) []float64 {
	if len(systems) == 1 {
		return v.Of[systems[0]][measure]
	}
	sum := make([]float64, len(v.Queries))
	for _, s := range systems {
		for i, x := range v.Of[s][measure] {
			sum[i] += x / float64(len(systems))
		}
	}
	return sum
}

// has says whether all systems ran here.
func (v *Values) has(systems []string) bool {
	return !slices.ContainsFunc(systems, func(s string) bool { return v.Of[s] == nil })
}

// pairOf collects what a claim compares, from the datasets that it names and both sides ran on.
func pairOf(all []*Values, datasets, left, right []string, measure int) (pair, error) {
	var p pair
	for _, v := range all {
		if !slices.Contains(datasets, v.Dataset) || !v.has(left) || !v.has(right) {
			continue
		}
		a, b := v.mean(left, measure), v.mean(right, measure)
		d, err := stats.Differences(a, b)
		if err != nil {
			return p, fmt.Errorf("%s: %w", v.Dataset, err)
		}
		p.datasets = append(p.datasets, v.Dataset)
		p.differences = append(p.differences, d)
		p.left, p.right = append(p.left, stats.Mean(a)), append(p.right, stats.Mean(b))
	}
	return p, nil
}
