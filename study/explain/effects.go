package explain

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

// Effect is what one step (a specialisation, a setting) changed on a group of datasets.
type Effect struct {
	Pair
	Group      string          `json:"group"`
	Datasets   []DatasetEffect `json:"datasets"`
	Difference float64         `json:"difference"` // mean over these datasets, each of the same weight
	Interval   stats.Interval  `json:"interval"`   // 95 %, for just these datasets
	Pooled     stats.Pooled    `json:"pooled"`     // by random effects, for further datasets of the kind
}

// DatasetEffect is the same on one dataset.
type DatasetEffect struct {
	Dataset    string         `json:"dataset"`
	Queries    int            `json:"queries"`
	Difference float64        `json:"difference"`
	Interval   stats.Interval `json:"interval"`
}

// Effects are those of several pairs on several groups, by one measure.
type Effects struct {
	Measure string   `json:"measure"`
	Groups  []string `json:"groups"`
	Effects []Effect `json:"effects"`
}

// Group is a set of datasets by name.
type Group struct {
	Name     string
	Datasets []string
}

// FindEffects compares the two systems of every pair on every group, as far as both ran there. values are those of each dataset, measure is
// the place of the measure's values in them.
func FindEffects(pairs []Pair, groups []Group, values []*study.Values, measure int, name string) Effects {
	e := Effects{Measure: name}
	for _, g := range groups {
		e.Groups = append(e.Groups, g.Name)
	}
	for _, p := range pairs {
		for _, g := range groups {
			if f, ok := findEffect(p, g, values, measure); ok {
				e.Effects = append(e.Effects, f)
			}
		}
	}
	return e
}

func findEffect(p Pair, g Group, values []*study.Values, measure int) (Effect, bool) {
	f := Effect{Pair: p, Group: g.Name}
	var all [][]float64
	for _, v := range values {
		if !slices.Contains(g.Datasets, v.Dataset) || v.Of[p.Left] == nil || v.Of[p.Right] == nil {
			continue
		}
		d, err := stats.Differences(v.Of[p.Left][measure], v.Of[p.Right][measure])
		if err != nil || len(d) == 0 {
			continue
		}
		all = append(all, d)
		f.Datasets = append(f.Datasets, DatasetEffect{v.Dataset, len(d), stats.Mean(d), stats.TInterval(d, confidence)})
	}
	if len(all) == 0 {
		return f, false
	}
	f.Difference, f.Interval = meanOverDatasets(all)
	f.Pooled = stats.PoolRandomEffects(all, confidence)
	return f, true
}

// surely is whether the interval leaves 0 out.
func (f Effect) surely() bool { return !f.Interval.Contains(0) }

// Sentence counts the steps that changed something, and names the largest on each group.
func (e Effects) Sentence() string {
	var parts []string
	for _, g := range e.Groups {
		var list []Effect
		for _, f := range e.Effects {
			if f.Group == g {
				list = append(list, f)
			}
		}
		if len(list) == 0 {
			continue
		}
		up, down := 0, 0
		for _, f := range list {
			switch {
			case f.surely() && f.Difference > 0:
				up++
			case f.surely():
				down++
			}
		}
		f := slices.MaxFunc(list, func(a, b Effect) int { return cmp.Compare(math.Abs(a.Difference), math.Abs(b.Difference)) })
		parts = append(parts, fmt.Sprintf("on %s %d of %s helped, %d hurt, and the largest effect is %s, %s less %s: %s %s %s, pooled for other datasets like these %s %s", g, up,
			plural(len(list), "step", "steps"), down, f.Step, f.Left, f.Right, e.Measure, study.Signed(f.Difference), study.IntervalText(f.Interval),
			study.Signed(f.Pooled.Difference), study.IntervalText(f.Pooled.Interval)))
	}
	if len(parts) == 0 {
		return "No specialised system has its base beside it."
	}
	s := strings.Join(parts, "; ")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// Table lists every effect with its datasets.
func (e Effects) Table() *Table {
	t := &Table{Caption: "What each step changed, " + e.Measure, Heads: []string{"Step", "Specialised", "Base", "Group", "Datasets", "Difference", "95 % interval", "Pooled", "95 % interval", "Between datasets, I²"}}
	for _, f := range e.Effects {
		t.Rows = append(t.Rows, []string{f.Step, f.Left, f.Right, f.Group, fmt.Sprint(len(f.Datasets)), study.Signed(f.Difference), study.IntervalText(f.Interval),
			study.Signed(f.Pooled.Difference), study.IntervalText(f.Pooled.Interval), percent(f.Pooled.I2)})
	}
	return t
}
