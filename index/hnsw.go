package index

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/internal/sections"
	"github.com/labrador-lab/labrador/kernel"
)

// HNSWOptions are the settings of an HNSW (Malkov and Yashunin 2018). The zero value is cosine over int8 codes with float32
// vectors kept for exact scores, tuned for a recall@10 of 0.98.
type HNSWOptions struct {
	// M is the number of neighbours of a node on the upper layers; the lowest has twice as many. Default 16.
	M int
	// EfConstruction is the number of candidates that an insertion looks at. Default 200.
	EfConstruction int
	// Format keeps the vectors that the graph is walked by: F32, BF16 or Int8. Default Int8.
	Format Format
	// Keep also stores F32 or BF16 vectors, from which the best candidates get their scores. Default F32 under Int8, none
	// otherwise.
	Keep Format
	// Metric compares vectors. Default Cosine.
	Metric Metric
	// Seed fixes layers and the order of insertion. The index has the same bytes whatever the number of threads.
	Seed uint64
	// Recall is the recall@10 that the default ef is tuned for. Default 0.98.
	Recall float64
	// Queries are vectors of queries like those that will be asked: ef is tuned on one half of them (at most 400) and measured on another
	// (at most 400). Fewer than 20 are not looked at. Without them ef is tuned on queries made of the index's own vectors, which can be easier
	// or harder.
	Queries labrador.Matrix
	// Threads that build; 0 is one per processor.
	Threads int
	// Progress is called with the number of vectors inserted since the last call; may be nil.
	Progress func(int)
}

func (o HNSWOptions) progress(n int) {
	if o.Progress != nil {
		o.Progress(n)
	}
}

func (o HNSWOptions) withDefaults() HNSWOptions {
	if o.M == 0 {
		o.M = 16
	}
	if o.EfConstruction == 0 {
		o.EfConstruction = 200
	}
	if o.Format == "" {
		o.Format = Int8
	}
	if o.Keep == "" && o.Format == Int8 {
		o.Keep = F32
	}
	if o.Metric == "" {
		o.Metric = Cosine
	}
	if o.Recall == 0 {
		o.Recall = 0.98
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return o
}

// Validate says what is wrong with the options.
func (o HNSWOptions) Validate() error {
	o = o.withDefaults()
	if err := (FlatOptions{Format: o.Format, Keep: o.Keep, Metric: o.Metric}).Validate(); err != nil {
		return err
	}
	switch {
	case o.Format == Binary:
		return fmt.Errorf("index: format binary: a graph is walked by f32, bf16 or int8")
	case o.M < 2 || o.M > 256:
		return fmt.Errorf("index: m %d: between 2 and 256", o.M)
	case o.EfConstruction < 1 || o.EfConstruction > 1<<16:
		return fmt.Errorf("index: ef_construction %d: between 1 and 65536", o.EfConstruction)
	case !(o.Recall > 0 && o.Recall <= 1):
		return fmt.Errorf("index: recall %v: above 0, at most 1", o.Recall)
	}
	return nil
}

// HNSW is approximate search over vectors by a hierarchy of neighbour graphs. It is safe for concurrent use until Close.
type HNSW struct {
	meta    hnswMeta
	g       *graph
	ids     *idTable
	threads int
	states  sync.Pool // *walker
	file    *sections.File
	mapped  *mmap.File
	queries labrador.Matrix // those ef was tuned on, then those it was measured on
}

// hnswMeta is the section "meta".
type hnswMeta struct {
	M              int     `json:"m"`
	EfConstruction int     `json:"ef_construction"`
	Format         Format  `json:"format"`
	Keep           Format  `json:"keep,omitempty"`
	Metric         Metric  `json:"metric"`
	Seed           uint64  `json:"seed"`
	Rows           int     `json:"rows"`
	Dims           int     `json:"dims"`
	Entry          uint32  `json:"entry"`
	Target         float64 `json:"target_recall"`
	Ef             int     `json:"ef"`     // tuned
	Reached        float64 `json:"recall"` // as in HNSWTuning; -1 for NaN
	EfMade         int     `json:"ef_made,omitempty"`
	Queries        int     `json:"queries,omitempty"` // that are kept in the file
}

func (m hnswMeta) check() error {
	o := HNSWOptions{M: m.M, EfConstruction: m.EfConstruction, Format: m.Format, Keep: m.Keep, Metric: m.Metric, Recall: m.Target}
	if err := o.Validate(); err != nil {
		return err
	}
	if m.M == 0 || m.EfConstruction == 0 || m.Target == 0 || m.Format == "" || m.Metric == "" { // options may leave them out, a file may not
		return fmt.Errorf("settings are missing: %w", sections.ErrDamaged)
	}
	if m.Rows < 0 || m.Rows >= math.MaxInt32 || m.Dims <= 0 || m.Dims > 1<<17 || m.Ef < 1 || m.EfMade < 0 || m.Queries < 0 || m.Queries > 2*tuneQueries || m.Rows > 0 && int64(m.Entry) >= int64(m.Rows) {
		return fmt.Errorf("%d vectors of %d dimensions, entry %d, ef %d: %w", m.Rows, m.Dims, m.Entry, m.Ef, sections.ErrDamaged)
	}
	return nil
}

// Len is the number of documents.
func (h *HNSW) Len() int { return h.meta.Rows }

// Dimensions is the width of documents and queries.
func (h *HNSW) Dimensions() int { return h.meta.Dims }

// SetThreads bounds the threads of a batch; 0 uses all processors. Not to be called while searches run.
func (h *HNSW) SetThreads(n int) {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	h.threads = n
}

// Close unmaps the index's file.
func (h *HNSW) Close() error {
	if h.mapped == nil {
		return nil
	}
	return h.mapped.Close()
}

// rowStore holds the vectors that a graph is walked by, and those that are kept for exact scores.
type rowStore struct {
	k       *kernel.Kernels
	dims    int
	f32     []float32
	bf16    []kernel.BF16
	codes   []int8
	scales  []float32
	exact32 []float32
	exact16 []kernel.BF16
}

// point is a vector in the forms that a rowStore compares.
type point struct {
	f32   []float32
	codes []int8
	scale float32
}

// row is row i as a point. wide (dims) is scratch for rows that must be widened.
func (r *rowStore) row(i uint32, wide []float32) point {
	lo, hi := int(i)*r.dims, (int(i)+1)*r.dims
	switch {
	case r.codes != nil:
		return point{codes: r.codes[lo:hi], scale: r.scales[i]}
	case r.f32 != nil:
		return point{f32: r.f32[lo:hi]}
	}
	r.k.F32FromBF16(wide, r.bf16[lo:hi])
	return point{f32: wide}
}

// query is q as a point; it must be normalised already where the metric wants it.
func (r *rowStore) query(q []float32, codes []int8) point {
	p := point{f32: q}
	if r.codes != nil {
		p.codes, p.scale = codes, r.k.QuantizeInt8(codes, q)
	}
	return p
}

// near writes the similarity of p with each of ids to out; ints is scratch of the same length.
func (r *rowStore) near(out []float32, ints []int32, p point, ids []uint32) {
	switch {
	case r.codes != nil:
		r.k.DotAtInt8(ints, p.codes, r.codes, ids)
		for i, x := range ints {
			out[i] = float32(x) * p.scale * r.scales[ids[i]]
		}
	case r.f32 != nil:
		r.k.DotAt(out, p.f32, r.f32, ids)
	default:
		r.k.DotAtBF16(out, p.f32, r.bf16, ids)
	}
}

// ahead asks the processor for codes of a row that near will soon be asked for.
func (r *rowStore) ahead(i uint32) {
	if r.codes != nil {
		kernel.Prefetch(r.k, r.codes[int(i)*r.dims:(int(i)+1)*r.dims])
	}
}

// exactAhead asks the processor for a row that exact will soon be asked for.
func (r *rowStore) exactAhead(i uint32) {
	lo, hi := int(i)*r.dims, (int(i)+1)*r.dims
	switch {
	case r.exact32 != nil:
		kernel.Prefetch(r.k, r.exact32[lo:hi])
	case r.exact16 != nil:
		kernel.Prefetch(r.k, r.exact16[lo:hi])
	}
}

// exact is the score of row i that hits carry.
func (r *rowStore) exact(p point, i uint32) float32 {
	lo, hi := int(i)*r.dims, (int(i)+1)*r.dims
	switch {
	case r.exact32 != nil:
		return r.k.Dot(p.f32, r.exact32[lo:hi])
	case r.exact16 != nil:
		return r.k.DotBF16(p.f32, r.exact16[lo:hi])
	case r.f32 != nil:
		return r.k.Dot(p.f32, r.f32[lo:hi])
	case r.bf16 != nil:
		return r.k.DotBF16(p.f32, r.bf16[lo:hi])
	}
	return float32(float64(r.k.DotInt8(p.codes, r.codes[lo:hi])) * float64(p.scale) * float64(r.scales[i]))
}
