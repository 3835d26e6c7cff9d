package index

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/kernel"
)

// Filter is a set of an index's documents.
type Filter struct {
	words []uint64
	count int
}

// Filter makes the set of the documents with the given ids; ids that the index does not hold are left out.
func (f *Flat) Filter(ids []string) *Filter { return f.ids.filter(ids) }

func (t *idTable) filter(ids []string) *Filter {
	want := make(map[string]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	set := &Filter{words: make([]uint64, (t.rows()+63)/64)}
	for row := range t.rows() {
		if want[string(t.text[t.offsets[row]:t.offsets[row+1]])] {
			set.words[row/64] |= 1 << (row % 64)
			set.count++
		}
	}
	return set
}

func (s *Filter) has(row int) bool { return s == nil || s.words[row/64]>>(row%64)&1 == 1 }

// Len is the number of documents in the set.
func (s *Filter) Len() int { return s.count }

const (
	scanRows   = 512 // rows that a thread takes at a time
	batchLimit = 512 // queries whose product with a block of rows stays in the cache
)

// Search returns the k best documents for each row of queries (Q, Dimensions), best first, among those of allow (nil: all).
func (f *Flat) Search(ctx context.Context, queries labrador.Matrix, k int, allow *Filter) ([][]labrador.Hit, error) {
	if queries.Cols != f.meta.Dims && queries.Rows > 0 {
		return nil, fmt.Errorf("index: queries have %d dimensions, the index has %d", queries.Cols, f.meta.Dims)
	}
	if err := checkFinite(queries.Data, 0, max(1, queries.Cols)); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	k = min(max(k, 0), f.meta.Rows)
	all := make([][]labrador.Hit, queries.Rows)
	if k == 0 {
		return all, nil
	}
	for lo := 0; lo < queries.Rows; lo += batchLimit {
		hi := min(queries.Rows, lo+batchLimit)
		s := newScan(f, queries, lo, hi, k, allow)
		if err := s.run(ctx); err != nil {
			return nil, err
		}
		for q := range hi - lo {
			hits, err := s.hits(q, k)
			if err != nil {
				return nil, err
			}
			all[lo+q] = hits
		}
	}
	return all, nil
}

// scan is one pass of a batch of queries over all rows.
type scan struct {
	f       *Flat
	allow   *Filter
	queries [][]float32 // normalised under Cosine
	codes   [][]int8    // Int8: the queries' codes
	qscale  []float32   // Int8: and scales
	signs   [][]uint64  // Binary
	slack   []float32   // how far a product's score may be from the exact one
	packed  *kernel.Packed
	depth   int
	workers []scanWorker
}

// scanWorker is what one thread holds.
type scanWorker struct {
	best   []topK
	limits []float32
	out    kernel.Mat // (scanRows, queries)
	pos    []int32
	ints   []int32
	pool   *kernel.Pool
}

func newScan(f *Flat, queries labrador.Matrix, lo, hi, k int, allow *Filter) *scan {
	s := &scan{f: f, allow: allow, depth: k}
	if f.meta.Keep != "" {
		s.depth = f.meta.Rows
		if k <= f.meta.Rows/f.meta.Oversample { // their product may be beyond int
			s.depth = k * f.meta.Oversample
		}
	}
	for i := lo; i < hi; i++ {
		s.addQuery(queries.Row(i))
	}
	if len(s.queries) > 1 && f.meta.Format != Binary {
		if f.meta.Format == Int8 {
			s.packed = f.k.PackInt8(len(s.codes), f.meta.Dims, slices.Concat(s.codes...), s.qscale)
		} else {
			format := kernel.FormatF32
			if f.meta.Format == BF16 {
				format = kernel.FormatBF16
			}
			s.packed = f.k.Pack(format, len(s.queries), f.meta.Dims, func(i int, dst []float32) { copy(dst, s.queries[i]) })
		}
	}
	return s
}

func (s *scan) addQuery(q []float32) {
	f := s.f
	if f.meta.Metric == Cosine {
		unit := make([]float32, len(q))
		f.k.Normalize(unit, q)
		q = unit
	}
	// Two sums of n products in different orders differ by at most 2 n u |q| |x| (Higham 2002, section 3.1); a query
	// rounded to bfloat16 adds a 2^-8 of |q| |x|; int8 products are exact but for the two scales.
	bound := norm(q) * f.meta.MaxNorm
	rel := float32(len(q)) * 0x1p-22
	if f.meta.Format == BF16 {
		rel += 0x1p-8
	}
	s.queries = append(s.queries, q)
	s.slack = append(s.slack, bound*rel)
	switch f.meta.Format {
	case Int8:
		codes := make([]int8, len(q))
		s.qscale = append(s.qscale, f.k.QuantizeInt8(codes, q))
		s.codes = append(s.codes, codes)
	case Binary:
		s.signs = append(s.signs, appendSigns(nil, q))
	}
}

// run spreads the rows over threads by a counter.
func (s *scan) run(ctx context.Context) error {
	blocks := (s.f.meta.Rows + scanRows - 1) / scanRows
	threads := max(1, min(s.f.threads, blocks))
	s.workers = make([]scanWorker, threads)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func(w *scanWorker) {
		s.start(w)
		defer w.pool.Close()
		for failed.Load() == nil {
			b := int(next.Add(1)) - 1
			if b >= blocks {
				return
			}
			err := ctx.Err()
			if err == nil {
				err = s.block(w, b*scanRows, min(s.f.meta.Rows, (b+1)*scanRows))
			}
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}
	}
	var wg sync.WaitGroup
	for t := 1; t < threads; t++ {
		wg.Go(func() { work(&s.workers[t]) })
	}
	work(&s.workers[0])
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *scan) start(w *scanWorker) {
	n := len(s.queries)
	w.pool = kernel.NewPool(1)
	w.best = make([]topK, n)
	w.limits = make([]float32, n)
	for q := range n {
		w.best[q].k = s.depth
		w.limits[q] = float32(math.Inf(-1))
	}
	w.pos = make([]int32, max(n, scanRows))
	w.ints = make([]int32, scanRows)
	w.out = kernel.MatOf(make([]float32, scanRows*max(1, n)), scanRows, n)
}

// block scores the rows [lo, hi) for all queries.
func (s *scan) block(w *scanWorker, lo, hi int) error {
	if s.allow != nil && !anyBit(s.allow.words, lo, hi) {
		return nil
	}
	f := s.f
	if err := f.touch("vectors", lo, hi); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if s.packed == nil {
		for q := range s.queries {
			s.single(w, q, lo, hi)
		}
		return nil
	}
	d, n := f.meta.Dims, len(s.queries)
	out := kernel.MatOf(w.out.Data[:(hi-lo)*n], hi-lo, n)
	switch f.meta.Format {
	case F32:
		s.packed.Linear(w.pool, out, kernel.MatOf(f.f32[lo*d:hi*d], hi-lo, d))
	case BF16:
		s.packed.RowsBF16(w.pool, out, f.bf16[lo*d:hi*d])
	case Int8:
		s.packed.RowsInt8(w.pool, out, f.codes[lo*d:hi*d], f.scales[lo:hi])
	}
	for r := range hi - lo {
		if !s.allow.has(lo + r) {
			continue
		}
		for _, q := range w.pos[:f.k.Above(w.pos, out.Row(r), w.limits)] {
			s.offer(w, int(q), lo+r)
		}
	}
	return nil
}

// anyBit reports whether a bit of [lo, hi) is set; lo is a multiple of 64.
func anyBit(words []uint64, lo, hi int) bool {
	for _, w := range words[lo/64 : (hi+63)/64] {
		if w != 0 {
			return true
		}
	}
	return false
}

// single scores the rows [lo, hi) for one query at the speed of memory.
func (s *scan) single(w *scanWorker, q, lo, hi int) {
	f, d := s.f, s.f.meta.Dims
	scores, ints := w.out.Data[:hi-lo], w.ints[:hi-lo]
	switch f.meta.Format {
	case F32:
		f.k.DotRows(scores, s.queries[q], f.f32[lo*d:hi*d])
	case BF16:
		f.k.DotRowsBF16(scores, s.queries[q], f.bf16[lo*d:hi*d])
	case Int8:
		f.k.DotRowsInt8(ints, s.codes[q], f.codes[lo*d:hi*d])
		for r, x := range ints {
			scores[r] = f.int8Score(x, s.qscale[q], lo+r)
		}
	case Binary:
		words := f.meta.words()
		f.k.HammingRows(ints, s.signs[q], f.bits[lo*words:hi*words])
		for r, x := range ints {
			scores[r] = f.binaryScore(int(x))
		}
	}
	for _, r := range w.pos[:f.k.Greater(w.pos, scores, w.limits[q])] {
		if s.allow.has(lo + int(r)) {
			s.offer(w, q, lo+int(r))
		}
	}
}

func (f *Flat) int8Score(dot int32, qscale float32, row int) float32 {
	return float32(float64(dot) * float64(qscale) * float64(f.scales[row]))
}

// binaryScore is the cosine of two vectors of signs that differ in h places.
func (f *Flat) binaryScore(h int) float32 { return 1 - 2*float32(h)/float32(f.meta.Dims) }

// offer scores a row that may be among the best exactly and offers it.
func (s *scan) offer(w *scanWorker, q, row int) {
	best := &w.best[q]
	best.push(candidate{s.score(q, row), uint32(row), s.f.ids.ranks[row]})
	w.limits[q] = best.limit(s.slack[q])
}

// score is the score that defines the index's order: a sum in the order of Dot, the same in every batch.
func (s *scan) score(q, row int) float32 {
	f, d := s.f, s.f.meta.Dims
	switch f.meta.Format {
	case F32:
		return f.k.Dot(s.queries[q], f.f32[row*d:(row+1)*d])
	case BF16:
		return f.k.DotBF16(s.queries[q], f.bf16[row*d:(row+1)*d])
	case Int8:
		return f.int8Score(f.k.DotInt8(s.codes[q], f.codes[row*d:(row+1)*d]), s.qscale[q], row)
	}
	words := f.meta.words()
	h := 0
	for i, x := range s.signs[q] {
		h += bits.OnesCount64(x ^ f.bits[row*words+i])
	}
	return f.binaryScore(h)
}

// hits merges the threads' candidates of query q, scores them again where exact vectors are kept, and names them.
func (s *scan) hits(q, k int) ([]labrador.Hit, error) {
	all := topK{k: s.depth}
	for i := range s.workers {
		for _, c := range s.workers[i].best[q].heap {
			all.push(c)
		}
	}
	list := all.sorted()
	if s.f.meta.Keep != "" {
		for i, c := range list {
			if err := s.f.touch("exact", int(c.row), int(c.row)+1); err != nil {
				return nil, fmt.Errorf("index: %w", err)
			}
			list[i].score = s.exact(q, int(c.row))
		}
		slices.SortFunc(list, compareCandidates)
		list = list[:min(k, len(list))]
	}
	out := make([]labrador.Hit, len(list))
	for i, c := range list {
		out[i] = labrador.Hit{ID: s.f.ids.id(c.row), Score: c.score}
	}
	return out, nil
}

func (s *scan) exact(q, row int) float32 {
	d := s.f.meta.Dims
	if s.f.exact32 != nil {
		return s.f.k.Dot(s.queries[q], s.f.exact32[row*d:(row+1)*d])
	}
	return s.f.k.DotBF16(s.queries[q], s.f.exact16[row*d:(row+1)*d])
}
