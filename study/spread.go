package study

import (
	"context"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
)

// Spread is how much the per-query differences of a claim's two sides vary on a dataset.
type Spread struct {
	Dataset string
	SD      float64 // standard deviation; 0 where the cache lacks runs of them, or has no two queries that tell them apart
}

// Spreads lists, for each claim of the study, the datasets on which both sides run, with what the runs in the cache say of them. It
// runs nothing.
func (p *Plan) Spreads(ctx context.Context) ([][]Spread, error) {
	measured := map[*Data]*Values{}
	list := make([][]Spread, len(p.Study.Claims))
	for i, c := range p.Study.Claims {
		left, right := p.Study.systemsNamed(c.Left), p.Study.systemsNamed(c.Right)
		systems := slices.Concat(left, right)
		for _, d := range p.dataNamed(c.On) {
			if slices.ContainsFunc(systems, func(name string) bool { return p.cells[cellID{d, name}] == nil }) {
				continue
			}
			s := Spread{Dataset: d.Name}
			v, err := p.measureKept(ctx, measured, d, systems)
			if err != nil {
				return nil, err
			}
			if v != nil {
				pair, err := pairOf([]*Values{v}, []string{d.Name}, left, right, slices.Index(measureNames(p.measured), c.Measure))
				if err != nil {
					return nil, err
				}
				s.SD = stats.SD(pair.differences[0])
			}
			list[i] = append(list[i], s)
		}
	}
	return list, nil
}

// measureKept measures the systems' runs on a dataset, each once, and returns nil where the cache lacks one.
func (p *Plan) measureKept(ctx context.Context, measured map[*Data]*Values, d *Data, systems []string) (*Values, error) {
	for _, name := range systems {
		if c := p.cells[cellID{d, name}]; !c.Done || !p.whole(c) {
			return nil, nil
		}
	}
	v := measured[d]
	if v == nil {
		v = &Values{Dataset: d.Name, Means: map[string][]float64{}, Of: map[string][][]float64{}}
		measured[d] = v
	}
	twins, err := p.twins(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, name := range systems {
		if v.Of[name] != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.measureCell(v, p.cells[cellID{d, name}], twins); err != nil {
			return nil, err
		}
	}
	return v, nil
}
