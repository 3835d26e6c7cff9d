package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestDenseSettings: settings that a model or a recipe does not have are refused before anything is encoded, with what there is.
func TestDenseSettings(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	model, dir := tiny.Model(t, "st-bert-mean"), t.TempDir()
	tinyData(t, filepath.Join(dir, "data"), 1)
	for settings, want := range map[string]string{
		"layer: 99":                             "layer 99: there are",
		"layer: -99":                            "layer -99: there are",
		"dimensions: 5000":                      "5000 dimensions: the model has",
		"max_tokens: 100000":                    "100000 tokens: the model was made for at most",
		"max_tokens: -1":                        "max tokens: -1 is negative",
		"system_text: hello":                    "a model without a recipe has no system message",
		"recipe: echo, system_text: hello":      "system text: echo has no system message",
		"recipe: one-word, task: find":          "task: one-word takes no task; echo, e5-mistral",
		"recipe: one-word, prompt: \"query: \"": "recipe one-word and prompt \"query: \": give one of them",
	} {
		path := filepath.Join(dir, "study.yaml")
		writeFile(t, path, "name: s\ndatasets: [{path: data}]\nmeasures: [nDCG@10]\nbaseline: bm25\nsystems:\n  - bm25\n  - {name: d, kind: dense, model: "+model+", "+settings+"}\n")
		var progress bytes.Buffer
		root := rootCommand()
		root.SetArgs([]string{"compare", path, "--out", t.TempDir()})
		root.SetErr(&progress)
		err := root.ExecuteContext(context.Background())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "study.yaml:") {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
		if strings.Contains(progress.String(), "bm25 on") {
			t.Errorf("%s: refused only after other runs", settings)
		}
	}
}
