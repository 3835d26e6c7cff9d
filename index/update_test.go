package index

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
)

// rowsOf is a matrix of some rows of m.
func rowsOf(m labrador.Matrix, lo, hi int) labrador.Matrix {
	return labrador.Matrix{Rows: hi - lo, Cols: m.Cols, Data: m.Data[lo*m.Cols : hi*m.Cols]}
}

// pool is vectors with what an index holds of them.
type pool struct {
	ids  []string
	m    labrador.Matrix
	left map[string]int // row by id
}

// change takes documents out at random, and puts rows lo to hi in, some of them under ids that are there.
func (p *pool) change(r *rand.Rand, lo, hi int) Changes {
	c := Changes{Add: rowsOf(p.m, lo, hi), Remove: []string{"none"}}
	have := make([]string, 0, len(p.left))
	for _, id := range p.ids {
		if _, ok := p.left[id]; ok {
			have = append(have, id)
		}
	}
	r.Shuffle(len(have), func(i, j int) { have[i], have[j] = have[j], have[i] })
	for i := lo; i < hi; i++ {
		id := p.ids[i]
		if i%4 == 0 {
			id, have = have[0], have[1:]
		}
		c.IDs = append(c.IDs, id)
		p.left[id] = i
	}
	for _, id := range have[:r.IntN(hi-lo)] {
		c.Remove = append(c.Remove, id)
		delete(p.left, id)
	}
	return c
}

// fresh are the ids and rows that are left.
func (p *pool) fresh() ([]string, labrador.Matrix) {
	var ids []string
	m := labrador.NewMatrix(len(p.left), p.m.Cols)
	for _, id := range p.ids {
		if row, ok := p.left[id]; ok {
			copy(m.Row(len(ids)), p.m.Row(row))
			ids = append(ids, id)
		}
	}
	return ids, m
}

func newPool(n, first, dims int) (*pool, labrador.Matrix) {
	ids, m, queries := clustered(n, dims, 60)
	p := &pool{ids: ids, m: m, left: map[string]int{}}
	for i := range first {
		p.left[ids[i]] = i
	}
	return p, queries
}

// TestUpdateFlat: after additions, replacements and removals the hits are those of an index built anew, in every format.
func TestUpdateFlat(t *testing.T) {
	for _, o := range []FlatOptions{{}, {Format: BF16}, {Format: Int8}, {Format: Int8, Keep: BF16}, {Format: Binary, Keep: F32}} {
		p, queries := newPool(400, 250, 20)
		r := rand.New(rand.NewPCG(81, 82))
		path := filepath.Join(t.TempDir(), "flat")
		if err := BuildFlat(t.Context(), path, p.ids[:250], MatrixSource(rowsOf(p.m, 0, 250)), o); err != nil {
			t.Fatal(err)
		}
		for lo := 250; lo < 400; lo += 50 {
			before := len(p.left)
			c := p.change(r, lo, lo+50)
			done, err := UpdateFlat(t.Context(), path, c)
			if err != nil || done.Added+done.Replaced != 50 || done.Removed != len(c.Remove)-1 || before+done.Added-done.Removed != len(p.left) {
				t.Fatalf("%+v of %d: %v", done, len(c.Remove), err)
			}
			f, err := OpenFlat(path)
			if err != nil || f.Verify() != nil || f.Len() != len(p.left) {
				t.Fatal(err)
			}
			ids, m := p.fresh()
			fresh := filepath.Join(t.TempDir(), "fresh")
			if err := BuildFlat(t.Context(), fresh, ids, MatrixSource(m), o); err != nil {
				t.Fatal(err)
			}
			want, err := OpenFlat(fresh)
			if err != nil {
				t.Fatal(err)
			}
			a, err := f.Search(t.Context(), queries, 20, nil)
			b, err2 := want.Search(t.Context(), queries, 20, nil)
			if err != nil || err2 != nil || !slices.EqualFunc(a, b, slices.Equal[[]labrador.Hit]) {
				t.Fatalf("%+v: other hits than an index built anew: %v %v", o, err, err2)
			}
			f.Close()
			want.Close()
		}
	}
}

// TestUpdateRefuses: a change that cannot be made leaves the file as it was.
func TestUpdateRefuses(t *testing.T) {
	ids, m, _ := clustered(100, 8, 1)
	flat, hnsw := filepath.Join(t.TempDir(), "flat"), filepath.Join(t.TempDir(), "hnsw")
	if err := BuildFlat(t.Context(), flat, ids, MatrixSource(m), FlatOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := BuildHNSW(t.Context(), hnsw, ids, MatrixSource(m), HNSWOptions{}); err != nil {
		t.Fatal(err)
	}
	for path, update := range map[string]func(c Changes) (Changed, error){
		flat: func(c Changes) (Changed, error) { return UpdateFlat(t.Context(), flat, c) },
		hnsw: func(c Changes) (Changed, error) { return UpdateHNSW(t.Context(), hnsw, c, HNSWOptions{}) },
	} {
		before, _ := os.ReadFile(path)
		for _, c := range []Changes{{IDs: []string{"x"}}, {IDs: []string{"x", "x"}, Add: labrador.NewMatrix(2, 8)}, {IDs: []string{"x"}, Add: labrador.NewMatrix(1, 9)}} {
			if _, err := update(c); err == nil {
				t.Errorf("%v is done", c.IDs)
			}
		}
		if done, err := update(Changes{Remove: []string{"no such"}}); err != nil || done != (Changed{}) {
			t.Error(done, err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Error("a refused change changed the file")
		}
	}
}

// TestUpdateHNSWKeepsRecall: many small changes, until hardly a document of the first index is left, cost no recall beside an index
// built anew.
func TestUpdateHNSWKeepsRecall(t *testing.T) {
	n := size(t, 4000)
	p, queries := newPool(n, n/2, 32)
	r := rand.New(rand.NewPCG(83, 84))
	path := filepath.Join(t.TempDir(), "hnsw")
	if err := BuildHNSW(t.Context(), path, p.ids[:n/2], MatrixSource(rowsOf(p.m, 0, n/2)), HNSWOptions{}); err != nil {
		t.Fatal(err)
	}
	for lo, step := n/2, n/20; lo < n; lo += step {
		if _, err := UpdateHNSW(t.Context(), path, p.change(r, lo, lo+step), HNSWOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	ids, m := p.fresh()
	flat, err := NewFlat(ids, m, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	recall := func(path string) float64 {
		h, err := OpenHNSW(path)
		if err != nil || h.Len() != len(ids) || h.Verify() != nil {
			t.Fatal(err)
		}
		defer h.Close()
		got, err := h.Search(t.Context(), queries, 10, HNSWQuery{Ef: 16})
		if err != nil {
			t.Fatal(err)
		}
		return recallOf(t, flat, queries, nil, got)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if err := BuildHNSW(t.Context(), fresh, ids, MatrixSource(m), HNSWOptions{}); err != nil {
		t.Fatal(err)
	}
	changed, anew := recall(path), recall(fresh)
	t.Logf("%d documents, ef 16: recall@10 %.4f after ten changes, %.4f built anew", len(ids), changed, anew)
	if changed < 0.9 || changed < anew-0.02 {
		t.Errorf("recall %.4f, built anew %.4f", changed, anew)
	}
}
