package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
)

// WeightedTerm is a term of a query, as the index has it, and how much it counts.
type WeightedTerm struct {
	Term   string
	Weight float32
}

// bm25Search is the memory of one search; the index keeps those that are not in use.
type bm25Search struct {
	x       *BM25
	tokens  analysis.Tokens
	terms   []queryTerm
	cursors []*cursor // in ascending order of best, once the search runs
	spare   []*cursor
	sums    []float64 // sums[i] bounds what the first i cursors add together
	top     top
	window  window
	found   candidates
	id      []byte
	ends    []int
	exhaust bool   // score everything: bounds do not hold
	all     bool   // a document must have every term
	guessAt uint32 // the document behind which the k-th score is guessed next
	part    *setPart
}

// queryTerm is a distinct term of a query.
type queryTerm struct {
	name   []byte
	weight float32
}

func (x *BM25) state() *bm25Search {
	if s, ok := x.states.Get().(*bm25Search); ok {
		return s
	}
	return &bm25Search{x: x}
}

// Search implements labrador.Searcher. A query is a bag of words: a term that it has twice counts twice, as Anserini's bag of
// words has it.
//
// Documents of equal score come in ascending order of their ids, as Anserini has them, at the cut at k too. Since
// labrador.CompareHits, like trec_eval, would order them the other way round, each is given the next smaller float32 than
// the one before, a difference in the seventh digit: what is listed first also counts as better. (Anserini's run files do the
// same with steps of 0.000001 after rounding to four decimals.)
func (x *BM25) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := x.state()
	defer x.states.Put(s)
	s.analyze(q.Text)
	return s.hits(k)
}

// SearchAll is Search for the documents that hold every term of the query, in one field or another.
func (x *BM25) SearchAll(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := x.state()
	s.all = true
	defer func() { s.all = false; x.states.Put(s) }()
	s.analyze(q.Text)
	return s.hits(k)
}

// SearchTerms is Search for terms that need no analysis, each with its weight; weights that are not positive are passed
// over, an infinite one is an error. A term that comes twice counts with the sum of its weights.
func (x *BM25) SearchTerms(ctx context.Context, terms []WeightedTerm, k int) ([]labrador.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := x.state()
	defer x.states.Put(s)
	s.setTerms(terms)
	return s.hits(k)
}

// SearchBatch implements labrador.BatchSearcher: the queries are handed to one goroutine per processor.
func (x *BM25) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	return SearchEach(ctx, x, queries, k)
}

// SearchEach answers a batch by a Searcher's Search, handing the queries to one goroutine per processor.
func SearchEach(ctx context.Context, x labrador.Searcher, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	out := make([][]labrador.Hit, len(queries))
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(queries)) {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(queries) {
					return
				}
				hits, err := x.Search(ctx, queries[i], k)
				if err != nil {
					err = fmt.Errorf("query %q: %w", queries[i].ID, err)
					failed.CompareAndSwap(nil, &err)
					return
				}
				out[i] = hits
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return out, nil
}

// NumberedHit is a hit by the document's number in the index: numbers ascend as ids do.
type NumberedHit struct {
	Number uint32
	Score  float32
}

// SearchNumbers is Search without making ids, and equal scores stay equal: it appends the hits to dst, best first. ID turns a number into its id.
func (x *BM25) SearchNumbers(dst []NumberedHit, text string, k int) ([]NumberedHit, error) {
	s := x.state()
	defer x.states.Put(s)
	s.analyze(text)
	ranks, err := s.run(k)
	if err != nil {
		return dst, err
	}
	for _, r := range ranks {
		dst = append(dst, NumberedHit{r.doc(), r.score()})
	}
	return dst, nil
}

// ID is the id of the document of that number, which must be below Len.
func (x *BM25) ID(number uint32) (string, error) {
	b, err := x.ids.append(nil, number)
	return string(b), err
}

// analyze makes the query's terms, in the order of their first appearance.
func (s *bm25Search) analyze(text string) {
	s.tokens.Reset()
	s.x.analyzer.Analyze(text, &s.tokens)
	s.terms = s.terms[:0]
	for i := range s.tokens.Len() {
		s.addTerm(s.tokens.Term(i), 1)
	}
}

// setTerms makes terms the query's.
func (s *bm25Search) setTerms(terms []WeightedTerm) {
	s.terms = s.terms[:0]
	for _, t := range terms {
		s.addTerm([]byte(t.Term), t.Weight)
	}
}

func (s *bm25Search) addTerm(name []byte, weight float32) {
	for i := range s.terms {
		if bytes.Equal(s.terms[i].name, name) {
			s.terms[i].weight += weight
			return
		}
	}
	s.terms = append(s.terms, queryTerm{name, weight})
}

// hits runs the search and puts ids to the documents, all of them in one string.
func (s *bm25Search) hits(k int) ([]labrador.Hit, error) {
	ranks, err := s.run(k)
	if err != nil {
		return nil, err
	}
	s.id, s.ends = s.id[:0], s.ends[:0]
	for _, r := range ranks {
		if s.id, err = s.x.ids.append(s.id, r.doc()); err != nil {
			return nil, fmt.Errorf("index: %s: %w", s.x.path, err)
		}
		s.ends = append(s.ends, len(s.id))
	}
	all, start := string(s.id), 0
	hits := make([]labrador.Hit, len(ranks))
	for i, r := range ranks {
		hits[i] = labrador.Hit{ID: all[start:s.ends[i]], Score: r.score()}
		start = s.ends[i]
	}
	separate(hits)
	return hits, nil
}

// separate lowers scores that are not below the one before, as little as float32 can.
func separate(hits []labrador.Hit) {
	for i := 1; i < len(hits); i++ {
		if hits[i].Score >= hits[i-1].Score {
			hits[i].Score = math.Nextafter32(hits[i-1].Score, -math.MaxFloat32)
		}
	}
}

// run finds the k best documents for s.terms. The ranks are s's and valid until its next search.
func (s *bm25Search) run(k int) (ranks []rank, err error) {
	defer s.guard(&err)
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("index: %s: %w", s.x.path, err)
	}
	if k <= 0 || len(s.cursors) == 0 {
		return nil, nil
	}
	k = min(k, s.x.n)
	s.begin(k)
	if s.all {
		s.scanAll()
		return s.top.sorted(), nil
	}
	s.guessAt = s.x.firstGuess(k)
	s.scan()
	ranks = s.top.sorted()
	if s.guessAt == noDoc || s.x.judge(&s.top) {
		return ranks, nil
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("index: %s: %w", s.x.path, err)
	}
	s.begin(k)
	s.guessAt = noDoc
	s.scan()
	return s.top.sorted(), nil
}

// begin makes a search for k documents ready to scan.
func (s *bm25Search) begin(k int) {
	s.top.reset(k)
	s.prepare()
}

// guard makes an error of a panic over the bytes of the index: what checksums cannot see, a file made to mislead, ends here.
func (s *bm25Search) guard(err *error) {
	r := recover()
	if r == nil {
		return
	}
	cause, _ := r.(error)
	if _, ok := r.(runtime.Error); !ok && !errors.Is(cause, errDamagedList) {
		panic(r)
	}
	*err = fmt.Errorf("index: %s: section postings: %w (%v)", s.x.path, errDamagedList, cause)
	s.cursors, s.spare, s.window = nil, nil, window{}
}

// open makes a cursor for each term in each field that has it.
func (s *bm25Search) open() error {
	s.spare = append(s.spare, s.cursors...)
	s.cursors = s.cursors[:0]
	for i, f := range s.x.fields {
		for j, q := range s.terms {
			t, found, err := f.dict.find(q.name)
			if err != nil {
				return err
			}
			if !found || !(q.weight > 0) {
				continue
			}
			if q.weight > math.MaxFloat32 {
				return fmt.Errorf("the query's term %q has the weight %v", q.name, q.weight)
			}
			if err := s.openTerm(i, t, q); err != nil {
				return err
			}
			if n := len(s.cursors); n > 0 && s.cursors[n-1].term < 0 {
				s.cursors[n-1].term = j
			}
		}
	}
	return nil
}

// openTerm makes the cursor of term t of field i. One whose weight is nought is left out, unless documents must have every term.
func (s *bm25Search) openTerm(i int, t term, q queryTerm) error {
	f, df, cf, stretch := s.x.fields[i], t.df, t.cf, 1.0
	fm := &f.formula
	if s.part != nil {
		var err error
		if df, cf, err = s.part.set.count(i, q.name); err != nil {
			return err
		}
		fm, stretch = &s.part.formulas[i], s.part.stretch[i]
	}
	w := q.weight * f.weight * fm.weigh(df)
	if !(w > 0) && !(s.all && w == 0) {
		return nil
	}
	if t.list != nil {
		if _, err := s.x.file.Range(f.section, t.at, min(t.at+len(t.list)+packPad, len(f.dict.lists))); err != nil {
			return err
		}
	}
	c := s.cursor()
	c.term, c.background = -1, 0
	if fm.kind == ql {
		c.background = fm.background(cf)
	}
	return c.open(f, fm, t, w, stretch)
}

// cursor adds one to s.cursors.
func (s *bm25Search) cursor() *cursor {
	var c *cursor
	if n := len(s.spare); n > 0 {
		c, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		c = new(cursor)
	}
	s.cursors = append(s.cursors, c)
	return c
}

// prepare orders the cursors and sums their bounds.
func (s *bm25Search) prepare() {
	slices.SortStableFunc(s.cursors, func(a, b *cursor) int {
		switch {
		case a.best < b.best:
			return -1
		case a.best > b.best:
			return 1
		}
		return 0
	})
	s.sums = append(s.sums[:0], 0)
	for i, c := range s.cursors {
		s.sums = append(s.sums, s.sums[i]+c.best)
		if f := c.floor(s.top.k); f > 0 && !s.exhaust && !s.all && s.part == nil {
			s.top.floor(f)
		}
	}
}
