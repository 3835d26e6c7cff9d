package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Info describes a set for lists.
type Info struct {
	ID      string    `json:"id"`
	Key     Key       `json:"key"`
	Rows    int       `json:"rows"`
	Cols    int       `json:"cols"`
	Shards  int       `json:"shards"` // in all
	Done    int       `json:"done"`   // encoded
	Bytes   int64     `json:"bytes"`
	Used    time.Time `json:"used"`
	Problem string    `json:"problem,omitempty"` // why set.json cannot be read; Key is nil then
}

var (
	setName = regexp.MustCompile(`^[0-9a-f]{32}$`)
	// ownName are the files that the store makes in a set's folder, the temporary ones of killed processes included.
	ownName = regexp.MustCompile(`^(set\.json|used|[0-9]{5,7}\.(npy|sum|lock|begun)|\.(set\.json|[0-9]{5,7}\.(npy|sum))\.tmp-[0-9]+)$`)
)

// List describes every set, most recently used first. Folders that hold no file of a set are left out.
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
		own, _, err := files(filepath.Join(s.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if len(own) > 0 {
			infos = append(infos, s.describe(e.Name(), own))
		}
	}
	slices.SortFunc(infos, func(a, b Info) int {
		return cmp.Or(b.Used.Compare(a.Used), strings.Compare(a.ID, b.ID))
	})
	return infos, nil
}

// files lists what is in a set's folder: the store's own files, and the names of everything else.
func files(dir string) (own []fs.DirEntry, foreign []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	for _, e := range entries {
		if ownName.MatchString(e.Name()) && !e.IsDir() {
			own = append(own, e)
		} else {
			foreign = append(foreign, e.Name())
		}
	}
	return own, foreign, nil
}

func (s *Store) describe(id string, own []fs.DirEntry) Info {
	info, dir := Info{ID: id}, filepath.Join(s.dir, id)
	f, err := readSet(dir)
	if err != nil {
		info.Problem = err.Error()
	} else {
		set := Set{dir: dir, setFile: f}
		info.Key, info.Rows, info.Cols, info.Shards = f.Key, f.Rows, f.Cols, set.Shards()
		for _, i := range finished(own) {
			if i < info.Shards && set.Has(i) {
				info.Done++
			}
		}
	}
	for _, e := range own {
		if fi, err := e.Info(); err == nil {
			info.Bytes += fi.Size()
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, "used")); err == nil {
		info.Used = fi.ModTime().UTC()
	}
	return info
}

// finished are the numbers of the shards that have a sum.
func finished(own []fs.DirEntry) []int {
	var list []int
	for _, e := range own {
		number, ok := strings.CutSuffix(e.Name(), ".sum")
		if i, err := strconv.Atoi(number); ok && err == nil {
			list = append(list, i)
		}
	}
	return list
}

// Remove deletes the set with the id of its Info. It is refused while some process encodes into it. What the store did not make stays, and is
// an error that names it.
func (s *Store) Remove(id string) error {
	if !setName.MatchString(id) {
		return fmt.Errorf("store: %q is no set: 'labrador cache list' shows them", id)
	}
	dir := filepath.Join(s.dir, id)
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("store: no set %s in %s", id, s.dir)
	case !info.IsDir():
		return fmt.Errorf("store: %s is not a folder, so it is no set; it stays", dir)
	}
	own, foreign, err := files(dir)
	if err != nil {
		return err
	}
	if busy(dir, own) {
		return fmt.Errorf("store: set %s is being encoded by another process", id)
	}
	// set.json last: a removal that is stopped leaves a set with fewer shards, which is still a set.
	slices.SortStableFunc(own, func(a, b fs.DirEntry) int { return cmp.Compare(last(a), last(b)) })
	for _, e := range own {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: %w", err)
		}
	}
	if len(foreign) > 0 {
		return fmt.Errorf("store: set %s is gone, but %s holds what is not the cache's and stays: %q", id, dir, foreign[:min(3, len(foreign))])
	}
	if err := os.Remove(dir); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func last(e fs.DirEntry) int {
	if e.Name() == "set.json" {
		return 1
	}
	return 0
}

// Prune removes the least recently used sets until the store holds at most budget bytes. gone is what it removed, stuck why others that
// had to go are still there, wholly or in part. Sets that are being encoded stay.
func (s *Store) Prune(budget int64) (gone []Info, stuck []error, err error) {
	infos, err := s.List()
	if err != nil {
		return nil, nil, err
	}
	var total int64
	for _, i := range infos {
		total += i.Bytes
	}
	for _, i := range slices.Backward(infos) {
		if total <= budget {
			break
		}
		if err := s.Remove(i.ID); err != nil {
			stuck = append(stuck, err)
			if own, _, err := files(filepath.Join(s.dir, i.ID)); err != nil || len(own) > 0 {
				continue
			}
		}
		gone = append(gone, i)
		total -= i.Bytes
	}
	return gone, stuck, nil
}

// Verify reads every finished shard of every set and returns what is wrong: one error per shard or set.
func (s *Store) Verify() ([]error, error) {
	infos, err := s.List()
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, info := range infos {
		dir := filepath.Join(s.dir, info.ID)
		f, err := readSet(dir)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("store: %w", err))
			continue
		}
		own, _, err := files(dir)
		if err != nil {
			return nil, err
		}
		set := Set{dir: dir, setFile: f}
		for _, i := range finished(own) {
			if i >= set.Shards() {
				wrong = append(wrong, fmt.Errorf("store: %s: the set has %d shards", set.path(i, ".sum"), set.Shards()))
			} else if _, err := set.Shard(i); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	return wrong, nil
}

// busy reports whether some process holds a shard of the set in dir.
func busy(dir string, own []fs.DirEntry) bool {
	for _, e := range own {
		if !strings.HasSuffix(e.Name(), ".lock") || !e.Type().IsRegular() {
			continue
		}
		lock := flock.New(filepath.Join(dir, e.Name()))
		locked, err := lock.TryLock()
		if err == nil && !locked {
			return true
		}
		lock.Unlock()
	}
	return false
}
