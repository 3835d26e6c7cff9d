package mmap

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestAdvice gives every advice on parts that begin and end within pages: the bytes stay.
func TestAdvice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	want := bytes.Repeat([]byte("0123456789"), 5000)
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, advise := range []func([]byte){Random, WillNeed, Normal} {
		for _, part := range [][]byte{nil, f.Data, f.Data[10:20], f.Data[5000:20000], f.Data[len(f.Data)-1:]} {
			advise(part)
		}
		if !bytes.Equal(f.Data, want) {
			t.Fatal("the bytes changed")
		}
	}
}

// TestPipe: a pipe that nobody writes to is refused, not waited for.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := exec.Command("mkfifo", path).Run(); err != nil {
		t.Skip(err)
	}
	failed := make(chan error, 1)
	go func() { _, err := Open(path); failed <- err }()
	select {
	case err := <-failed:
		if err == nil {
			t.Fatal("mapped a pipe")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("waits for a writer")
	}
}
