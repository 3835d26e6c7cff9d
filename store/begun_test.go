package store

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labrador-lab/labrador"
)

var errStop = errors.New("stopped")

// inPieces is encodeRows for sets of so many columns, piece by piece of so many rows, that says which rows it is asked for and stops with an
// error before row stop.
func inPieces(piece, stop int, asked *[]int, cols ...int) Encode {
	return func(ctx context.Context, lo, hi int, lacking []bool) iter.Seq2[[]labrador.Matrix, error] {
		*asked = append(*asked, lo)
		return func(yield func([]labrador.Matrix, error) bool) {
			for ; lo < hi; lo += piece {
				if lo >= stop {
					yield(nil, errStop)
					return
				}
				var made []labrador.Matrix
				for n, c := range cols {
					if lacking[n] {
						m, _ := encodeRows(c)(ctx, lo, min(hi, lo+piece))
						made = append(made, m)
					}
				}
				if !yield(made, nil) {
					return
				}
			}
		}
	}
}

func openSet(t *testing.T, key string, rows, cols int) *Set {
	t.Helper()
	s, err := Open(t.TempDir())
	must(t, err)
	set, err := s.Set(Key{"model": key}, rows, cols)
	must(t, err)
	return set
}

// whole asks for all rows of a set, as encodeRows makes them, and none of its files but those that the package's comment has for a whole set.
func whole(t *testing.T, s *Set) {
	t.Helper()
	m, err := s.Matrix()
	must(t, err)
	want, _ := encodeRows(s.Cols)(t.Context(), 0, s.Rows)
	if !slices.Equal(m.Data, want.Data) {
		t.Error("other vectors than those that were made")
	}
	if begun, err := filepath.Glob(filepath.Join(s.dir, "*.begun")); err != nil || len(begun) > 0 || s.Missing() > 0 {
		t.Errorf("left %q, %v; %d rows are missing", begun, err, s.Missing())
	}
}

// TestStoppedWithinShard: what was made of a shard when encoding stops is not made again, wherever it stops.
func TestStoppedWithinShard(t *testing.T) {
	const rows, cols = ShardRows + 300, 3
	set := openSet(t, "m", rows, cols)
	var asked []int
	for _, stop := range []int{0, 7, 14, 14, 1001, ShardRows, 1100} {
		err := FillTogether(t.Context(), []*Set{set}, inPieces(7, stop, &asked, cols))
		if !errors.Is(err, errStop) || set.Missing() > rows-stop {
			t.Errorf("stopped before row %d: %v, %d rows are missing", stop, err, set.Missing())
		}
	}
	must(t, FillTogether(t.Context(), []*Set{set}, inPieces(5, rows, &asked, cols)))
	if want := []int{0, 0, 7, 14, 14, 1001, 1024, 1024, 1101}; !slices.Equal(asked, want) {
		t.Errorf("asked for rows from %v, want %v", asked, want)
	}
	whole(t, set)
}

// TestKeptNowAndThen: rows go to disk after a while without any error, once.
func TestKeptNowAndThen(t *testing.T) {
	set := openSet(t, "m", 20, 2)
	set.keepEvery = time.Nanosecond
	var sizes []int64
	must(t, FillTogether(t.Context(), []*Set{set}, func(ctx context.Context, lo, hi int, _ []bool) iter.Seq2[[]labrador.Matrix, error] {
		return func(yield func([]labrador.Matrix, error) bool) {
			for ; lo < hi; lo += 4 {
				m, _ := encodeRows(2)(ctx, lo, lo+4)
				time.Sleep(time.Microsecond)
				yield([]labrador.Matrix{m}, nil)
				info, err := os.Stat(set.path(0, ".begun"))
				must(t, err)
				sizes = append(sizes, info.Size())
			}
		}
	}))
	const record = recordHeader + 4*2*4
	if want := []int64{record, 2 * record, 3 * record, 4 * record, 5 * record}; !slices.Equal(sizes, want) {
		t.Errorf("files of %d bytes, want %d", sizes, want)
	}
	whole(t, set)
}

// TestBegunTogether: of sets that stopped at different rows, one pass goes on from the first that one of them lacks; a set that is whole is left alone.
func TestBegunTogether(t *testing.T) {
	const rows = 100
	s, err := Open(t.TempDir())
	must(t, err)
	var sets []*Set
	for n, key := range []string{"a", "b", "c"} {
		set, err := s.Set(Key{"model": key}, rows, n+1)
		must(t, err)
		sets = append(sets, set)
	}
	var asked []int
	for n, stop := range []int{60, 20, rows} {
		if err := FillTogether(t.Context(), sets[n:n+1], inPieces(10, stop, &asked, n+1)); !errors.Is(err, errStop) && n < 2 {
			t.Error(err)
		}
	}
	asked = nil
	if err := FillTogether(t.Context(), sets, inPieces(15, 50, &asked, 1, 2, 3)); !errors.Is(err, errStop) {
		t.Error(err)
	}
	must(t, FillTogether(t.Context(), sets, inPieces(15, rows, &asked, 1, 2, 3)))
	if want := []int{20, 50}; !slices.Equal(asked, want) {
		t.Errorf("asked for rows from %v, want %v", asked, want)
	}
	for _, set := range sets {
		whole(t, set)
	}
}

// TestBegunDamaged: a beginning that was cut off or changed at any byte costs the records from there on, never a wrong vector.
func TestBegunDamaged(t *testing.T) {
	const rows, piece = 12, 4
	set := openSet(t, "m", rows, 1)
	set.keepEvery = 0
	var asked []int
	if err := FillTogether(t.Context(), []*Set{set}, inPieces(piece, 8, &asked, 1)); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	path := set.path(0, ".begun")
	good, err := os.ReadFile(path)
	must(t, err)
	const record = recordHeader + piece*4
	if len(good) != 2*record {
		t.Fatalf("%d bytes", len(good))
	}
	check := func(data []byte, from int) {
		t.Helper()
		os.Remove(set.path(0, ".sum"))
		must(t, os.WriteFile(path, data, 0o644))
		asked = nil
		must(t, FillTogether(t.Context(), []*Set{set}, inPieces(piece, rows, &asked, 1)))
		if len(asked) != 1 || asked[0] != from {
			t.Errorf("asked for rows from %d, want %d", asked, from)
		}
		whole(t, set)
	}
	for i := range good {
		check(good[:i], i/record*piece)
		changed := slices.Clone(good)
		changed[i] ^= 0x10
		check(changed, i/record*piece)
	}
	check(append(slices.Clone(good), good[:record-1]...), 8)
	check(append(slices.Clone(good), make([]byte, 1000)...), 8)
	check(slices.Repeat([]byte{0xff}, 100), 0)
	check(nil, 0)
	must(t, os.WriteFile(path, slices.Concat(good, good[:record]), 0o644)) // all rows are on disk, and the shard does not count
	os.Remove(set.path(0, ".sum"))
	asked = nil
	must(t, FillTogether(t.Context(), []*Set{set}, inPieces(piece, rows, &asked, 1)))
	if len(asked) != 0 {
		t.Errorf("asked for rows from %d of a shard that is on disk", asked)
	}
}

// TestBegunHostile: what lies in the place of a beginning and is no file is an error that names it; a long one costs no memory.
func TestBegunHostile(t *testing.T) {
	for name, put := range map[string]func(*testing.T, string){"folder": folder("00000.begun"), "pipe": pipe("00000.begun"), "loop": loop("00000.begun")} {
		t.Run(name, func(t *testing.T) {
			set := openSet(t, "m", 10, 4)
			put(t, set.dir)
			if set.Missing() != 10 {
				t.Errorf("%d rows are missing", set.Missing())
			}
			if err := set.Fill(t.Context(), encodeRows(4)); err == nil || !strings.Contains(err.Error(), set.path(0, ".begun")) {
				t.Errorf("%v", err)
			}
		})
	}
	set := openSet(t, "m", 10, 4)
	must(t, os.WriteFile(set.path(0, ".begun"), nil, 0o644))
	truncate("00000.begun", 1<<40)(t, set.dir)
	must(t, set.Fill(t.Context(), encodeRows(4)))
	whole(t, set)
}

// TestEncoderGivesTooFew: pieces that do not fit the shard are errors, and nothing of them is kept.
func TestEncoderGivesTooFew(t *testing.T) {
	for name, made := range map[string][]int{"too few": {4, 5}, "too many": {4, 7}, "none": {0}} {
		set := openSet(t, "m", 10, 4)
		err := FillTogether(t.Context(), []*Set{set}, func(context.Context, int, int, []bool) iter.Seq2[[]labrador.Matrix, error] {
			return func(yield func([]labrador.Matrix, error) bool) {
				for _, rows := range made {
					if !yield([]labrador.Matrix{labrador.NewMatrix(rows, 4)}, nil) {
						return
					}
				}
			}
		})
		if err == nil || !strings.Contains(err.Error(), "the encoder gave") || set.Has(0) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
