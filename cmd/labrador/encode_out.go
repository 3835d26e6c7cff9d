package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/store"
	"github.com/labrador-lab/labrador/vectors"
)

// writeVectors writes a whole set as out.npy, with the encoder's dimensions, and out.ids.
func writeVectors(e *dense.Encoder, set *store.Set, ids []string, out string) error {
	if err := vectors.StreamNPY(out+".npy", set.Rows, e.Dimensions(), truncated(e, set.Parts())); err != nil {
		return err
	}
	return atomicfile.Write(out+".ids", func(w io.Writer) error { return writeLines(w, ids) })
}

// truncated are the parts with the encoder's dimensions.
func truncated(e *dense.Encoder, parts iter.Seq2[labrador.Matrix, error]) iter.Seq2[labrador.Matrix, error] {
	return func(yield func(labrador.Matrix, error) bool) {
		for m, err := range parts {
			if err == nil {
				m = e.Truncate(m)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func writeLines(w io.Writer, lines []string) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

// checkOut says, before anything is encoded, that a folder is in the way of what is written at the end, or that it is the input.
func checkOut(in, out string) error {
	source, _ := os.Stat(in)
	for _, path := range []string{out + ".npy", out + ".ids"} {
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			return fmt.Errorf("encode: %s, which is to be written, is a folder: give another OUT", path)
		case err == nil && source != nil && os.SameFile(source, info):
			return fmt.Errorf("encode: %s, which is to be written, is IN: give another OUT", path)
		}
	}
	return nil
}

// removeParts removes what encoding left in the folder of unfinished vectors, once they are written, and the folder unless somebody keeps
// other files there.
func removeParts(kept *store.Store, unlock func() error) {
	sets, _ := kept.List()
	for _, s := range sets {
		kept.Remove(s.ID)
	}
	lock := filepath.Join(kept.Dir(), lockName)
	if os.Remove(lock) != nil { // some systems remove no file that is open
		unlock()
		os.Remove(lock)
	}
	os.Remove(kept.Dir())
}

// checkIDLines refuses ids that the lines of OUT.ids cannot tell apart.
func checkIDLines(ids []string) error {
	seen := make(map[string]bool, len(ids))
	for i, id := range ids {
		if strings.ContainsAny(id, "\r\n") {
			return fmt.Errorf("the id %q of text %d holds the end of a line, and OUT.ids has an id a line: change it", id, i+1)
		}
		if seen[id] {
			return fmt.Errorf("two texts have the id %q (the second is text %d), and OUT.ids could not tell them apart: change one", id, i+1)
		}
		seen[id] = true
	}
	return nil
}

// lockName is the file in the folder of unfinished vectors that its user holds.
const lockName = "lock"

// lockParts makes the folder of the unfinished vectors of out its caller's alone until unlock, or says that another process has it. The
// system gives the folder up when its holder dies; the files that one was writing are removed.
func lockParts(parts, out string) (unlock func() error, err error) {
	for {
		if err := os.MkdirAll(parts, 0o755); err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
		path := filepath.Join(parts, lockName)
		lock := flock.New(path)
		locked, err := lock.TryLock()
		if errors.Is(err, fs.ErrNotExist) { // whoever was here finished just now
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("encode: %s: %w", path, err)
		}
		if !locked {
			return nil, fmt.Errorf("encode: another labrador encode is writing %s.npy: wait for it, or give another OUT", out)
		}
		held, err := lock.Stat()
		if err != nil {
			return nil, fmt.Errorf("encode: %s: %w", path, err)
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(held, there) {
			atomicfile.Sweep(out + ".npy")
			atomicfile.Sweep(out + ".ids")
			return lock.Unlock, nil
		}
		lock.Unlock() // a file that whoever was here removed meanwhile
	}
}
