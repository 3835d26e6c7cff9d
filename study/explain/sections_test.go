package explain

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/study"
)

// wordSystem ranks by shared words, and differs by what it takes of them.
type wordSystem struct {
	Model  string `yaml:"model"`
	Layer  string `yaml:"layer"`
	System string `yaml:"system"`
}

func (s *wordSystem) Validate() error { return nil }
func (s *wordSystem) Settings() map[string]string {
	set := map[string]string{}
	for k, v := range map[string]string{"model": s.Model, "layer": s.Layer, "system text": s.System} {
		if v != "" {
			set[k] = v
		}
	}
	return set
}
func (s *wordSystem) Of() []string   { return nil }
func (s *wordSystem) TuneOn() string { return "" }
func (s *wordSystem) Key(context.Context, *study.Data) (string, error) {
	return fmt.Sprintf("%+v", *s), nil
}
func (s *wordSystem) Run(_ context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	run := labrador.Run{}
	noise := len(s.Model) + len(s.Layer)*3 + len(s.System)
	for _, q := range job.Queries {
		wanted := setOf(Words(q.Text))
		var hits []labrador.Hit
		n := 0
		for d, err := range job.Data.Documents() {
			if err != nil {
				return nil, study.Cost{}, err
			}
			n++
			score := 2*share(wanted, setOf(Words(d.Contents()))) + float64((n*noise*7)%13)/10
			hits = append(hits, labrador.Hit{ID: d.ID, Score: float32(score)})
		}
		labrador.SortHits(hits)
		run[q.ID] = hits[:min(len(hits), job.Depth)]
	}
	return run, study.Cost{}, nil
}

type wordKinds struct{}

func (wordKinds) Names() []string { return []string{"dense", "bm25"} }
func (wordKinds) New(kind string) study.System {
	if kind == "dense" || kind == "bm25" {
		return &wordSystem{}
	}
	return nil
}

const sectionStudy = `
name: sections
datasets: [{name: a, group: text}, {name: b, group: text}, {name: c, group: code}]
systems:
  - bm25
  - {name: base, kind: dense, model: Qwen2.5-7B}
  - {name: code, kind: dense, model: Qwen2.5-Coder-7B}
  - {name: math, kind: dense, model: Qwen2.5-Math-7B, system: "<step> by step"}
  - {name: math-plain, kind: dense, model: Qwen2.5-Math-7B}
  - {name: base-4, kind: dense, model: Qwen2.5-7B, layer: 4}
  - {name: base-8, kind: dense, model: Qwen2.5-7B, layer: 8}
measures: [nDCG@10]
baseline: bm25
`

func runStudy(t *testing.T, text string) *study.Outcome {
	t.Helper()
	data := t.TempDir()
	words := strings.Fields("apple bread cheese dates eggs figs grapes honey ice jam kale lemon mango nuts oats pears")
	for k, name := range []string{"a", "b", "c"} {
		var corpus, queries strings.Builder
		qrels := "query-id\tcorpus-id\tscore\n"
		for i := range 40 {
			word := func(n int) string { return words[(n*n+i*n+k)%len(words)] }
			fmt.Fprintf(&corpus, `{"_id":"d%d","title":"%s","text":"%s %s %s%s"}`+"\n", i, word(1), word(2), word(3), word(5), strings.Repeat(" and", i%7))
			fmt.Fprintf(&queries, `{"_id":"q%d","text":"%s %s%s"}`+"\n", i, word(2), word(7), strings.Repeat(" please", i%3))
			qrels += fmt.Sprintf("q%d\td%d\t1\n", i, i)
		}
		for file, text := range map[string]string{"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String(), "qrels/test.tsv": qrels} {
			path := filepath.Join(data, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := study.Parse(strings.NewReader(text), "sections", wordKinds{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := study.NewPlan(context.Background(), s, study.Options{Folders: []string{data}, Cache: t.TempDir(), Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestSections makes every section of a small study: all are there, as JSON too, twice the same, and the drawings are well-formed.
func TestSections(t *testing.T) {
	o := runStudy(t, sectionStudy)
	asked := map[string]int{}
	opts := Options{Vectors: func(_ context.Context, dataset, system string) (*Sets, error) {
		asked[dataset]++
		if system != "base" {
			return nil, nil
		}
		s := &Sets{Documents: labrador.NewMatrix(40, 64), Queries: labrador.NewMatrix(40, 64)}
		for i := range 40 {
			s.DocumentIDs, s.QueryIDs = append(s.DocumentIDs, fmt.Sprint("d", i)), append(s.QueryIDs, fmt.Sprint("q", i))
			for j := range 64 {
				s.Documents.Row(i)[j] = float32((i*j*j+i)%17) - 8
				s.Queries.Row(i)[j] = float32((i*j*j+i)%17) - 8 + float32((i+j)%3)
			}
		}
		return s, nil
	}}
	list, err := Sections(context.Background(), o, opts)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range list {
		ids = append(ids, s.ID)
		if s.Title == "" || strings.TrimSpace(s.Sentence) == "" || strings.Contains(s.Sentence, "NaN") || strings.Contains(s.Sentence, "%!") || strings.Contains(s.Note, "%!") {
			t.Errorf("%s: %q", s.ID, s.Sentence)
		}
		if len(s.Figures) == 0 && len(s.Tables) == 0 {
			t.Errorf("%s shows nothing", s.ID)
		}
		for _, f := range s.Figures {
			checkDrawing(t, s.ID, string(f.SVG))
		}
		for _, table := range s.Tables {
			for _, row := range table.Rows {
				if len(row) != len(table.Heads) {
					t.Errorf("%s: row %q under %q", s.ID, row, table.Heads)
				}
			}
		}
	}
	want := []string{"paper-tables", "specialisation", "confounds", "series", "where-1", "agreement", "fusion", "geometry", "compression"}
	if !reflect.DeepEqual(ids, want) {
		t.Errorf("sections %v, want %v", ids, want)
	}
	if asked["a"] != 7 || asked["b"] != 6 { // b only where a, of the same group, had none
		t.Errorf("asked for vectors of %v", asked)
	}
	first, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	list, err = Sections(context.Background(), o, opts)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(list); string(again) != string(first) {
		t.Error("the same outcome gave other sections")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Sections(ctx, o, opts); err == nil {
		t.Error("went on after the context ended")
	}
}

// TestStatedSteps: steps that the file states, between systems or groups, make the sections that the models' names make, also where the names
// tell nothing; and they replace what the names tell.
func TestStatedSteps(t *testing.T) {
	sections := func(o *study.Outcome, text string) string {
		var err error
		if o.Plan.Study, err = study.Parse(strings.NewReader(text), "sections", wordKinds{}); err != nil {
			t.Fatal(err)
		}
		x := &outcome{Outcome: o, r: o.Results, measure: o.Results.Measures[0], groups: groupsOf(o.Results)}
		list, err := x.specialisation(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const steps = "steps: [{name: code, from: base, to: code}, {name: math, from: base, to: math-plain}]\n"
	unnamed := strings.NewReplacer("Qwen2.5-7B", "our-model1", "Qwen2.5-Coder-7B", "our-model-numbr2", "Qwen2.5-Math-7B", "our-model-no3.0").Replace(sectionStudy) // as long: the hits depend on it
	named, nameless := runStudy(t, sectionStudy), runStudy(t, unnamed)
	byName := sections(named, sectionStudy)
	if !strings.Contains(byName, "specialisation") {
		t.Fatal("the names tell no step")
	}
	if strings.Contains(sections(nameless, unnamed), "specialisation") {
		t.Error("names without a meaning tell steps")
	}
	groups := "groups: {bases: [base, base-4, base-8], coders: [code]}\nsteps: [{name: code, from: bases, to: coders}, {name: math, from: base, to: math-plain}]\n"
	for name, got := range map[string]string{"beside names": sections(named, sectionStudy+steps), "instead of names": sections(nameless, unnamed+steps),
		"groups": sections(nameless, unnamed+groups)} {
		if got != byName {
			t.Errorf("%s:\n got %.1500s\nwant %.1500s", name, got, byName)
		}
	}
	if other := sections(named, sectionStudy+"steps: [{name: thinking, from: base, to: math}]\n"); strings.Contains(other, `"step":"code"`) || !strings.Contains(other, `"step":"thinking"`) {
		t.Error("stated steps do not replace those of the names")
	}
}

// checkDrawing asks for well-formed XML with a title and nothing from elsewhere.
func checkDrawing(t *testing.T, id, drawing string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(drawing))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Errorf("%s: %v in %s", id, err, drawing)
			return
		}
	}
	for _, part := range []string{"<svg ", "<title>", "aria-label=", "<desc>"} {
		if !strings.Contains(drawing, part) {
			t.Errorf("%s: no %s", id, part)
		}
	}
	for _, part := range []string{"NaN", "Inf", "http", "style="} {
		if strings.Contains(drawing, part) {
			t.Errorf("%s: %s in the drawing", id, part)
		}
	}
}
