package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/labrador-lab/labrador/internal/atomicfile"
)

const version = 1

// ShardRows is the number of rows of a shard, 4 MB at 1,024 dimensions.
const ShardRows = 1024

// Key names a set: every setting that could change its vectors, such as "model", "recipe", "max_tokens", "dtype",
// "engine", "corpus", "side". Two sets are the same when their keys are.
type Key map[string]string

// id is the folder of the set of key k. json.Marshal sorts the names.
func (k Key) id() string {
	b, err := json.Marshal(k)
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// Store is a folder of sets. It is safe for use by many goroutines and processes.
type Store struct{ dir string }

// Open opens the store in the folder dir. A folder that is not there is an empty store; the first set makes it.
func Open(dir string) (*Store, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("store: %s is a file, not a folder", dir)
	}
	return &Store{dir: dir}, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

// setFile is set.json.
type setFile struct {
	Version   int `json:"version"`
	Key       Key `json:"key"`
	Rows      int `json:"rows"`
	Cols      int `json:"cols"`
	ShardRows int `json:"shard_rows"`
}

func (f setFile) check() error {
	switch {
	case f.Version != version:
		return fmt.Errorf("version %d, this program reads %d", f.Version, version)
	case f.Rows < 0 || f.Cols <= 0 || f.ShardRows <= 0:
		return fmt.Errorf("%d rows of %d columns in shards of %d", f.Rows, f.Cols, f.ShardRows)
	case f.Cols > 1<<20 || f.Rows > 1<<40 || f.ShardRows > 1<<30 || f.Rows/f.ShardRows > 1<<20:
		return fmt.Errorf("%d rows of %d columns are too many", f.Rows, f.Cols)
	}
	return nil
}

// Set opens the set of key with the given shape, making it when it is not there. It is an error when a set of that key has
// another shape: a key must name everything.
func (s *Store) Set(key Key, rows, cols int) (*Set, error) {
	dir := filepath.Join(s.dir, key.id())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	want := setFile{Version: version, Key: key, Rows: rows, Cols: cols, ShardRows: ShardRows}
	if err := want.check(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	have, err := readSet(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = atomicfile.Write(filepath.Join(dir, "set.json"), func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(want)
		})
		have = want
	}
	remove := "remove the set with 'labrador cache prune " + key.id() + "', it is encoded again"
	if err != nil {
		return nil, fmt.Errorf("store: %w; %s", err, remove)
	}
	if have.Rows != rows || have.Cols != cols {
		return nil, fmt.Errorf("store: %s holds %d x %d vectors, %d x %d are asked for under the same key; %s", dir, have.Rows, have.Cols, rows, cols, remove)
	}
	set := &Set{dir: dir, keepEvery: keepEvery, setFile: have}
	set.touch()
	return set, nil
}

func readSet(dir string) (setFile, error) {
	path := filepath.Join(dir, "set.json")
	var f setFile
	b, err := readSmall(path, 1<<20)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if err := f.check(); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if f.Key.id() != filepath.Base(dir) {
		return f, fmt.Errorf("%s: its key belongs to set %s", path, f.Key.id())
	}
	return f, nil
}

// readSmall reads a file of at most so many bytes: no folder, no pipe that never ends.
func readSmall(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s: %d bytes, at most %d belong there", path, info.Size(), most)
	}
	return os.ReadFile(path)
}
