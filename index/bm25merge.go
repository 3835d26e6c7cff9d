package index

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"slices"
)

// sortPostings sorts by document. tmp is room of the same length.
func sortPostings(list, tmp []posting, docs int) {
	if len(list) < 256 {
		slices.Sort(list)
		return
	}
	const digit = 11
	for shift := 32; shift < 32+bits.Len(uint(max(docs-1, 1))); shift += digit {
		var count [1 << digit]int
		for _, p := range list {
			count[p>>shift&(1<<digit-1)]++
		}
		sum := 0
		for i, n := range count {
			count[i] = sum
			sum += n
		}
		for _, p := range list {
			d := p >> shift & (1<<digit - 1)
			tmp[count[d]] = p
			count[d]++
		}
		copy(list, tmp)
	}
}

// termHead is the term that a sorted source of terms is at.
type termHead struct {
	name []byte
	end  bool // there is none
}

// takeTerm appends the postings of source i's term to list, sums their frequencies and goes to its next term.
type takeTerm func(i int, list []posting) (all []posting, cf int64, err error)

// termHeap is a heap of sources that have a term left, the least term on top; of equal ones that of the lesser number.
type termHeap struct {
	heads   []*termHead
	sources []int
}

func newTermHeap(heads []*termHead) *termHeap {
	h := &termHeap{heads: heads}
	for i, head := range heads {
		if !head.end {
			h.sources = append(h.sources, i)
		}
	}
	for at := len(h.sources)/2 - 1; at >= 0; at-- {
		h.sink(at)
	}
	return h
}

func (h *termHeap) less(a, b int) bool {
	c := bytes.Compare(h.heads[a].name, h.heads[b].name)
	return c < 0 || c == 0 && a < b
}

// sink puts the source at a place below those that are less.
func (h *termHeap) sink(at int) {
	s := h.sources
	for {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(s); child++ {
			if h.less(s[child], s[least]) {
				least = child
			}
		}
		if least == at {
			return
		}
		s[at], s[least] = s[least], s[at]
		at = least
	}
}

// moved puts the source on top, which is at its next term, where it belongs.
func (h *termHeap) moved() {
	if last := len(h.sources) - 1; h.heads[h.sources[0]].end {
		h.sources[0] = h.sources[last]
		h.sources = h.sources[:last]
	}
	h.sink(0)
}

// mergeTerms goes through the terms of all sources in order and calls emit with each term's postings, sorted by document, of which there are
// docs; they are emit's until it returns. A term without postings is passed over.
func mergeTerms(ctx context.Context, heads []*termHead, docs int, take takeTerm, emit emitTerm) error {
	var name []byte
	var list, tmp []posting
	heap := newTermHeap(heads)
	for n := 0; len(heap.sources) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		name = append(name[:0], heads[heap.sources[0]].name...)
		list = list[:0]
		var cf int64
		for len(heap.sources) > 0 && bytes.Equal(heads[heap.sources[0]].name, name) {
			i := heap.sources[0]
			var sum int64
			var err error
			if list, sum, err = take(i, list); err != nil {
				return err
			}
			if h := heads[i]; !h.end && bytes.Compare(h.name, name) <= 0 {
				return fmt.Errorf("index: term %q comes behind %q: %w", h.name, name, errDamagedList)
			}
			cf += sum
			heap.moved()
		}
		if len(list) == 0 {
			continue
		}
		if !slices.IsSorted(list) {
			tmp = slices.Grow(tmp[:0], len(list))[:len(list)]
			sortPostings(list, tmp, docs)
		}
		if err := emit(name, list, cf); err != nil {
			return err
		}
	}
	return nil
}

// mergeRuns is mergeTerms of runs; number renumbers arrival numbers.
func mergeRuns(ctx context.Context, runs []*runReader, number []uint32, emit emitTerm) error {
	heads := make([]*termHead, len(runs))
	for i, r := range runs {
		if err := r.next(); err != nil {
			return fmt.Errorf("index: reading a sorted run: %w", err)
		}
		heads[i] = &r.termHead
	}
	return mergeTerms(ctx, heads, len(number), func(i int, list []posting) ([]posting, int64, error) {
		list, cf, err := runs[i].postings(list, number)
		if err == nil {
			err = runs[i].next()
		}
		if err != nil {
			err = fmt.Errorf("index: reading a sorted run: %w", err)
		}
		return list, cf, err
	}, emit)
}
