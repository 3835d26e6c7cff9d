package index

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
)

// clustered makes n vectors around 50 centres, and queries from the same places.
func clustered(n, d, queries int) ([]string, labrador.Matrix, labrador.Matrix) {
	random := rand.New(rand.NewPCG(11, uint64(n)))
	centres := labrador.NewMatrix(50, d)
	for i := range centres.Data {
		centres.Data[i] = float32(random.NormFloat64())
	}
	fill := func(m labrador.Matrix) {
		for i := range m.Rows {
			c := centres.Row(random.IntN(50))
			for j := range d {
				m.Row(i)[j] = c[j] + 0.6*float32(random.NormFloat64())
			}
		}
	}
	m, q := labrador.NewMatrix(n, d), labrador.NewMatrix(queries, d)
	fill(m)
	fill(q)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("d%05d", i)
	}
	return ids, m, q
}

// size is n, or a fifth of it for short tests (the race detector makes everything ten times slower).
func size(t *testing.T, n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

func buildHNSW(t *testing.T, ids []string, m labrador.Matrix, o HNSWOptions) (*HNSW, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.hnsw")
	if err := BuildHNSW(t.Context(), path, ids, MatrixSource(m), o); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHNSW(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h, path
}

// recallOf is the share of Flat's ten best hits that got holds.
func recallOf(t *testing.T, f *Flat, queries labrador.Matrix, allow *Filter, got [][]labrador.Hit) float64 {
	t.Helper()
	want, err := f.Search(context.Background(), queries, 10, allow)
	if err != nil {
		t.Fatal(err)
	}
	hit, all := 0, 0
	for q := range want {
		for _, w := range want[q] {
			if slices.ContainsFunc(got[q], func(h labrador.Hit) bool { return h.ID == w.ID }) {
				hit++
			}
		}
		all += len(want[q])
	}
	return float64(hit) / float64(max(1, all))
}

func TestHNSWRecall(t *testing.T) {
	n := size(t, 2000)
	ids, m, queries := clustered(n, 48, 100)
	flat, err := NewFlat(ids, m, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []HNSWOptions{{}, {Format: F32}, {Format: BF16}, {Format: Int8, Keep: BF16}} {
		h, _ := buildHNSW(t, ids, m, o)
		got, err := h.Search(t.Context(), queries, 10, HNSWQuery{})
		if err != nil {
			t.Fatal(err)
		}
		tuned := h.Tuned()
		if r := recallOf(t, flat, queries, nil, got); r < 0.975 || tuned.Recall < 0.98 {
			t.Errorf("%+v: recall %.3f with ef %d, tuned to %.3f", o, r, tuned.Ef, tuned.Recall)
		}
		// With as many candidates as documents the walk sees everything that is connected, and scores are exact.
		all, err := h.Search(t.Context(), queries, 10, HNSWQuery{Ef: n})
		if err != nil {
			t.Fatal(err)
		}
		if r := recallOf(t, flat, queries, nil, all); r < 0.999 && o.Format != BF16 && o.Keep != BF16 {
			t.Errorf("%+v: recall %.4f with all candidates", o, r)
		}
	}
}

func TestHNSWIsTheSameForAnyThreads(t *testing.T) {
	ids, m, _ := clustered(1200, 24, 1)
	var first []byte
	for _, threads := range []int{1, 2, 5} {
		_, path := buildHNSW(t, ids, m, HNSWOptions{Threads: threads, Seed: 3})
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(first, b) {
			t.Fatalf("%d threads build another file", threads)
		}
	}
}

func TestHNSWFilters(t *testing.T) {
	ids, m, queries := clustered(size(t, 2000), 32, 50)
	flat, err := NewFlat(ids, m, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := buildHNSW(t, ids, m, HNSWOptions{})
	for _, share := range []int{1, 2, 5, 20, 300, 3000} {
		var some []string
		for i := 0; i < len(ids); i += share {
			some = append(some, ids[i])
		}
		allow := h.Filter(some)
		got, err := h.Search(t.Context(), queries, 10, HNSWQuery{Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		for _, hits := range got {
			for _, hit := range hits {
				if !slices.Contains(some, hit.ID) {
					t.Fatalf("share 1/%d: %s is not allowed", share, hit.ID)
				}
			}
		}
		if r := recallOf(t, flat, queries, flat.Filter(some), got); r < 0.95 {
			t.Errorf("share 1/%d: recall %.3f", share, r)
		}
	}
	if got, _ := h.Search(t.Context(), queries, 10, HNSWQuery{Allow: h.Filter(nil)}); len(got[0]) != 0 {
		t.Errorf("nothing allowed: %v", got[0])
	}
}

// Random filters of 1, 10 and 50 in a hundred ids lose nothing: recall may be .005 at most below that of all rows with the
// same ef, and with the tuned ef below the .98 that it was tuned for. With ef 12 the walk is taken
// for 10 and 50, with the tuned ef for 50 only; the rest is scanned.
func TestHNSWRandomFiltersKeepRecall(t *testing.T) {
	const n, loss = 8000, 0.005
	ids, m, queries := clustered(n, 16, 100)
	flat, err := NewFlat(ids, m, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := buildHNSW(t, ids, m, HNSWOptions{M: 4, EfConstruction: 40})
	random := rand.New(rand.NewPCG(7, 7))
	for _, ef := range []int{0, 12} {
		all, err := h.Search(t.Context(), queries, 10, HNSWQuery{Ef: ef})
		if err != nil {
			t.Fatal(err)
		}
		target := recallOf(t, flat, queries, nil, all)
		if ef == 0 {
			target = max(target, 0.98)
		}
		for _, share := range []int{1, 10, 50} {
			var some []string
			for _, id := range ids {
				if random.IntN(100) < share {
					some = append(some, id)
				}
			}
			got, err := h.Search(t.Context(), queries, 10, HNSWQuery{Ef: ef, Allow: h.Filter(some)})
			if err != nil {
				t.Fatal(err)
			}
			r := recallOf(t, flat, queries, flat.Filter(some), got)
			if r < target-loss {
				t.Errorf("ef %d, %d %% of ids: recall %.4f, wanted %.4f less %v", ef, share, r, target, loss)
			}
		}
	}
}

// Filters that lie where the query does not: the walk meets few allowed rows, or none. The bound is the one that random
// filters have, .95 where the index is tuned for .98 of all rows.
func TestHNSWFiltersRelatedToTheQuery(t *testing.T) {
	n := size(t, 2000)
	ids, m, queries := clustered(n, 32, 50)
	flat, err := NewFlat(ids, m, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := buildHNSW(t, ids, m, HNSWOptions{})
	for _, c := range []struct {
		name   string
		lo, hi int // places in the order of all rows by their score
	}{{"the nearest tenth", 0, n / 10}, {"the nearest half", 0, n / 2}, {"all but the nearest tenth", n / 10, n}, {"the farther half", n / 2, n}, {"the farthest tenth", n - n/10, n}} {
		sum := 0.0
		for q := range queries.Rows {
			one := labrador.Matrix{Rows: 1, Cols: 32, Data: queries.Row(q)}
			order, err := flat.Search(t.Context(), one, n, nil)
			if err != nil {
				t.Fatal(err)
			}
			var some []string
			for _, hit := range order[0][c.lo:c.hi] {
				some = append(some, hit.ID)
			}
			got, err := h.Search(t.Context(), one, 10, HNSWQuery{Allow: h.Filter(some)})
			if err != nil {
				t.Fatal(err)
			}
			sum += recallOf(t, flat, one, flat.Filter(some), got)
		}
		if r := sum / float64(queries.Rows); r < 0.95 {
			t.Errorf("%s: recall %.3f", c.name, r)
		}
	}
}

func TestHNSWUpdate(t *testing.T) {
	ids, m, queries := clustered(2000, 32, 60)
	_, path := buildHNSW(t, ids[:1500], labrador.Matrix{Rows: 1500, Cols: 32, Data: m.Data[:1500*32]}, HNSWOptions{})
	change := Changes{Remove: ids[:700], IDs: ids[1500:], Add: labrador.Matrix{Rows: 500, Cols: 32, Data: m.Data[1500*32:]}}
	if done, err := UpdateHNSW(t.Context(), path, change, HNSWOptions{}); err != nil || done != (Changed{Added: 500, Removed: 700}) {
		t.Fatal(done, err)
	}
	h, err := OpenHNSW(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	flat, err := NewFlat(ids[700:], labrador.Matrix{Rows: 1300, Cols: 32, Data: m.Data[700*32:]}, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Search(t.Context(), queries, 10, HNSWQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if r := recallOf(t, flat, queries, nil, got); h.Len() != 1300 || r < 0.95 {
		t.Errorf("%d documents, recall %.3f", h.Len(), r)
	}
	if _, err := UpdateHNSW(t.Context(), path, Changes{Remove: ids[700:]}, HNSWOptions{}); err != nil {
		t.Fatal(err)
	}
	empty, err := OpenHNSW(path)
	if err != nil || empty.Len() != 0 {
		t.Fatalf("%v, %v", empty, err)
	}
	empty.Close()
}

func TestHNSWDamage(t *testing.T) {
	ids, m, queries := clustered(60, 8, 3)
	_, path := buildHNSW(t, ids, m, HNSWOptions{})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	search := func(data []byte) ([][]labrador.Hit, error) {
		h, err := readHNSW(data)
		if err != nil {
			return nil, err
		}
		return h.Search(context.Background(), queries, 10, HNSWQuery{})
	}
	want, err := search(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 5 {
		b := bytes.Clone(whole)
		b[i] ^= 0x20
		if got, err := search(b); err == nil && !slices.EqualFunc(got, want, slices.Equal[[]labrador.Hit]) {
			t.Fatalf("a flip at %d of %d changed hits without an error", i, len(whole))
		}
	}
	for n := 0; n < len(whole); n += 97 {
		if _, err := search(whole[:n]); err == nil {
			t.Fatalf("a file cut at %d of %d is read", n, len(whole))
		}
	}
}

func TestHNSWCancel(t *testing.T) {
	ids, m, _ := clustered(500, 8, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "x")
	if err := BuildHNSW(ctx, path, ids, MatrixSource(m), HNSWOptions{}); err == nil {
		t.Error("built all the same")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("left a file")
	}
}

func FuzzHNSW(f *testing.F) {
	ids, m, _ := clustered(6, 8, 1)
	path := filepath.Join(f.TempDir(), "x")
	if err := BuildHNSW(context.Background(), path, ids, MatrixSource(m), HNSWOptions{}); err != nil {
		f.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := readHNSW(data)
		if err != nil {
			return
		}
		h.Search(t.Context(), labrador.NewMatrix(1, h.Dimensions()), 3, HNSWQuery{})
	})
}
