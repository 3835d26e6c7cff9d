package explain

import (
	"fmt"
	"html/template"
	"math"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/study/explain/svg"
)

// Sizes of drawings, those of the report's panels.
const (
	panelWidth = 340.0
	wideWidth  = 640.0
	rowHeight  = 19.0
	labelSpace = 136.0
	// letterWidth is that of a label's letters, on average.
	letterWidth = 6.1
)

// dotRow is a row of a dot plot: a mark at Value from Low to High.
type dotRow struct {
	label      string
	value      float64
	interval   stats.Interval
	class      string // better, worse, same, plain
	square     bool
	rule       bool // a line above
	second     *dotRow
	secondNote string
}

// sideOf is the class of a difference: colour only where the interval leaves 0 out.
func sideOf(x float64, i stats.Interval) string {
	switch {
	case i.Contains(0) || x == 0:
		return "same"
	case x > 0:
		return "better"
	}
	return "worse"
}

// dotPlot draws rows of values with intervals; zero says whether 0 is on the scale, with a line.
func dotPlot(width float64, rows []dotRow, zero bool, title, desc string) template.HTML {
	const top, right = 4.0, 14.0
	low, high := math.Inf(1), math.Inf(-1)
	if zero {
		low, high = -0.005, 0.005
	}
	cover := func(r dotRow) {
		low, high = min(low, finite(r.interval.Low, r.value)), max(high, finite(r.interval.High, r.value))
	}
	for _, r := range rows {
		cover(r)
		if r.second != nil { // a pooled interval of few datasets may be far wider than all else: it may leave the panel
			low, high = min(low, r.second.value), max(high, r.second.value)
		}
	}
	bottom := top + rowHeight*float64(len(rows))
	c := svg.New(width, bottom+20, title, desc)
	longest := 0
	for _, r := range rows {
		longest = max(longest, len([]rune(r.label)))
	}
	space := min(max(labelSpace, letterWidth*float64(longest)+10), 0.4*width)
	s := svg.Linear(low, high, space, width-right)
	c.AxisBelow(s, top, bottom)
	if zero {
		c.Line(s.At(0), top, s.At(0), bottom, "zero")
	}
	for i, r := range rows {
		y := top + rowHeight*(float64(i)+0.5)
		if r.rule {
			c.Line(0, y-rowHeight/2, width-right, y-rowHeight/2, "rule")
		}
		c.Text(space-8, y+4, "end", "label", svg.Clip(r.label, int((space-8)/letterWidth)))
		if r.second != nil {
			p := r.second
			c.Diamond(s.At(finite(p.interval.Low, low)), s.At(p.value), s.At(finite(p.interval.High, high)), y, 5, "diamond hollow", r.secondNote)
		}
		c.Line(s.At(finite(r.interval.Low, r.value)), y, s.At(finite(r.interval.High, r.value)), y, "whisker "+r.class)
		note := fmt.Sprintf("%s: %s %s", r.label, study.Signed(r.value), study.IntervalText(r.interval))
		if r.square {
			c.Square(s.At(r.value), y, 3.6, "dot "+r.class, note)
		} else {
			c.Circle(s.At(r.value), y, 4, "dot "+r.class, note)
		}
	}
	return c.HTML()
}

// Plot draws a trend: the mean difference of each part of the queries, along the feature.
func (t Trend) Plot(w Where) template.HTML {
	const height, left, right, top, bottom = 150.0, 44.0, 10.0, 8.0, 34.0
	low, high := -0.005, 0.005
	for _, b := range t.Bins {
		low, high = min(low, b.Mean, finite(b.Interval.Low, b.Mean)), max(high, b.Mean, finite(b.Interval.High, b.Mean))
	}
	desc := ""
	for _, b := range t.Bins {
		desc += fmt.Sprintf("%s: %s %s. ", t.label(b), study.Signed(b.Mean), study.IntervalText(b.Interval))
	}
	c := svg.New(panelWidth, height, fmt.Sprintf("%s: %s less %s by %s", w.Measure, w.Left, w.Right, t.Name), desc)
	y := svg.Linear(low, high, height-bottom, top)
	c.AxisLeft(y, left, panelWidth-right)
	c.Line(left, y.At(0), panelWidth-right, y.At(0), "zero")
	step := (panelWidth - left - right) / float64(max(1, len(t.Bins)))
	var line [][2]float64
	for i, b := range t.Bins {
		line = append(line, [2]float64{left + step*(float64(i)+0.5), y.At(b.Mean)})
	}
	c.Polyline(line, "rule")
	for i, b := range t.Bins {
		x, class := line[i][0], sideOf(b.Mean, b.Interval)
		c.Line(x, y.At(finite(b.Interval.Low, b.Mean)), x, y.At(finite(b.Interval.High, b.Mean)), "whisker "+class)
		c.Circle(x, y.At(b.Mean), 4, "dot "+class, fmt.Sprintf("%s, %s: %s %s", t.label(b), plural(b.Queries, "query", "queries"), study.Signed(b.Mean), study.IntervalText(b.Interval)))
		c.Text(x, height-bottom+14, "middle", "tick", t.label(b))
	}
	name := t.Name
	if t.Within { // the heading names it; with the name this would not fit
		name = "place within the dataset"
	}
	c.Text((left+panelWidth-right)/2, height-5, "middle", "tick", name)
	return c.HTML()
}

// label of a bin: its range.
func (t Trend) label(b Bin) string {
	low, high := svg.Short(round(b.Low)), svg.Short(round(b.High))
	if t.Within {
		low, high = svg.Short(math.Round(100*b.Low)), svg.Short(math.Round(100*b.High))
	}
	text := low
	if low != high {
		text += "–" + high
	}
	if t.Within {
		text += " %"
	}
	return text
}

// round keeps whole numbers and two decimals below ten.
func round(x float64) float64 {
	if math.Abs(x) >= 10 {
		return math.Round(x)
	}
	return math.Round(x*100) / 100
}

// plotCategories draws the mean difference of each part.
func plotCategories(w Where, list []Category) template.HTML {
	var rows []dotRow
	for _, c := range list {
		rows = append(rows, dotRow{label: c.Name, value: c.Mean, interval: c.Interval, class: sideOf(c.Mean, c.Interval)})
	}
	return dotPlot(panelWidth, rows, true, fmt.Sprintf("%s: %s less %s", w.Measure, w.Left, w.Right), w.Sentence())
}

// Plot draws the agreements as a matrix, darker for more alike.
func (a Agreements) Plot() template.HTML {
	const cell, top = 30.0, 6.0
	n := float64(len(a.Systems))
	c := svg.New(max(wideWidth, labelSpace+cell*n+70), top+cell*n+8, "Rank-biased overlap of every two systems", a.Sentence())
	for i, left := range a.Systems {
		y := top + cell*float64(i)
		c.Text(labelSpace-8, y+cell/2+4, "end", "label", svg.Clip(left, 21))
		for j, right := range a.Systems[:i] {
			p := a.pair(left, right)
			if p == nil {
				continue
			}
			x := labelSpace + cell*float64(j)
			c.Shade(x, y, cell-1, cell-1, 0.04+0.3*p.RBO, fmt.Sprintf("%s and %s: rank-biased overlap %s, %s of the first ten shared, Kendall’s tau %s", left, right,
				study.Figure(p.RBO), percent(p.Overlap), study.Signed(p.Tau)))
			c.Text(x+cell/2, y+cell/2+4, "middle", "label strong", svg.Short(math.Round(p.RBO*100)/100))
		}
		c.Text(labelSpace+cell*float64(i)+4, y+cell/2+4, "start", "tick", svg.Clip(left, 21))
	}
	return c.HTML()
}

// PlotGains draws, for every pair, the better single system, what fusion reached (dot) and what an oracle would (square).
func PlotGains(list []Gain) template.HTML {
	var rows []dotRow
	for _, g := range list {
		rows = append(rows,
			dotRow{label: g.Left + " + " + g.Right, value: g.RRFGain, interval: g.Interval, class: sideOf(g.RRFGain, g.Interval), rule: len(rows) > 0},
			dotRow{label: "oracle", value: g.OracleGain, interval: stats.Interval{Low: g.OracleGain, High: g.OracleGain}, class: "plain", square: true})
	}
	desc := ""
	for _, g := range list {
		desc += g.Sentence() + " "
	}
	return dotPlot(wideWidth, rows, true, "Gain over the better of two systems: by reciprocal rank fusion (dot), by an oracle (square)", desc)
}

// geometryPanels are the measures of a geometry, in the order of display.
var geometryPanels = []struct {
	title string
	of    func(Geometry) *Estimate
}{
	{"Mean cosine of two documents", func(g Geometry) *Estimate { return &g.Cosine }},
	{"Share of the first principal component", func(g Geometry) *Estimate { return &g.Component }},
	{"Hubness (skewness of 10-occurrences)", func(g Geometry) *Estimate { return &g.Hubness }},
	{"Uniformity (lower: more uniform)", func(g Geometry) *Estimate { return &g.Uniformity }},
	{"Alignment (lower: positives closer)", func(g Geometry) *Estimate { return g.Alignment }},
}

// PlotGeometry draws a panel per measure with a row per model and dataset.
func PlotGeometry(list []Geometry) []Figure {
	var figures []Figure
	for _, p := range geometryPanels {
		var rows []dotRow
		width := panelWidth
		for _, g := range list {
			if letterWidth*float64(len(g.System+g.Dataset)) > labelSpace-10 { // its name needs room
				width = wideWidth
			}
			if e := p.of(g); e != nil {
				rows = append(rows, dotRow{label: g.System + " " + g.Dataset, value: e.Value, interval: e.Interval, class: "plain"})
			}
		}
		if len(rows) > 0 {
			figures = append(figures, Figure{Title: p.title, Wide: width == wideWidth, SVG: dotPlot(width, rows, false, p.title, GeometrySentence(list))})
		}
	}
	return figures
}

// Plot draws the change of the measure by each smaller form.
func (c Compression) Plot() template.HTML {
	var rows []dotRow
	for _, f := range c.Forms {
		rows = append(rows, dotRow{label: fmt.Sprintf("%s, %.0f B", f.Name, f.Bytes), value: f.Difference, interval: f.Interval, class: sideOf(f.Difference, f.Interval)})
	}
	return dotPlot(panelWidth, rows, true, fmt.Sprintf("%s of %s on %s: change by smaller vectors", c.Measure, c.System, c.Dataset), c.Sentence())
}

// Plot draws the measure along the setting with its intervals.
func (s Series) Plot() template.HTML {
	const height, left, right, top, bottom = 170.0, 44.0, 14.0, 8.0, 34.0
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range s.Points {
		low, high = min(low, finite(p.Interval.Low, p.Mean)), max(high, finite(p.Interval.High, p.Mean))
	}
	c := svg.New(panelWidth, height, fmt.Sprintf("%s by %s: %s", s.Measure, s.Setting, s.Name), s.Sentence())
	y := svg.Linear(low, high, height-bottom, top)
	x := svg.Scale{Low: s.Points[0].X, High: s.Points[len(s.Points)-1].X, From: left + 12, To: panelWidth - right - 8}
	if x.Low > 0 && x.High/x.Low > 8 {
		x.Log = true
	}
	c.AxisLeft(y, left, panelWidth-right)
	var line [][2]float64
	for _, p := range s.Points {
		line = append(line, [2]float64{x.At(p.X), y.At(p.Mean)})
	}
	c.Polyline(line, "rule")
	end := -100.0
	for i, p := range s.Points {
		at := line[i]
		c.Line(at[0], y.At(finite(p.Interval.Low, p.Mean)), at[0], y.At(finite(p.Interval.High, p.Mean)), "whisker plain")
		c.Circle(at[0], at[1], 4, "dot plain", fmt.Sprintf("%s: %s [%s, %s]", p.Label, study.Figure(p.Mean), study.Figure(p.Interval.Low), study.Figure(p.Interval.High)))
		if at[0]-end > 7*float64(len(p.Label)) {
			c.Text(at[0], height-bottom+14, "middle", "tick", p.Label)
			end = at[0]
		}
	}
	c.Text((left+panelWidth-right)/2, height-5, "middle", "tick", s.Setting)
	return c.HTML()
}

// Plot draws every step on every group: the effect on these datasets, the pooled estimate as a hollow diamond behind it. The first group
// has dots, the second squares.
func (e Effects) Plot() template.HTML {
	var rows []dotRow
	step := ""
	for _, f := range e.Effects {
		p := f.Pooled
		label := f.Left + ", " + f.Group
		rows = append(rows, dotRow{label: label, value: f.Difference, interval: f.Interval, class: sideOf(f.Difference, f.Interval),
			square: len(e.Groups) > 1 && f.Group == e.Groups[1], rule: len(rows) > 0 && f.Pair.Left+f.Pair.Right != step,
			second:     &dotRow{value: p.Difference, interval: p.Interval},
			secondNote: fmt.Sprintf("%s less %s on %s, pooled: %s %s", f.Left, f.Right, f.Group, study.Signed(p.Difference), study.IntervalText(p.Interval))})
		step = f.Pair.Left + f.Pair.Right
	}
	return dotPlot(wideWidth, rows, true, "Effect of each specialisation against its base, "+e.Measure, e.Sentence())
}

// Plot draws what each setting was worth where it was measured alone.
func (c Confounds) Plot() template.HTML {
	var rows []dotRow
	for _, f := range c.List {
		for i, w := range f.Worth {
			rows = append(rows, dotRow{label: f.Setting + ": " + w.Left, value: w.Difference, interval: w.Interval, class: sideOf(w.Difference, w.Interval),
				rule: i == 0 && len(rows) > 0})
		}
	}
	if len(rows) == 0 {
		return ""
	}
	return dotPlot(wideWidth, rows, true, "What each setting was worth alone, "+c.Measure, c.Sentence())
}
