package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

// Series is a measure along one setting with a number as its value: layer by layer, by maximum length, by dimensions.
type Series struct {
	Name    string  `json:"name"`    // what stays the same
	Setting string  `json:"setting"` // what changes
	Measure string  `json:"measure"`
	Points  []Point `json:"points"` // ascending
}

// Point is the mean over the datasets that all points share, with its 95 % interval for just these.
type Point struct {
	X        float64        `json:"x"`
	Label    string         `json:"label"` // of X, where it stands for something: "last"
	System   string         `json:"system"`
	Mean     float64        `json:"mean"`
	Interval stats.Interval `json:"interval"`
	Datasets int            `json:"datasets"`
}

// seriesSettings are the settings that make a series; a system without one has the default that its label says.
var seriesSettings = []struct{ key, whole string }{{"layer", "last"}, {"max_tokens", "all"}, {"dimensions", "all"}}

// FindSeries finds three or more systems that differ in nothing but one numbered setting.
func FindSeries(systems []study.SystemInfo, values []*study.Values, measure int, name string) []Series {
	var list []Series
	for _, setting := range seriesSettings {
		groups := map[string][]study.SystemInfo{}
		var order []string
		for _, s := range systems {
			if len(s.Of) > 0 {
				continue
			}
			var rest []string
			for _, k := range sortedKeys(s.Settings) {
				if k != setting.key {
					rest = append(rest, k+"="+s.Settings[k])
				}
			}
			key := s.Kind + "\x00" + strings.Join(rest, "\x00")
			if groups[key] == nil {
				order = append(order, key)
			}
			groups[key] = append(groups[key], s)
		}
		for _, key := range order {
			if s := makeSeries(groups[key], setting.key, setting.whole, values, measure); len(s.Points) >= 3 {
				s.Measure = name
				list = append(list, s)
			}
		}
	}
	return list
}

func makeSeries(systems []study.SystemInfo, setting, whole string, values []*study.Values, measure int) Series {
	s := Series{Setting: setting, Name: cmp.Or(systems[0].Settings["model"], systems[0].Name)}
	if r := systems[0].Settings["recipe"]; r != "" {
		s.Name += ", " + r
	}
	var shared []*study.Values
	for _, v := range values {
		if !slices.ContainsFunc(systems, func(i study.SystemInfo) bool { return v.Of[i.Name] == nil }) {
			shared = append(shared, v)
		}
	}
	if len(shared) == 0 {
		return s
	}
	for _, i := range systems {
		x, label := 0.0, whole
		if text := i.Settings[setting]; text != "" {
			number, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return Series{}
			}
			x, label = number, text
		}
		var all [][]float64
		for _, v := range shared {
			all = append(all, v.Of[i.Name][measure])
		}
		p := Point{X: x, Label: label, System: i.Name, Datasets: len(shared)}
		p.Mean, p.Interval = meanOverDatasets(all)
		s.Points = append(s.Points, p)
	}
	s.placeWhole(whole)
	slices.SortStableFunc(s.Points, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	return s
}

// placeWhole puts the system without the setting behind all others: it takes everything. Layers counted from the end stay negative.
func (s *Series) placeWhole(whole string) {
	most := 0.0
	for _, p := range s.Points {
		if p.Label != whole {
			most = max(most, p.X)
		}
	}
	for i := range s.Points {
		if p := &s.Points[i]; p.Label == whole && p.X == 0 && most > 0 {
			p.X = most * 1.25
		}
	}
}

// Sentence names the best point and both ends.
func (s Series) Sentence() string {
	if len(s.Points) == 0 {
		return ""
	}
	say := func(p Point) string {
		return fmt.Sprintf("%s at %s %s [%s, %s]", study.Figure(p.Mean), s.Setting, p.Label, study.Figure(p.Interval.Low), study.Figure(p.Interval.High))
	}
	best := slices.MaxFunc(s.Points, func(a, b Point) int { return cmp.Compare(a.Mean, b.Mean) })
	first, last := s.Points[0], s.Points[len(s.Points)-1]
	return fmt.Sprintf("%s: best %s %s; from %s to %s, over %s.", s.Name, s.Measure, say(best), say(first), say(last), plural(best.Datasets, "dataset", "datasets"))
}
