package report

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

// view is what the page's template sees.
type view struct {
	R *study.Results
	T *study.Times

	Verdicts  []count // how many claims fared how
	Claims    []claim
	Tables    []table // a measure each
	Dots      []Figure
	Measure   string // the first, which the drawings show
	Cost      *costView
	Gains     []Figure
	Heat      []heatRow
	Sections  []Section
	Settings  []settingRow
	Hard      []hardDataset
	Queries   int
	Documents int

	o *study.Outcome
}

type count struct {
	Word string
	N    int
}

type claim struct {
	study.Verdict
	Forest template.HTML
}

// table is the means of one measure: systems down, datasets and averages across.
type table struct {
	Measure string // or the dataset, where there is one only
	Heads   []head
	Rows    []tableRow
}

type head struct {
	Name    string
	Average bool
	Note    string
}

type tableRow struct {
	System   string
	Baseline bool
	Cells    []tableCell
}

type tableCell struct {
	There   bool
	Mean    float64
	Best    bool
	Sign    string // better, worse or ""
	Title   string
	Average bool
	Apart   string // the figure with identical documents apart, where it differs
}

func newView(ctx context.Context, o *study.Outcome, opts Options) (*view, error) {
	v := &view{R: o.Results, T: o.Times, o: o, Measure: o.Results.Measures[0], Sections: opts.Sections}
	for _, d := range v.R.Datasets {
		v.Queries += d.Queries
		v.Documents += d.Documents
	}
	for _, word := range []string{study.Supported, study.Refuted, study.Undecided} {
		n := 0
		for _, c := range v.R.Claims {
			if c.Verdict == word {
				n++
			}
		}
		v.Verdicts = append(v.Verdicts, count{word, n})
	}
	for _, c := range v.R.Claims {
		v.Claims = append(v.Claims, claim{c, forest(c)})
	}
	if len(v.R.Datasets) == 1 {
		v.Tables = []table{v.tableOfOne()}
	} else {
		for _, m := range v.R.Measures {
			v.Tables = append(v.Tables, v.table(m))
		}
		v.Heat = v.heat()
	}
	v.Dots = v.dots(v.Measure)
	v.Cost = v.costs()
	v.Gains = v.gainFigures()
	v.Settings = v.settings()
	var err error
	v.Hard, err = v.hard(ctx, opts)
	return v, err
}

func (v *view) resultsOn(dataset, measure string) []study.Result {
	var list []study.Result
	for _, r := range v.R.Results {
		if r.Dataset == dataset && r.Measure == measure {
			list = append(list, r)
		}
	}
	return list
}

func (v *view) result(dataset, system, measure string) *study.Result {
	for i, r := range v.R.Results {
		if r.Dataset == dataset && r.System == system && r.Measure == measure {
			return &v.R.Results[i]
		}
	}
	return nil
}

func (v *view) comparison(dataset, system, measure string) *study.Comparison {
	for i, c := range v.R.Comparisons {
		if c.Dataset == dataset && c.System == system && c.Measure == measure {
			return &v.R.Comparisons[i]
		}
	}
	return nil
}

// groupNames are the groups with averages, in order.
func (v *view) groupNames() []string {
	var list []string
	for _, g := range v.R.Groups {
		if !slices.Contains(list, g.Group) {
			list = append(list, g.Group)
		}
	}
	return list
}

func (v *view) table(measure string) table {
	t := table{Measure: measure}
	for _, d := range v.R.Datasets {
		t.Heads = append(t.Heads, head{Name: d.Name, Note: fmt.Sprintf("%s, %s queries", d.Group, study.Thousands(d.Queries))})
	}
	for _, g := range v.groupNames() {
		t.Heads = append(t.Heads, head{Name: g, Average: true, Note: "average over the datasets of " + g})
	}
	for _, s := range v.R.Systems {
		row := tableRow{System: s.Name, Baseline: s.Name == v.R.Baseline}
		for _, d := range v.R.Datasets {
			row.Cells = append(row.Cells, v.datasetCell(d.Name, s.Name, measure))
		}
		for _, g := range v.groupNames() {
			row.Cells = append(row.Cells, v.groupCell(g, s.Name, measure))
		}
		t.Rows = append(t.Rows, row)
	}
	for i := range t.Heads {
		markBest(t.Rows, i)
	}
	return t
}

// tableOfOne is the table of a study with one dataset: measures across.
func (v *view) tableOfOne() table {
	dataset := v.R.Datasets[0].Name
	t := table{Measure: dataset}
	for _, m := range v.R.Measures {
		t.Heads = append(t.Heads, head{Name: m, Note: m + " on " + dataset})
	}
	for _, s := range v.R.Systems {
		row := tableRow{System: s.Name, Baseline: s.Name == v.R.Baseline}
		for _, m := range v.R.Measures {
			row.Cells = append(row.Cells, v.datasetCell(dataset, s.Name, m))
		}
		t.Rows = append(t.Rows, row)
	}
	for i := range t.Heads {
		markBest(t.Rows, i)
	}
	return t
}

func (v *view) datasetCell(dataset, system, measure string) tableCell {
	r := v.result(dataset, system, measure)
	if r == nil {
		return tableCell{}
	}
	c := tableCell{There: true, Mean: r.Mean, Title: fmt.Sprintf("95 %% interval [%s, %s]", study.Figure(r.Interval.Low), study.Figure(r.Interval.High))}
	if r.MeanTwinsApart != nil && math.Abs(*r.MeanTwinsApart-r.Mean) >= 0.00005 {
		c.Apart = study.Figure(*r.MeanTwinsApart)
	}
	if cmp := v.comparison(dataset, system, measure); cmp != nil {
		c.Sign = sign(cmp.Difference, cmp.PAdjusted)
		c.Title += fmt.Sprintf("; to %s %s %s, p %s adjusted", v.R.Baseline, study.Signed(cmp.Difference), study.IntervalText(cmp.Interval), study.PText(cmp.PAdjusted))
	}
	return c
}

func (v *view) groupCell(group, system, measure string) tableCell {
	c := tableCell{Average: true}
	for _, g := range v.R.Groups {
		if g.Group == group && g.System == system && g.Measure == measure {
			c.There, c.Mean, c.Title = true, g.Mean, fmt.Sprintf("average of %d datasets", len(g.Datasets))
		}
	}
	for _, g := range v.R.GroupComparisons {
		if g.Group == group && g.System == system && g.Measure == measure {
			c.Sign = sign(g.Difference, g.PAdjusted)
			c.Title += fmt.Sprintf("; to %s %s %s, p %s adjusted", v.R.Baseline, study.Signed(g.Difference), study.IntervalText(g.Interval), study.PText(g.PAdjusted))
		}
	}
	return c
}

// sign is better or worse where the difference is one, else empty.
func sign(difference, p float64) string {
	if s := side(difference, p); s != "same" {
		return s
	}
	return ""
}

func markBest(rows []tableRow, column int) {
	best, worst := math.Inf(-1), math.Inf(1)
	for _, r := range rows {
		if c := r.Cells[column]; c.There {
			best, worst = max(best, c.Mean), min(worst, c.Mean)
		}
	}
	for _, r := range rows {
		c := &r.Cells[column]
		c.Best = c.There && best > worst && study.Figure(c.Mean) == study.Figure(best)
	}
}

// gainFigures shows, per dataset, the best other system's gains and losses against the baseline, query by query.
func (v *view) gainFigures() []Figure {
	var list []Figure
	for _, values := range v.o.Values {
		best := v.rival(values)
		if best == "" {
			continue
		}
		d, err := stats.Differences(values.Of[best][0], values.Of[v.R.Baseline][0])
		if err != nil {
			continue
		}
		n := stats.CountOutcomes(d)
		list = append(list, Figure{Title: values.Dataset, Note: fmt.Sprintf("%s: %d better, %d equal, %d worse", best, n.Wins, n.Ties, n.Losses),
			SVG: gains(d, v.Measure, best, v.R.Baseline)})
	}
	return list
}

// rival is the best system of a dataset other than the baseline, empty where there is none or the baseline did not run.
func (v *view) rival(values *study.Values) string {
	best := ""
	if values.Of[v.R.Baseline] == nil {
		return ""
	}
	for _, s := range values.Systems {
		if s != v.R.Baseline && (best == "" || values.Means[s][0] > values.Means[best][0]) {
			best = s
		}
	}
	return best
}

// heatRow is a system's differences from the baseline, dataset by dataset.
type heatRow struct {
	System string
	Cells  []heatCell
}

type heatCell struct {
	There bool
	Text  string
	Class string // sign and strength of the colour: up1..up5, down1..down5, zero
	Title string
}

func (v *view) heat() []heatRow {
	most := 0.0
	for _, c := range v.R.Comparisons {
		if c.Measure == v.Measure {
			most = max(most, math.Abs(c.Difference))
		}
	}
	var rows []heatRow
	for _, s := range v.R.Systems {
		if s.Name == v.R.Baseline {
			continue
		}
		row := heatRow{System: s.Name}
		for _, d := range v.R.Datasets {
			cell := heatCell{}
			if c := v.comparison(d.Name, s.Name, v.Measure); c != nil {
				cell = heatCell{There: true, Text: study.Signed(c.Difference), Class: heatClass(c.Difference, most),
					Title: fmt.Sprintf("%s on %s: %s %s, p %s adjusted", s.Name, d.Name, study.Signed(c.Difference), study.IntervalText(c.Interval), study.PText(c.PAdjusted))}
			}
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// heatClass sorts a difference into five strengths a side, on a square-root scale so that small ones show beside large ones.
func heatClass(difference, most float64) string {
	if math.Abs(difference) < 0.00005 || most == 0 {
		return "zero"
	}
	step := min(5, 1+int(5*math.Sqrt(math.Abs(difference)/most)*0.9999))
	if difference < 0 {
		return "down" + strconv.Itoa(step)
	}
	return "up" + strconv.Itoa(step)
}

// settingRow is one setting across the systems.
type settingRow struct {
	Name  string
	Cells []settingCell
}

type settingCell struct {
	Value   string
	Differs bool // from the baseline's; not where one of the two has no such setting
}

// settings lists every setting of every system, those that differ from the baseline's marked; a setting in which nobody differs is not
// listed.
func (v *view) settings() []settingRow {
	names := map[string]bool{}
	var base map[string]string
	for _, s := range v.R.Systems {
		for k := range s.Settings {
			names[k] = true
		}
		if s.Name == v.R.Baseline {
			base = s.Settings
		}
	}
	var rows []settingRow
	for _, name := range sortedNames(names) {
		row := settingRow{Name: name}
		differ := false
		for _, s := range v.R.Systems {
			value := s.Settings[name]
			cell := settingCell{Value: value, Differs: value != base[name] && value != "" && base[name] != ""}
			if value == "" {
				cell.Value = "–"
			}
			differ = differ || value != base[name]
			row.Cells = append(row.Cells, cell)
		}
		if differ {
			rows = append(rows, row)
		}
	}
	return rows
}

func sortedNames(set map[string]bool) []string {
	var list []string
	for k := range set {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
