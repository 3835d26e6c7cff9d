// Package svg draws plots as inline SVG for a page. Colours are classes of the page's style sheet, so that a drawing follows light, dark
// and print; nothing is loaded from elsewhere.
//
// It knows nothing of studies, and it is no plotting library: it has the marks that Labrador's pages use.
package svg

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// Canvas builds one drawing, (0, 0) at the top left.
type Canvas struct {
	Width, Height float64
	b             strings.Builder
}

// New starts a drawing that scales with its column. title names it and desc says what it shows, to who cannot see it.
func New(width, height float64, title, desc string) *Canvas {
	c := &Canvas{Width: width, Height: height}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %s %s" role="img" aria-label="%s"><title>%s</title>`, num(width), num(height), html.EscapeString(title), html.EscapeString(title))
	if desc != "" {
		fmt.Fprintf(&c.b, `<desc>%s</desc>`, html.EscapeString(desc))
	}
	return c
}

// HTML ends the drawing.
func (c *Canvas) HTML() template.HTML { return template.HTML(c.b.String() + "</svg>") }

// Line draws a straight line.
func (c *Canvas) Line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&c.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`, num(x1), num(y1), num(x2), num(y2), class)
}

// Circle draws a dot; title appears when it is pointed at.
func (c *Canvas) Circle(x, y, r float64, class, title string) {
	fmt.Fprintf(&c.b, `<circle cx="%s" cy="%s" r="%s" class="%s"><title>%s</title></circle>`, num(x), num(y), num(r), class, html.EscapeString(title))
}

// Square draws a dot of another shape, so that two series differ by more than colour.
func (c *Canvas) Square(x, y, r float64, class, title string) {
	fmt.Fprintf(&c.b, `<rect x="%s" y="%s" width="%s" height="%s" class="%s"><title>%s</title></rect>`, num(x-r), num(y-r), num(2*r), num(2*r), class, html.EscapeString(title))
}

// Shade draws a rectangle in the ink's colour at an opacity from 0 to 1: a cell of a matrix.
func (c *Canvas) Shade(x, y, w, h, opacity float64, title string) {
	fmt.Fprintf(&c.b, `<rect x="%s" y="%s" width="%s" height="%s" fill="currentColor" fill-opacity="%.2f"><title>%s</title></rect>`,
		num(x), num(y), num(w), num(h), min(max(opacity, 0), 1), html.EscapeString(title))
}

// Diamond is the mark of a pooled estimate, from low to high.
func (c *Canvas) Diamond(low, middle, high, y, r float64, class, title string) {
	fmt.Fprintf(&c.b, `<path d="M%s %sL%s %sL%s %sL%s %sZ" class="%s"><title>%s</title></path>`,
		num(low), num(y), num(middle), num(y-r), num(high), num(y), num(middle), num(y+r), class, html.EscapeString(title))
}

// Polyline joins points (x, y) by straight lines.
func (c *Canvas) Polyline(points [][2]float64, class string) {
	var d strings.Builder
	for i, p := range points {
		op := "L"
		if i == 0 {
			op = "M"
		}
		d.WriteString(op + num(p[0]) + " " + num(p[1]))
	}
	fmt.Fprintf(&c.b, `<path d="%s" fill="none" class="%s"/>`, d.String(), class)
}

// Text writes s; anchor is start, middle or end.
func (c *Canvas) Text(x, y float64, anchor, class, s string) {
	fmt.Fprintf(&c.b, `<text x="%s" y="%s" text-anchor="%s" class="%s">%s</text>`, num(x), num(y), anchor, class, html.EscapeString(s))
}

// AxisBelow draws the horizontal axis below a panel, with light lines upwards.
func (c *Canvas) AxisBelow(s Scale, top, bottom float64) {
	for _, v := range s.Ticks() {
		x := s.At(v)
		c.Line(x, top, x, bottom, "grid")
		c.Text(x, bottom+13, "middle", "tick", Short(v))
	}
}

// AxisLeft draws the vertical axis left of a panel, with light lines to the right.
func (c *Canvas) AxisLeft(s Scale, left, right float64) {
	for _, v := range s.Ticks() {
		y := s.At(v)
		c.Line(left, y, right, y, "grid")
		c.Text(left-6, y+4, "end", "tick", Short(v))
	}
}

// num writes a coordinate with a tenth of a pixel.
func num(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "0"
	}
	s := fmt.Sprintf("%.1f", x)
	if s == "-0.0" {
		return "0"
	}
	return strings.TrimSuffix(s, ".0")
}

// Scale maps values to pixels.
type Scale struct {
	Low, High float64 // values
	From, To  float64 // pixels of Low and High
	Log       bool
}

// Linear covers low to high with round ends.
func Linear(low, high, from, to float64) Scale {
	if !(high > low) || math.IsInf(high-low, 0) {
		low, high = low-0.01, low+0.01
	}
	step := tickStep(low, high)
	return Scale{Low: math.Floor(low/step+1e-9) * step, High: math.Ceil(high/step-1e-9) * step, From: from, To: to}
}

// At is the pixel of v; values outside of the scale land on its ends.
func (s Scale) At(v float64) float64 {
	low, high := s.Low, s.High
	if s.Log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(v)
	}
	if high == low {
		return (s.From + s.To) / 2
	}
	return s.From + (min(max(v, low), high)-low)/(high-low)*(s.To-s.From)
}

// Ticks are round values on the scale: some four, or the powers of ten and their doubles and fives on a log scale.
func (s Scale) Ticks() []float64 {
	var list []float64
	if s.Log {
		steps := []float64{1, 2, 5}
		if s.High/s.Low > 200 {
			steps = steps[:1]
		}
		for p := math.Floor(math.Log10(s.Low)); p <= math.Ceil(math.Log10(s.High)); p++ {
			for _, step := range steps {
				if v := step * math.Pow(10, p); v >= s.Low*0.999 && v <= s.High*1.001 {
					list = append(list, v)
				}
			}
		}
		return list
	}
	step := tickStep(s.Low, s.High)
	for i := math.Round(s.Low / step); i*step <= s.High+step/1000; i++ {
		list = append(list, i*step)
	}
	return list
}

// tickStep is 1, 2 or 5 times a power of ten that gives some four ticks.
func tickStep(low, high float64) float64 {
	raw := (high - low) / 4
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// Short writes a tick without digits that say nothing.
func Short(v float64) string {
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	s := strings.Replace(fmt.Sprintf("%.4g", v), "-", "−", 1)
	if strings.HasPrefix(s, "0.") {
		return s[1:]
	}
	return strings.Replace(s, "−0.", "−.", 1)
}

// Clip shortens a label to n characters.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
