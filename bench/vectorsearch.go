package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
)

// VectorOptions say what the vector indexes are measured on.
type VectorOptions struct {
	N, D, Q, K int
	Threads    int
	Rounds     int
	Data       string // of NewVectors
	// Load takes the place of made vectors. The documents that it returns are let go before an index is searched, so that
	// they do not count as memory of the search.
	Load  func() (docs, queries labrador.Matrix, err error)
	M, Ef int // of HNSW; 0 the defaults
}

// load makes or takes the vectors.
func (o *VectorOptions) load() (docs, queries labrador.Matrix, err error) {
	if o.Load != nil {
		if docs, queries, err = o.Load(); err != nil {
			return docs, queries, err
		}
		o.N, o.D, o.Q = docs.Rows, docs.Cols, queries.Rows
		if o.N == 0 || o.Q == 0 || queries.Cols != o.D {
			return docs, queries, fmt.Errorf("bench: %d documents of %d dimensions, %d queries of %d", o.N, o.D, o.Q, queries.Cols)
		}
		return docs, queries, nil
	}
	v, err := NewVectors(o.Data, o.D)
	if err != nil {
		return docs, queries, err
	}
	return v.Make(0, o.N), v.Make(1, o.Q), nil
}

// fileMB is a file's size in 2^20 bytes.
func fileMB(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size() >> 20
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%09d", i)
	}
	return ids
}

// Flat measures exact search in each format and hands every row to emit. Recall is against the f32 index.
func Flat(ctx context.Context, o VectorOptions, formats []index.Format, emit func(Row)) error {
	docs, queries, err := o.load()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "labrador-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	exact, err := index.NewFlat(numbered(o.N), docs, index.InnerProduct)
	if err != nil {
		return err
	}
	exact.SetThreads(o.Threads)
	truth, err := exact.Search(ctx, queries, o.K, nil)
	if err != nil {
		return err
	}
	paths := map[index.Format]string{}
	build := map[index.Format]float64{}
	for _, f := range formats {
		paths[f] = filepath.Join(dir, string(f))
		metric := index.InnerProduct
		if f == index.Binary {
			metric = index.Cosine
		}
		build[f], err = seconds(func() error {
			return index.BuildFlat(ctx, paths[f], numbered(o.N), index.MatrixSource(docs), index.FlatOptions{Format: f, Metric: metric})
		})
		if err != nil {
			return err
		}
	}
	docs, exact = labrador.Matrix{}, nil
	debug.FreeOSMemory()
	for _, f := range formats {
		row, err := flatRow(ctx, o, f, paths[f], queries, truth)
		if err != nil {
			return err
		}
		emit(row.With(Row{"add_s": round(build[f], 2), "index_mb": fileMB(paths[f])}))
	}
	return nil
}

var width = map[index.Format]float64{index.F32: 4, index.BF16: 2, index.Int8: 1, index.Binary: 0.125}

func flatRow(ctx context.Context, o VectorOptions, format index.Format, path string, queries labrador.Matrix, truth [][]labrador.Hit) (Row, error) {
	f, err := index.OpenFlat(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	f.SetThreads(o.Threads)
	var got [][]labrador.Hit
	search := func(q labrador.Matrix) func() error {
		return func() (err error) { got, err = f.Search(ctx, q, o.K, nil); return err }
	}
	one := func(i int) labrador.Matrix { return labrador.Matrix{Rows: 1, Cols: o.D, Data: queries.Row(i)} }
	if err := search(one(0))(); err != nil { // reads the file and compares its checksums
		return nil, err
	}
	median, best, err := rounds(o.Rounds, search(queries))
	if err != nil {
		return nil, err
	}
	found := got
	single := min(100, o.Q)
	alone, err := seconds(func() error {
		for i := range single {
			if err := search(one(i))(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n, d, q := float64(o.N), float64(o.D), float64(o.Q)
	rss, _ := Memory()
	row := New("flat-"+string(format), o.Threads).With(Row{"data": o.Data, "n": o.N, "d": o.D, "k": o.K, "q": o.Q,
		"qps_batch": round(q/median, 2), "qps_best": round(q/best, 2), "qps_single": round(float64(single)/alone, 2),
		"gflops": round(2*n*d*q/median/1e9, 1), "gb_per_s": round(n*d*width[format]*float64(single)/alone/1e9, 1),
		"recall_10": recall(found, truth, min(10, o.K)), "rss_mb": rss})
	row[fmt.Sprintf("recall_%d", o.K)] = recall(found, truth, o.K)
	return row, nil
}

// recall is the mean share of the k best true hits that were found.
func recall(found, truth [][]labrador.Hit, k int) float64 {
	var have, all int
	for q := range truth {
		ids := map[string]bool{}
		for _, h := range found[q][:min(k, len(found[q]))] {
			ids[h.ID] = true
		}
		for _, h := range truth[q][:min(k, len(truth[q]))] {
			all++
			if ids[h.ID] {
				have++
			}
		}
	}
	return round(float64(have)/float64(max(1, all)), 5)
}

// HNSW builds a graph and measures it at each ef of the list, and at the ef it was tuned to.
func HNSW(ctx context.Context, o VectorOptions, format index.Format, efs []int, emit func(Row)) error {
	docs, queries, err := o.load()
	if err != nil {
		return err
	}
	exact, err := index.NewFlat(numbered(o.N), docs, index.InnerProduct)
	if err != nil {
		return err
	}
	truth, err := exact.Search(ctx, queries, o.K, nil)
	if err != nil {
		return err
	}
	exact = nil
	dir, err := os.MkdirTemp("", "labrador-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "hnsw")
	opts := index.HNSWOptions{M: o.M, EfConstruction: o.Ef, Format: format, Metric: index.InnerProduct, Threads: o.Threads}
	build, err := seconds(func() error {
		return index.BuildHNSW(ctx, path, numbered(o.N), index.MatrixSource(docs), opts)
	})
	if err != nil {
		return err
	}
	docs = labrador.Matrix{}
	debug.FreeOSMemory()
	h, err := index.OpenHNSW(path)
	if err != nil {
		return err
	}
	defer h.Close()
	h.SetThreads(o.Threads)
	tuned, claimed := h.Tuned()
	for _, ef := range append(efs, tuned) {
		row, err := hnswRow(ctx, o, h, ef, queries, truth)
		if err != nil {
			return err
		}
		row.With(Row{"format": format, "build_s": round(build, 1), "index_mb": fileMB(path)})
		if ef == tuned {
			row.With(Row{"tuned": true, "tuned_recall": round(claimed, 4)})
		}
		emit(row)
	}
	return nil
}

func hnswRow(ctx context.Context, o VectorOptions, h *index.HNSW, ef int, queries labrador.Matrix, truth [][]labrador.Hit) (Row, error) {
	var found [][]labrador.Hit
	search := func() (err error) {
		found, err = h.Search(ctx, queries, o.K, index.HNSWQuery{Ef: ef})
		return err
	}
	if err := search(); err != nil {
		return nil, err
	}
	median, _, err := rounds(o.Rounds, search)
	if err != nil {
		return nil, err
	}
	single := min(100, o.Q)
	alone, err := seconds(func() error {
		for i := range single {
			if _, err := h.Search(ctx, labrador.Matrix{Rows: 1, Cols: o.D, Data: queries.Row(i)}, o.K, index.HNSWQuery{Ef: ef}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rss, _ := Memory()
	return New("hnsw", o.Threads).With(Row{"data": o.Data, "n": o.N, "d": o.D, "k": o.K, "q": o.Q, "efSearch": ef,
		"qps_batch": round(float64(o.Q)/median, 1), "qps_single": round(float64(single)/alone, 1),
		"recall_10": recall(found, truth, min(10, o.K)), "rss_mb": rss}), nil
}
