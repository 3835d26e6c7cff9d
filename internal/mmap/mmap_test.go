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

// TestGuard: reading what a mapped file no longer has is an error; other panics stay panics.
func TestGuard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read := func(to []byte) error {
		return Guard(func() error { copy(to, f.Data[1<<19:]); return nil })
	}
	if err := read(make([]byte, 100)); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Skip(err) // some systems keep a mapped file
	}
	for range 2 {
		if err := read(make([]byte, 100)); err != errCut {
			t.Errorf("got %v, want %v", err, errCut)
		}
	}
	defer func() {
		if r := recover(); r != "other" {
			t.Errorf("got the panic %v", r)
		}
	}()
	Guard(func() error { panic("other") })
}
