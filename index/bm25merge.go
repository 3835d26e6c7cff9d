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

// mergeRuns goes through the terms of all runs in order and calls emit with each term's postings, sorted by document; they
// are emit's until it returns. number renumbers arrival numbers.
func mergeRuns(ctx context.Context, runs []*runFile, number []uint32, emit emitTerm) error {
	for _, r := range runs {
		if err := r.rewind(); err != nil {
			return fmt.Errorf("index: reading a sorted run: %w", err)
		}
	}
	var name []byte
	var list, tmp []posting
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var least *runFile
		for _, r := range runs {
			if !r.end && (least == nil || bytes.Compare(r.name, least.name) < 0) {
				least = r
			}
		}
		if least == nil {
			return nil
		}
		name = append(name[:0], least.name...)
		list = list[:0]
		var cf int64
		for _, r := range runs {
			if r.end || !bytes.Equal(r.name, name) {
				continue
			}
			var sum int64
			var err error
			if list, sum, err = r.postings(list, number); err == nil {
				err = r.next()
			}
			if err != nil {
				return fmt.Errorf("index: reading a sorted run: %w", err)
			}
			cf += sum
		}
		if !slices.IsSorted(list) {
			tmp = slices.Grow(tmp[:0], len(list))[:len(list)]
			sortPostings(list, tmp, len(number))
		}
		if err := emit(name, list, cf); err != nil {
			return err
		}
	}
}
