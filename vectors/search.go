package vectors

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
)

// Metric is how vectors are compared.
type Metric int

// The metrics.
const (
	Cosine Metric = iota
	InnerProduct
)

// String is "cosine" or "ip".
func (m Metric) String() string {
	if m == InnerProduct {
		return "ip"
	}
	return "cosine"
}

// ParseMetric reads "cosine" (or "", the default) and "ip" (or "dot").
func ParseMetric(name string) (Metric, error) {
	switch name {
	case "", "cosine":
		return Cosine, nil
	case "ip", "dot":
		return InnerProduct, nil
	}
	return 0, fmt.Errorf("vectors: metric %q is unknown: cosine or ip", name)
}

// Searcher finds documents by given vectors: every query must have its vector, by its id. It is exact, and a
// labrador.BatchSearcher.
type Searcher struct {
	documents, queries *Set
	metric             Metric
	scale              []float32 // 1/length of each document under cosine, else nil
	queryLength        []float64
}

// NewSearcher checks both sets (dimensions, NaN, zero rows under cosine) and returns a searcher over them.
func NewSearcher(documents, queries *Set, metric Metric) (*Searcher, error) {
	if d, q := documents.Matrix.Cols, queries.Matrix.Cols; d != q {
		return nil, fmt.Errorf("vectors: documents of %s have %d dimensions, queries of %s have %d", documents.Name, d, queries.Name, q)
	}
	lengths, err := documents.lengths(metric)
	if err != nil {
		return nil, err
	}
	s := &Searcher{documents: documents, queries: queries, metric: metric}
	if s.queryLength, err = queries.lengths(metric); err != nil {
		return nil, err
	}
	if metric == Cosine {
		s.scale = make([]float32, len(lengths))
		for i, l := range lengths {
			s.scale[i] = float32(1 / l)
		}
	}
	return s, nil
}

// Search implements labrador.Searcher.
func (s *Searcher) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	lists, err := s.SearchBatch(ctx, []labrador.Query{q}, k)
	if err != nil {
		return nil, err
	}
	return lists[0], nil
}

// group is how many queries go over the documents together, and block how many bytes of documents they share from the cache.
const (
	group = 16
	block = 1 << 18
)

// SearchBatch implements labrador.BatchSearcher: groups of queries are handed to the processors by a counter.
func (s *Searcher) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	rows := make([][]float32, len(queries))
	for i, q := range queries {
		row, err := s.queryVector(q.ID)
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	out := make([][]labrador.Hit, len(queries))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(queries)+group-1)/group) {
		workers.Go(func() {
			for ctx.Err() == nil {
				at := int(next.Add(group)) - group
				if at >= len(rows) {
					return
				}
				end := min(len(rows), at+group)
				s.searchGroup(ctx, rows[at:end], out[at:end], k)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// queryVector is a copy of the query's row, of unit length under cosine.
func (s *Searcher) queryVector(id string) ([]float32, error) {
	i, ok := s.queries.rows[id]
	if !ok {
		return nil, fmt.Errorf("vectors: %s has no row for query %q", s.queries.Name, id)
	}
	row := append([]float32(nil), s.queries.Matrix.Row(i)...)
	if s.metric == Cosine {
		for j := range row {
			row[j] = float32(float64(row[j]) / s.queryLength[i])
		}
	}
	return row, nil
}

// searchGroup fills hits, one list per query row, going through the documents block by block.
func (s *Searcher) searchGroup(ctx context.Context, queries [][]float32, hits [][]labrador.Hit, k int) {
	docs := s.documents.Matrix
	k = max(0, min(k, docs.Rows))
	tops := make([]top, len(queries))
	for i := range tops {
		tops[i] = top{k: k, ids: s.documents.IDs}
	}
	step := max(1, block/4/docs.Cols)
	for low := 0; low < docs.Rows && k > 0 && ctx.Err() == nil; low += step {
		high := min(docs.Rows, low+step)
		for i, q := range queries {
			for d := low; d < high; d++ {
				score := dot(q, docs.Row(d))
				if s.scale != nil {
					score *= s.scale[d]
				}
				tops[i].add(score, d)
			}
		}
	}
	for i := range tops {
		hits[i] = tops[i].hits()
	}
}

// dot is the inner product of a and b, of the same length, in eight float32 sums: the same for the same vectors wherever
// they lie.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	b = b[:len(a)]
	for len(a) >= 8 {
		x, y := a[:8:8], b[:8:8]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		s4 += x[4] * y[4]
		s5 += x[5] * y[5]
		s6 += x[6] * y[6]
		s7 += x[7] * y[7]
		a, b = a[8:], b[8:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s4) + (s1 + s5) + ((s2 + s6) + (s3 + s7))
}

// top keeps the k best rows as a heap with the worst on top.
type top struct {
	k      int
	ids    []string
	scores []float32
	rows   []int
}

// worse says whether (score, row) comes after (s, r) by labrador.CompareHits.
func (t *top) worse(score float32, row int, s float32, r int) bool {
	if score != s {
		return score < s
	}
	return t.ids[row] < t.ids[r]
}

func (t *top) add(score float32, row int) {
	if score != score { // infinities of both signs met: nothing is known but that it is no hit worth having
		score = float32(math.Inf(-1))
	}
	if len(t.rows) < t.k {
		t.scores, t.rows = append(t.scores, score), append(t.rows, row)
		for i := len(t.rows) - 1; i > 0; {
			parent := (i - 1) / 2
			if !t.worse(t.scores[i], t.rows[i], t.scores[parent], t.rows[parent]) {
				break
			}
			t.swap(i, parent)
			i = parent
		}
		return
	}
	if score < t.scores[0] || t.worse(score, row, t.scores[0], t.rows[0]) {
		return
	}
	t.scores[0], t.rows[0] = score, row
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(t.rows) {
			return
		}
		if r := child + 1; r < len(t.rows) && t.worse(t.scores[r], t.rows[r], t.scores[child], t.rows[child]) {
			child = r
		}
		if !t.worse(t.scores[child], t.rows[child], t.scores[i], t.rows[i]) {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t *top) swap(i, j int) {
	t.scores[i], t.scores[j] = t.scores[j], t.scores[i]
	t.rows[i], t.rows[j] = t.rows[j], t.rows[i]
}

// hits are the kept rows, best first.
func (t *top) hits() []labrador.Hit {
	out := make([]labrador.Hit, len(t.rows))
	for i, row := range t.rows {
		out[i] = labrador.Hit{ID: t.ids[row], Score: t.scores[i]}
	}
	labrador.SortHits(out)
	return out
}

// parallel calls do for ranges that divide [0, n), on as many goroutines as there are processors, and waits.
func parallel(n int, do func(low, high int)) {
	workers := max(1, min(runtime.GOMAXPROCS(0), n/1024))
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() { do(n*w/workers, n*(w+1)/workers) })
	}
	all.Wait()
}
