package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labrador-lab/labrador"
)

// encodeRows is a deterministic encoder: row r is r, r+1, ...
func encodeRows(cols int) func(context.Context, int, int) (labrador.Matrix, error) {
	return func(_ context.Context, lo, hi int) (labrador.Matrix, error) {
		m := labrador.NewMatrix(hi-lo, cols)
		for i := range m.Data {
			m.Data[i] = float32(lo + i/cols + i%cols)
		}
		return m, nil
	}
}

func TestFillAndRead(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const rows, cols = 2*ShardRows + 5, 3
	set, err := s.Set(Key{"model": "m"}, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Missing(); got != rows {
		t.Fatalf("missing %d", got)
	}
	calls := 0
	fill := func() error {
		return set.Fill(t.Context(), func(ctx context.Context, lo, hi int) (labrador.Matrix, error) {
			calls++
			return encodeRows(cols)(ctx, lo, hi)
		})
	}
	if err := fill(); err != nil || calls != 3 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if err := fill(); err != nil || calls != 3 {
		t.Fatalf("encoded again: %d calls, %v", calls, err)
	}
	m, err := set.Matrix()
	if err != nil || m.Row(rows - 1)[2] != rows+1 {
		t.Fatalf("%v %v", m.Row(rows-1), err)
	}
	if _, err := s.Set(Key{"model": "m"}, rows+1, cols); err == nil {
		t.Fatal("another shape under the same key is accepted")
	}
}

func TestDamageIsSeenAndMended(t *testing.T) {
	s, _ := Open(t.TempDir())
	set, _ := s.Set(Key{"model": "m"}, 10, 4)
	if err := set.Fill(t.Context(), encodeRows(4)); err != nil {
		t.Fatal(err)
	}
	path := set.path(0, ".npy")
	b, _ := os.ReadFile(path)
	b[len(b)-1] ^= 1
	os.WriteFile(path, b, 0o644)
	if wrong, err := s.Verify(); err != nil || len(wrong) != 1 || !errors.Is(wrong[0], ErrDamaged) {
		t.Fatalf("%v %v", wrong, err)
	}
	if _, err := set.Matrix(); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if err := set.Fill(t.Context(), encodeRows(4)); err != nil {
		t.Fatal(err)
	}
	if _, err := set.Matrix(); err != nil {
		t.Fatal(err)
	}
	os.Truncate(path, 50)
	if set.Has(0) {
		t.Fatal("a truncated shard counts")
	}
	must(t, set.Fill(t.Context(), encodeRows(4)))
	flip("00000.npy", 200)(t, set.dir)
	for _, err := range set.Parts() {
		if !errors.Is(err, ErrDamaged) || set.Has(0) {
			t.Errorf("a damaged part: %v", err)
		}
	}
}

func TestPruneKeepsTheRecentlyUsed(t *testing.T) {
	s, _ := Open(t.TempDir())
	for i := range 4 {
		set, err := s.Set(Key{"n": strconv.Itoa(i)}, 8, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Fill(t.Context(), encodeRows(2)); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(int64(1_000_000+i), 0)
		os.Chtimes(filepath.Join(set.dir, "used"), when, when)
	}
	infos, _ := s.List()
	gone, _, err := s.Prune(infos[0].Bytes + infos[1].Bytes)
	if err != nil || len(gone) != 2 || gone[0].Key["n"] != "0" || gone[1].Key["n"] != "1" {
		t.Fatalf("%v %v", gone, err)
	}
	if err := s.Remove("../x"); err == nil {
		t.Fatal("a path is taken for a set")
	}
}

func TestTwoWorkersShareShards(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	seen := map[int]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, _ := Open(dir)
			set, err := s.Set(Key{"model": "m"}, 6*ShardRows, 1)
			if err != nil {
				t.Error(err)
				return
			}
			err = set.Fill(t.Context(), func(ctx context.Context, lo, hi int) (labrador.Matrix, error) {
				mu.Lock()
				seen[lo]++
				mu.Unlock()
				time.Sleep(time.Millisecond)
				return encodeRows(1)(ctx, lo, hi)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for lo, n := range seen {
		if n != 1 {
			t.Errorf("shard at row %d was encoded %d times", lo, n)
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d shards encoded", len(seen))
	}
}

// TestKillAndGoOn runs itself as a child that encodes slowly, in pieces, and notes every piece it began, kills it with SIGKILL at
// random moments, and then finishes: nothing is lost, and each kill costs at most the piece it was in.
func TestKillAndGoOn(t *testing.T) {
	const shards, piece, cols = 6, 128, 8
	noting := func(dir string, each time.Duration) Encode {
		return func(ctx context.Context, lo, hi int, _ []bool) iter.Seq2[[]labrador.Matrix, error] {
			return func(yield func([]labrador.Matrix, error) bool) {
				for ; lo < hi; lo += piece {
					f, _ := os.OpenFile(filepath.Join(dir, "began"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
					fmt.Fprintln(f, lo)
					f.Close()
					time.Sleep(each)
					m, _ := encodeRows(cols)(ctx, lo, min(hi, lo+piece))
					if !yield([]labrador.Matrix{m}, nil) {
						return
					}
				}
			}
		}
	}
	open := func(dir string) *Set {
		s, _ := Open(dir)
		set, err := s.Set(Key{"model": "m"}, shards*ShardRows, cols)
		must(t, err)
		set.keepEvery = 0
		return set
	}
	if dir := os.Getenv("LABRADOR_STORE_CHILD"); dir != "" {
		must(t, FillTogether(t.Context(), []*Set{open(dir)}, noting(dir, 10*time.Millisecond)))
		return
	}
	if testing.Short() {
		t.Skip("starts child processes")
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	const kills = 15
	for range kills {
		child := exec.Command(os.Args[0], "-test.run=^TestKillAndGoOn$")
		child.Env = append(os.Environ(), "LABRADOR_STORE_CHILD="+dir)
		must(t, child.Start())
		time.Sleep(time.Duration(5+random.IntN(60)) * time.Millisecond)
		child.Process.Kill()
		child.Wait()
	}
	set := open(dir)
	t.Logf("%d of %d rows after %d kills", set.Rows-set.Missing(), set.Rows, kills)
	must(t, FillTogether(t.Context(), []*Set{set}, noting(dir, 0)))
	whole(t, set)
	b, _ := os.ReadFile(filepath.Join(dir, "began"))
	if began := len(strings.Fields(string(b))); began > shards*ShardRows/piece+kills {
		t.Errorf("%d pieces were begun for %d, with %d kills", began, shards*ShardRows/piece, kills)
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte(`{"version":1,"key":{"a":"b"},"rows":3,"cols":2,"shard_rows":1024}`), []byte("00000000 152\n"))
	f.Add([]byte(`{"version":1,"key":{"a":"b"},"rows":3,"cols":2,"shard_rows":1024}`), []byte("\x01\x00\x00\x00\x00\x00\x00\x0012345678"))
	f.Add([]byte(`{"version":1,"key":{"a":"b"},"rows":1099511627776,"cols":1,"shard_rows":1048576}`), []byte("0"))
	f.Add([]byte(`{"version":1,"key":{"a":"b"},"rows":9223372036854775807,"cols":1048576,"shard_rows":9223372036854775807}`), []byte("00000000 -1"))
	f.Fuzz(func(t *testing.T, set, sum []byte) {
		s, _ := Open(t.TempDir())
		dir := filepath.Join(s.dir, Key{"a": "b"}.id())
		os.MkdirAll(dir, 0o755)
		os.WriteFile(filepath.Join(dir, "set.json"), set, 0o644)
		os.WriteFile(filepath.Join(dir, "00000.sum"), sum, 0o644)
		os.WriteFile(filepath.Join(dir, "00000.npy"), sum, 0o644)
		os.WriteFile(filepath.Join(dir, "00001.begun"), sum, 0o644)
		if _, err := s.List(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Verify(); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(filepath.Base(dir)); err != nil {
			t.Fatal(err)
		}
	})
}
