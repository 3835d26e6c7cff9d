package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/study"
)

const (
	panelWidth = 340.0
	rowHeight  = 19.0
)

// side is the class of a mark by its difference from the baseline: colour means better or worse for sure, nothing else.
func side(difference, p float64) string {
	switch {
	case p > 0.05 || difference == 0:
		return "same"
	case difference > 0:
		return "better"
	}
	return "worse"
}

// dots draws, per dataset, every system's mean with its interval; the baseline is a ring, and its mean a line through the panel.
func (v *view) dots(measure string) []Figure {
	var list []Figure
	for _, d := range v.R.Datasets {
		results := v.resultsOn(d.Name, measure)
		if len(results) == 0 {
			continue
		}
		list = append(list, Figure{Title: d.Name, Note: fmt.Sprintf("%s queries", study.Thousands(d.Queries)), SVG: v.dotPanel(d.Name, measure, results)})
	}
	return list
}

func (v *view) dotPanel(dataset, measure string, results []study.Result) template.HTML {
	const right, top, letter = 12.0, 4.0, 6.1
	low, high, longest := math.Inf(1), math.Inf(-1), 17
	for _, r := range results {
		longest = max(longest, len([]rune(r.System)))
		low, high = min(low, finite(r.Interval.Low, r.Mean)), max(high, finite(r.Interval.High, r.Mean))
	}
	left := min(letter*float64(longest)+14, panelWidth/2) // half of a panel is for names
	bottom := top + rowHeight*float64(len(results))
	c := newCanvas(panelWidth, bottom+20, measure+" of every system on "+dataset+" with 95 % intervals")
	s := linearScale(low, high, left, panelWidth-right)
	c.axis(s, top, bottom, short)
	for _, r := range results {
		if r.System == v.R.Baseline {
			c.line(s.at(r.Mean), top, s.at(r.Mean), bottom, "base-line")
		}
	}
	for i, r := range results {
		y := top + rowHeight*(float64(i)+0.5)
		class := "ring"
		if r.System != v.R.Baseline {
			class = "same"
			if c := v.comparison(dataset, r.System, measure); c != nil {
				class = side(c.Difference, c.PAdjusted)
			}
		}
		c.text(left-8, y+4, "end", "label", clipName(r.System, int((left-8)/letter)))
		c.line(s.at(finite(r.Interval.Low, r.Mean)), y, s.at(finite(r.Interval.High, r.Mean)), y, "whisker "+class)
		c.circle(s.at(r.Mean), y, 4, "dot "+class, fmt.Sprintf("%s: %s [%s, %s]", r.System, study.Figure(r.Mean), study.Figure(r.Interval.Low), study.Figure(r.Interval.High)))
	}
	return c.done()
}

func finite(x, otherwise float64) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return otherwise
	}
	return x
}

// costPoint is a system in the plot of effectiveness against cost.
type costPoint struct {
	system      string
	cost, value float64
	label       string
}

// scatter draws value against cost on a log scale, labels beside the points where they do not collide.
func scatter(points []costPoint, baseline, xName, yName string) template.HTML {
	const width, height, left, right, top, bottom = 440.0, 270.0, 44.0, 16.0, 10.0, 38.0
	c := newCanvas(width, height, yName+" against "+xName)
	xlow, xhigh, ylow, yhigh := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, p := range points {
		xlow, xhigh, ylow, yhigh = min(xlow, p.cost), max(xhigh, p.cost), min(ylow, p.value), max(yhigh, p.value)
	}
	x := logScale(xlow, xhigh, left, width-right)
	pad := max(0.01, 0.08*(yhigh-ylow))
	y := linearScale(ylow-pad, yhigh+pad, height-bottom, top)
	c.axis(x, top, height-bottom, short)
	for _, v := range y.ticks() {
		c.line(left, y.at(v), width-right, y.at(v), "grid")
		c.text(left-7, y.at(v)+4, "end", "tick", short(v))
	}
	c.text((left+width-right)/2, height-4, "middle", "tick", xName)
	labels := placeLabels(points, x, y, width-right)
	for i, p := range points {
		l := labels[i]
		if l.anchor == "" {
			continue
		}
		if l.far {
			c.line(x.at(p.cost), y.at(p.value), l.x, l.y-4, "rule")
		}
		c.text(l.x, l.y, l.anchor, "label", p.system)
	}
	for _, rings := range []bool{false, true} { // the baseline's ring on top
		for _, p := range points {
			if class := map[bool]string{false: "dot plain", true: "dot ring"}[rings]; rings == (p.system == baseline) {
				c.circle(x.at(p.cost), y.at(p.value), 5, class, fmt.Sprintf("%s: %s, %s", p.system, study.Figure(p.value), p.label))
			}
		}
	}
	return c.done()
}

// labelPlace is where a label stands, nowhere without an anchor; far from its point it gets a line.
type labelPlace struct {
	x, y   float64
	anchor string
	far    bool
}

// box is a rectangle: left, top, right, bottom.
type box struct{ l, t, r, b float64 }

func (a box) meets(b box) bool { return a.l < b.r && b.l < a.r && a.t < b.b && b.t < a.b }

// labelOffsets are tried in order: right, left, above and below of the point, then farther away.
var labelOffsets = func() []labelPlace {
	list := []labelPlace{{9, 4, "start", false}, {-9, 4, "end", false}, {0, -10, "middle", false}, {0, 18, "middle", false}}
	for _, dy := range []float64{-14, 22, -28, 36, -42, 50, -56, 64} {
		list = append(list, labelPlace{14, dy, "start", true}, labelPlace{-14, dy, "end", true})
	}
	return list
}()

// placeLabels puts each label to the first place that is free, the best systems' first. A label without a free place is left out: its point
// still tells its name when pointed at, and the table below has it.
func placeLabels(points []costPoint, x, y scale, edge float64) []labelPlace {
	places := make([]labelPlace, len(points))
	order := make([]int, len(points))
	var taken []box
	for i, p := range points {
		order[i] = i
		px, py := x.at(p.cost), y.at(p.value)
		taken = append(taken, box{px - 6, py - 6, px + 6, py + 6})
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(points[b].value, points[a].value) })
	for _, i := range order {
		place, at, ok := freePlace(points[i], x, y, func(b box) bool {
			return b.r > edge+10 || b.l < 40 || b.t < 0 || slices.ContainsFunc(taken, b.meets)
		})
		if ok {
			places[i], taken = place, append(taken, at)
		}
	}
	return places
}

// freePlace is the first place of a point's label that is not taken.
func freePlace(p costPoint, x, y scale, taken func(box) bool) (labelPlace, box, bool) {
	w := 6.2 * float64(len([]rune(p.system)))
	for _, o := range labelOffsets {
		place := labelPlace{x.at(p.cost) + o.x, y.at(p.value) + o.y, o.anchor, o.far}
		left := place.x
		switch o.anchor {
		case "end":
			left -= w
		case "middle":
			left -= w / 2
		}
		at := box{left, place.y - 11, left + w, place.y + 2}
		if !taken(at) {
			return place, at, true
		}
	}
	return labelPlace{}, box{}, false
}

// gains draws the per-query differences of two systems in descending order, one area per side, whatever the number of queries.
func gains(d []float64, measure, better, worse string) template.HTML {
	const height, left, right, top, bottom = 130.0, 40.0, 8.0, 8.0, 18.0
	d = slices.Clone(d)
	slices.SortFunc(d, func(a, b float64) int { return cmp.Compare(b, a) })
	limit := 0.0
	for _, v := range d {
		limit = max(limit, math.Abs(v))
	}
	limit = max(limit, 0.05)
	c := newCanvas(panelWidth, height, fmt.Sprintf("%s of %s less that of %s, query by query, sorted", measure, better, worse))
	y := linearScale(-limit, limit, height-bottom, top)
	x := scale{low: 0, high: float64(len(d)), from: left, to: panelWidth - right}
	for _, v := range y.ticks() {
		c.line(left, y.at(v), panelWidth-right, y.at(v), "grid")
		c.text(left-6, y.at(v)+4, "end", "tick", short(v))
	}
	zero := y.at(0)
	var up, down strings.Builder
	first := true
	for i, v := range d {
		b := &up
		if v < 0 {
			b = &down
			if first {
				fmt.Fprintf(b, "M%s %s", num(x.at(float64(i))), num(zero))
				first = false
			}
		} else if i == 0 {
			fmt.Fprintf(b, "M%s %s", num(left), num(zero))
		}
		if v == 0 || i > 0 && v == d[i-1] && i+1 < len(d) && v == d[i+1] {
			continue
		}
		fmt.Fprintf(b, "L%s %sH%s", num(x.at(float64(i))), num(y.at(v)), num(x.at(float64(i+1))))
	}
	if up.Len() > 0 {
		n := slices.IndexFunc(d, func(v float64) bool { return v <= 0 })
		if n < 0 {
			n = len(d)
		}
		c.path(up.String()+fmt.Sprintf("L%s %sZ", num(x.at(float64(n))), num(zero)), "area better")
	}
	if down.Len() > 0 {
		c.path(down.String()+fmt.Sprintf("L%s %sZ", num(x.at(float64(len(d)))), num(zero)), "area worse")
	}
	c.line(left, zero, panelWidth-right, zero, "zero")
	c.text(left, height-4, "start", "tick", "1")
	c.text(panelWidth-right, height-4, "end", "tick", study.Thousands(len(d))+" queries")
	return c.done()
}

// forest draws a claim's evidence: each dataset's difference with its interval, then the diamonds of the average over these datasets and
// of the pooled estimate. The margin of an equal claim is a band.
func forest(c study.Verdict) template.HTML {
	const left, right, top = 126.0, 14.0, 6.0
	rows := len(c.Evidence)
	if c.Beyond != nil {
		rows += 2
	}
	low, high := -0.005, 0.005
	cover := func(vs ...float64) {
		for _, v := range vs {
			if !math.IsInf(v, 0) && !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	cover(-c.Within, c.Within)
	for _, e := range c.Evidence {
		cover(e.Difference, e.Interval.Low, e.Interval.High)
	}
	if c.Beyond != nil { // the pooled interval of few datasets may be far wider than all else: it may leave the panel
		span := high - low
		cover(max(c.Beyond.Pooled.Interval.Low, low-span/2), min(c.Beyond.Pooled.Interval.High, high+span/2))
	}
	const width = 400.0
	bottom := top + rowHeight*float64(rows)
	g := newCanvas(width, bottom+20, "Difference by dataset with 95 % intervals: "+c.Claim)
	s := linearScale(low, high, left, width-right)
	if c.Within > 0 {
		g.rect(s.at(-c.Within), top, s.at(c.Within)-s.at(-c.Within), bottom-top, "margin")
	}
	g.axis(s, top, bottom, short)
	g.line(s.at(0), top, s.at(0), bottom, "zero")
	for i, e := range c.Evidence {
		y := top + rowHeight*(float64(i)+0.5)
		class := side(e.Difference, e.P)
		if c.Kind == string(study.Equal) {
			class = "plain"
		}
		g.text(left-8, y+4, "end", "label", clipName(e.Dataset, 18))
		g.line(s.at(finite(e.Interval.Low, e.Difference)), y, s.at(finite(e.Interval.High, e.Difference)), y, "whisker "+class)
		g.circle(s.at(e.Difference), y, 4, "dot "+class, fmt.Sprintf("%s: %s %s", e.Dataset, study.Signed(e.Difference), study.IntervalText(e.Interval)))
	}
	if c.Beyond != nil {
		y := top + rowHeight*(float64(len(c.Evidence))+0.5)
		g.line(left, y-rowHeight/2, width-right, y-rowHeight/2, "rule")
		g.text(left-8, y+4, "end", "label strong", "these datasets")
		g.diamond(s.at(c.Interval.Low), s.at(c.Difference), s.at(c.Interval.High), y, 5.5, "diamond", study.Signed(c.Difference)+" "+study.IntervalText(c.Interval))
		p := c.Beyond.Pooled
		g.text(left-8, y+rowHeight+4, "end", "label", "others like them")
		g.diamond(s.at(p.Interval.Low), s.at(p.Difference), s.at(p.Interval.High), y+rowHeight, 5.5, "diamond hollow", study.Signed(p.Difference)+" "+study.IntervalText(p.Interval))
	}
	return g.done()
}
