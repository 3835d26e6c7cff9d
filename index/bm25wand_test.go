package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// Other ways to find the top k exactly, to measure the one that is used against: exhaustive scoring, MaxScore without the bounds of blocks, WAND
// (Broder et al., CIKM 2003) and block-max WAND (Ding and Suel, SIGIR 2011, figure 5). None is in the program: see doc/log.md.

// wandList is a cursor as WAND walks it.
type wandList struct {
	c       *cursor
	doc     uint32 // where it stands
	shallow int    // block whose bound was asked for last
}

// seek goes to the first document at or behind doc.
func (l *wandList) seek(doc uint32) {
	l.c.seek(doc)
	l.doc = l.c.current()
}

// bound is the bound of the block that would hold doc, and its last document.
func (l *wandList) bound(doc uint32) (bound float64, last uint32) {
	c := l.c
	if c.bounds == nil {
		if last = c.docs[c.n-1]; last < doc {
			return 0, noDoc
		}
		return c.best, last
	}
	for l.shallow = max(l.shallow, c.block); l.shallow < c.blocks; l.shallow++ {
		if last = le.Uint32(c.lasts[4*l.shallow:]); last >= doc {
			return float64(c.bounds[l.shallow])*c.unit + c.err, last
		}
	}
	return 0, noDoc
}

// wand is run for a search whose terms are made. With blocks it is block-max WAND.
func (s *bm25Search) wand(k int, blocks bool) ([]rank, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	s.top.reset(min(k, s.x.n))
	s.prepare() // the floors of lists raise the k-th score for every way
	lists := make([]wandList, len(s.cursors))
	for i, c := range s.cursors {
		lists[i] = wandList{c: c, doc: c.current()}
	}
	for {
		for i := 1; i < len(lists); i++ { // nearly in order: one or a few have moved
			for j := i; j > 0 && lists[j].doc < lists[j-1].doc; j-- {
				lists[j], lists[j-1] = lists[j-1], lists[j]
			}
		}
		p, sum := 0, 0.0
		for ; p < len(lists) && lists[p].doc != noDoc; p++ {
			if sum += lists[p].c.best; sum > s.top.least {
				break
			}
		}
		if p == len(lists) || lists[p].doc == noDoc {
			return s.top.sorted(), nil
		}
		pivot := lists[p].doc
		for p+1 < len(lists) && lists[p+1].doc == pivot {
			p++
		}
		if next, ok := worthIt(lists, p, pivot, s.top.least); blocks && !ok {
			strongest(lists[:p+1], next).seek(next)
			continue
		}
		if lists[0].doc < pivot {
			strongest(lists[:p+1], pivot).seek(pivot)
			continue
		}
		sum = 0
		for i := range lists[:p+1] {
			c := lists[i].c
			sum += float64(c.score(pivot, c.freq(c.pos)))
			c.scored++
			c.pos++
			lists[i].doc = c.current()
		}
		s.offer(pivot, float32(sum))
	}
}

// worthIt says whether the blocks of the lists up to p lift the pivot above least, and where to go on if not.
func worthIt(lists []wandList, p int, pivot uint32, least float64) (next uint32, ok bool) {
	sum, next := 0.0, uint32(noDoc)
	for i := range lists[:p+1] {
		b, last := lists[i].bound(pivot)
		sum += b
		next = min(next, max(last, last+1)) // noDoc stays
	}
	if p+1 < len(lists) {
		next = min(next, lists[p+1].doc)
	}
	return next, sum > least
}

// strongest is the list of the greatest bound among those before doc: moving it passes over most.
func strongest(lists []wandList, doc uint32) *wandList {
	var best *wandList
	for i := range lists {
		if lists[i].doc < doc && (best == nil || lists[i].c.best > best.c.best) {
			best = &lists[i]
		}
	}
	return best
}

// pruning are the ways, by name; each is run for a search whose terms are made.
var pruning = []struct {
	name string
	run  func(s *bm25Search, k int) ([]rank, error)
}{
	{"exhaustive", func(s *bm25Search, k int) ([]rank, error) {
		s.exhaust = true
		defer func() { s.exhaust = false }()
		return s.run(k)
	}},
	{"WAND", func(s *bm25Search, k int) ([]rank, error) { return s.wand(k, false) }},
	{"BMW", func(s *bm25Search, k int) ([]rank, error) { return s.wand(k, true) }},
	{"MaxScore", func(s *bm25Search, k int) ([]rank, error) {
		if err := s.open(); err != nil {
			return nil, err
		}
		for _, c := range s.cursors {
			if c.bounds != nil {
				c.bounds = bytes.Repeat([]byte{255}, c.blocks)
			}
		}
		s.top.reset(min(k, s.x.n))
		s.prepare()
		s.scan()
		return s.top.sorted(), nil
	}},
	{"BMMaxScore", (*bm25Search).run},
}

// TestEveryPruningFindsTheSame: what the benchmark compares is right.
func TestEveryPruningFindsTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	x := buildDocuments(t, randomDocuments(r, 6000, 400), BM25Options{Analyzer: "whitespace", NoDocuments: true})
	s := x.state()
	for range 30 {
		var text []byte
		for range 1 + r.IntN(6) {
			text = fmt.Appendf(text, "w%d ", r.IntN(1+400>>r.UintN(6)))
		}
		for _, k := range []int{1, 10, 200, 6000} {
			var want []rank
			for i, way := range pruning {
				s.analyze(string(text))
				got, err := way.run(s, k)
				if err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					want = slices.Clone(got)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s, %q, k %d: %d hits, want %d", way.name, text, k, len(got), len(want))
				}
			}
		}
	}
}

// BenchmarkBM25Pruning measures the ways: microseconds of processor time, postings scored and blocks unpacked a query.
func BenchmarkBM25Pruning(b *testing.B) {
	x, texts := openBench(b)
	s := x.state()
	for _, k := range []int{10, 100, 1000} {
		for _, way := range pruning {
			b.Run(fmt.Sprintf("k=%d/%s", k, way.name), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				n, postings, blocks := 0, 0, 0
				start := threadSeconds()
				for b.Loop() {
					s.analyze(texts[n%len(texts)])
					if _, err := way.run(s, k); err != nil {
						b.Fatal(err)
					}
					for _, c := range s.cursors {
						postings += c.scored
						blocks += c.unpacked
					}
					n++
				}
				each := func(sum float64, unit string) { b.ReportMetric(sum/float64(n), unit) }
				each(1e6*(threadSeconds()-start), "cpu-µs/query")
				each(float64(postings), "postings/query")
				each(float64(blocks), "blocks/query")
			})
		}
	}
}
