package explain

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/study"
)

// sample is the first hits of every system for some queries of a dataset.
type sample struct {
	data    *study.Data
	values  *study.Values
	queries []int // places in values.Queries, ascending
	qrels   labrador.Qrels
	hits    map[string]labrador.Run // by system
}

// sampled reads the runs of all systems, once.
func (x *outcome) sampled(ctx context.Context) ([]*sample, error) {
	if x.samples != nil {
		return x.samples, nil
	}
	for i, v := range x.Values {
		s := &sample{data: x.Plan.Data[i], values: v, qrels: labrador.Qrels{}, hits: map[string]labrador.Run{}}
		random := rand.New(rand.NewPCG(x.r.Seed, uint64(i)))
		s.queries = random.Perm(len(v.Queries))[:min(sampledQueries, len(v.Queries))]
		slices.Sort(s.queries)
		for _, q := range s.queries {
			s.qrels[v.Queries[q]] = s.data.Qrels[v.Queries[q]]
		}
		for _, name := range v.Systems {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			run, err := x.Hits(v.Dataset, name)
			if err != nil {
				return nil, err
			}
			first := make(labrador.Run, len(s.queries))
			for _, q := range s.queries {
				hits := run[v.Queries[q]]
				first[v.Queries[q]] = slices.Clone(hits[:min(sampledHits, len(hits))])
			}
			s.hits[name] = first
		}
		x.samples = append(x.samples, s)
	}
	return x.samples, nil
}

// rankings are the sample with numbers for ids.
func (s *sample) rankings() Rankings {
	r := Rankings{Dataset: s.data.Name, Lists: map[string][][]int32{}, Values: map[string][]float64{}}
	numbers := map[string]int32{}
	for _, name := range s.values.Systems {
		for _, q := range s.queries {
			var list []int32
			for _, h := range s.hits[name][s.values.Queries[q]] {
				n, ok := numbers[h.ID]
				if !ok {
					n = int32(len(numbers))
					numbers[h.ID] = n
				}
				list = append(list, n)
			}
			r.Lists[name] = append(r.Lists[name], list)
			r.Values[name] = append(r.Values[name], s.values.Of[name][0][q])
		}
	}
	return r
}

// measure gives the values of the sampled queries in a run, in the order of their ids.
func (s *sample) measure(measures []eval.Measure, run labrador.Run) ([]float64, error) {
	r, err := eval.PerQuery(measures, s.qrels, run, eval.Options{Level: s.data.RelevanceLevel, Complete: true})
	if err != nil {
		return nil, err
	}
	return r.Values[0], nil
}

// agreement compares all systems, and what the best of them gains from a second.
func (x *outcome) agreement(ctx context.Context) ([]Section, error) {
	if len(x.r.Systems) < 2 {
		return nil, nil
	}
	samples, err := x.sampled(ctx)
	if err != nil {
		return nil, err
	}
	var data []Rankings
	for _, s := range samples {
		data = append(data, s.rankings())
	}
	var names []string
	for _, s := range x.r.Systems[:min(len(x.r.Systems), mostSystems)] {
		names = append(names, s.Name)
	}
	a := Agree(names, data)
	list := []Section{{ID: "agreement", Title: "How far systems agree", Sentence: a.Sentence(), Data: a, Figures: []Figure{{Wide: true, SVG: a.Plot()}},
		Note: fmt.Sprintf("Rank-biased overlap (p 0.9, extrapolated) of the first %d hits, over at most %d queries drawn from each dataset, each dataset of the same weight.", sampledHits, sampledQueries)}}
	gains, err := x.gains(samples)
	if err != nil || len(gains) == 0 {
		return list, err
	}
	best := slices.MaxFunc(gains, func(a, b Gain) int { return cmp.Compare(a.RRF, b.RRF) })
	return append(list, Section{ID: "fusion", Title: "What fusion could gain, and did", Sentence: best.Sentence(), Data: gains, Figures: []Figure{{Wide: true, SVG: PlotGains(gains)}},
		Note: fmt.Sprintf("Dot: reciprocal rank fusion (k 60) of the first %d hits less the better of the two alone, 95 %% interval; square: the better of the two on every query, which no fusion of lists knows beforehand. The same queries as above; identical documents count apart.", sampledHits)}), nil
}

// gains fuses the best single system with every other, the best others first.
func (x *outcome) gains(samples []*sample) ([]Gain, error) {
	measures, err := eval.Parse(x.measure)
	if err != nil {
		return nil, err
	}
	best := x.best(false)
	if base := x.r.Baseline; best == "" || x.overall(base) > x.overall(best) {
		best = base
	}
	var others []string
	for _, s := range x.r.Systems {
		if len(s.Of) == 0 && s.Name != best {
			others = append(others, s.Name)
		}
	}
	var list []Gain
	for _, other := range others {
		var data []Measured
		for _, s := range samples {
			m, err := s.fuse(measures, best, other)
			if err != nil {
				return nil, fmt.Errorf("%s + %s on %s: %w", best, other, s.data.Name, err)
			}
			data = append(data, m)
		}
		if g := FindGain(best, other, x.measure, data); g.Datasets > 0 {
			list = append(list, g)
		}
	}
	slices.SortStableFunc(list, func(a, b Gain) int { return cmp.Compare(b.RRFGain, a.RRFGain) })
	return list[:min(len(list), mostGains)], nil
}

// overall is a system's mean over the datasets that it ran on with the baseline.
func (x *outcome) overall(system string) float64 {
	var all [][]float64
	for _, v := range x.Values {
		if v.Of[system] != nil && v.Of[x.r.Baseline] != nil {
			all = append(all, v.Of[system][0])
		}
	}
	mean, _ := meanOverDatasets(all)
	return mean
}

// fuse measures two systems and their fusion; nothing where one did not run.
func (s *sample) fuse(measures []eval.Measure, left, right string) (Measured, error) {
	var m Measured
	a, b := s.hits[left], s.hits[right]
	if a == nil || b == nil {
		return m, nil
	}
	fused, err := index.FuseQueries([]labrador.Run{a, b}, s.qrels.QueryIDs(), index.FuseOptions{})
	if err != nil {
		return m, err
	}
	for _, p := range []struct {
		values *[]float64
		run    labrador.Run
	}{{&m.Left, a}, {&m.Right, b}, {&m.RRF, fused}} {
		if *p.values, err = s.measure(measures, p.run); err != nil {
			return m, err
		}
	}
	return m, nil
}
