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
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labrador-lab/labrador/internal/atomicfile"
)

const version = 1

// ShardRows is the number of rows of a shard: some minutes of work for a large model on a laptop, 4 MB at 1,024
// dimensions.
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
	case f.Cols > 1<<20 || f.Rows/f.ShardRows > 1<<20:
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
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if have.Rows != rows || have.Cols != cols {
		return nil, fmt.Errorf("store: %s holds %d x %d vectors, %d x %d are asked for under the same key", dir, have.Rows, have.Cols, rows, cols)
	}
	set := &Set{dir: dir, setFile: have}
	set.touch()
	return set, nil
}

func readSet(dir string) (setFile, error) {
	path := filepath.Join(dir, "set.json")
	var f setFile
	info, err := os.Stat(path)
	if err != nil {
		return f, err
	}
	if info.Size() > 1<<20 {
		return f, fmt.Errorf("%s: %d bytes: not a set", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if err := f.check(); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Info describes a set for lists.
type Info struct {
	ID     string    `json:"id"`
	Key    Key       `json:"key"`
	Rows   int       `json:"rows"`
	Cols   int       `json:"cols"`
	Shards int       `json:"shards"` // in all
	Done   int       `json:"done"`   // encoded
	Bytes  int64     `json:"bytes"`
	Used   time.Time `json:"used"`
}

var setName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// List describes every set, most recently used first. Folders that are no sets are left out; a set whose set.json cannot
// be read is listed with a nil key.
func (s *Store) List() ([]Info, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	var infos []Info
	for _, e := range entries {
		if !e.IsDir() || !setName.MatchString(e.Name()) {
			continue
		}
		infos = append(infos, describe(filepath.Join(s.dir, e.Name())))
	}
	slices.SortFunc(infos, func(a, b Info) int {
		if c := b.Used.Compare(a.Used); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return infos, nil
}

func describe(dir string) Info {
	info := Info{ID: filepath.Base(dir)}
	if f, err := readSet(dir); err == nil {
		set := Set{dir: dir, setFile: f}
		info.Key, info.Rows, info.Cols, info.Shards = f.Key, f.Rows, f.Cols, set.Shards()
		for i := range info.Shards {
			if set.Has(i) {
				info.Done++
			}
		}
	}
	files, _ := os.ReadDir(dir)
	for _, e := range files {
		if fi, err := e.Info(); err == nil {
			info.Bytes += fi.Size()
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, "used")); err == nil {
		info.Used = fi.ModTime().UTC()
	}
	return info
}

// Remove deletes the set with the id of its Info. It is refused while some process encodes into it.
func (s *Store) Remove(id string) error {
	if !setName.MatchString(id) {
		return fmt.Errorf("store: %q is no set: 'labrador cache list' shows them", id)
	}
	dir := filepath.Join(s.dir, id)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("store: no set %s in %s", id, s.dir)
	}
	if busy(dir) {
		return fmt.Errorf("store: set %s is being encoded by another process", id)
	}
	// set.json last: a removal that is stopped leaves a set with fewer shards, which is still a set.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "set.json" {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Prune removes the least recently used sets until the store holds at most budget bytes, and returns what it removed.
// Sets that are being encoded stay.
func (s *Store) Prune(budget int64) ([]Info, error) {
	infos, err := s.List()
	if err != nil {
		return nil, err
	}
	var total int64
	for _, i := range infos {
		total += i.Bytes
	}
	var gone []Info
	for _, i := range slices.Backward(infos) {
		if total <= budget {
			break
		}
		if s.Remove(i.ID) == nil {
			gone = append(gone, i)
			total -= i.Bytes
		}
	}
	return gone, nil
}

// Verify reads every shard of every set and returns what is wrong: one error per shard or set.
func (s *Store) Verify() ([]error, error) {
	infos, err := s.List()
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, i := range infos {
		dir := filepath.Join(s.dir, i.ID)
		f, err := readSet(dir)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		set := Set{dir: dir, setFile: f}
		for n := range set.Shards() {
			if !set.Has(n) {
				continue
			}
			if _, err := set.Shard(n); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	return wrong, nil
}
