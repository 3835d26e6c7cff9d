package study

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/dataset"
)

// maxSystems bounds what sweeps may expand to.
const maxSystems = 1000

// Kinds says which kinds of systems there are. New returns a zero System of the kind to be filled from the file (a pointer to a struct
// whose settings have yaml tags), or nil for a kind it does not know.
type Kinds interface {
	Names() []string
	New(kind string) System
}

// Parse reads a study file. name is used in messages. Every error is a *ParseError with the line; a key that is not known
// comes with the nearest one that is.
func Parse(r io.Reader, name string, kinds Kinds) (*Study, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("study: %s: %w", name, err)
	}
	s := &Study{File: name}
	if err := s.parse(data, kinds); err != nil {
		if e, ok := err.(*ParseError); ok {
			e.File = name
		}
		return nil, err
	}
	return s, nil
}

func (s *Study) parse(data []byte, kinds Kinds) error {
	root, err := readYAML(data)
	if err != nil {
		return err
	}
	if err := decode(root, s, "datasets", "systems", "claims", "expect", "steps"); err != nil {
		return err
	}
	for _, part := range []struct {
		key  string
		read func(*node) error
	}{
		{"datasets", s.readDataset},
		{"systems", func(n *node) error { return s.readSystem(n, kinds) }},
		{"claims", s.readClaim},
		{"expect", s.readExpectation},
		{"steps", s.readStep},
	} {
		if err := eachItem(root.get(part.key), part.key, part.read); err != nil {
			return err
		}
	}
	s.defaults()
	for i := range s.Claims {
		s.Claims[i].Measure = cmp.Or(s.Claims[i].Measure, s.Measures[0])
	}
	return s.check()
}

func eachItem(list *node, key string, read func(*node) error) error {
	if list == nil {
		return nil
	}
	if list.kind != listNode {
		return list.fail("%s: want a list, got %s", key, list.kind)
	}
	for _, item := range list.items {
		if err := read(item); err != nil {
			return wrap(err, key)
		}
	}
	return nil
}

// datasetFile is a dataset as written. With dataset or path, name is what the study calls it; else it is the dataset's too.
type datasetFile struct {
	Name           string `yaml:"name"`
	Dataset        string `yaml:"dataset"`
	Path           string `yaml:"path"`
	Split          string `yaml:"split"`
	Group          string `yaml:"group"`
	DropSelf       *bool  `yaml:"drop_self"`
	RelevanceLevel int    `yaml:"relevance_level"`
}

func (s *Study) readDataset(n *node) error {
	var f datasetFile
	ref := dataset.ParseRef(n.text)
	if n.kind != scalarNode {
		if err := decode(n, &f); err != nil {
			return err
		}
		if f.Dataset != "" && (f.Path != "" || f.Name == "") {
			return n.fail("dataset: %s needs name: with what the study calls it, and no path", f.Dataset)
		}
		ref = dataset.Ref{Name: cmp.Or(f.Dataset, f.Name), Path: f.Path, Split: f.Split, Group: f.Group, DropSelf: f.DropSelf, RelevanceLevel: f.RelevanceLevel}
	}
	if err := ref.Validate(); err != nil {
		return n.fail("%v", err)
	}
	name := cmp.Or(f.Name, ref.Name)
	if name == "" {
		name = strings.TrimSuffix(path.Base(filepath.ToSlash(filepath.Clean(ref.Path))), ".zip")
	}
	if err := checkName(name); err != nil {
		return n.fail("name %q %v", name, err)
	}
	s.Datasets = append(s.Datasets, DatasetSpec{name, ref, n.line})
	return nil
}

// checkName keeps out what no table, file name or reader of TREC runs could show.
func checkName(name string) error {
	switch {
	case name == "." || name == ".." || name == "/":
		return fmt.Errorf("is no name: give one under name")
	case len(name) > 100:
		return fmt.Errorf("is longer than 100 bytes")
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return fmt.Errorf("holds a control character or bad UTF-8")
	}
	return nil
}

// claimFile is a claim as written.
type claimFile struct {
	Say     string   `yaml:"say"`
	Higher  string   `yaml:"higher"`
	Lower   string   `yaml:"lower"`
	Equal   string   `yaml:"equal"`
	Than    string   `yaml:"than"`
	To      string   `yaml:"to"`
	On      []string `yaml:"on"`
	Measure string   `yaml:"measure"`
	Within  *float64 `yaml:"within"`
}

func (s *Study) readClaim(n *node) error {
	var f claimFile
	if err := decode(n, &f); err != nil {
		return err
	}
	c := Claim{Say: f.Say, On: f.On, Measure: f.Measure, line: n.line}
	given := 0
	for _, side := range []struct {
		kind  ClaimKind
		left  string
		right string
	}{{Higher, f.Higher, f.Than}, {Lower, f.Lower, f.Than}, {Equal, f.Equal, f.To}} {
		if side.left != "" {
			c.Kind, c.Left, c.Right = side.kind, side.left, side.right
			given++
		}
	}
	if given != 1 {
		return n.fail("want one of higher, lower and equal, got %d of them", given)
	}
	word, wrong := "than", f.To
	if c.Kind == Equal {
		word, wrong = "to", f.Than
	}
	switch {
	case c.Right == "" || wrong != "":
		return n.fail("%s: %s needs %s: with the name of the other system", c.Kind, c.Left, word)
	case c.Kind == Equal && f.Within == nil:
		return n.fail("equal: %s needs within: with the margin that still counts as equal, such as 0.01", c.Left)
	case c.Kind == Equal && (*f.Within <= 0 || *f.Within >= 1):
		return n.fail("within: %v is not between 0 and 1", *f.Within)
	case c.Kind != Equal && f.Within != nil:
		return n.fail("within belongs to equal, not to %s", c.Kind)
	}
	if f.Within != nil {
		c.Within = *f.Within
	}
	if len(c.On) == 0 {
		c.On = []string{"all"}
	}
	s.Claims = append(s.Claims, c)
	return nil
}

func (s *Study) readExpectation(n *node) error {
	e := Expectation{line: n.line}
	if err := decode(n, &e); err != nil {
		return err
	}
	for _, key := range []string{"system", "on", "measure", "value", "within"} {
		if n.get(key) == nil {
			return n.fail("no %s", key)
		}
	}
	s.Expect = append(s.Expect, e)
	return nil
}

// systemFile is what a system of any kind has in the file.
type systemFile struct {
	Name  string   `yaml:"name"`
	Kind  string   `yaml:"kind"`
	Group string   `yaml:"group"`
	Only  []string `yaml:"only"`
}

var systemKeys = []string{"name", "kind", "group", "only"}

// readSystem reads one entry of systems, which a sweep makes several systems of.
func (s *Study) readSystem(n *node, kinds Kinds) error {
	if n.kind == scalarNode {
		var err error
		if n, err = shortForm(n); err != nil {
			return err
		}
	}
	if n.kind != mapNode {
		return n.fail("want a system (a name or a mapping), got %s", n.kind)
	}
	common, own := split(n)
	var f systemFile
	if err := decode(common, &f); err != nil {
		return err
	}
	if f.Kind == "" && slices.Contains(kinds.Names(), f.Name) {
		f.Kind = f.Name
	}
	if f.Kind == "" {
		return n.fail("system %s has no kind (known: %s)", f.Name, strings.Join(kinds.Names(), ", "))
	}
	f.Name = cmp.Or(f.Name, f.Kind)
	if kinds.New(f.Kind) == nil {
		return n.fail("unknown kind %q of system%s", f.Kind, suggestion(f.Kind, kinds.Names()))
	}
	variants, err := expand(own, f.Name, kinds.New(f.Kind))
	if err != nil {
		return err
	}
	for _, v := range variants {
		system := kinds.New(f.Kind)
		if err := decode(v.settings, system, systemKeys...); err != nil {
			return wrap(err, "system "+f.Name)
		}
		if err := cmp.Or(checkName(v.name), system.Validate()); err != nil {
			return n.fail("system %s: %v", v.name, err)
		}
		s.Systems = append(s.Systems, SystemSpec{Name: v.name, Kind: f.Kind, Group: f.Group, Only: f.Only, System: system, line: n.line})
		if len(s.Systems) > maxSystems {
			return n.fail("more than %d systems", maxSystems)
		}
	}
	return nil
}

// split parts what every system has from the settings of its kind.
func split(n *node) (common, own *node) {
	common, own = &node{line: n.line, kind: mapNode}, &node{line: n.line, kind: mapNode}
	for i, k := range n.keys {
		to := own
		if slices.Contains(systemKeys, k.name) {
			to = common
		}
		to.keys, to.items = append(to.keys, k), append(to.items, n.items[i])
	}
	return common, own
}

// shortForm makes the mapping of "bm25" or "bm25:analyzer=code,k1=0.9", the form that the commands index and search take too.
// The name is the whole text.
func shortForm(n *node) (*node, error) {
	kind, rest, has := strings.Cut(n.text, ":")
	m := &node{line: n.line, kind: mapNode}
	add := func(name, value string) {
		m.keys = append(m.keys, key{name, n.line})
		m.items = append(m.items, &node{line: n.line, text: value})
	}
	add("name", n.text)
	add("kind", kind)
	if !has {
		return m, nil
	}
	for _, setting := range strings.Split(rest, ",") {
		name, value, ok := strings.Cut(setting, "=")
		if !ok || m.get(name) != nil {
			return nil, n.fail("%q: want kind:key=value,key=value", n.text)
		}
		add(name, value)
	}
	return m, nil
}
