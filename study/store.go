package study

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Store is the cache: folders, each made once under a key of everything that could change it. A folder is made under a
// temporary name, synced and renamed, so it is whole or not there, whatever moment a process is killed at. Two processes
// on one store may make the same folder at the same time; the first rename wins, and both go on with it.
//
// On disk: CLASS/HASH/..., HASH the first 32 hex digits of the SHA-256 of the key; made.json in each folder has the key in full and
// what making it cost. Anything in a store may be deleted while nobody runs: it is made again.
type Store struct {
	dir string
}

// Made is a folder of the store and what making it cost, then or in an earlier process.
type Made struct {
	Dir     string  `json:"-"`
	Fresh   bool    `json:"-"` // made by this call
	Key     string  `json:"key"`
	Seconds float64 `json:"seconds"`    // wall time
	Bytes   int64   `json:"bytes"`      // of the folder's files, made.json aside
	Peak    int64   `json:"peak_bytes"` // largest resident memory of the process meanwhile; 0: unknown
}

const (
	madeFile  = "made.json"
	tmpPrefix = ".tmp-"
	tmpMaxAge = 24 * time.Hour // a temporary folder this old belongs to a process that was killed
)

// OpenStore opens the store below dir, making the folder where it is missing, and removes what killed processes left.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*", tmpPrefix+"*"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > tmpMaxAge {
			os.RemoveAll(path)
		}
	}
	return &Store{dir: dir}, nil
}

// place is the folder of a key.
func (s *Store) place(class, key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(s.dir, class, hex.EncodeToString(sum[:16]))
}

// Lookup finds what was made under key, nil without one.
func (s *Store) Lookup(class, key string) *Made {
	dir := s.place(class, key)
	data, err := os.ReadFile(filepath.Join(dir, madeFile))
	if err != nil {
		return nil
	}
	made := &Made{}
	if json.Unmarshal(data, made) != nil || made.Key != key {
		return nil
	}
	made.Dir = dir
	return made
}

// Make returns the folder of key in class ("indexes", "runs"), calling build to fill it where it is not there yet. build
// gets an empty folder and must write regular files only.
func (s *Store) Make(ctx context.Context, class, key string, build func(dir string) error) (*Made, error) {
	if made := s.Lookup(class, key); made != nil {
		return made, nil
	}
	return s.make(ctx, class, key, build)
}

// Use is Make followed by open. A folder from the cache that cannot be opened is damaged: it is made again, once.
func (s *Store) Use(ctx context.Context, class, key string, build, open func(dir string) error) (*Made, error) {
	made, err := s.Make(ctx, class, key, build)
	if err != nil {
		return nil, err
	}
	err = open(made.Dir)
	if err == nil || made.Fresh || ctx.Err() != nil {
		return made, err
	}
	if err := s.drop(made); err != nil {
		return nil, err
	}
	if made, err = s.Make(ctx, class, key, build); err != nil {
		return nil, err
	}
	return made, open(made.Dir)
}

func (s *Store) make(ctx context.Context, class, key string, build func(dir string) error) (*Made, error) {
	if err := os.MkdirAll(filepath.Join(s.dir, class), 0o755); err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Join(s.dir, class), tmpPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	resetPeak()
	start := time.Now()
	if err := build(tmp); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	made := &Made{Key: key, Seconds: time.Since(start).Seconds(), Peak: peak()}
	if made.Bytes, err = syncTree(tmp); err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	data, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	if err := writeSynced(filepath.Join(tmp, madeFile), data); err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	made.Dir, made.Fresh = s.place(class, key), true
	return s.settle(tmp, made, class)
}

// settle renames a finished folder to its place, or takes the one that another process put there first. What lies there
// and is not whole (a file was damaged or deleted) makes way.
func (s *Store) settle(tmp string, made *Made, class string) (*Made, error) {
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	err := os.Rename(tmp, made.Dir)
	if err == nil {
		syncPath(filepath.Dir(made.Dir))
		return made, nil
	}
	if other := s.Lookup(class, made.Key); other != nil {
		return other, nil
	}
	if rmErr := os.RemoveAll(made.Dir); rmErr == nil {
		err = os.Rename(tmp, made.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("study: cache: %w", err)
	}
	syncPath(filepath.Dir(made.Dir))
	return made, nil
}

// drop forgets a folder that turned out to be damaged.
func (s *Store) drop(made *Made) error {
	if !strings.HasPrefix(made.Dir, s.dir) {
		return errors.New("study: cache: drop outside of the store")
	}
	return os.RemoveAll(made.Dir)
}

// syncTree makes every file below dir durable and returns their size.
func syncTree(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			syncPath(path)
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		bytes += info.Size()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	return bytes, err
}

func writeSynced(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncPath syncs a folder where the system can.
func syncPath(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
