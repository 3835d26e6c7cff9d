package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/vectors"
)

// VectorOptions say what the vector indexes are measured on.
type VectorOptions struct {
	N, D, Q, K int
	Threads    int
	Rounds     int
	Data       string // of NewVectors
	// Vectors and Queries name .npy files that take the place of made vectors.
	Vectors, Queries string
	M, Ef            int // of HNSW; 0 the defaults
}

// vectorData is what an index is built from and asked. The documents are mapped, never in the heap, and released before an
// index is opened, so that they do not count as memory of the search.
type vectorData struct {
	dir     string // temporary, for indexes
	docs    *vectors.File
	queries labrador.Matrix
}

// load makes or takes the vectors, and corrects N, D and Q.
func (o *VectorOptions) load() (*vectorData, error) {
	dir, err := os.MkdirTemp("", "labrador-bench-")
	if err != nil {
		return nil, err
	}
	v := &vectorData{dir: dir}
	if o.Vectors == "" {
		err = v.make(o)
	} else if v.docs, err = vectors.OpenNPY(o.Vectors); err == nil {
		v.queries, err = vectors.ReadNPY(o.Queries)
	}
	if err == nil {
		m := v.docs.Matrix
		if o.N, o.D, o.Q = m.Rows, m.Cols, v.queries.Rows; o.N == 0 || o.Q == 0 || v.queries.Cols != o.D {
			err = fmt.Errorf("bench: %d documents of %d dimensions, %d queries of %d", o.N, o.D, o.Q, v.queries.Cols)
		}
	}
	if err != nil {
		v.remove()
		return nil, err
	}
	return v, nil
}

// make writes made documents to a file and maps it.
func (v *vectorData) make(o *VectorOptions) error {
	made, err := NewVectors(o.Data, o.D)
	if err != nil {
		return err
	}
	path := filepath.Join(v.dir, "vectors.npy")
	if err := vectors.WriteNPY(path, made.Make(0, o.N)); err != nil {
		return err
	}
	debug.FreeOSMemory()
	v.queries = made.Make(1, o.Q)
	v.docs, err = vectors.OpenNPY(path)
	return err
}

// release lets go of the documents and of what building left behind.
func (v *vectorData) release() error {
	if v.docs == nil {
		return nil
	}
	err := v.docs.Close()
	v.docs = nil
	runtime.GC() // a sync.Pool holds on to what it lies in, here a built HNSW, for one collection more
	debug.FreeOSMemory()
	return err
}

func (v *vectorData) remove() {
	v.release()
	os.RemoveAll(v.dir)
}

// truth is what an exact search finds.
func (v *vectorData) truth(ctx context.Context, o VectorOptions) ([][]labrador.Hit, error) {
	exact, err := index.NewFlat(numbered(o.N), v.docs.Matrix, index.InnerProduct)
	if err != nil {
		return nil, err
	}
	exact.SetThreads(o.Threads)
	return exact.Search(ctx, v.queries, o.K, nil)
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
	v, err := o.load()
	if err != nil {
		return err
	}
	defer v.remove()
	truth, err := v.truth(ctx, o)
	if err != nil {
		return err
	}
	paths := map[index.Format]string{}
	build := map[index.Format]float64{}
	for _, f := range formats {
		paths[f] = filepath.Join(v.dir, string(f))
		metric := index.InnerProduct
		if f == index.Binary {
			metric = index.Cosine
		}
		build[f], err = seconds(func() error {
			return index.BuildFlat(ctx, paths[f], numbered(o.N), index.MatrixSource(v.docs.Matrix), index.FlatOptions{Format: f, Metric: metric})
		})
		if err != nil {
			return err
		}
	}
	if err := v.release(); err != nil {
		return err
	}
	for _, f := range formats {
		row, err := flatRow(ctx, o, f, paths[f], v.queries, truth)
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
	v, err := o.load()
	if err != nil {
		return err
	}
	defer v.remove()
	truth, err := v.truth(ctx, o)
	if err != nil {
		return err
	}
	path := filepath.Join(v.dir, "hnsw")
	opts := index.HNSWOptions{M: o.M, EfConstruction: o.Ef, Format: format, Metric: index.InnerProduct, Threads: o.Threads}
	build, err := seconds(func() error {
		return index.BuildHNSW(ctx, path, numbered(o.N), index.MatrixSource(v.docs.Matrix), opts)
	})
	if err != nil {
		return err
	}
	if err := v.release(); err != nil {
		return err
	}
	h, err := index.OpenHNSW(path)
	if err != nil {
		return err
	}
	defer h.Close()
	h.SetThreads(o.Threads)
	t := h.Tuned()
	for _, ef := range append(efs, t.Ef) {
		row, err := hnswRow(ctx, o, h, ef, v.queries, truth)
		if err != nil {
			return err
		}
		row.With(Row{"format": format, "build_s": round(build, 1), "index_mb": fileMB(path)})
		if ef == t.Ef {
			row.With(Row{"tuned": true, "tuned_recall": round(t.Recall, 4)})
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
