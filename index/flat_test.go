package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
)

// vectorsWithTies makes n vectors of which many are equal, so that ties cross every cut-off.
func vectorsWithTies(seed uint64, n, d int) ([]string, labrador.Matrix) {
	random := rand.New(rand.NewPCG(seed, 7))
	m := labrador.NewMatrix(n, d)
	ids := make([]string, n)
	for i := range n {
		ids[i] = fmt.Sprintf("d%d", random.Uint32()<<8|uint32(i))
		if i > 0 && random.IntN(3) == 0 {
			copy(m.Row(i), m.Row(random.IntN(i)))
			continue
		}
		for j := range d {
			m.Row(i)[j] = float32(random.NormFloat64())
		}
	}
	return ids, m
}

// bruteForce sorts every document by the index's own score of it: what Search must return.
func bruteForce(f *Flat, q []float32, k int, allow *Filter) []labrador.Hit {
	s := newScan(f, labrador.Matrix{Rows: 1, Cols: len(q), Data: q}, 0, 1, k, allow)
	var hits []labrador.Hit
	for row := range f.Len() {
		if allow.has(row) {
			hits = append(hits, labrador.Hit{ID: f.ID(row), Score: s.score(0, row)})
		}
	}
	labrador.SortHits(hits)
	return hits[:min(k, len(hits))]
}

func TestFlatEqualsBruteForce(t *testing.T) {
	dir := t.TempDir()
	for _, format := range []Format{F32, BF16, Int8, Binary} {
		for _, metric := range []Metric{Cosine, InnerProduct} {
			if format == Binary && metric == InnerProduct {
				continue
			}
			for _, n := range []int{1, 3, 70, 1300} {
				ids, m := vectorsWithTies(uint64(n), n, 37)
				path := filepath.Join(dir, "x.flat")
				if err := BuildFlat(t.Context(), path, ids, MatrixSource(m), FlatOptions{Format: format, Metric: metric}); err != nil {
					t.Fatal(err)
				}
				f, err := OpenFlat(path)
				if err != nil {
					t.Fatal(err)
				}
				_, queries := vectorsWithTies(99, 9, 37)
				copy(queries.Row(0), m.Row(0))
				half := f.Filter(ids[:(n+1)/2])
				for _, k := range []int{1, 2, 10, 100, 5000} {
					for _, allow := range []*Filter{nil, half} {
						checkFlat(t, f, queries, k, allow)
					}
				}
				f.Close()
			}
		}
	}
}

func checkFlat(t *testing.T, f *Flat, queries labrador.Matrix, k int, allow *Filter) {
	t.Helper()
	together, err := f.Search(context.Background(), queries, k, allow)
	if err != nil {
		t.Fatal(err)
	}
	for q := range queries.Rows {
		want := bruteForce(f, queries.Row(q), k, allow)
		alone, err := f.Search(context.Background(), labrador.Matrix{Rows: 1, Cols: queries.Cols, Data: queries.Row(q)}, k, allow)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(together[q], want) || !slices.Equal(alone[0], want) {
			t.Fatalf("%v, n %d, k %d, query %d:\nbatch %v\nalone %v\n want %v", f.Options(), f.Len(), k, q, together[q], alone[0], want)
		}
	}
}

// TestFlatScores compares with inner products and cosines summed in float64.
func TestFlatScores(t *testing.T) {
	ids, m := vectorsWithTies(5, 200, 48)
	_, queries := vectorsWithTies(6, 4, 48)
	for _, metric := range []Metric{Cosine, InnerProduct} {
		f, err := NewFlat(ids, m, metric)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := f.Search(t.Context(), queries, 200, nil)
		if err != nil {
			t.Fatal(err)
		}
		for q := range queries.Rows {
			for _, h := range hits[q] {
				row := m.Row(slices.Index(ids, h.ID))
				var dot, qq, xx float64
				for i, x := range row {
					y := queries.Row(q)[i]
					dot, qq, xx = dot+float64(x)*float64(y), qq+float64(y)*float64(y), xx+float64(x)*float64(x)
				}
				if metric == Cosine {
					dot /= math.Sqrt(qq * xx)
				}
				if math.Abs(dot-float64(h.Score)) > 1e-5*math.Max(1, math.Abs(dot)) {
					t.Fatalf("%s: %v, want %v", metric, h.Score, dot)
				}
			}
		}
	}
}

// TestFlatKeep asks that int8 and binary with kept vectors give exact scores, and with enough candidates the exact hits.
func TestFlatKeep(t *testing.T) {
	ids, m := vectorsWithTies(8, 900, 64)
	_, queries := vectorsWithTies(9, 5, 64)
	exact, err := NewFlat(ids, m, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := exact.Search(t.Context(), queries, 10, nil)
	for _, o := range []FlatOptions{{Format: Int8, Keep: F32}, {Format: Binary, Keep: F32, Oversample: 90}} {
		path := filepath.Join(t.TempDir(), "x")
		if err := BuildFlat(t.Context(), path, ids, MatrixSource(m), o); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFlat(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Search(t.Context(), queries, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		for q := range got {
			if !slices.Equal(got[q], want[q]) {
				t.Errorf("%v: got %v\nwant %v", o, got[q], want[q])
			}
		}
		f.Close()
	}
}

func TestFlatRefuses(t *testing.T) {
	m := labrador.NewMatrix(2, 3)
	if _, err := NewFlat([]string{"a", "a"}, m, Cosine); err == nil {
		t.Error("an id twice")
	}
	if _, err := NewFlat([]string{"a"}, m, Cosine); err == nil {
		t.Error("one id for two vectors")
	}
	m.Data[4] = float32(math.NaN())
	if _, err := NewFlat([]string{"a", "b"}, m, Cosine); err == nil {
		t.Error("NaN")
	}
	for _, o := range []FlatOptions{{Format: "f8"}, {Metric: "l1"}, {Keep: F32}, {Format: Binary, Metric: InnerProduct}, {Format: Int8, Keep: Int8}} {
		if o.Validate() == nil {
			t.Errorf("%+v", o)
		}
	}
}

// TestFlatDamage flips bytes all over a file: every flip is an error, at opening or when a search touches it, or lies in
// the padding between sections.
func TestFlatDamage(t *testing.T) {
	ids, m := vectorsWithTies(3, 40, 8)
	path := filepath.Join(t.TempDir(), "x.flat")
	if err := BuildFlat(t.Context(), path, ids, MatrixSource(m), FlatOptions{Format: Int8, Keep: F32, Oversample: 40}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	search := func(data []byte) ([][]labrador.Hit, error) {
		f, err := readFlat(data)
		if err != nil {
			return nil, err
		}
		return f.Search(context.Background(), labrador.Matrix{Rows: 2, Cols: 8, Data: m.Data[:16]}, 40, nil)
	}
	want, err := search(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 3 {
		b := slices.Clone(whole)
		b[i] ^= 0x40
		if got, err := search(b); err == nil && !slices.EqualFunc(got, want, slices.Equal[[]labrador.Hit]) {
			t.Fatalf("a flip at %d of %d changed hits without an error", i, len(whole))
		}
	}
	for n := 0; n < len(whole); n += 7 {
		if _, err := search(whole[:n]); err == nil {
			t.Fatalf("a file cut at %d of %d is read", n, len(whole))
		}
	}
}

func FuzzFlat(f *testing.F) {
	ids, m := vectorsWithTies(3, 5, 8)
	path := filepath.Join(f.TempDir(), "x.flat")
	if err := BuildFlat(context.Background(), path, ids, MatrixSource(m), FlatOptions{}); err != nil {
		f.Fatal(err)
	}
	whole, _ := os.ReadFile(path)
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		flat, err := readFlat(data)
		if err != nil {
			return
		}
		flat.Search(t.Context(), labrador.NewMatrix(1, flat.Dimensions()), 3, nil)
	})
}

func BenchmarkFlat(b *testing.B) {
	const n, d, nq = 100_000, 768, 512
	random := rand.New(rand.NewPCG(1, 2))
	m, q := labrador.NewMatrix(n, d), labrador.NewMatrix(nq, d)
	ids := make([]string, n)
	for i := range m.Data {
		m.Data[i] = float32(random.NormFloat64())
	}
	for i := range q.Data {
		q.Data[i] = float32(random.NormFloat64())
	}
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	for _, format := range []Format{F32, BF16, Int8, Binary} {
		path := filepath.Join(b.TempDir(), "x")
		if err := BuildFlat(context.Background(), path, ids, MatrixSource(m), FlatOptions{Format: format}); err != nil {
			b.Fatal(err)
		}
		f, err := OpenFlat(path)
		if err != nil {
			b.Fatal(err)
		}
		f.SetThreads(1)
		for _, batch := range []int{1, nq} {
			b.Run(fmt.Sprintf("%s/batch=%d", format, batch), func(b *testing.B) {
				part := labrador.Matrix{Rows: batch, Cols: d, Data: q.Data[:batch*d]}
				for b.Loop() {
					if _, err := f.Search(b.Context(), part, 100, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*n*d*float64(batch)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
