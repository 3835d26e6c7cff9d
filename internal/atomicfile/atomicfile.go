// Package atomicfile writes a file so that a reader sees the old content or the whole new one, never a part, whatever
// moment the process is killed at: it writes to a temporary name in the same folder, syncs and renames.
package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// File is a file being written under a temporary name. Write is buffered. Exactly one of Commit and Abort ends it;
// Abort after Commit does nothing, so `defer f.Abort()` is the usual guard.
type File struct {
	path string
	f    *os.File
	w    *bufio.Writer
	done bool
}

// left is the age at which a temporary file belongs to a process that was killed.
const left = time.Hour

// Create starts the file path. Its folder must exist. Temporary files of that name that killed processes left are removed.
func Create(path string) (*File, error) {
	sweep(path, left)
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return nil, err
	}
	return &File{path: path, f: f, w: bufio.NewWriterSize(f, 1<<18)}, nil
}

// Sweep removes the temporary files of path that killed processes left. For a caller who knows that nobody else writes path now.
func Sweep(path string) { sweep(path, 0) }

// sweep removes the temporary files of path that are as old as age.
func sweep(path string, age time.Duration) {
	dir, name := filepath.Split(path)
	entries, _ := os.ReadDir(filepath.Clean(dir))
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "."+name+".tmp-") {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) >= age {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// Write appends p.
func (a *File) Write(p []byte) (int, error) { return a.w.Write(p) }

// Commit flushes, syncs and renames to the final name. On error the temporary file is removed and an earlier file of the
// final name is untouched.
func (a *File) Commit() error {
	if a.done {
		return fmt.Errorf("atomicfile: %s: committed or aborted already", a.path)
	}
	err := a.w.Flush()
	if err == nil {
		err = a.f.Chmod(0o644)
	}
	if err == nil {
		err = a.f.Sync()
	}
	if cerr := a.f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(a.f.Name(), a.path)
	}
	a.done = true
	if err != nil {
		os.Remove(a.f.Name())
		return err
	}
	syncDir(filepath.Dir(a.path))
	return nil
}

// Abort drops what was written. After Commit it does nothing.
func (a *File) Abort() {
	if a.done {
		return
	}
	a.done = true
	a.f.Close()
	os.Remove(a.f.Name())
}

// Write writes path by calling write with a buffered writer; the file appears only when write returns nil.
func Write(path string, write func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

// syncDir makes the rename durable where the system can; elsewhere (Windows) opening a folder fails and nothing is lost
// that could have been kept.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
