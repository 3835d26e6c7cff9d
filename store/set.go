package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/vectors"
)

// Set is the vectors of one key. It is safe for concurrent use.
type Set struct {
	dir       string
	keepEvery time.Duration // keepEvery, shorter in tests
	setFile
}

// Shards is the number of shards of the whole set.
func (s *Set) Shards() int { return (s.Rows + s.ShardRows - 1) / s.ShardRows }

// Range is the rows [lo, hi) of shard i.
func (s *Set) Range(i int) (lo, hi int) { return i * s.ShardRows, min(s.Rows, (i+1)*s.ShardRows) }

func (s *Set) path(i int, ext string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%05d%s", i, ext))
}

func (s *Set) touch() {
	path, now := filepath.Join(s.dir, "used"), time.Now()
	if os.Chtimes(path, now, now) == nil {
		return
	}
	if f, err := os.Create(path); err == nil { // only the order of pruning depends on it
		f.Close()
	}
}

// Has reports whether shard i is encoded, by its files' presence and lengths.
func (s *Set) Has(i int) bool {
	_, length, err := s.readSum(i)
	if err != nil {
		return false
	}
	info, err := os.Stat(s.path(i, ".npy"))
	return err == nil && info.Mode().IsRegular() && info.Size() == length
}

// Missing is the number of rows that are not encoded.
func (s *Set) Missing() int {
	rows := 0
	for i := range s.Shards() {
		if !s.Has(i) {
			lo, hi := s.Range(i)
			begun, _, _ := s.readBegun(i, func(int, []byte) {}) // what cannot be read stops Fill
			rows += hi - lo - begun
		}
	}
	return rows
}

func (s *Set) readSum(i int) (sum uint32, length int64, err error) {
	path := s.path(i, ".sum")
	b, err := readSmall(path, 64)
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscanf(string(b), "%08x %d\n", &sum, &length); err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %q is not a checksum with a length", path, ErrDamaged, b)
	}
	return sum, length, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(path string) (uint32, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h := crc32.New(castagnoli)
	n, err := io.Copy(h, f)
	return h.Sum32(), n, err
}

// ErrDamaged says that a shard's bytes are not those that were written.
var ErrDamaged = errors.New("the shard is damaged")

// Shard reads shard i after comparing its checksum: (hi-lo, Cols) for the rows of Range(i).
func (s *Set) Shard(i int) (labrador.Matrix, error) {
	path := s.path(i, ".npy")
	want, length, err := s.readSum(i)
	if err != nil {
		return labrador.Matrix{}, fmt.Errorf("store: %w", err)
	}
	if err := s.compare(i, want, length); err != nil {
		return labrador.Matrix{}, fmt.Errorf("store: %s: %w", path, err)
	}
	m, err := vectors.ReadNPY(path)
	if err != nil {
		return labrador.Matrix{}, fmt.Errorf("store: %w: %w", ErrDamaged, err)
	}
	lo, hi := s.Range(i)
	if m.Rows != hi-lo || m.Cols != s.Cols {
		return labrador.Matrix{}, fmt.Errorf("store: %s: %w: %d x %d vectors, %d x %d belong there", path, ErrDamaged, m.Rows, m.Cols, hi-lo, s.Cols)
	}
	return m, nil
}

// compare holds the file of shard i against what was written, its size before its bytes.
func (s *Set) compare(i int, want uint32, length int64) error {
	path := s.path(i, ".npy")
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a file", ErrDamaged)
	}
	const header = 4096 // of a .npy file, at most
	lo, hi := s.Range(i)
	n := info.Size()
	if n != length {
		return fmt.Errorf("%w: %d bytes, written were %d", ErrDamaged, n, length)
	}
	if n > int64(hi-lo)*int64(s.Cols)*4+header {
		return fmt.Errorf("%w: %d bytes are too many for %d x %d vectors", ErrDamaged, n, hi-lo, s.Cols)
	}
	got, n, err := checksum(path)
	if err != nil {
		return err
	}
	if got != want || n != length {
		return fmt.Errorf("%w: CRC %08x of %d bytes, written were %08x of %d", ErrDamaged, got, n, want, length)
	}
	return nil
}

// write stores shard i: the vectors first, then the sum that makes them count.
func (s *Set) write(i int, m labrador.Matrix) error {
	lo, hi := s.Range(i)
	if m.Rows != hi-lo || m.Cols != s.Cols {
		return fmt.Errorf("store: shard %d: the encoder gave %d x %d vectors for %d x %d", i, m.Rows, m.Cols, hi-lo, s.Cols)
	}
	if err := vectors.WriteNPY(s.path(i, ".npy"), m); err != nil {
		return err
	}
	sum, n, err := checksum(s.path(i, ".npy"))
	if err != nil {
		return err
	}
	return atomicfile.Write(s.path(i, ".sum"), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%08x %d\n", sum, n)
		return err
	})
}

// Fill encodes every missing row by calling encode with a range of rows of each shard, one shard after the other, and returns when
// the set is whole. A shard that another process encodes right now is left to it and waited for; when that process dies,
// its shard is taken over. encode must give the same vectors whoever calls it.
func (s *Set) Fill(ctx context.Context, encode func(ctx context.Context, lo, hi int) (labrador.Matrix, error)) error {
	return FillTogether(ctx, []*Set{s}, func(ctx context.Context, lo, hi int, _ []bool) iter.Seq2[[]labrador.Matrix, error] {
		return func(yield func([]labrador.Matrix, error) bool) {
			m, err := encode(ctx, lo, hi)
			yield([]labrador.Matrix{m}, err)
		}
	})
}

// Encode gives the vectors of the rows from lo to hi, of all sets that lack them: piece by piece, each with the vectors of the next rows, a
// matrix per set that lacks them. How the rows are cut into pieces must not change their vectors.
type Encode func(ctx context.Context, lo, hi int, lacking []bool) iter.Seq2[[]labrador.Matrix, error]

// FillTogether is Fill for sets of the same number of rows whose vectors one pass makes. Pieces that were there longer than half a minute, or
// when encode gives an error, are not encoded again.
func FillTogether(ctx context.Context, sets []*Set, encode Encode) error {
	for _, s := range sets {
		if s.Rows != sets[0].Rows || s.ShardRows != sets[0].ShardRows {
			return fmt.Errorf("store: sets of %d and %d rows cannot be filled together", sets[0].Rows, s.Rows)
		}
	}
	for {
		waiting := 0
		for i := range sets[0].Shards() {
			if !slices.Contains(lacking(sets, i), true) {
				for _, s := range sets { // from a process that was killed when the shard was whole
					os.Remove(s.path(i, ".begun"))
				}
				continue
			}
			taken, err := fillShard(ctx, sets, i, encode)
			if err != nil {
				return err
			}
			if !taken {
				waiting++
			}
		}
		if waiting == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// lacking says which of the sets lack shard i.
func lacking(sets []*Set, i int) []bool {
	list := make([]bool, len(sets))
	for n, s := range sets {
		list[n] = !s.Has(i)
	}
	return list
}

// fillShard encodes shard i unless another process holds it in one of the sets, and reports whether the shard is there now.
func fillShard(ctx context.Context, sets []*Set, i int, encode Encode) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	for _, s := range sets {
		lock := flock.New(s.path(i, ".lock"))
		locked, err := lock.TryLock()
		if err != nil {
			return false, fmt.Errorf("store: %w", err)
		}
		if !locked {
			return false, nil
		}
		defer lock.Unlock()
	}
	lack := lacking(sets, i)
	if !slices.Contains(lack, true) { // somebody finished it between the look and the lock
		return true, nil
	}
	for _, s := range sets {
		s.sweep(i)
	}
	if err := makeShard(ctx, sets, i, lack, encode); err != nil {
		return false, err
	}
	return true, nil
}

// sweep removes the temporary files that killed processes left of shard i, whose lock the caller holds.
func (s *Set) sweep(i int) {
	own, _, _ := files(s.dir)
	for _, e := range own {
		if strings.HasPrefix(e.Name(), fmt.Sprintf(".%05d.", i)) {
			os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
}

// Matrix reads the whole set, (Rows, Cols), as Parts does.
func (s *Set) Matrix() (labrador.Matrix, error) {
	all := labrador.Matrix{Rows: s.Rows, Cols: s.Cols, Data: make([]float32, 0, s.Rows*s.Cols)}
	for m, err := range s.Parts() {
		if err != nil {
			return labrador.Matrix{}, err
		}
		all.Data = append(all.Data, m.Data...)
	}
	return all, nil
}

// Parts reads the set shard by shard, in order. A damaged shard is an error that wraps ErrDamaged and removes the shard, so that the next
// Fill makes it anew.
func (s *Set) Parts() iter.Seq2[labrador.Matrix, error] {
	return func(yield func(labrador.Matrix, error) bool) {
		for i := range s.Shards() {
			m, err := s.Shard(i)
			if errors.Is(err, ErrDamaged) {
				os.Remove(s.path(i, ".sum"))
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}
