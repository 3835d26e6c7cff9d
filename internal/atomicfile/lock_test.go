package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLockIsExclusiveAndSweeps(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, ".x.tmp-1"), nil, 0o644)
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".x.tmp-1")); err == nil {
		t.Error("a temporary file is left")
	}
	if _, err := Lock(dir); !errors.Is(err, ErrBusy) {
		t.Errorf("locked twice: %v", err)
	}
	unlock()
	if unlock, err = Lock(dir); err != nil {
		t.Fatal(err)
	}
	unlock()
}
