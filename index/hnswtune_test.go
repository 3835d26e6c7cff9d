package index

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/sections"
)

// farQueries lie in all directions, not around the centres of clustered.
func farQueries(n, d int) labrador.Matrix {
	random := rand.New(rand.NewPCG(5, uint64(n)))
	m := labrador.NewMatrix(n, d)
	for i := range m.Data {
		m.Data[i] = float32(random.NormFloat64())
	}
	return m
}

// Queries from elsewhere than documents need a larger ef than made ones tell. With such queries given, others of their kind reach the
// target, and what is reported; a changed index keeps to it.
func TestHNSWTunedOnGivenQueries(t *testing.T) {
	n := size(t, 2500)
	ids, m, _ := clustered(n, 24, 1)
	all := farQueries(1000, 24)
	given := labrador.Matrix{Rows: 500, Cols: 24, Data: all.Data[:500*24]}
	unseen := labrador.Matrix{Rows: 500, Cols: 24, Data: all.Data[500*24:]}
	check := func(h *HNSW, first int) {
		t.Helper()
		flat, err := NewFlat(ids[first:], labrador.Matrix{Rows: n - first, Cols: 24, Data: m.Data[first*24:]}, Cosine)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Search(t.Context(), unseen, 10, HNSWQuery{})
		if err != nil {
			t.Fatal(err)
		}
		tuned := h.Tuned()
		if r := recallOf(t, flat, unseen, nil, got); r < 0.975 || math.Abs(r-tuned.Recall) > 0.015 || tuned.Queries != 250 || tuned.Target != 0.98 {
			t.Errorf("recall %.4f on unseen queries, %+v", r, tuned)
		}
	}
	o := HNSWOptions{M: 4, EfConstruction: 40, Queries: given}
	h, path := buildHNSW(t, ids, m, o)
	check(h, 0)
	o.Queries = labrador.Matrix{}
	made, _ := buildHNSW(t, ids, m, o)
	if a, b := made.Tuned(), h.Tuned(); a.Queries != 0 || a.Recall < 0.98 || a.Ef >= b.Ef {
		t.Errorf("made queries: %+v, given ones: %+v", a, b)
	}
	if _, err := UpdateHNSW(t.Context(), path, Changes{Remove: ids[:n/4]}, HNSWOptions{}); err != nil {
		t.Fatal(err)
	}
	again, err := OpenHNSW(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	check(again, n/4)
}

// A few given queries say little: ef is then at least that of made ones. Still fewer are left out of account, wrong ones refused.
func TestHNSWFewGivenQueries(t *testing.T) {
	ids, m, queries := clustered(600, 16, 30)
	few, _ := buildHNSW(t, ids, m, HNSWOptions{M: 4, Queries: queries})
	if tuned := few.Tuned(); tuned.Queries != 15 || tuned.Ef < few.meta.EfMade || few.meta.EfMade == 0 {
		t.Errorf("%+v, made %d", tuned, few.meta.EfMade)
	}
	fewer, _ := buildHNSW(t, ids, m, HNSWOptions{M: 4, Queries: labrador.Matrix{Rows: 19, Cols: 16, Data: queries.Data[:19*16]}})
	if tuned := fewer.Tuned(); tuned.Queries != 0 || tuned.Ef != fewer.meta.EfMade {
		t.Errorf("19 queries: %+v", tuned)
	}
	path := filepath.Join(t.TempDir(), "x")
	for _, q := range []labrador.Matrix{labrador.NewMatrix(30, 15), {Rows: 30, Cols: 16, Data: append([]float32{float32(math.NaN())}, queries.Data[1:]...)}} {
		if err := BuildHNSW(t.Context(), path, ids, MatrixSource(m), HNSWOptions{Queries: q}); err == nil || !strings.Contains(err.Error(), "quer") {
			t.Errorf("queries of %d dimensions: %v", q.Cols, err)
		}
	}
	tiny, _ := buildHNSW(t, ids[:100], labrador.Matrix{Rows: 100, Cols: 16, Data: m.Data[:1600]}, HNSWOptions{})
	if tuned := tiny.Tuned(); !math.IsNaN(tuned.Recall) || tuned.Ef < 10 {
		t.Errorf("100 vectors: %+v", tuned)
	}
}

// An index opens whatever its links and vectors hold; the search that touches what is damaged names the section, others do not see it.
func TestHNSWComparesWhatItTouches(t *testing.T) {
	ids, m, queries := clustered(2000, 64, 200)
	good, path := buildHNSW(t, ids, m, HNSWOptions{})
	want, err := good.Search(t.Context(), queries, 10, HNSWQuery{Ef: 10})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"links0", "vectors", "exact"} {
		data := append([]byte(nil), whole...)
		h, err := readHNSW(data)
		if err != nil {
			t.Fatal(err)
		}
		bytes, _ := h.file.Unchecked(section)
		bytes[len(bytes)/2] ^= 4
		named, same := 0, 0
		for i := range queries.Rows {
			if h, err = readHNSW(data); err != nil {
				t.Fatal(section, err)
			}
			got, err := h.Search(t.Context(), labrador.Matrix{Rows: 1, Cols: 64, Data: queries.Row(i)}, 10, HNSWQuery{Ef: 10})
			switch {
			case err == nil && got[0][0] == want[i][0] && got[0][9] == want[i][9]:
				same++
			case err != nil && errors.Is(err, sections.ErrDamaged) && strings.Contains(err.Error(), "section "+section):
				named++
			default:
				t.Fatalf("section %s: %v", section, err)
			}
		}
		// Every walk touches all pages of so few small codes.
		if named == 0 || same == 0 && section != "vectors" {
			t.Errorf("section %s: %d searches named it, %d did not touch it", section, named, same)
		}
	}
}
