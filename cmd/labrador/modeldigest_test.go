package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestModelDigest: the digest changes whenever a file of the model does, also behind links, as in the Hub's cache.
func TestModelDigest(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	dir := t.TempDir()
	blob := filepath.Join(dir, "blobs", "b1")
	writeFile(t, blob, "weights")
	model := filepath.Join(dir, "snapshot")
	writeFile(t, filepath.Join(model, "1_Pooling", "config.json"), "{}")
	link(t, blob, filepath.Join(model, "model.safetensors"))
	outer := filepath.Join(dir, "linked")
	link(t, model, outer)
	digest := func(path string) string {
		t.Helper()
		d, err := digestOfModel(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := digest(model)
	if digest(outer) != first {
		t.Error("a link to the folder has another digest")
	}
	change := func(path, text string, age time.Duration) {
		t.Helper()
		writeFile(t, path, text)
		when := time.Now().Add(-age)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{first: true}
	for i, c := range []func(){
		func() { change(blob, "Weights", time.Hour) },
		func() { change(blob, "wEights", 30*time.Minute) },
		func() { change(filepath.Join(model, "1_Pooling", "config.json"), "{ }", 20*time.Minute) },
		func() { writeFile(t, filepath.Join(model, "chat_template.jinja"), "") },
	} {
		c()
		d := digest(model)
		if seen[d] || d != digest(model) || d != digest(outer) {
			t.Errorf("change %d: digest %s", i, d)
		}
		seen[d] = true
	}
	writeFile(t, filepath.Join(model, ".cache", "x"), "x")
	if !seen[digest(model)] {
		t.Error("a hidden file changes the digest")
	}
	for _, bad := range []string{filepath.Join(dir, "none"), t.TempDir()} {
		if _, err := digestOfModel(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// TestModelDigestIsKept: a large model is read once.
func TestModelDigestIsKept(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	path := filepath.Join(t.TempDir(), "m.gguf")
	old := time.Now().Add(-time.Hour)
	write := func(text string) {
		writeFile(t, path, text)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	a, err := digestOfModel(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	write("two") // the same size and time: only reading would tell
	if b, err := digestOfModel(t.Context(), path); err != nil || a != b {
		t.Errorf("the file was read again: %s, %s, %v", a, b, err)
	}
}
