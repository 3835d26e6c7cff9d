package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWriteKeepsTheOldFileOnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b") // no pattern, whatever it looks like
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x")
	if err := Write(path, func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if err := Write(path, func(w io.Writer) error { io.WriteString(w, "half"); return boom }); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != "old" {
		t.Fatalf("got %q, %v", b, err)
	}
	killed := filepath.Join(dir, ".x.tmp-1")
	os.WriteFile(killed, nil, 0o644)
	os.Chtimes(killed, time.Now(), time.Now().Add(-2*left))
	if err := Write(path, func(io.Writer) error { return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	os.WriteFile(killed, nil, 0o644)
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(killed); err != nil {
		t.Errorf("removed what somebody may be writing: %v", err)
	}
	f.Abort()
	Sweep(path)
	names, _ := os.ReadDir(dir)
	if len(names) != 1 {
		t.Fatalf("left behind: %v", names)
	}
}
