package report

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

func TestMarked(t *testing.T) {
	words := func(spans ...[2]int) Options {
		return Options{Highlight: func(_, _, _ string) [][2]int { return spans }}
	}
	long := strings.Repeat("äöü ", 100)
	for _, c := range []struct {
		text  string
		opts  Options
		n     int
		want  string
		about string
	}{
		{"a <b> c", words([2]int{2, 5}), 100, "a <mark>&lt;b&gt;</mark> c", "markup is text"},
		{"one two three", words([2]int{0, 7}, [2]int{4, 7}), 100, "<mark>one two</mark> three", "overlapping spans"},
		{"", words([2]int{0, 3}), 100, "", "no text, no look-up"},
		{"bad \xff bytes", Options{}, 100, "bad \uFFFD bytes", "bad UTF-8"},
		{"x <script>", Options{}, 100, "x &lt;script&gt;", "without highlighter"},
	} {
		if got := string(marked(c.text, "q", "text", c.opts, c.n)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.about, got, c.want)
		}
	}
	for n := 1; n < 60; n++ {
		got := string(marked(long, "q", "text", words([2]int{294, 300}), n))
		if strings.Contains(got, "\uFFFD") {
			t.Fatalf("n=%d cuts a rune: %q", n, got)
		}
	}
	if got := string(marked(long+"needle"+long, "q", "text", words([2]int{len(long), len(long) + 6}), 80)); !strings.Contains(got, "<mark>needle</mark>") || len(got) > 200 {
		t.Errorf("the match is not in the part shown: %q", got)
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{{0, 1}, {-0.013, 0.2}, {0.5, 0.5}, {-1e-9, 1e-9}, {0, 12345}} {
		s := linearScale(c.low, c.high, 10, 110)
		ticks := s.ticks()
		if len(ticks) < 2 || len(ticks) > 9 {
			t.Errorf("%v: %d ticks %v", c, len(ticks), ticks)
		}
		if s.at(c.low) < 9.999 || s.at(c.low) > s.at(c.high)+200 || math.IsNaN(s.at(c.low)) {
			t.Errorf("%v: maps to %v..%v", c, s.at(c.low), s.at(c.high))
		}
	}
	for _, c := range []struct{ low, high float64 }{{1, 1}, {0.02, 0.03}, {0.001, 10000}, {5, 60}} {
		s := logScale(c.low, c.high, 0, 100)
		if n := len(s.ticks()); n < 1 || n > 12 {
			t.Errorf("log %v: %d ticks", c, n)
		}
		if s.at(c.low) < 0 || s.at(c.high) > 100 {
			t.Errorf("log %v: maps outside", c)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.5: ".5", -0.25: "−.25", 1: "1", -2: "−2", 1e-15: "0"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q, want %q", v, got, want)
		}
	}
}

// TestDrawingsAreXML: every drawing is well formed and holds no number that is none, whatever the values.
func TestDrawingsAreXML(t *testing.T) {
	inf := stats.Interval{Low: math.Inf(-1), High: math.Inf(1)}
	var drawings []string
	for _, d := range [][]float64{{}, {0}, {0, 0, 0}, {1}, {-1}, {0.5, -0.5, 0, 0}, {0.1, 0.1, 0.1, 0.1, -0.2, -0.2, -0.2, -0.2}} {
		drawings = append(drawings, string(gains(d, "nDCG@10", `a"<b>`, "c&d")))
	}
	drawings = append(drawings,
		string(scatter([]costPoint{{`<x>&"`, 1, 0.5, "1 ms"}, {"y", 1, 0.5, "1 ms"}, {"z", 1e-6, 0, ""}}, "y", "x", "y")),
		string(forest(study.Verdict{Claim: "a > b", Kind: "higher", Evidence: []study.Evidence{{Dataset: "d", Interval: inf}}})),
		string(forest(study.Verdict{Claim: "a = b", Kind: "equal", Within: 0.01, These: study.These{Interval: inf},
			Evidence: []study.Evidence{{Dataset: "d", Interval: inf}, {Dataset: strings.Repeat("long", 20), Difference: 1}},
			Beyond:   &study.Beyond{Pooled: stats.Pooled{Interval: inf}}})))
	for i, svg := range drawings {
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("drawing %d: %s", i, svg)
		}
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("drawing %d: %v\n%s", i, err, svg)
			}
		}
	}
}

func TestLabelsKeepApart(t *testing.T) {
	points := []costPoint{{"bm25", 1, 0.5, ""}, {"bm25-code", 1.01, 0.5, ""}, {"bm25-words", 1.02, 0.501, ""}, {"fused", 1, 0.499, ""}}
	x, y := logScale(1, 1.02, 40, 400), linearScale(0.4, 0.6, 250, 10)
	places := placeLabels(points, x, y, 400)
	for i, a := range places {
		for _, b := range places[:i] {
			if math.Abs(a.y-b.y) < 10 && a.anchor == b.anchor && math.Abs(a.x-b.x) < 40 {
				t.Errorf("labels on each other: %v, %v", a, b)
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 8841823: "8,841,823"} {
		if got := study.Thousands(n); got != want {
			t.Errorf("study.Thousands(%d) = %s", n, got)
		}
	}
	for _, c := range []struct {
		d, most float64
		want    string
	}{{0, 1, "zero"}, {1, 1, "up5"}, {-1, 1, "down5"}, {0.001, 1, "up1"}, {-0.25, 1, "down3"}, {0, 0, "zero"}} {
		if got := heatClass(c.d, c.most); got != c.want {
			t.Errorf("heatClass(%v, %v) = %s, want %s", c.d, c.most, got, c.want)
		}
	}
}
