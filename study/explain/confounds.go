package explain

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador/study"
)

// Confound is a setting that differs between systems whose comparison is meant to show something else, or that was varied on its own.
type Confound struct {
	Setting string `json:"setting"`
	// Compared are the comparisons in which the setting differs besides what they are about.
	Compared []string `json:"compared"`
	// Worth is what the setting changed where two systems differ in nothing else; empty where no two do.
	Worth []Worth `json:"worth"`
}

// Worth is a controlled measurement of one setting: two systems that differ in nothing else.
type Worth struct {
	Setting string `json:"setting"`
	From    string `json:"from"` // value of the system Effect.Right
	To      string `json:"to"`   // value of the system Effect.Left
	Effect
}

// Confounds are all settings that matter to a study's comparisons.
type Confounds struct {
	Measure string     `json:"measure"`
	List    []Confound `json:"list"`
}

// Controlled finds every two systems of one kind that differ in exactly one setting, and measures what that changed over all datasets that
// both ran on. Systems made of others are left out: their parts are settings of another sort. The order is that of the systems.
func Controlled(systems []study.SystemInfo, values []*study.Values, measure int) []Worth {
	var list []Worth
	all := Group{Name: "all"}
	for _, v := range values {
		all.Datasets = append(all.Datasets, v.Dataset)
	}
	for i, a := range systems {
		for _, b := range systems[i+1:] {
			if a.Kind != b.Kind || len(a.Of) > 0 || len(b.Of) > 0 || a.Kind == "run" || a.Kind == "vectors" {
				continue
			}
			names := differing(a.Settings, b.Settings)
			if len(names) != 1 || names[0] == "model" {
				continue
			}
			w := Worth{Setting: names[0], From: orUnset(a.Settings[names[0]]), To: orUnset(b.Settings[names[0]])}
			e, ok := findEffect(Pair{Step: names[0], Left: b.Name, Right: a.Name}, all, values, measure)
			if ok {
				w.Effect = e
				list = append(list, w)
			}
		}
	}
	return list
}

// differing are the settings that differ between two systems. The model's own name within another setting does not count.
func differing(a, b map[string]string) []string {
	var names []string
	for _, name := range sortedKeys(a, b) {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	return names
}

func orUnset(s string) string {
	if s == "" {
		return "unset"
	}
	return s
}

// FindConfounds lists the settings in which the two systems of a pair differ besides the model, and what each setting was worth where
// it was measured on its own.
func FindConfounds(pairs []Pair, systems []study.SystemInfo, controlled []Worth, measure string) Confounds {
	found := map[string]*Confound{}
	get := func(setting string) *Confound {
		if found[setting] == nil {
			found[setting] = &Confound{Setting: setting, Compared: []string{}, Worth: []Worth{}}
		}
		return found[setting]
	}
	settings := map[string]map[string]string{}
	for _, s := range systems {
		settings[s.Name] = s.Settings
	}
	for _, p := range pairs {
		names := differing(settings[p.Left], settings[p.Right])
		for _, name := range names {
			if name != "model" && len(names) > 1 {
				c := get(name)
				c.Compared = append(c.Compared, p.Left+" and "+p.Right)
			}
		}
	}
	for _, w := range controlled {
		c := get(w.Setting)
		c.Worth = append(c.Worth, w)
	}
	list := Confounds{Measure: measure}
	for _, name := range sortedKeys(found) {
		list.List = append(list.List, *found[name])
	}
	slices.SortStableFunc(list.List, func(a, b Confound) int {
		return cmp.Or(cmp.Compare(len(b.Compared), len(a.Compared)), cmp.Compare(b.largest(), a.largest()))
	})
	return list
}

func (c Confound) largest() float64 {
	most := 0.0
	for _, w := range c.Worth {
		most = max(most, math.Abs(w.Difference))
	}
	return most
}

// Sentence counts what is entangled and names the setting that was worth most on its own.
func (c Confounds) Sentence() string {
	entangled, known := 0, 0
	var most *Worth
	for _, f := range c.List {
		if len(f.Compared) > 0 {
			entangled++
			if len(f.Worth) > 0 {
				known++
			}
		}
		for i, w := range f.Worth {
			if most == nil || math.Abs(w.Difference) > math.Abs(most.Difference) {
				most = &f.Worth[i]
			}
		}
	}
	var s string
	if entangled > 0 {
		s = fmt.Sprintf("%s between compared systems besides the model, %s here. ", plural(entangled, "setting differs", "settings differ"), measuredAlone(known, entangled))
	}
	if most == nil {
		return s + "No two systems differ in one setting alone."
	}
	return s + fmt.Sprintf("Worth most on its own: %s, from %s to %s, %s %s %s over %s.", most.Setting, most.From, most.To, c.Measure, study.Signed(most.Difference),
		study.IntervalText(most.Interval), plural(len(most.Datasets), "dataset", "datasets"))
}

// measuredAlone says of how many settings it is known what they do on their own.
func measuredAlone(known, of int) string {
	switch {
	case of == 1 && known == 1:
		return "measured on its own"
	case of == 1:
		return "not measured on its own"
	case known == 0:
		return "none of them measured on its own"
	case known == 1:
		return "1 of them measured on its own"
	case known == of:
		return "all of them measured on their own"
	}
	return fmt.Sprintf("%d of them measured on their own", known)
}

// Table has a row per setting and controlled measurement.
func (c Confounds) Table() *Table {
	t := &Table{Caption: "Settings that differ, and what each was worth alone, " + c.Measure,
		Heads: []string{"Setting", "Differs in", "From", "To", "Measured by", "Datasets", "Difference", "95 % interval"}}
	for _, f := range c.List {
		where := plural(len(f.Compared), "comparison", "comparisons")
		switch len(f.Compared) {
		case 0:
			where = "–"
		case 1:
			where = f.Compared[0]
		}
		if len(f.Worth) == 0 {
			t.Rows = append(t.Rows, []string{f.Setting, where, "", "", "not measured alone", "", "", ""})
		}
		for _, w := range f.Worth {
			t.Rows = append(t.Rows, []string{f.Setting, where, w.From, w.To, w.Left + " less " + w.Right, fmt.Sprint(len(w.Datasets)), study.Signed(w.Difference),
				study.IntervalText(w.Interval)})
		}
	}
	return t
}
