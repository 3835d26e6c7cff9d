package model

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/weights"
)

func openModel(t testing.TB, path string, o Options) *Model {
	t.Helper()
	m, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestTokensEqualReference compares ids with transformers' tokenizers on every fixture.
func TestTokensEqualReference(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			f := openFixture(t, name)
			m := openModel(t, f.dir, Options{MaxTokens: 120})
			for j, in := range f.inputs {
				got, err := m.Tokenize(context.Background(), labrador.QuerySide, []labrador.Item{{Text: in.Text}})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got[0].IDs, in.IDs) {
					t.Errorf("text %d: got  %v\nwant %v", j, got[0].IDs, in.IDs)
				}
			}
		})
	}
}

// TestSentenceTransformers compares the vectors of sentence-transformers folders with those of sentence-transformers 6.2, for
// the keyword arguments of every recorded call.
func TestSentenceTransformers(t *testing.T) {
	for _, name := range []string{"st-bert-mean", "st-bert-dense", "st-mpnet-mean-noprompt", "st-qwen3-prompts", "st-static"} {
		t.Run(name, func(t *testing.T) {
			dir := outside.Data(t, "models/"+name)
			raw, err := os.ReadFile(filepath.Join(dir, "expected", "calls.json"))
			if err != nil {
				t.Fatal(err)
			}
			var calls struct {
				Texts []string
				Calls []struct {
					PromptName  string `json:"prompt_name"`
					TruncateDim int    `json:"truncate_dim"`
				}
			}
			if err := json.Unmarshal(raw, &calls); err != nil {
				t.Fatal(err)
			}
			want, err := weights.Open(filepath.Join(dir, "expected", "vectors.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			var items []labrador.Item
			for _, text := range calls.Texts {
				items = append(items, labrador.Item{Text: text})
			}
			for i, call := range calls.Calls {
				// encode without a prompt's name takes the folder's default, if it states one.
				o := Options{Dimensions: call.TruncateDim, Prompt: call.PromptName}
				m := openModel(t, dir, o)
				if o.Prompt == "" {
					m.opts.Prompt, m.opts.NoPrompt = m.recipe.defaultPrompt, true
				}
				checkCall(t, m, items, want, fmt.Sprint(i))
			}
		})
	}
}

// TestTinyFolders compares with sentence-transformers 6.2 on random folders of its kind.
func TestTinyFolders(t *testing.T) {
	var items []labrador.Item
	for _, text := range tiny.Texts {
		items = append(items, labrador.Item{Text: text})
	}
	for _, name := range tiny.Folders {
		dir := tiny.Model(t, name)
		for i, call := range tiny.Expected(t, name).Calls {
			m := openModel(t, dir, Options{Dimensions: call.Dimensions, Prompt: call.Prompt})
			if call.Prompt == "" { // encode without a prompt's name takes the folder's default, if it states one
				m.opts.Prompt, m.opts.NoPrompt = m.recipe.defaultPrompt, true
			}
			got := encodeAll2(t, m, items)
			for j, want := range call.Vectors {
				if d := relative(got.Row(j), want); !(d <= 1e-4) {
					t.Errorf("%s: call %d, text %d: relative difference %.2e", name, i, j, d)
				}
			}
		}
	}
}

func checkCall(t *testing.T, m *Model, items []labrador.Item, want weights.File, call string) {
	t.Helper()
	got, err := m.Encode(context.Background(), labrador.QuerySide, items)
	if err != nil {
		t.Fatal(err)
	}
	x, err := want.Tensor(call)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, x.Cols())
	for j := range items {
		if err := x.ReadRows(row, j); err != nil {
			t.Fatal(err)
		}
		unit(row) // folders without Normalize give longer rows; Encode's are unit length always
		if d := relative(got.Row(j), row); !(d <= 1e-4) {
			t.Errorf("call %s, text %d: relative difference %.2e", call, j, d)
		}
	}
}

func unit(x []float32) {
	n := 0.0
	for _, v := range x {
		n += float64(v) * float64(v)
	}
	for i := range x {
		x[i] = float32(float64(x[i]) / math.Sqrt(n))
	}
}

// TestAdapter compares a PEFT adapter over its base model, with the end token appended, with peft's states.
func TestAdapter(t *testing.T) {
	f := openFixture(t, "qwen2-lora")
	m := openModel(t, f.dir, Options{Append: "<|endoftext|>", MaxTokens: 61})
	for j, in := range f.inputs {
		tokens, err := m.Tokenize(context.Background(), labrador.QuerySide, []labrador.Item{{Text: in.Text}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tokens[0].IDs, in.IDs) {
			t.Errorf("text %d: got  %v\nwant %v", j, tokens[0].IDs, in.IDs)
		}
		want := f.expect(t, "%d.last_hidden_state", j)
		got, err := m.States(context.Background(), in.IDs, m.Layers())
		if err != nil {
			t.Fatal(err)
		}
		if d := relative(got.Data, want); !(d <= 1e-4) {
			t.Errorf("text %d: states: relative difference %.2e", j, d)
		}
		ref := Forward(NewReference(&Batch{IDs: in.IDs, Offsets: []int{0, len(in.IDs)}}), m.net, &Batch{IDs: in.IDs, Offsets: []int{0, len(in.IDs)}}, m.Layers())
		if d := relative(ref.Data, want); !(d <= 1e-5) {
			t.Errorf("text %d: float64 with the adapter beside the weights: relative difference %.2e", j, d)
		}
		vec, err := m.EncodeTokens(context.Background(), tokens)
		if err != nil {
			t.Fatal(err)
		}
		if d := relative(vec.Data, f.expect(t, "%d.pooled.last", j)); !(d <= 1e-4) {
			t.Errorf("text %d: vector: relative difference %.2e", j, d)
		}
	}
}

// TestMemoryOfLayers: all layers are packed, however many Options.Layer runs, and Inspect says so.
func TestMemoryOfLayers(t *testing.T) {
	dir := tiny.Model(t, "qwen3")
	all, err := Inspect(dir, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	one, err := Inspect(dir, Options{Threads: 1, Layer: 1})
	if err != nil {
		t.Fatal(err)
	}
	if all.Memory["f32"] != one.Memory["f32"] {
		t.Errorf("%d bytes for one layer, %d for all", one.Memory["f32"], all.Memory["f32"])
	}
}
