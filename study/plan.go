package study

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/eval"
)

// Options say where a study finds its data and puts its work. They belong to the machine, so they are not in the study file.
type Options struct {
	Folders  []string  // data folders that dataset names are looked up in
	Base     string    // the folder that relative paths of the study file start from
	Cache    string    // folder of the store
	Out      string    // folder of the results
	Threads  int       // 0: 1
	Progress io.Writer // nil: silent
	Version  string    // of the program, for the record; results do not depend on it
}

// Cell is one run of the study: a system on a dataset.
type Cell struct {
	Data   *Data
	System *SystemSpec
	Key    string // of the run in the store
	Done   bool   // the store had it when the plan was made
	Helper bool   // only there to tune on: not measured

	parts  []*Cell // of a system made of others
	tuning *Data   // the split that the system tunes on, nil for none
	tune   []*Cell // its parts on that split
}

// Plan is what a study has to do on this machine: its datasets opened and its runs in an order in which each comes after what it is made of.
type Plan struct {
	Study *Study
	Data  []*Data // in the study's order
	Cells []*Cell

	opts     Options
	store    *Store
	measured []eval.Measure
	cells    map[cellID]*Cell
	tuned    map[string]*Data // by dataset name and split
}

type cellID struct {
	data   *Data
	system string
}

// runVersion is part of every run's key: it changes when the engine would make other runs of the same parts.
const runVersion = "run/1"

// NewPlan opens the datasets of the study, checks every name in it, and finds out what the store already has.
func NewPlan(ctx context.Context, s *Study, opts Options) (*Plan, error) {
	opts.Threads = max(1, opts.Threads)
	p := &Plan{Study: s, opts: opts, cells: map[cellID]*Cell{}, tuned: map[string]*Data{}}
	var err error
	if p.measured, err = s.measures(); err != nil {
		return nil, err
	}
	if err := s.checkMeasures(p.measured); err != nil {
		return nil, err
	}
	if p.store, err = OpenStore(opts.Cache); err != nil {
		return nil, err
	}
	for _, spec := range s.Datasets {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, err := p.open(ctx, spec, "")
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", s.File, spec.line, err)
		}
		p.Data = append(p.Data, data)
	}
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	if err := p.checkTogether(); err != nil {
		return nil, err
	}
	for _, data := range p.Data {
		for i := range s.Systems {
			if spec := &s.Systems[i]; p.runsOn(spec, data) {
				if _, err := p.cell(ctx, data, spec, false); err != nil {
					return nil, fmt.Errorf("%s:%d: system %s on %s: %w", s.File, spec.line, spec.Name, data.Name, err)
				}
			}
		}
	}
	return p, nil
}

// open opens a dataset and finds out what the study wants to know of its corpus.
func (p *Plan) open(ctx context.Context, spec DatasetSpec, split string) (*Data, error) {
	d, err := openData(spec, split, p.opts)
	if err != nil {
		return nil, err
	}
	f, err := p.facts(ctx, d)
	if err != nil {
		return nil, err
	}
	d.Corpus, d.Size = f.Corpus, f.Documents
	return d, nil
}

// runsOn says whether a system runs on a dataset: where its `only` lets it, and where all runs it is made of are.
func (p *Plan) runsOn(spec *SystemSpec, data *Data) bool {
	if len(spec.Only) > 0 && !slices.Contains(p.dataNamed(spec.Only), data) {
		return false
	}
	for _, name := range spec.System.Of() {
		if !p.runsOn(p.Study.system(name), data) {
			return false
		}
	}
	return true
}

// dataNamed are the datasets that names of datasets and groups stand for, in the study's order.
func (p *Plan) dataNamed(names []string) []*Data {
	var list []*Data
	for _, d := range p.Data {
		if slices.ContainsFunc(names, func(name string) bool {
			return name == "all" || name == d.Name || name == d.Group || slices.Contains(p.Study.Groups[name], d.Name)
		}) {
			list = append(list, d)
		}
	}
	return list
}

// checkNames checks names of datasets and groups, which only the opened datasets settle.
func (p *Plan) checkNames() error {
	var known []string
	for _, d := range p.Data {
		known = append(known, d.Name)
	}
	known = append(known, p.DataGroups()...)
	check := func(line int, what string, names []string) error {
		for _, name := range names {
			if name != "all" && !slices.Contains(known, name) {
				return &ParseError{p.Study.File, line, fmt.Sprintf("%s: no dataset or group %q%s", what, name, suggestion(name, known))}
			}
		}
		return nil
	}
	for _, spec := range p.Study.Systems {
		if err := check(spec.line, "only", spec.Only); err != nil {
			return err
		}
	}
	for _, c := range p.Study.Claims {
		if err := check(c.line, "claim: on", c.On); err != nil {
			return err
		}
	}
	for _, e := range p.Study.Expect {
		if err := check(e.line, "expect: on", []string{e.On}); err != nil {
			return err
		}
	}
	return nil
}

// checkTogether refuses a claim whose systems meet on no dataset.
func (p *Plan) checkTogether() error {
	for _, c := range p.Study.Claims {
		meet := slices.ContainsFunc(p.dataNamed(c.On), func(d *Data) bool {
			for _, name := range append(p.Study.systemsNamed(c.Left), p.Study.systemsNamed(c.Right)...) {
				if !p.runsOn(p.Study.system(name), d) {
					return false
				}
			}
			return true
		})
		if !meet {
			return &ParseError{p.Study.File, c.line, fmt.Sprintf("claim: %s and %s run together on none of %s", c.Left, c.Right, join(c.On))}
		}
	}
	return nil
}

// DataGroups are the groups of datasets in order of first mention: the datasets' own, then the study's further ones.
func (p *Plan) DataGroups() []string {
	var list []string
	for _, d := range p.Data {
		if d.Group != "" && !slices.Contains(list, d.Group) {
			list = append(list, d.Group)
		}
	}
	for _, name := range sortedKeys(p.Study.Groups) {
		if p.Study.system(p.Study.Groups[name][0]) == nil && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// cell plans one run and, before it, everything it is made of.
func (p *Plan) cell(ctx context.Context, data *Data, spec *SystemSpec, helper bool) (*Cell, error) {
	id := cellID{data, spec.Name}
	if c := p.cells[id]; c != nil {
		return c, nil
	}
	c := &Cell{Data: data, System: spec, Helper: helper}
	key, err := spec.System.Key(ctx, data)
	if err != nil {
		return nil, err
	}
	keys := []string{runVersion, "dataset " + data.Digest, fmt.Sprintf("drop self %t, depth %d", data.DropSelf, p.Study.Depth), "system " + key}
	if c.parts, err = p.partCells(ctx, data, spec, helper); err != nil {
		return nil, err
	}
	for _, part := range c.parts {
		keys = append(keys, "part "+hashOf(part.Key))
	}
	if split := spec.System.TuneOn(); split != "" && !helper {
		if c.tuning, err = p.tuningData(ctx, data, split); err != nil {
			return nil, err
		}
		if c.tune, err = p.partCells(ctx, c.tuning, spec, true); err != nil {
			return nil, err
		}
		keys = append(keys, fmt.Sprintf("tune on %s by %s, seed %d", c.tuning.Digest, p.Study.Measures[0], p.Study.Seed))
		for _, part := range c.tune {
			keys = append(keys, "tune part "+hashOf(part.Key))
		}
	}
	c.Key = strings.Join(keys, "\n")
	c.Done = p.store.Lookup("runs", c.Key) != nil
	p.cells[id] = c
	p.Cells = append(p.Cells, c)
	return c, nil
}

func (p *Plan) partCells(ctx context.Context, data *Data, spec *SystemSpec, helper bool) ([]*Cell, error) {
	var parts []*Cell
	for _, name := range spec.System.Of() {
		part, err := p.cell(ctx, data, p.Study.system(name), helper)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// tuningData opens the split to tune on, once per dataset.
func (p *Plan) tuningData(ctx context.Context, data *Data, split string) (*Data, error) {
	name := data.Name + "\x00" + split
	if d := p.tuned[name]; d != nil {
		return d, nil
	}
	i := slices.Index(p.Data, data)
	d, err := p.open(ctx, p.Study.Datasets[i], split)
	if err != nil {
		return nil, err
	}
	if d, err = d.withoutTested(data); err != nil {
		return nil, err
	}
	p.tuned[name] = d
	return d, nil
}

// Missing counts the runs that are not in the store yet.
func (p *Plan) Missing() int {
	n := 0
	for _, c := range p.Cells {
		if !c.Done {
			n++
		}
	}
	return n
}

// hashOf is a short hash of a key, to name it within another.
func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}
