package study

import (
	"slices"
	"strings"
)

// Step says which system was made of which, such as a model trained on code of its base: what a specialisation study is about.
type Step struct {
	Name string `yaml:"name"` // what was added: code, math, instruct, ...
	From string `yaml:"from"` // the base, a system or a group of systems
	To   string `yaml:"to"`   // what was made of it

	line int
}

// StepPair is a step between two systems.
type StepPair struct{ Name, From, To string }

func (s *Study) readStep(n *node) error {
	step := Step{line: n.line}
	if err := decode(n, &step); err != nil {
		return err
	}
	for _, k := range [][2]string{{"name", step.Name}, {"from", step.From}, {"to", step.To}} {
		if k[1] == "" {
			return n.fail("no %s: want {name: what was added, from: the base, to: what was made of it}", k[0])
		}
	}
	s.Steps = append(s.Steps, step)
	return nil
}

// checkSteps wants known systems, none its own base, and each pair once.
func (s *Study) checkSteps() error {
	known := append(s.systemNames(), s.systemGroups()...)
	seen := map[[2]string]string{}
	for _, step := range s.Steps {
		for _, k := range [][2]string{{"from", step.From}, {"to", step.To}} {
			if len(s.systemsNamed(k[1])) == 0 {
				return failAt(step.line, "steps: %s: %s: no system or group of systems %q%s", step.Name, k[0], k[1], suggestion(k[1], known))
			}
		}
		if step.From == step.To {
			return failAt(step.line, "steps: %s: %s cannot be its own base", step.Name, step.From)
		}
		pairs := s.pairs(step)
		if len(pairs) == 0 {
			return failAt(step.line, "steps: %s: no system of %s has the settings of one of %s, the model aside", step.Name, step.To, step.From)
		}
		for _, p := range pairs {
			if other, turned := seen[[2]string{p.To, p.From}]; turned {
				return failAt(step.line, "steps: %s: %s is made of %s, which step %s makes of it", step.Name, p.To, p.From, other)
			}
			if other, twice := seen[[2]string{p.From, p.To}]; twice {
				return failAt(step.line, "steps: %s: from %s to %s is step %s already", step.Name, p.From, p.To, other)
			}
			seen[[2]string{p.From, p.To}] = p.Name
		}
	}
	return nil
}

// StepPairs are the steps that the file states, between systems, in the file's order.
func (s *Study) StepPairs() []StepPair {
	var list []StepPair
	for _, step := range s.Steps {
		list = append(list, s.pairs(step)...)
	}
	return list
}

// pairs are a step's: its two systems as they are, and of groups the members that share every setting but the model.
func (s *Study) pairs(step Step) []StepPair {
	var list []StepPair
	single := s.system(step.From) != nil && s.system(step.To) != nil
	for _, to := range s.systemsNamed(step.To) {
		for _, from := range s.systemsNamed(step.From) {
			a, b := s.system(to), s.system(from)
			if from != to && (single || a.Kind == b.Kind && SameButModel(a.System.Settings(), b.System.Settings())) {
				list = append(list, StepPair{step.Name, from, to})
			}
		}
	}
	return list
}

// SameButModel says whether two systems share every setting but the model, whose name within another setting does not count either.
func SameButModel(a, b map[string]string) bool {
	names := append(sortedKeys(a), sortedKeys(b)...)
	return !slices.ContainsFunc(names, func(name string) bool {
		x, y := a[name], b[name]
		if a["model"] != "" && b["model"] != "" {
			x, y = strings.ReplaceAll(x, a["model"], "MODEL"), strings.ReplaceAll(y, b["model"], "MODEL")
		}
		return name != "model" && x != y
	})
}
