package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/labrador-lab/labrador"
)

// The default ef is the smallest one whose recall@10 reaches the target, against an exact scan, on
//
//   - given queries, half of them: the recall on the other half is what is reported; or, without these, on
//   - made queries: rows that wait outside of the graph meanwhile, with noise of twice their length. Rows as they are are far easier than
//     questions: with the ef that they need for .98, the questions of seven sets reached .91 to .99, and .73 once (doc/log.md).
//
// The mean must reach the target with the lower end of its one-sided interval of 95 %.
const (
	tuneK       = 10
	tuneQueries = 400 // rows held out at most; given queries of each half at most
	minTune     = 20
	fewQueries  = 100 // with fewer to tune on ef is at least the one that made queries need
	tuneNoise   = 2
	tuneBound   = 1.645
	tuneLimit   = 4096 // the largest ef that is tried
)

// HNSWTuning is how the ef that searches use unless told otherwise was found.
type HNSWTuning struct {
	Ef     int
	Target float64 // recall@10 that was asked for
	Recall float64 // reached; NaN when there was too little to tune with
	// Queries is how many given queries Recall is of, none of which ef was tuned on; 0: it is of the made queries ef was tuned on.
	Queries int
}

// Tuned is how the default ef was found.
func (h *HNSW) Tuned() HNSWTuning {
	t := HNSWTuning{Ef: h.meta.Ef, Target: h.meta.Target, Recall: h.meta.Reached, Queries: h.meta.Queries - h.meta.Queries/2}
	if h.meta.Reached < 0 {
		t.Recall = math.NaN()
	}
	return t
}

// tuneOnMade tunes ef with queries made of rows that are not in the graph yet.
func (h *HNSW) tuneOnMade(ctx context.Context, rows []uint32) error {
	random := rand.New(rand.NewPCG(h.meta.Seed, uint64(len(rows))))
	queries := labrador.NewMatrix(len(rows), h.meta.Dims)
	allow := &Filter{words: make([]uint64, (h.meta.Rows+63)/64), count: h.meta.Rows - len(rows)}
	for i := range h.meta.Rows {
		allow.words[i/64] |= 1 << (i % 64)
	}
	for i, row := range rows {
		q := queries.Row(i)
		h.g.rows.widen(q, row)
		sd := tuneNoise * float64(norm(q)) / math.Sqrt(float64(len(q)))
		for j := range q {
			q[j] += float32(sd * random.NormFloat64())
		}
		allow.words[row/64] &^= 1 << (row % 64)
	}
	t, err := h.newTuner(ctx, queries, allow)
	if err != nil {
		return err
	}
	h.meta.Ef, err = t.smallest(ctx, h.meta.Target, 1)
	h.meta.EfMade, h.meta.Reached = h.meta.Ef, t.reached[h.meta.Ef].mean
	return err
}

// sample keeps some of the given queries, in a random order.
func (h *HNSW) sample(queries labrador.Matrix) error {
	if queries.Rows < minTune {
		return nil
	}
	if queries.Cols != h.meta.Dims {
		return fmt.Errorf("index: queries have %d dimensions, the vectors %d", queries.Cols, h.meta.Dims)
	}
	if err := checkFinite(queries.Data, 0, queries.Cols); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	order := rand.New(rand.NewPCG(h.meta.Seed, uint64(queries.Rows))).Perm(queries.Rows)
	h.queries = labrador.NewMatrix(min(2*tuneQueries, queries.Rows), queries.Cols)
	for i := range h.queries.Rows {
		copy(h.queries.Row(i), queries.Row(order[i]))
	}
	h.meta.Queries = h.queries.Rows
	return nil
}

// tuneOnQueries tunes ef with half of the given queries, if there are any, and measures it with the others.
func (h *HNSW) tuneOnQueries(ctx context.Context) error {
	q := h.queries
	if q.Rows == 0 || h.meta.Rows == 0 {
		return nil
	}
	half := q.Rows / 2
	t, err := h.newTuner(ctx, labrador.Matrix{Rows: half, Cols: q.Cols, Data: q.Data[:half*q.Cols]}, nil)
	if err != nil {
		return err
	}
	least := 1
	if half < fewQueries {
		least = h.meta.EfMade
	}
	if h.meta.Ef, err = t.smallest(ctx, h.meta.Target, least); err != nil {
		return err
	}
	others, err := h.newTuner(ctx, labrador.Matrix{Rows: q.Rows - half, Cols: q.Cols, Data: q.Data[half*q.Cols:]}, nil)
	if err != nil {
		return err
	}
	m, err := others.at(ctx, h.meta.Ef)
	h.meta.Reached = m.mean
	return err
}

// tuner measures recall.
type tuner struct {
	h       *HNSW
	queries labrador.Matrix
	k       int
	last    []float32 // score of each query's last true hit
	reached map[int]meanRecall
}

// meanRecall is a mean over queries, and its standard error.
type meanRecall struct{ mean, err float64 }

// newTuner finds the true hits of queries among the rows of allow, which are those of the graph.
func (h *HNSW) newTuner(ctx context.Context, queries labrador.Matrix, allow *Filter) (*tuner, error) {
	t := &tuner{h: h, queries: queries, k: min(tuneK, h.meta.Rows), reached: map[int]meanRecall{}}
	if allow != nil {
		t.k = min(tuneK, allow.count)
	}
	truth, err := h.flat().Search(ctx, queries, t.k, allow)
	if err != nil {
		return nil, err
	}
	for _, hits := range truth {
		t.last = append(t.last, hits[len(hits)-1].Score)
	}
	return t, nil
}

// flat is exact search over the most exact form of the rows, with the scores of this index's hits.
func (h *HNSW) flat() *Flat {
	r := h.g.rows
	f := &Flat{ids: h.ids, k: r.k, threads: h.threads, meta: flatMeta{Metric: h.meta.Metric, Rows: h.meta.Rows, Dims: r.dims}}
	switch {
	case r.exact32 != nil || r.exact16 == nil && r.f32 != nil:
		f.meta.Format, f.f32 = F32, r.f32
		if r.exact32 != nil {
			f.f32 = r.exact32
		}
	case r.exact16 != nil || r.bf16 != nil:
		f.meta.Format, f.bf16 = BF16, r.bf16
		if r.exact16 != nil {
			f.bf16 = r.exact16
		}
	default:
		f.meta.Format, f.codes, f.scales = Int8, r.codes, r.scales
	}
	wide := make([]float32, r.dims)
	for i := range h.meta.Rows {
		r.widen(wide, uint32(i))
		f.meta.MaxNorm = max(f.meta.MaxNorm, norm(wide))
	}
	return f
}

// at is the recall with an ef.
func (t *tuner) at(ctx context.Context, ef int) (meanRecall, error) {
	if m, ok := t.reached[ef]; ok {
		return m, nil
	}
	got, err := t.h.Search(ctx, t.queries, t.k, HNSWQuery{Ef: ef})
	if err != nil {
		return meanRecall{}, err
	}
	var sum, squares float64
	for i, hits := range got {
		found := 0
		for _, hit := range hits {
			if hit.Score >= t.last[i] { // a tie with the last true hit is as good
				found++
			}
		}
		share := float64(found) / float64(t.k)
		sum += share
		squares += share * share
	}
	n := float64(len(got))
	mean := sum / n
	m := meanRecall{mean, math.Sqrt(max(0, squares/n-mean*mean) / max(1, n-1))}
	t.reached[ef] = m
	return m, nil
}

// smallest is the smallest ef, least at least, whose recall is the target's with some certainty; where none is, the smallest whose
// mean is the target; where none is, the largest that was tried.
func (t *tuner) smallest(ctx context.Context, target float64, least int) (int, error) {
	// Queries that all reach the same have an error of 0: it is taken for no less than that of so many independent hits. The margin
	// is half of what is missing to 1 at most, which no ef may reach.
	floor := math.Sqrt(target * (1 - target) / float64(t.k*t.queries.Rows))
	sure := func(m meanRecall) bool {
		return m.mean >= min(target+tuneBound*max(m.err, floor), (1+target)/2)
	}
	ef, ok, err := t.first(ctx, least, sure)
	if err == nil && !ok {
		ef, _, err = t.first(ctx, least, func(m meanRecall) bool { return m.mean >= target })
	}
	return ef, err
}

// first is the smallest ef that is good, to a sixteenth; false, with the largest that was tried, where none is.
func (t *tuner) first(ctx context.Context, least int, good func(meanRecall) bool) (int, bool, error) {
	low := max(t.k, least) - 1 // is taken to be not good
	high := low + 1
	for {
		m, err := t.at(ctx, high)
		if err != nil {
			return 0, false, err
		}
		if good(m) {
			break
		}
		if high >= tuneLimit || high >= t.h.meta.Rows {
			return high, false, nil
		}
		low, high = high, high*2
	}
	for high-low > max(1, high/16) {
		mid := (low + high) / 2
		m, err := t.at(ctx, mid)
		if err != nil {
			return 0, false, err
		}
		if good(m) {
			high = mid
		} else {
			low = mid
		}
	}
	return high, true, nil
}
