package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// canvas builds one SVG drawing. Colours are classes of report.css, so that a drawing follows light, dark and print.
type canvas struct {
	b             strings.Builder
	width, height float64
}

// newCanvas starts a drawing that scales with its column; title says what it shows to who cannot see it.
func newCanvas(width, height float64, title string) *canvas {
	c := &canvas{width: width, height: height}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %s %s" role="img" aria-label="%s">`, num(width), num(height), html.EscapeString(title))
	return c
}

func (c *canvas) done() template.HTML { return template.HTML(c.b.String() + "</svg>") }

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&c.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`, num(x1), num(y1), num(x2), num(y2), class)
}

func (c *canvas) circle(x, y, r float64, class, title string) {
	fmt.Fprintf(&c.b, `<circle cx="%s" cy="%s" r="%s" class="%s"><title>%s</title></circle>`, num(x), num(y), num(r), class, html.EscapeString(title))
}

func (c *canvas) rect(x, y, w, h float64, class string) {
	fmt.Fprintf(&c.b, `<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`, num(x), num(y), num(w), num(h), class)
}

// diamond is the mark of a pooled estimate, from low to high.
func (c *canvas) diamond(low, middle, high, y, r float64, class, title string) {
	fmt.Fprintf(&c.b, `<path d="M%s %sL%s %sL%s %sL%s %sZ" class="%s"><title>%s</title></path>`,
		num(low), num(y), num(middle), num(y-r), num(high), num(y), num(middle), num(y+r), class, html.EscapeString(title))
}

func (c *canvas) path(d, class string) { fmt.Fprintf(&c.b, `<path d="%s" class="%s"/>`, d, class) }

// text writes s; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, class, s string) {
	fmt.Fprintf(&c.b, `<text x="%s" y="%s" text-anchor="%s" class="%s">%s</text>`, num(x), num(y), anchor, class, html.EscapeString(s))
}

// num writes a coordinate with a tenth of a pixel.
func num(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "0"
	}
	s := fmt.Sprintf("%.1f", x)
	return strings.TrimSuffix(s, ".0")
}

// scale maps values to pixels.
type scale struct {
	low, high, from, to float64
	log                 bool
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(v)
	}
	if high == low {
		return (s.from + s.to) / 2
	}
	return s.from + (min(max(v, low), high)-low)/(high-low)*(s.to-s.from)
}

// logScale covers the values, with room at both ends, and a factor of four at least.
func logScale(low, high, from, to float64) scale {
	room := max(1.25, math.Sqrt(4*low/high))
	return scale{low: low / room, high: high * room, from: from, to: to, log: true}
}

// linearScale covers the values with round ends.
func linearScale(low, high, from, to float64) scale {
	if high <= low {
		low, high = low-0.01, high+0.01
	}
	step := tickStep(low, high)
	return scale{low: math.Floor(low/step+1e-9) * step, high: math.Ceil(high/step-1e-9) * step, from: from, to: to}
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

// ticks are round values on the scale.
func (s scale) ticks() []float64 {
	var list []float64
	if s.log {
		steps := []float64{1, 2, 5}
		switch ratio := s.high / s.low; {
		case ratio > 200:
			steps = steps[:1]
		case ratio < 12:
			steps = []float64{1, 1.5, 2, 3, 4, 5, 7}
		}
		for p := math.Floor(math.Log10(s.low)); p <= math.Ceil(math.Log10(s.high)); p++ {
			for _, step := range steps {
				if v := step * math.Pow(10, p); v >= s.low*0.999 && v <= s.high*1.001 {
					list = append(list, v)
				}
			}
		}
		return list
	}
	step := tickStep(s.low, s.high)
	for i := math.Round(s.low / step); i*step <= s.high+step/1000; i++ {
		list = append(list, i*step)
	}
	return list
}

// short writes a tick without digits that say nothing.
func short(v float64) string {
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	s := fmt.Sprintf("%.4g", v)
	s = strings.Replace(s, "-", "−", 1)
	if strings.HasPrefix(s, "0.") {
		return s[1:]
	}
	return strings.Replace(s, "−0.", "−.", 1)
}

// axis draws the horizontal axis below a panel, with light lines upwards.
func (c *canvas) axis(s scale, top, bottom float64, label func(float64) string) {
	for _, v := range s.ticks() {
		x := s.at(v)
		c.line(x, top, x, bottom, "grid")
		c.text(x, bottom+13, "middle", "tick", label(v))
	}
}

// clipName shortens a label to n characters.
func clipName(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
