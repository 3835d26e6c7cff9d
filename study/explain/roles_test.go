package explain

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/study"
)

// TestRoles: the names are those of the checkpoints' makers.
func TestRoles(t *testing.T) {
	for name, want := range map[string]Role{
		"Qwen2.5-7B":                      {"qwen2.5", "7b", "", false},
		"models/Qwen2.5-7B-Instruct":      {"qwen2.5", "7b", "", true},
		"Qwen/Qwen2.5-Coder-7B":           {"qwen2.5", "7b", "code", false},
		"Qwen2.5-coder-7B-instruct":       {"qwen2.5", "7b", "code", true},
		"Qwen2.5-Math-7B":                 {"qwen2.5", "7b", "math", false},
		"Qwen2.5-Math-7B-Instruct.gguf":   {"qwen2.5", "7b", "math", true},
		"DeepSeek-R1-Distill-Qwen-7B":     {"qwen", "7b", "reasoning", true},
		"Qwen2.5-VL-7B-Instruct":          {"qwen2.5", "7b", "vision", true},
		"Meta-Llama-3-8B-Instruct":        {"llama3", "8b", "", true},
		"SmolLM2-135M-Instruct-Q8_0.gguf": {"smollm2", "135m", "", true},
		"gemma-2-2b-it":                   {"gemma2", "2b", "", true},
		"Llama-3.2-11B-Vision-Instruct":   {"llama3.2", "11b", "vision", true},
	} {
		if got, ok := RoleOf(name); !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", name, got, ok, want)
		}
	}
	if _, ok := RoleOf("all-MiniLM-L6-v2"); ok {
		t.Error("MiniLM has a family")
	}
}

// eight are the paper's systems, as dense systems with one recipe.
func eight() []study.SystemInfo {
	var list []study.SystemInfo
	for _, m := range [][2]string{{"base", "Qwen2.5-7B"}, {"inst", "Qwen2.5-7b-instruct"}, {"code", "Qwen2.5-coder-7B"}, {"code-inst", "Qwen2.5-coder-7B-instruct"},
		{"math", "Qwen2.5-math-7b"}, {"math-inst", "Qwen2.5-math-7b-instruct"}, {"r1", "deepseek-r1-distill-Qwen-7B"}, {"vl", "Qwen2.5-VL-7B-Instruct"}} {
		list = append(list, study.SystemInfo{Name: m[0], Kind: "dense", Settings: map[string]string{"model": m[1], "recipe": "one-word", "system text": "the template's of " + m[1]}})
	}
	return append(list, study.SystemInfo{Name: "bm25", Kind: "bm25", Settings: map[string]string{"k1": "0.9"}})
}

func TestSpecialisations(t *testing.T) {
	got := Specialisations(eight())
	want := []Pair{{"code", "code", "base"}, {"code", "code-inst", "inst"}, {"math", "math", "base"}, {"math", "math-inst", "inst"}, {"reasoning", "r1", "math"},
		{"vision", "vl", "inst"}, {"instruct", "inst", "base"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	other := eight()
	other[0].Settings["recipe"] = "echo" // no longer the base of anything
	for _, p := range Specialisations(other) {
		if p.Right == "base" {
			t.Errorf("%v has another recipe", p)
		}
	}
}

// made gives every system the baseline's values plus an effect of its own.
func made(systems []string, effects []float64, datasets ...string) []*study.Values {
	var list []*study.Values
	for k, d := range datasets {
		v := &study.Values{Dataset: d, Systems: systems, Of: map[string][][]float64{}, Means: map[string][]float64{}}
		for s, name := range systems {
			var x []float64
			for q := range 50 {
				x = append(x, .4+.3*math.Sin(float64(q*(k+2)))+effects[s]+.02*math.Cos(float64(q*7+s*13)))
			}
			v.Of[name] = [][]float64{x}
			v.Means[name] = []float64{0}
		}
		for q := range 50 {
			v.Queries = append(v.Queries, string(rune('a'+q)))
		}
		list = append(list, v)
	}
	return list
}

func TestEffects(t *testing.T) {
	values := made([]string{"base", "code", "math"}, []float64{0, .1, -.05}, "t1", "t2", "t3", "c1", "c2")
	e := FindEffects([]Pair{{"code", "code", "base"}, {"math", "math", "base"}}, []Group{{"text", []string{"t1", "t2", "t3"}}, {"code", []string{"c1", "c2"}}}, values, 0, "nDCG@10")
	if len(e.Effects) != 4 {
		t.Fatalf("%+v", e)
	}
	for _, f := range e.Effects {
		want := map[string]float64{"code": .1, "math": -.05}[f.Step]
		if math.Abs(f.Difference-want) > .01 || !f.surely() || !f.Interval.Contains(f.Difference) || f.Pooled.Datasets != len(f.Datasets) {
			t.Errorf("%s on %s: %+v", f.Step, f.Group, f)
		}
	}
	if s := e.Sentence(); !strings.Contains(s, "on code 1 of 2 steps helped, 1 hurt") {
		t.Error(s)
	}
	if len(e.Table().Rows) != 4 || !strings.Contains(string(e.Plot()), "<desc>") {
		t.Error("no table or plot")
	}
}

func TestConfounds(t *testing.T) {
	systems := eight()
	same := study.SystemInfo{Name: "math-same", Kind: "dense", Settings: map[string]string{"model": "Qwen2.5-math-7b", "recipe": "one-word", "system text": `"You are a helpful assistant."`}}
	systems = append(systems, same)
	values := made([]string{"base", "math", "math-same"}, []float64{0, -.08, -.02}, "a", "b")
	w := Controlled(systems, values, 0)
	if len(w) != 1 || w[0].Setting != "system text" || w[0].Left != "math-same" || math.Abs(w[0].Difference-.06) > .01 {
		t.Fatalf("%+v", w)
	}
	c := FindConfounds(Specialisations(systems), systems, w, "nDCG@10")
	if len(c.List) != 1 || len(c.List[0].Compared) != 7 || len(c.List[0].Worth) != 1 {
		t.Errorf("%+v", c)
	}
	if s := c.Sentence(); !strings.HasPrefix(s, "1 setting differs between compared systems besides the model, measured on its own here. Worth") {
		t.Error(s)
	}
}

// TestConfoundsCounted: the sentence counts as English does.
func TestConfoundsCounted(t *testing.T) {
	for _, c := range []struct {
		known, of int
		want      string
	}{{1, 1, "1 setting differs between compared systems besides the model, measured on its own here. "},
		{0, 1, "1 setting differs between compared systems besides the model, not measured on its own here. "},
		{0, 2, "2 settings differ between compared systems besides the model, none of them measured on its own here. "},
		{1, 2, "2 settings differ between compared systems besides the model, 1 of them measured on its own here. "},
		{2, 3, "3 settings differ between compared systems besides the model, 2 of them measured on their own here. "},
		{3, 3, "3 settings differ between compared systems besides the model, all of them measured on their own here. "}} {
		var list Confounds
		for i := range c.of {
			f := Confound{Compared: []string{"a and b"}}
			if i < c.known {
				f.Worth = []Worth{{}}
			}
			list.List = append(list.List, f)
		}
		if got := list.Sentence(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%d of %d: %q", c.known, c.of, got)
		}
	}
}

func TestSeries(t *testing.T) {
	var systems []study.SystemInfo
	for _, l := range []string{"8", "2", "", "4"} {
		s := study.SystemInfo{Name: "l" + l, Kind: "dense", Settings: map[string]string{"model": "m", "layer": l}}
		if l == "" {
			delete(s.Settings, "layer")
		}
		systems = append(systems, s)
	}
	list := FindSeries(systems, made([]string{"l8", "l2", "l", "l4"}, []float64{.2, 0, .1, .15}, "a", "b"), 0, "nDCG@10")
	if len(list) != 1 || list[0].Setting != "layer" || len(list[0].Points) != 4 {
		t.Fatalf("%+v", list)
	}
	for i, want := range []string{"2", "4", "8", "last"} {
		if p := list[0].Points[i]; p.Label != want || p.Datasets != 2 || !p.Interval.Contains(p.Mean) {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if !strings.Contains(list[0].Sentence(), "at layer 8") || !strings.Contains(string(list[0].Plot()), "last") {
		t.Error(list[0].Sentence())
	}
}

func TestPapers(t *testing.T) {
	r := &study.Results{Systems: []study.SystemInfo{{Name: "x"}, {Name: "bm25"}, {Name: "part"}}}
	for _, v := range []study.Result{{Dataset: "a", System: "x", Mean: .5}, {Dataset: "b", System: "x", Mean: .3}, {Dataset: "a", System: "bm25", Mean: .4},
		{Dataset: "b", System: "bm25", Mean: .6}, {Dataset: "a", System: "part", Mean: .9}} {
		v.Measure = "nDCG@10"
		r.Results = append(r.Results, v)
	}
	p := Papers(r, []Group{{"text", []string{"a", "b"}}}, "nDCG@10", "bm25")[0]
	want := [][]string{{"bm25", ".5000*", "", ".4000", ".6000*"}, {"x", ".4000", "1 of 2", ".5000", ".3000"}, {"part", "–", "1 of 1", ".9000*", "–"}}
	if got := p.Table().Rows; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if s := p.Sentence(); s != "x leads on text with an average nDCG@10 of .4000, −.1000 to bm25; it is above it on 1 of 2 datasets." {
		t.Error(s)
	}
}
