package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// arguments reads the bracketed parameters of ir_measures' grammar: name=value, separated by commas; a value may be a quoted
// string or a {grade: gain} table.
func (f *ownFamily) arguments(m *Measure, args string) error {
	for args != "" {
		name, rest, ok := strings.Cut(args, "=")
		if !ok {
			return fmt.Errorf("parameter %q has no value", args)
		}
		value, next := argumentValue(strings.TrimSpace(rest))
		name = strings.TrimSpace(name)
		if name != "judged_only" && !slices.Contains(strings.Fields(f.params), name) {
			return fmt.Errorf("%s has no parameter %q (it has: %s)", f.name, name, strings.TrimSpace(f.params+" judged_only"))
		}
		if err := f.argument(m, name, value); err != nil {
			return err
		}
		args = next
	}
	return nil
}

// argumentValue cuts the first value off: up to the next comma that no braces enclose.
func argumentValue(s string) (value, rest string) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth <= 0 {
				return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:])
			}
		}
	}
	return strings.TrimSpace(s), ""
}

func (f *ownFamily) argument(m *Measure, name, value string) error {
	bad := func(want string) error { return fmt.Errorf("%s=%s: want %s", name, value, want) }
	switch name {
	case "rel":
		v, err := strconv.Atoi(value)
		if err != nil || v < 1 || v > maxCutoff {
			return bad("a grade from 1")
		}
		m.rel = v
		if f.name == "NumRet" {
			m.fam = familyOf("num_rel_ret")
		}
	case "p":
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v > 0 && v < 1) {
			return bad("a number between 0 and 1")
		}
		m.x = v
	case "beta":
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v > 0 && v < 1e9) {
			return bad("a number above 0")
		}
		m.list = []float64{v}
	case "dcg":
		kind := strings.Trim(value, `'"`)
		if kind != "log2" && kind != "exp-log2" {
			return bad("'log2' or 'exp-log2'")
		}
		m.exp = kind == "exp-log2"
	case "judged_only", "relative":
		v, err := strconv.ParseBool(value)
		if err != nil {
			return bad("True or False")
		}
		if name == "judged_only" {
			m.only = v
		} else if v {
			m.fam = familyOf("set_relative_P")
		}
	case "gains":
		return gainTable(m, value)
	}
	return nil
}

// gainTable reads {1: 3, 2: 9}.
func gainTable(m *Measure, value string) error {
	inner, ok := strings.CutPrefix(value, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !ok || !closed {
		return fmt.Errorf("gains=%s: want {grade: gain, ...}", value)
	}
	for _, pair := range strings.Split(inner, ",") {
		left, right, _ := strings.Cut(pair, ":")
		grade, err1 := strconv.Atoi(strings.TrimSpace(left))
		gain, err2 := strconv.Atoi(strings.TrimSpace(right))
		if err1 != nil || err2 != nil || gain < 0 || gain > 1<<20 {
			return fmt.Errorf("gains=%s: want {grade: gain, ...} of whole numbers", value)
		}
		m.gains = append(m.gains, gainParam{grade, float64(gain)})
	}
	return nil
}

// printed is the name with the parameters that are not the defaults, in ir_measures' order. A grade given is always part of it, since
// without one the level of Options holds.
func (f *ownFamily) printed(m *Measure, cut string) string {
	var args []string
	add := func(name, value string) { args = append(args, name+"="+value) }
	if f.name == "SetF" && m.list[0] != 1 {
		add("beta", strconv.FormatFloat(m.list[0], 'g', -1, 64))
	}
	if m.exp {
		add("dcg", "'exp-log2'")
	}
	if len(m.gains) > 0 {
		var pairs []string
		for _, g := range m.gains {
			pairs = append(pairs, fmt.Sprintf("%d: %d", g.grade, int(g.gain)))
		}
		add("gains", "{"+strings.Join(pairs, ", ")+"}")
	}
	if m.only {
		add("judged_only", "True")
	}
	if f.name == "RBP" && m.x != 0 && m.x != defaultRBP {
		add("p", strconv.FormatFloat(m.x, 'g', -1, 64))
	}
	if m.rel > 0 {
		add("rel", strconv.Itoa(m.rel))
	}
	if m.fam.name == "set_relative_P" {
		add("relative", "True")
	}
	name := f.name
	if len(args) > 0 {
		name += "(" + strings.Join(args, ",") + ")"
	}
	if cut != "" {
		name += "@" + cut
	}
	return name
}
