package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/study"
)

// TestFindModel: a name is a folder or a .gguf file in one of the model folders, the first that has it, else a path as any other file
// of a study.
func TestFindModel(t *testing.T) {
	a, b, base := t.TempDir(), t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(a, "Qwen2.5-7B", "config.json"), "{}")
	writeFile(t, filepath.Join(b, "Qwen2.5-7B.gguf"), "")
	writeFile(t, filepath.Join(b, "Qwen2.5-Coder-7B.gguf"), "")
	writeFile(t, filepath.Join(base, "mine", "config.json"), "{}")
	find := func(kinds systemKinds, name string) string {
		t.Helper()
		path, err := kinds.findModel(name, &study.Data{Name: "d"})
		if err != nil {
			return err.Error()
		}
		return path
	}
	t.Setenv("LABRADOR_MODELS", b)
	byEnv, byFlag := systemKinds{base: base}, systemKinds{base: base, models: []string{a + string(filepath.ListSeparator) + b}}
	for _, c := range []struct {
		kinds systemKinds
		name  string
		want  string
	}{
		{byEnv, "Qwen2.5-7B", filepath.Join(b, "Qwen2.5-7B.gguf")},
		{byFlag, "Qwen2.5-7B", filepath.Join(a, "Qwen2.5-7B")},
		{byFlag, "Qwen2.5-Coder-7B", filepath.Join(b, "Qwen2.5-Coder-7B.gguf")},
		{byFlag, "mine", filepath.Join(base, "mine")},
		{byFlag, filepath.Join(base, "mine"), filepath.Join(base, "mine")},
	} {
		if got := find(c.kinds, c.name); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := find(byFlag, "Qwen3"); !strings.Contains(got, "Qwen3 is not in "+a) {
		t.Errorf("a missing model: %s", got)
	}
	t.Setenv("LABRADOR_MODELS", "")
	if got := find(byEnv, "Qwen3"); !strings.Contains(got, "--models DIR or LABRADOR_MODELS") {
		t.Errorf("no model folders: %s", got)
	}
}
