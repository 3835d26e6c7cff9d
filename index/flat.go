package index

import (
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/internal/sections"
	"github.com/labrador-lab/labrador/kernel"
)

// Metric says how two vectors are compared. Higher is nearer.
type Metric string

// The metrics. Cosine normalises documents when they are indexed and queries when they are asked; a vector of zeros has
// cosine 0 with everything.
const (
	Cosine       Metric = "cosine"
	InnerProduct Metric = "ip"
)

// Format says how an index keeps vectors.
type Format string

// The formats. Int8 keeps a scale per vector; Binary keeps the signs.
const (
	F32    Format = "f32"
	BF16   Format = "bf16"
	Int8   Format = "int8"
	Binary Format = "binary"
)

// FlatOptions are the settings of a Flat. The zero value keeps float32 and compares by cosine.
type FlatOptions struct {
	Format Format // default F32
	Metric Metric // default Cosine
	// Keep also stores the vectors as F32 or BF16: the best candidates by Format are then scored again from these.
	// "" keeps none.
	Keep Format
	// Oversample is how many candidates per wanted hit are scored again where Keep is set. Default 4.
	Oversample int
}

func (o FlatOptions) withDefaults() FlatOptions {
	if o.Format == "" {
		o.Format = F32
	}
	if o.Metric == "" {
		o.Metric = Cosine
	}
	if o.Oversample == 0 {
		o.Oversample = 4
	}
	return o
}

// Validate says what is wrong with the options.
func (o FlatOptions) Validate() error {
	o = o.withDefaults()
	switch o.Format {
	case F32, BF16, Int8, Binary:
	default:
		return fmt.Errorf("index: format %q: there are f32, bf16, int8 and binary", o.Format)
	}
	switch {
	case o.Metric != Cosine && o.Metric != InnerProduct:
		return fmt.Errorf("index: metric %q: there are cosine and ip", o.Metric)
	case o.Keep != "" && o.Keep != F32 && o.Keep != BF16:
		return fmt.Errorf("index: keep %q: vectors for exact scores are kept as f32 or bf16", o.Keep)
	case o.Keep != "" && (o.Format == F32 || o.Format == o.Keep):
		return fmt.Errorf("index: format %s is scored exactly already, keep %s adds nothing", o.Format, o.Keep)
	case o.Format == Binary && o.Metric != Cosine:
		return errors.New("index: binary vectors keep signs only, which compare by cosine")
	case o.Oversample < 1:
		return fmt.Errorf("index: oversample %d: at least 1", o.Oversample)
	}
	return nil
}

// VectorSource is where an index takes its vectors from, in any order of reads.
type VectorSource interface {
	// Shape is the number of vectors and their width.
	Shape() (rows, cols int)
	// Read fills dst ((hi-lo) * cols) with the rows [lo, hi).
	Read(dst []float32, lo, hi int) error
}

// MatrixSource is a matrix in memory as a VectorSource.
type MatrixSource labrador.Matrix

// Shape is the matrix's.
func (m MatrixSource) Shape() (rows, cols int) { return m.Rows, m.Cols }

// Read copies rows.
func (m MatrixSource) Read(dst []float32, lo, hi int) error {
	copy(dst, m.Data[lo*m.Cols:hi*m.Cols])
	return nil
}

// Flat is exact search over vectors: every query meets every document. Hits equal those of scoring all documents one by
// one and sorting them by labrador.CompareHits, ties included, whatever the batch or the number of threads. It is safe for
// concurrent use until Close.
type Flat struct {
	meta    flatMeta
	ids     *idTable
	k       *kernel.Kernels
	threads int
	// one of these holds the rows, (rows, dims)
	f32    []float32
	bf16   []kernel.BF16
	codes  []int8
	bits   []uint64  // (rows, words)
	scales []float32 // (rows), Int8's
	// and where Keep is set one of these too
	exact32 []float32
	exact16 []kernel.BF16
	file    *sections.File // nil in memory
	mapped  *mmap.File
}

// flatMeta is the section "meta".
type flatMeta struct {
	Format     Format  `json:"format"`
	Metric     Metric  `json:"metric"`
	Keep       Format  `json:"keep,omitempty"`
	Oversample int     `json:"oversample"`
	Rows       int     `json:"rows"`
	Dims       int     `json:"dims"`
	MaxNorm    float32 `json:"max_norm"` // largest length of a kept vector
}

func (m flatMeta) words() int { return (m.Dims + 63) / 64 }

func (m flatMeta) check() error {
	o := FlatOptions{Format: m.Format, Metric: m.Metric, Keep: m.Keep, Oversample: m.Oversample}
	if o != o.withDefaults() { // options may leave out what a file has
		return fmt.Errorf("settings are missing: %w", sections.ErrDamaged)
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if m.Rows < 0 || m.Rows > math.MaxUint32 || m.Dims <= 0 || m.Dims > 1<<17 || !(m.MaxNorm >= 0) {
		return fmt.Errorf("%d vectors of %d dimensions, longest %v: %w", m.Rows, m.Dims, m.MaxNorm, sections.ErrDamaged)
	}
	return nil
}

// NewFlat indexes the rows of m in memory as float32. ids name the rows. Under Cosine the rows are normalised in a copy,
// unless all of them have unit length already.
func NewFlat(ids []string, m labrador.Matrix, metric Metric) (*Flat, error) {
	if len(ids) != m.Rows {
		return nil, fmt.Errorf("index: %d ids for %d vectors", len(ids), m.Rows)
	}
	table, err := newIDTable(ids)
	if err != nil {
		return nil, err
	}
	o := FlatOptions{Metric: metric}.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	f := &Flat{ids: table, k: kernel.Current(), f32: m.Data, threads: runtime.GOMAXPROCS(0)}
	f.meta = flatMeta{Format: F32, Metric: o.Metric, Oversample: o.Oversample, Rows: m.Rows, Dims: m.Cols}
	if err := checkFinite(m.Data, 0, m.Cols); err != nil {
		return nil, err
	}
	unit := true
	for i := range m.Rows {
		n := norm(m.Row(i))
		f.meta.MaxNorm = max(f.meta.MaxNorm, n)
		unit = unit && math.Abs(float64(n)-1) < 1e-6
	}
	if o.Metric == Cosine && !unit {
		f.f32, f.meta.MaxNorm = make([]float32, len(m.Data)), 1
		for i := range m.Rows {
			f.k.Normalize(f.f32[i*m.Cols:(i+1)*m.Cols], m.Row(i))
		}
	}
	return f, nil
}

func norm(v []float32) float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return float32(math.Sqrt(sum))
}

// checkFinite refuses NaN and infinities; first is the number of the first row of data.
func checkFinite(data []float32, first, cols int) error {
	for i, x := range data {
		if x-x != 0 {
			return fmt.Errorf("index: vector %d holds %v in dimension %d", first+i/cols, x, i%cols)
		}
	}
	return nil
}

// SetThreads bounds the threads of a search; 0 uses all processors. Not to be called while searches run.
func (f *Flat) SetThreads(n int) {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	f.threads = n
}

// Len is the number of documents.
func (f *Flat) Len() int { return f.meta.Rows }

// Dimensions is the width of documents and queries.
func (f *Flat) Dimensions() int { return f.meta.Dims }

// Options are the settings that the index was built with.
func (f *Flat) Options() FlatOptions {
	return FlatOptions{Format: f.meta.Format, Metric: f.meta.Metric, Keep: f.meta.Keep, Oversample: f.meta.Oversample}
}

// ID is the id of row i.
func (f *Flat) ID(i int) string { return f.ids.id(uint32(i)) }

// Close unmaps the index's file.
func (f *Flat) Close() error {
	if f.mapped == nil {
		return nil
	}
	return f.mapped.Close()
}
