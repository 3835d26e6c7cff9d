package model

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/weights"
)

// fixtures are the folders of random models with states that transformers computed in float64 (SOURCE.txt there).
var fixtures = []string{"qwen2", "qwen2-tied", "qwen2-bidirectional", "qwen3", "llama3", "mistral", "gemma2", "gemma3",
	"gemma3-bidirectional", "eurobert", "bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert", "nomic-bert", "t5-encoder"}

type fixtureInput struct {
	Text     string  `json:"text"`
	IDs      []int32 `json:"ids"`
	IDsPlain []int32 `json:"ids_plain"`
	Prompt   string  `json:"prompt"`
}

// fixture is an open folder: its expectation and its inputs.
type fixture struct {
	dir    string
	inputs []fixtureInput
	want   weights.File
}

func openFixture(t testing.TB, name string) *fixture {
	t.Helper()
	f := &fixture{dir: outside.Data(t, "models/"+name)}
	expected := filepath.Join(f.dir, "expected")
	if strings.HasSuffix(name, "-expected") {
		expected = f.dir
	}
	in, err := os.Open(filepath.Join(expected, "inputs.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var i fixtureInput
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			t.Fatal(err)
		}
		f.inputs = append(f.inputs, i)
	}
	if f.want, err = weights.Open(filepath.Join(expected, "outputs.safetensors")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.want.Close() })
	return f
}

// expect is an expected tensor, nil where the reference has none.
func (f *fixture) expect(t testing.TB, format string, args ...any) []float32 {
	t.Helper()
	x, err := f.want.Tensor(fmt.Sprintf(format, args...))
	if err != nil {
		return nil
	}
	v, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// relative is the Euclidean distance of got from want over the length of want.
func relative[F float32 | float64](got []F, want []float32) float64 {
	if len(got) != len(want) || len(want) == 0 {
		return math.Inf(1)
	}
	d, n := 0.0, 0.0
	for i, w := range want {
		e := float64(got[i]) - float64(w)
		d, n = d+e*e, n+float64(w)*float64(w)
	}
	return math.Sqrt(d / n)
}

// openNetwork builds the network of a folder with one of its configurations.
func openNetwork(t testing.TB, dir, configName string) *Network {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, configName))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	n, err := build(c, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReferenceEqualsTransformers runs the float64 interpreter over every architecture and compares every layer and every
// pooled vector with transformers' float64 states. The bound is what float32 in the files and in transformers' rotary
// tables leaves.
func TestReferenceEqualsTransformers(t *testing.T) {
	for _, name := range fixtures {
		for _, configName := range []string{"config.json", "config-v5.json"} {
			if name == "qwen2-bidirectional" && configName == "config-v5.json" {
				continue // transformers 5 leaves is_causal out when it writes this configuration
			}
			t.Run(name+"/"+configName, func(t *testing.T) {
				f := openFixture(t, name)
				n := openNetwork(t, f.dir, configName)
				worst := 0.0
				if testing.Short() { // the race detector makes this very slow
					f.inputs = f.inputs[:1]
				}
				for j, in := range f.inputs {
					worst = max(worst, checkReference(t, f, n, j, in.IDs, 1e-5))
				}
				t.Logf("worst relative difference %.1e", worst)
			})
		}
	}
}

func checkReference(t *testing.T, f *fixture, n *Network, j int, ids []int32, bound float64) float64 {
	t.Helper()
	b := &Batch{IDs: ids, Offsets: []int{0, len(ids)}}
	ops, worst := NewReference(b), 0.0
	check := func(what string, got []float64, want []float32) {
		t.Helper()
		d := relative(got, want)
		worst = max(worst, d)
		if !(d <= bound) {
			t.Errorf("text %d: %s: relative difference %.2e (%d values)", j, what, d, len(got))
		}
	}
	var x Rows64
	for depth := range n.Layers + 1 {
		x = Forward(ops, n, b, depth)
		check(fmt.Sprint("layer ", depth), x.Data, f.expect(t, "%d.hidden.%d", j, depth))
	}
	for _, how := range []Pooling{PoolMean, PoolCLS, PoolLast, PoolWeightedMean} {
		check(how.String(), ops.Normalize(ops.Pool(x, how)).Data, f.expect(t, "%d.pooled.%s", j, how))
	}
	if want := f.expect(t, "%d.logits.last", j); want != nil {
		b.Keep = []Span{{len(ids) - 1, len(ids)}}
		check("logits", n.logits64(ops, Forward(ops, n, b, n.Layers)), want)
	}
	return worst
}

// logits64 are the next-token logits of the states x.
func (n *Network) logits64(ops *Reference, x Rows64) []float64 {
	y := ops.Linear(x, n.head)
	if n.softcap != 0 {
		y = ops.Scale(ops.Activate(ops.Scale(y, 1/n.softcap), Tanh), n.softcap)
	}
	return y.Data
}
