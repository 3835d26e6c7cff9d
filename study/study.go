// Package study runs a comparison written down in one YAML file: datasets x systems x measures, a baseline and claims. It
// plans the work, runs what is missing, keeps everything expensive in a cache that survives a kill at any moment, measures
// the runs, tests the differences and judges the claims.
//
// It knows no kind of system: a System is passed in by the caller, who decides what can run. It does not draw anything
// either: package study/report turns an Outcome into pages.
package study

import (
	"fmt"
	"slices"

	"github.com/labrador-lab/labrador/dataset"
)

// Study is a study file, checked in itself: every key known, every name of a system defined. Names of datasets and of
// groups are checked when the datasets are opened, since a dataset may bring a group of its own.
type Study struct {
	Name     string              `yaml:"name"`
	About    string              `yaml:"about"` // what the study asks, for the report's head
	Measures []string            `yaml:"measures"`
	Baseline string              `yaml:"baseline"` // name of the system that all others are compared with; default: the first
	Seed     uint64              `yaml:"seed"`     // of every random choice; default 1
	Depth    int                 `yaml:"depth"`    // hits kept per query; default 1000
	Twins    string              `yaml:"twins"`    // "one": identical documents count as one; default "apart"
	Groups   map[string][]string `yaml:"groups"`   // further groups of datasets or of systems, by name

	Datasets []DatasetSpec
	Systems  []SystemSpec
	Claims   []Claim
	Expect   []Expectation
	Steps    []Step // empty: told by the models' names

	File string // the file it was read from, for messages
}

// DatasetSpec is a dataset of a study: its name there and where it is.
type DatasetSpec struct {
	Name string
	Ref  dataset.Ref

	line int
}

// SystemSpec is one system of a study: what every kind has, and the kind's own settings behind System.
type SystemSpec struct {
	Name   string
	Kind   string
	Group  string
	Only   []string // the datasets or groups it runs on; empty: all
	System System

	line int
}

// Claim is a sentence with a test: system Left does better (higher), worse (lower) or the same within a margin (equal) as
// Right, both a system or a group of systems, by Measure on the datasets or groups of On.
type Claim struct {
	Say     string
	Kind    ClaimKind
	Left    string
	Right   string
	On      []string // default: all
	Measure string   // default: the study's first
	Within  float64  // the margin of an equal claim, in units of the measure

	line int
}

// ClaimKind is what a claim says about its two systems.
type ClaimKind string

// The kinds of claim, named as the study file's keys are.
const (
	Higher ClaimKind = "higher"
	Lower  ClaimKind = "lower"
	Equal  ClaimKind = "equal"
)

// Expectation is a figure known from outside (published, or another program's) that a system must reach within a
// tolerance: the numbers a study must give.
type Expectation struct {
	System  string  `yaml:"system"`
	On      string  `yaml:"on"`
	Measure string  `yaml:"measure"`
	Value   float64 `yaml:"value"`
	Within  float64 `yaml:"within"`
	Source  string  `yaml:"source"` // where the figure is from

	line int
}

// defaults fills what the file left out.
func (s *Study) defaults() {
	if len(s.Measures) == 0 {
		s.Measures = []string{"nDCG@10", "R@100"}
	}
	if s.Seed == 0 {
		s.Seed = 1
	}
	if s.Depth == 0 {
		s.Depth = 1000
	}
	if s.Twins == "" {
		s.Twins = "apart"
	}
	if s.Baseline == "" && len(s.Systems) > 0 {
		s.Baseline = s.Systems[0].Name
	}
}

// system is the spec of the named system, nil without one.
func (s *Study) system(name string) *SystemSpec {
	i := slices.IndexFunc(s.Systems, func(spec SystemSpec) bool { return spec.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Systems[i]
}

// systemNames are the names of all systems in the file's order.
func (s *Study) systemNames() []string {
	list := make([]string, len(s.Systems))
	for i, spec := range s.Systems {
		list[i] = spec.Name
	}
	return list
}

// systemsNamed are the systems that a claim's side stands for: the one of that name, or the members of the group.
func (s *Study) systemsNamed(name string) []string {
	if s.system(name) != nil {
		return []string{name}
	}
	var members []string
	for _, spec := range s.Systems {
		if spec.Group == name || slices.Contains(s.Groups[name], spec.Name) {
			members = append(members, spec.Name)
		}
	}
	return members
}

// systemGroups are the names of the groups of systems, in order of first mention.
func (s *Study) systemGroups() []string {
	var list []string
	for _, spec := range s.Systems {
		if spec.Group != "" && !slices.Contains(list, spec.Group) {
			list = append(list, spec.Group)
		}
	}
	for _, name := range sortedKeys(s.Groups) {
		if s.system(s.Groups[name][0]) != nil && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// check finds what is wrong in the study itself.
func (s *Study) check() error {
	switch {
	case s.Name == "":
		return failAt(0, "no name: (name: my-study) becomes the report's folder")
	case len(s.Datasets) == 0:
		return failAt(0, "no datasets")
	case len(s.Systems) == 0:
		return failAt(0, "no systems")
	case s.Depth < 1 || s.Depth > 100_000:
		return failAt(0, "depth: %d is not between 1 and 100000", s.Depth)
	case s.Twins != "one" && s.Twins != "apart":
		return failAt(0, "twins: want one or apart, got %q", s.Twins)
	}
	for _, check := range []func() error{s.checkNames, s.checkParts, s.checkGroups, s.checkClaims, s.checkExpectations, s.checkSteps} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkNames keeps names apart: a name stands for one thing of its sort.
func (s *Study) checkNames() error {
	lines := map[string]int{}
	for _, d := range s.Datasets {
		if at, twice := lines[d.Name]; twice {
			where := "path: " + d.Ref.Path
			if d.Ref.Path == "" {
				where = "dataset: " + d.Ref.Name
			}
			return failAt(d.line, "a second dataset named %q (the first is on line %d): give one another name: {name: OTHER, %s}", d.Name, at, where)
		}
		if d.Name == "all" {
			return failAt(d.line, "a dataset cannot be named \"all\": claims use it for all of them")
		}
		lines[d.Name] = d.line
	}
	lines = map[string]int{}
	for _, spec := range s.Systems {
		if at, twice := lines[spec.Name]; twice {
			return failAt(spec.line, "a second system named %q (the first is on line %d): give one another name", spec.Name, at)
		}
		lines[spec.Name] = spec.line
	}
	for _, g := range s.systemGroups() {
		if at, both := lines[g]; both {
			return failAt(at, "%q names a system and a group of systems", g)
		}
	}
	if s.system(s.Baseline) == nil {
		return failAt(0, "baseline: no system %q%s", s.Baseline, suggestion(s.Baseline, s.systemNames()))
	}
	return nil
}

// checkParts checks the systems that other systems are made of: defined, and without a circle.
func (s *Study) checkParts() error {
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(spec *SystemSpec) error
	visit = func(spec *SystemSpec) error {
		state[spec.Name] = visiting
		for _, name := range spec.System.Of() {
			part := s.system(name)
			switch {
			case part == nil:
				return failAt(spec.line, "system %s: of: no system %q%s", spec.Name, name, suggestion(name, s.systemNames()))
			case state[name] == visiting:
				return failAt(spec.line, "system %s is made of %s, which is made of %s", spec.Name, name, spec.Name)
			case state[name] == done:
				continue
			}
			if err := visit(part); err != nil {
				return err
			}
		}
		state[spec.Name] = done
		return nil
	}
	for i := range s.Systems {
		if state[s.Systems[i].Name] == 0 {
			if err := visit(&s.Systems[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkGroups lets a group hold systems or datasets, not both.
func (s *Study) checkGroups() error {
	known := s.systemNames()
	for _, d := range s.Datasets {
		known = append(known, d.Name)
	}
	for _, name := range sortedKeys(s.Groups) {
		members := s.Groups[name]
		if len(members) == 0 {
			return failAt(0, "groups: %s is empty", name)
		}
		for _, m := range members {
			if !slices.Contains(known, m) {
				return failAt(0, "groups: %s: no dataset or system %q%s", name, m, suggestion(m, known))
			}
			if (s.system(m) != nil) != (s.system(members[0]) != nil) {
				return failAt(0, "groups: %s mixes datasets and systems (%s, %s)", name, members[0], m)
			}
		}
	}
	return nil
}

func (s *Study) checkClaims() error {
	known := append(s.systemNames(), s.systemGroups()...)
	for _, c := range s.Claims {
		for _, side := range []string{c.Left, c.Right} {
			if len(s.systemsNamed(side)) == 0 {
				return failAt(c.line, "claim: no system or group of systems %q%s", side, suggestion(side, known))
			}
		}
		if c.Left == c.Right {
			return failAt(c.line, "claim: compares %q with itself", c.Left)
		}
	}
	return nil
}

func (s *Study) checkExpectations() error {
	for _, e := range s.Expect {
		switch {
		case s.system(e.System) == nil:
			return failAt(e.line, "expect: no system %q%s", e.System, suggestion(e.System, s.systemNames()))
		case e.Within < 0:
			return failAt(e.line, "expect: within: %v is negative", e.Within)
		}
	}
	return nil
}

// String is the claim's test in words, such as "bm25-code > bm25 on code, nDCG@10".
func (c Claim) String() string {
	sign := map[ClaimKind]string{Higher: ">", Lower: "<", Equal: "="}[c.Kind]
	s := fmt.Sprintf("%s %s %s on %s, %s", c.Left, sign, c.Right, join(c.On), c.Measure)
	if c.Kind == Equal {
		s += fmt.Sprintf(", within %v", c.Within)
	}
	return s
}
