package study

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/labrador-lab/labrador"
)

// fakeKinds knows a lexical kind, "words", and a combining one, "mix".
type fakeKinds struct{}

func (fakeKinds) Names() []string { return []string{"words", "mix"} }

func (fakeKinds) New(kind string) System {
	switch kind {
	case "words":
		return &words{}
	case "mix":
		return &mix{}
	}
	return nil
}

// words ranks by the number of shared words, prefixes of Prefix bytes where it is set.
type words struct {
	Prefix int    `yaml:"prefix"`
	Case   string `yaml:"case"`
	Fold   bool   `yaml:"fold"`
}

func (w *words) Validate() error {
	if w.Prefix < 0 {
		return fmt.Errorf("prefix %d is negative", w.Prefix)
	}
	return nil
}

func (w *words) Settings() map[string]string {
	return map[string]string{"prefix": fmt.Sprint(w.Prefix), "case": w.Case, "fold": fmt.Sprint(w.Fold)}
}
func (w *words) Of() []string   { return nil }
func (w *words) TuneOn() string { return "" }
func (w *words) Key(context.Context, *Data) (string, error) {
	return fmt.Sprintf("words/1 %+v", *w), nil
}

func (w *words) Run(ctx context.Context, job *Job) (labrador.Run, Cost, error) {
	var cost Cost
	s := &wordSearcher{cut: w.Prefix}
	made, err := job.Store.Make(ctx, "indexes", fmt.Sprintf("words/1 %d %s", w.Prefix, job.Data.Digest), func(dir string) error {
		return os.WriteFile(dir+"/index", []byte("built"), 0o644)
	})
	if err != nil {
		return nil, cost, err
	}
	cost.Built(made)
	for d, err := range job.Data.Documents() {
		if err != nil {
			return nil, cost, err
		}
		s.docs = append(s.docs, d)
	}
	run, err := job.Search(ctx, s, &cost)
	return run, cost, err
}

type wordSearcher struct {
	docs []labrador.Document
	cut  int
}

func (s *wordSearcher) set(text string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(strings.ToLower(text)) {
		if s.cut > 0 && len(w) > s.cut {
			w = w[:s.cut]
		}
		m[w] = true
	}
	return m
}

func (s *wordSearcher) Search(_ context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	var hits []labrador.Hit
	words := s.set(q.Text)
	for _, d := range s.docs {
		n := 0
		for w := range s.set(d.Contents()) {
			if words[w] {
				n++
			}
		}
		if n > 0 {
			hits = append(hits, labrador.Hit{ID: d.ID, Score: float32(n)})
		}
	}
	labrador.SortHits(hits)
	return hits[:min(k, len(hits))], nil
}

// mix adds the scores of its parts, the first times Weight.
type mix struct {
	Parts  []string `yaml:"of"`
	Weight float64  `yaml:"weight"`
	Tune   string   `yaml:"tune"`
}

func (m *mix) Validate() error {
	if len(m.Parts) < 2 {
		return fmt.Errorf("of: want two systems or more")
	}
	return nil
}
func (m *mix) Settings() map[string]string {
	return map[string]string{"of": strings.Join(m.Parts, " "), "weight": fmt.Sprint(m.Weight), "tune": m.Tune}
}
func (m *mix) Of() []string                               { return m.Parts }
func (m *mix) TuneOn() string                             { return m.Tune }
func (m *mix) Key(context.Context, *Data) (string, error) { return fmt.Sprintf("mix/1 %+v", *m), nil }

func (m *mix) Run(_ context.Context, job *Job) (labrador.Run, Cost, error) {
	weight := m.Weight
	if job.Tuning != nil {
		best := -1.0
		for _, w := range []float64{0, 1, 2} {
			score, err := job.Tuning.Score(mixRuns(job.Tuning.Parts, w, job.Depth))
			if err != nil {
				return nil, Cost{}, err
			}
			if score > best {
				best, weight = score, w
			}
		}
	}
	return mixRuns(job.Parts, weight, job.Depth), Cost{Chosen: fmt.Sprintf("weight %v", weight), Note: time.Now().String()}, nil
}

func mixRuns(parts []labrador.Run, weight float64, depth int) labrador.Run {
	out := labrador.Run{}
	for i, part := range parts {
		factor := float32(1)
		if i == 0 {
			factor = float32(weight)
		}
		for q, hits := range part {
			for _, h := range hits {
				out[q] = append(out[q], labrador.Hit{ID: h.ID, Score: factor * h.Score})
			}
		}
	}
	for q, hits := range out {
		sum := map[string]float32{}
		for _, h := range hits {
			sum[h.ID] += h.Score
		}
		var list []labrador.Hit
		for id, s := range sum {
			list = append(list, labrador.Hit{ID: id, Score: s})
		}
		labrador.SortHits(list)
		out[q] = list[:min(depth, len(list))]
	}
	return out
}

const goodStudy = `
name: first-look
about: a test
datasets: [scifact, ../path/to/folder, {path: ./cosqa.zip, split: test, group: code}, {path: ./arguana, drop_self: true}]
systems:
  - words
  - {name: w3, kind: words, prefix: 3, group: stems}
  - {name: sweep, kind: words, prefix: [4, 5], case: [up, low], only: [scifact, code]}
  - {name: both, kind: mix, of: [words, w3]}
  - words:prefix=2,case=up
groups: {small: [scifact, folder], quick: [words, w3]}
measures: [nDCG@10, R@100]
baseline: words
claims:
  - {say: "prefixes help on code", higher: w3, than: words, on: code, measure: nDCG@10}
  - say: "and do no harm on text"
    equal: stems
    to: words
    on: [small, arguana]
    within: 0.01
expect:
  - {system: words, on: scifact, measure: nDCG@10, value: 0.6, within: 0.01, source: nobody}
`

func parseText(text string) (*Study, error) {
	return Parse(strings.NewReader(text), "s.yaml", fakeKinds{})
}

func TestParse(t *testing.T) {
	s, err := parseText(goodStudy)
	if err != nil {
		t.Fatal(err)
	}
	want := "words w3 sweep-prefix=4-up sweep-prefix=4-low sweep-prefix=5-up sweep-prefix=5-low both words:prefix=2,case=up"
	if got := strings.Join(s.systemNames(), " "); got != want {
		t.Errorf("systems\n got %s\nwant %s", got, want)
	}
	if w := s.system("sweep-prefix=5-low").System.(*words); w.Prefix != 5 || w.Case != "low" {
		t.Errorf("sweep made %+v", w)
	}
	if got := s.Datasets[2]; got.Name != "cosqa" || got.Ref.Group != "code" || got.Ref.Split != "test" {
		t.Errorf("dataset %+v", got)
	}
	if got := s.Datasets[1].Name; got != "folder" {
		t.Errorf("name of a folder: %s", got)
	}
	if s.Datasets[0].Ref.DropSelf != nil || s.Datasets[3].Ref.DropSelf == nil || !*s.Datasets[3].Ref.DropSelf {
		t.Error("drop_self")
	}
	if c := s.Claims[1]; c.Kind != Equal || c.Left != "stems" || c.Measure != "nDCG@10" || c.Within != 0.01 || len(c.On) != 2 {
		t.Errorf("claim %+v", c)
	}
	if s.Seed != 1 || s.Depth != 1000 || s.Twins != "apart" {
		t.Errorf("defaults %+v", s)
	}
	if got := s.systemsNamed("quick"); len(got) != 2 {
		t.Errorf("group quick: %v", got)
	}
}

func TestParseErrors(t *testing.T) {
	head := "name: x\ndatasets: [a]\nsystems:\n  - words\n"
	for _, c := range []struct{ text, want string }{
		{"", "s.yaml: empty: a study needs at least datasets and systems"},
		{"name: [", "s.yaml:1: not YAML: "},
		{"name: x\ndataset: [a]\n", `s.yaml:2: unknown key "dataset" (did you mean "datasets"?)`},
		{head + "  - {name: y, kind: words, prefx: 3}\n", `s.yaml:5: systems: system y: unknown key "prefx" (did you mean "prefix"?)`},
		{head + "  - name: y\n    kind: words\n    prefix: three\n", `s.yaml:7: systems: system y: prefix: want a whole number, got "three"`},
		{head + "  - {name: y, kind: word}\n", `s.yaml:5: systems: unknown kind "word" of system (did you mean "words"?)`},
		{head + "  - {name: y}\n", `s.yaml:5: systems: system y has no kind (known: words, mix)`},
		{head + "  - {name: y, kind: words, prefix: -1}\n", `s.yaml:5: systems: system y: prefix -1 is negative`},
		{head + "  - words\n", `s.yaml:5: a second system named "words" (the first is on line 4): give one another name`},
		{head + "  - {name: y, kind: mix, of: [words, word]}\n", `s.yaml:5: system y: of: no system "word" (did you mean "words"?)`},
		{head + "  - {name: y, kind: mix, of: [words, z]}\n  - {name: z, kind: mix, of: [words, y]}\n", `s.yaml:6: system z is made of y, which is made of z`},
		{head + "baseline: wrods\n", `s.yaml: baseline: no system "wrods" (did you mean "words"?)`},
		{head + "claims:\n  - {say: a, higher: words}\n", `s.yaml:6: claims: higher: words needs than: with the name of the other system`},
		{head + "claims:\n  - {say: a, equal: words, to: words}\n", `s.yaml:6: claims: equal: words needs within: with the margin that still counts as equal, such as 0.01`},
		{head + "claims:\n  - {say: a, higher: words, than: w}\n", `s.yaml:6: claim: no system or group of systems "w"`},
		{head + "name: y\n", `s.yaml:5: not YAML: mapping key "name" already defined`},
		{head + "seed: -1\n", `s.yaml:5: seed: want a whole number from 0 up, got "-1"`},
		{head + "twins: two\n", `s.yaml: twins: want one or apart, got "two"`},
		{head + "groups: {g: [words, a]}\n", `s.yaml: groups: g mixes datasets and systems (words, a)`},
		{head + "steps: [{name: code, from: words}]\n", `s.yaml:5: steps: no to: want {name: what was added, from: the base, to: what was made of it}`},
		{head + "steps: [{name: code, from: word, to: words}]\n", `s.yaml:5: steps: code: from: no system or group of systems "word" (did you mean "words"?)`},
		{head + "steps: [{name: code, from: words, to: words}]\n", `s.yaml:5: steps: code: words cannot be its own base`},
		{head + "steps: [{name: code, base: words, to: words}]\n", `s.yaml:5: steps: unknown key "base"`},
		{head + "  - {name: y, kind: words}\nsteps:\n  - {name: code, from: words, to: y}\n  - {name: math, from: y, to: words}\n", `s.yaml:8: steps: math: words is made of y, which step code makes of it`},
		{head + "  - {name: y, kind: words}\nsteps:\n  - {name: code, from: words, to: y}\n  - {name: math, from: words, to: y}\n", `s.yaml:8: steps: math: from words to y is step code already`},
		{head + "  - {name: y, kind: words, prefix: 3, group: g}\nsteps: [{name: code, from: words, to: g}]\n", `s.yaml:6: steps: code: no system of g has the settings of one of words, the model aside`},
		{head + "measures:\n", `s.yaml:5: "measures" has no value`},
		{"name: x\ndatasets: [a, b/a]\nsystems: [words]\n", `s.yaml:2: a second dataset named "a" (the first is on line 2): give one another name: {name: OTHER, path: b/a}`},
		{"name: x\ndatasets: [a, a@dev]\nsystems: [words]\n", `s.yaml:2: a second dataset named "a" (the first is on line 2): give one another name: {name: OTHER, dataset: a}`},
		{"name: x\ndatasets: [{dataset: a}]\nsystems: [words]\n", `s.yaml:2: datasets: dataset: a needs name: with what the study calls it, and no path`},
		{"name: x\ndatasets: [{name: a, dataset: a, path: b}]\nsystems: [words]\n", `s.yaml:2: datasets: dataset: a needs name: with what the study calls it, and no path`},
		{strings.Repeat("[", 100_000), "s.yaml:1: more than 16 brackets open at once"},
		{"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", "more than 50000 values"},
	} {
		_, err := parseText(c.text)
		if err == nil {
			t.Errorf("no error for %q, want %s", c.text, c.want)
			continue
		}
		if _, ok := err.(*ParseError); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("for %q\n got %v\nwant %s", c.text[:min(len(c.text), 200)], err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goodStudy)
	f.Add("a: &a [*a]")
	f.Add("- - - - - - - - - - - - - - - - - - - -")
	f.Add("? a\n: b\n<<: *c\n!!binary x: |\n  y")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseText(text)
		if err != nil {
			if _, ok := err.(*ParseError); !ok {
				t.Fatalf("not a ParseError: %v", err)
			}
			return
		}
		if s.Name == "" || len(s.Systems) == 0 || len(s.Datasets) == 0 || s.system(s.Baseline) == nil {
			t.Fatalf("accepted an incomplete study: %+v", s)
		}
	})
}
