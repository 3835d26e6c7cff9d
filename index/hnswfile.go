package index

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/internal/sections"
	"github.com/labrador-lab/labrador/kernel"
)

// An HNSW's file is a container of package sections of kind "hnsw", version 2, with a checksum for each 4096 bytes, so that a search reads
// little more of the disk than it needs (version 1 had one for each megabyte, and is compared whole when it is opened):
//
//	vectors, scales, exact    as in a Flat's file
//	levels                    uint8 per row: its highest layer
//	links0, count0            layer 0: 2m uint32 per row, and a uint16 of how many are used
//	upper, countu             the layers above 0, row after row, layer 1 first: m uint32, and a uint16 of how many are used
//	ids, idoffsets, idranks   as in a Flat's file
//	queries                   float32: where queries were given, those that ef was tuned on (the first half of them, rounded down), then
//	                          those that its recall was measured on
//	meta                      settings, shape, entry point, the tuned ef and its recall, as JSON
const hnswVersion = 2

const hnswKind = "hnsw"

// BuildHNSW writes an index of the source's vectors, which ids name, to the file path, tuned for the wanted recall. The file appears whole or not at all. All vectors are
// in memory meanwhile.
func BuildHNSW(ctx context.Context, path string, ids []string, src VectorSource, opts HNSWOptions) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	h, err := newHNSW(ids, src, opts.withDefaults())
	if err != nil {
		return err
	}
	if err := h.insert(ctx, 0, opts.withDefaults()); err != nil {
		return err
	}
	return h.save(ctx, path)
}

// newHNSW loads the vectors; nothing is linked yet.
func newHNSW(ids []string, src VectorSource, o HNSWOptions) (*HNSW, error) {
	rows, dims := src.Shape()
	if len(ids) != rows {
		return nil, fmt.Errorf("index: %d ids for %d vectors", len(ids), rows)
	}
	table, err := newIDTable(ids)
	if err != nil {
		return nil, err
	}
	h := &HNSW{ids: table, threads: o.Threads}
	h.meta = hnswMeta{M: o.M, EfConstruction: o.EfConstruction, Format: o.Format, Keep: o.Keep, Metric: o.Metric, Seed: o.Seed,
		Rows: rows, Dims: dims, Target: o.Recall, Ef: 64, Reached: -1}
	if err := h.meta.check(); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	store := &rowStore{k: kernel.Current(), dims: dims}
	if err := store.load(src, 0, h.meta); err != nil {
		return nil, err
	}
	h.g = newGraph(store, rows, o.M, o.Seed)
	return h, h.sample(o.Queries)
}

// load appends the rows of src, of which first is the first row's number in the index.
func (r *rowStore) load(src VectorSource, first int, meta hnswMeta) error {
	rows, dims := src.Shape()
	r.grow(rows, meta)
	block := make([]float32, flatBlock*dims)
	for lo := 0; lo < rows; lo += flatBlock {
		hi := min(rows, lo+flatBlock)
		part := block[:(hi-lo)*dims]
		if err := src.Read(part, lo, hi); err != nil {
			return fmt.Errorf("index: vectors %d to %d: %w", lo, hi, err)
		}
		if err := checkFinite(part, first+lo, dims); err != nil {
			return err
		}
		for at := 0; at < len(part); at += dims {
			row := part[at : at+dims]
			if meta.Metric == Cosine {
				r.k.Normalize(row, row)
			}
			r.add(row, meta)
		}
	}
	return nil
}

// grow makes room for n more rows at once: appending alone would hold the rows twice, and more, meanwhile.
func (r *rowStore) grow(n int, meta hnswMeta) {
	n *= r.dims
	switch meta.Format {
	case F32:
		r.f32 = slices.Grow(r.f32, n)
	case BF16:
		r.bf16 = slices.Grow(r.bf16, n)
	case Int8:
		r.codes = slices.Grow(r.codes, n)
	}
	switch meta.Keep {
	case F32:
		r.exact32 = slices.Grow(r.exact32, n)
	case BF16:
		r.exact16 = slices.Grow(r.exact16, n)
	}
}

// add appends one row in the index's formats.
func (r *rowStore) add(row []float32, meta hnswMeta) {
	half := func(list []kernel.BF16) []kernel.BF16 {
		list = append(list, make([]kernel.BF16, len(row))...)
		r.k.BF16FromF32(list[len(list)-len(row):], row)
		return list
	}
	switch meta.Format {
	case F32:
		r.f32 = append(r.f32, row...)
	case BF16:
		r.bf16 = half(r.bf16)
	case Int8:
		r.codes = append(r.codes, make([]int8, len(row))...)
		r.scales = append(r.scales, r.k.QuantizeInt8(r.codes[len(r.codes)-len(row):], row))
	}
	switch meta.Keep {
	case F32:
		r.exact32 = append(r.exact32, row...)
	case BF16:
		r.exact16 = half(r.exact16)
	}
}

// insert links the rows from first on, in an order shuffled by the seed, and tunes ef. Some rows wait meanwhile.
func (h *HNSW) insert(ctx context.Context, first int, o HNSWOptions) error {
	order := make([]uint32, h.meta.Rows-first)
	for i := range order {
		order[i] = uint32(first + i)
	}
	random := rand.New(rand.NewPCG(h.meta.Seed, uint64(h.meta.Rows)))
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	held := min(tuneQueries, len(order)/10)
	if err := h.g.insertAll(ctx, order[:len(order)-held], o); err != nil {
		return err
	}
	if held >= minTune {
		if err := h.tuneOnMade(ctx, order[len(order)-held:]); err != nil {
			return err
		}
	}
	if err := h.g.insertAll(ctx, order[len(order)-held:], o); err != nil {
		return err
	}
	h.meta.Entry = h.g.entry
	return h.tuneOnQueries(ctx)
}

// save writes the index to path.
func (h *HNSW) save(ctx context.Context, path string) error {
	return atomicfile.Write(path, func(out io.Writer) error {
		w := sections.NewWriter(out, hnswKind, hnswVersion, sections.Page)
		put := func(name string, parts ...[]byte) {
			w.Begin(name)
			for _, data := range parts {
				for len(data) > 0 && ctx.Err() == nil {
					n := min(len(data), 1<<24)
					w.Write(data[:n])
					data = data[n:]
				}
			}
		}
		r, g := h.g.rows, h.g
		put("vectors", bytesOf(r.f32), bytesOf(r.bf16), bytesOf(r.codes))
		if h.meta.Format == Int8 {
			put("scales", bytesOf(r.scales))
		}
		if h.meta.Keep != "" {
			put("exact", bytesOf(r.exact32), bytesOf(r.exact16))
		}
		put("levels", bytesOf(g.levels))
		put("links0", bytesOf(g.links0))
		put("count0", bytesOf(g.count0))
		put("upper", bytesOf(g.upper))
		put("countu", bytesOf(g.countU))
		h.ids.write(w)
		if h.meta.Queries > 0 {
			put("queries", bytesOf(h.queries.Data))
		}
		w.Begin("meta")
		if err := json.NewEncoder(w).Encode(h.meta); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.Close()
	})
}

// OpenHNSW maps the index file path. What is small is compared with its checksums at once; a row's links and vectors are when a search
// first touches them.
func OpenHNSW(path string) (*HNSW, error) {
	mapped, err := mmap.Open(path)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	h, err := readHNSW(mapped.Data)
	if err != nil {
		mapped.Close()
		return nil, fmt.Errorf("index: %s: %w", path, err)
	}
	h.mapped = mapped
	h.adviseRandom()
	return h, nil
}

func readHNSW(data []byte) (*HNSW, error) {
	file, err := sections.Read(data, hnswKind)
	if err != nil {
		return nil, err
	}
	if file.Version < 1 || file.Version > hnswVersion {
		return nil, fmt.Errorf("version %d, this program reads 1 to %d: build the index again", file.Version, hnswVersion)
	}
	if file.Version == 1 { // a row at a time would be a megabyte at a time
		if err := file.Verify(); err != nil {
			return nil, err
		}
	}
	h := &HNSW{file: file, threads: runtime.GOMAXPROCS(0)}
	meta, err := file.Section("meta")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(meta, &h.meta); err != nil {
		return nil, fmt.Errorf("section meta: %w", err)
	}
	if err := h.meta.check(); err != nil {
		return nil, fmt.Errorf("section meta: %w", err)
	}
	if h.ids, err = readIDTable(file, h.meta.Rows); err != nil {
		return nil, err
	}
	store, err := readRows(file, h.meta)
	if err != nil {
		return nil, err
	}
	if h.meta.Queries > 0 {
		h.queries = labrador.Matrix{Rows: h.meta.Queries, Cols: h.meta.Dims}
		if h.queries.Data, err = uncheckedOf[float32](file, "queries", h.meta.Queries*h.meta.Dims); err != nil {
			return nil, err
		}
	}
	h.g, err = readGraph(file, h.meta, store)
	return h, err
}

func readRows(file *sections.File, meta hnswMeta) (r *rowStore, err error) {
	r = &rowStore{k: kernel.Current(), dims: meta.Dims}
	n := meta.Rows * meta.Dims
	switch meta.Format {
	case F32:
		r.f32, err = uncheckedOf[float32](file, "vectors", n)
	case BF16:
		r.bf16, err = uncheckedOf[kernel.BF16](file, "vectors", n)
	case Int8:
		if r.codes, err = uncheckedOf[int8](file, "vectors", n); err == nil {
			r.scales, err = sectionOf[float32](file, "scales", meta.Rows)
		}
	}
	if err != nil {
		return nil, err
	}
	switch meta.Keep {
	case F32:
		r.exact32, err = uncheckedOf[float32](file, "exact", n)
	case BF16:
		r.exact16, err = uncheckedOf[kernel.BF16](file, "exact", n)
	}
	return r, err
}

func readGraph(file *sections.File, meta hnswMeta, store *rowStore) (*graph, error) {
	g := &graph{rows: store, m: meta.M, entry: meta.Entry, n: meta.Rows}
	var err error
	if g.levels, err = sectionOf[uint8](file, "levels", meta.Rows); err != nil {
		return nil, err
	}
	slots := 0
	for _, level := range g.levels {
		g.base = append(g.base, uint32(slots))
		slots += int(level)
	}
	if g.links0, err = uncheckedOf[uint32](file, "links0", meta.Rows*2*meta.M); err != nil {
		return nil, err
	}
	if g.count0, err = sectionOf[uint16](file, "count0", meta.Rows); err != nil {
		return nil, err
	}
	if g.upper, err = sectionOf[uint32](file, "upper", slots*meta.M); err != nil {
		return nil, err
	}
	if g.countU, err = sectionOf[uint16](file, "countu", slots); err != nil {
		return nil, err
	}
	g.guard = newHNSWGuard(file, meta.Rows)
	return g, g.checkUpper()
}
