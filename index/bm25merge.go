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

// mergeTerms goes through the terms of all sources in order and calls emit with each term's postings, sorted by document, of which there are
// docs; they are emit's until it returns. A term without postings is passed over.
func mergeTerms(ctx context.Context, heads []*termHead, docs int, take takeTerm, emit emitTerm) error {
	var name []byte
	var list, tmp []posting
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var least *termHead
		for _, h := range heads {
			if !h.end && (least == nil || bytes.Compare(h.name, least.name) < 0) {
				least = h
			}
		}
		if least == nil {
			return nil
		}
		name = append(name[:0], least.name...)
		list = list[:0]
		var cf int64
		for i, h := range heads {
			if h.end || !bytes.Equal(h.name, name) {
				continue
			}
			var sum int64
			var err error
			if list, sum, err = take(i, list); err != nil {
				return err
			}
			cf += sum
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
}

// mergeRuns is mergeTerms of runs; number renumbers arrival numbers.
func mergeRuns(ctx context.Context, runs []*runFile, number []uint32, emit emitTerm) error {
	heads := make([]*termHead, len(runs))
	for i, r := range runs {
		if err := r.rewind(); err != nil {
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
