package explain

import (
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador/study"
)

// Paper is a table in the form that papers print: systems down, the datasets of one group across behind their average, one reference (BM25)
// in the first row.
type Paper struct {
	Group     string     `json:"group"`
	Measure   string     `json:"measure"`
	Reference string     `json:"reference"` // system in the first row, "" for none
	Datasets  []string   `json:"datasets"`
	Rows      []PaperRow `json:"rows"`
}

// PaperRow is one system. Values are nil where it did not run; Average is nil unless it ran on all datasets.
type PaperRow struct {
	System  string     `json:"system"`
	Values  []*float64 `json:"values"`
	Average *float64   `json:"average"`
	Above   int        `json:"above_reference"` // datasets on which it is above the reference
	Beside  int        `json:"beside"`          // datasets on which both ran
}

// Papers makes the table of every group. reference is the system that the others are counted against.
func Papers(r *study.Results, groups []Group, measure, reference string) []Paper {
	means := map[[2]string]float64{}
	for _, x := range r.Results {
		if x.Measure == measure {
			means[[2]string{x.Dataset, x.System}] = x.Mean
		}
	}
	var list []Paper
	for _, g := range groups {
		p := Paper{Group: g.Name, Measure: measure, Reference: reference, Datasets: g.Datasets}
		for _, s := range r.Systems {
			row := PaperRow{System: s.Name, Values: make([]*float64, len(g.Datasets))}
			sum, there := 0.0, 0
			for i, d := range g.Datasets {
				v, ok := means[[2]string{d, s.Name}]
				if !ok {
					continue
				}
				row.Values[i] = &v
				sum += v
				there++
				if base, ok := means[[2]string{d, reference}]; ok {
					row.Beside++
					if v > base {
						row.Above++
					}
				}
			}
			if there == 0 {
				continue
			}
			if there == len(g.Datasets) {
				sum /= float64(there)
				row.Average = &sum
			}
			p.Rows = append(p.Rows, row)
		}
		slices.SortStableFunc(p.Rows, func(a, b PaperRow) int { // the reference first
			switch reference {
			case a.System:
				return -1
			case b.System:
				return 1
			}
			return 0
		})
		list = append(list, p)
	}
	return list
}

// Sentence names the best system by average and how often it is above the reference.
func (p Paper) Sentence() string {
	var best *PaperRow
	var base float64 = math.NaN()
	for i, r := range p.Rows {
		if r.Average == nil {
			continue
		}
		if r.System == p.Reference {
			base = *r.Average
		} else if best == nil || *r.Average > *best.Average {
			best = &p.Rows[i]
		}
	}
	if best == nil {
		return fmt.Sprintf("No system ran on every dataset of %s.", p.Group)
	}
	s := fmt.Sprintf("%s leads on %s with an average %s of %s", best.System, p.Group, p.Measure, study.Figure(*best.Average))
	if !math.IsNaN(base) {
		s += fmt.Sprintf(", %s to %s; it is above it on %d of %s", study.Signed(*best.Average-base), p.Reference, best.Above, plural(len(p.Datasets), "dataset", "datasets"))
	}
	return s + "."
}

// Table is the paper's table as text; the best of a column is marked with a star.
func (p Paper) Table() *Table {
	t := &Table{Caption: p.Measure + " on " + p.Group, Heads: []string{"System", "average"}}
	if p.Reference != "" {
		t.Heads = append(t.Heads, "above "+p.Reference)
	}
	t.Heads = append(t.Heads, p.Datasets...)
	best := make([]float64, len(p.Datasets)+1)
	for i := range best {
		best[i] = math.Inf(-1)
		for _, r := range p.Rows {
			if v := r.cell(i); v != nil {
				best[i] = max(best[i], *v)
			}
		}
	}
	for _, r := range p.Rows {
		var cells []string
		for i := range best {
			text := "–"
			if v := r.cell(i); v != nil {
				if text = study.Figure(*v); text == study.Figure(best[i]) && len(p.Rows) > 1 {
					text += "*"
				}
			}
			cells = append(cells, text)
		}
		row := []string{r.System, cells[len(cells)-1]}
		switch {
		case r.System == p.Reference:
			row = append(row, "")
		case p.Reference != "":
			row = append(row, fmt.Sprintf("%d of %d", r.Above, r.Beside))
		}
		t.Rows = append(t.Rows, append(row, cells[:len(cells)-1]...))
	}
	return t
}

// cell i is the value on dataset i, then the average.
func (r PaperRow) cell(i int) *float64 {
	if i == len(r.Values) {
		return r.Average
	}
	return r.Values[i]
}
