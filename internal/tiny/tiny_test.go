package tiny

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWrite writes every checkpoint. With LABRADOR_TINY set to a folder they stay there, for expected.py to read.
func TestWrite(t *testing.T) {
	base := os.Getenv("LABRADOR_TINY")
	if base == "" {
		base = t.TempDir()
	}
	for name := range checkpoints {
		if err := Write(mkdir(t, base, name), name); err != nil {
			t.Error(err)
		}
	}
	for name := range folders {
		if err := Write(mkdir(t, base, name), name); err != nil {
			t.Error(err)
		}
	}
	if err := writeJSON(filepath.Join(base, "texts.json"), Texts); err != nil {
		t.Error(err)
	}
	if err := Write(base, "none"); err == nil {
		t.Error("a checkpoint without a name was written")
	}
}

func mkdir(t *testing.T, base, name string) string {
	t.Helper()
	dir := filepath.Join(base, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
