package index

import (
	"math"
	"slices"
)

// The search is MaxScore (Turtle and Flood 1995) over blocks with bounds of their own (Ding and Suel 2011), in windows.
//
// Cursors stand in ascending order of what they can add at most. As soon as the first few together cannot lift a document
// above the k-th score so far, a document must be in one of the others, the essential ones, to count. Those are scored document
// by document into a window of sums; what may still get above the k-th score is looked up in the rest, one after the other,
// given up as soon as the bounds of the blocks at hand say that it cannot. A document that equals the k-th score does not
// displace it, because documents come in ascending number, which is the order among equals; so everything may be passed over
// whose bound is not above it.
//
// Scores of terms are float32 (Lucene's arithmetic) and are added in float64, where sums of a few of them come out exact in
// any order: that takes 24 bits each, within a range of 2^29 between the smallest and the sum.

// windowLen is how many documents are scored at a time.
const windowLen = 32768

type window struct {
	sum  [windowLen]float64
	seen [windowLen / 64]uint64
	at   [windowLen + 64]uint16 // for collect: the places seen

	// For addLucene: of the postings at hand what the formula needs of their lengths, and their scores.
	inverse [blockLen]float32
	scores  [blockLen]float64
}

// optional is how many of the first cursors cannot make a document count by themselves; from of them are known.
func (s *bm25Search) optional(from int) int {
	if s.exhaust {
		return 0
	}
	for from < len(s.cursors) && s.sums[from+1] <= s.top.least {
		from++
	}
	return from
}

// scan goes through the documents.
func (s *bm25Search) scan() {
	n := len(s.cursors)
	for opt := s.optional(0); opt < n; opt = s.optional(opt) {
		if opt == n-1 && !s.exhaust {
			if !s.scanOne(opt) {
				return
			}
			continue
		}
		start := uint32(noDoc)
		for _, c := range s.cursors[opt:] {
			start = min(start, c.current())
		}
		if start == noDoc {
			return
		}
		end := uint32(min(uint64(start)+windowLen, noDoc))
		for i, c := range s.cursors[opt:] {
			// What the others can add at most.
			s.score(c, s.sums[n]-s.cursors[opt+i].best, start, end)
		}
		s.collect(opt, start)
		if end >= s.guessAt && int(end) < s.x.n {
			s.top.guess(float64(end) / float64(s.x.n))
			s.guessAt = 2 * end
		}
	}
}

// score adds the scores of c's documents in [start, end) to the window. Blocks that cannot count even with others added are
// passed over.
func (s *bm25Search) score(c *cursor, others float64, start, end uint32) {
	for c.block < c.blocks {
		if c.decoded != c.block {
			if !s.exhaust && c.bound()+others <= s.top.least && c.last < end {
				c.setBlock(c.block + 1)
				continue
			}
			if c.block > 0 && c.before()+1 >= end {
				return
			}
			c.decode()
		}
		hi := c.n
		if c.last >= end {
			hi = countBelow(&c.docs, end)
		}
		if hi > c.pos {
			c.decodeFreqs()
			s.window.add(c, start, hi)
			c.scored += hi - c.pos
			c.pos = hi
		}
		if c.pos < c.n {
			return
		}
		c.setBlock(c.block + 1)
	}
}

// add adds postings c.pos to hi.
func (w *window) add(c *cursor, start uint32, hi int) {
	if c.formula.kind == lucene && c.field.codes.bytes != nil {
		w.addLucene(&lucenePostings{&c.docs, &c.freqs, c.field.codes.bytes, (*[256]float32)(c.formula.byLength), c.w, start}, c.pos, hi)
		return
	}
	for i, doc := range c.docs[c.pos:hi] {
		w.put((doc-start)%windowLen, c.score(doc, c.freqs[c.pos+i]))
	}
}

// put adds a score at a place.
func (w *window) put(at uint32, score float32) {
	w.sum[at] += float64(score)
	w.seen[at/64] |= 1 << (at % 64)
}

// lucenePostings are a block's documents, which have codes, and frequencies, below 1<<31, and what scores them: Lucene's formula over lengths of a byte.
type lucenePostings struct {
	docs, freqs *[blockLen]uint32
	codes       []byte // of all documents
	table       *[256]float32
	weight      float32
	start       uint32 // document at the window's first place
}

// addLucenePlain is addLucene in plain Go.
func (w *window) addLucenePlain(p *lucenePostings, lo, hi int) {
	docs, freqs := p.docs[lo:hi], p.freqs[lo:hi]
	for i, doc := range docs {
		w.put((doc-p.start)%windowLen, p.weight-p.weight/(1+float32(float32(freqs[i])*p.table[p.codes[doc]])))
	}
}

// collect finds the window's documents that may count, completes them and clears the window.
func (s *bm25Search) collect(opt int, start uint32) {
	w, found := &s.window, &s.found
	at := w.at[:places(&w.seen, &w.at)]
	for len(at) > 0 {
		n, least := min(len(at), batchLen), s.top.least
		limit := least - s.sums[opt] - math.Abs(least)*1e-12 // lets through what rounding makes doubtful
		found.n = w.take(found, at[:n], start, limit)
		s.complete(opt)
		at = at[n:]
	}
}

// batchLen is how many documents are completed at a time: the k-th score rises only in between.
const batchLen = 512

// candidates are documents that may count, in ascending order, with the sums of what they are known to have.
type candidates struct {
	n    int
	docs [batchLen]uint32
	sums [batchLen]float64
	hits [blockLen + 1]probeHit
}

// probeHit is a document that is in a block: its place among those asked for, times blockLen, plus its place in the block.
type probeHit uint32

// take moves the sums at those places to found where they are above limit, and clears them.
func (w *window) take(found *candidates, at []uint16, start uint32, limit float64) (n int) {
	for _, i := range at {
		sum := &w.sum[i%windowLen]
		found.docs[n%batchLen], found.sums[n%batchLen] = start+uint32(i), *sum
		n += below(limit, *sum)
		*sum = 0
	}
	return n
}

// below is 1 where a < b, otherwise 0, without a branch.
func below(a, b float64) int { return int(math.Float64bits(a-b) >> 63) }

// complete adds to the documents found what the first opt cursors have for them, largest first, and offers them to the top.
// Those are left out on the way that cannot count.
func (s *bm25Search) complete(opt int) {
	f, least := &s.found, s.top.least
	for i := opt - 1; i >= 0 && f.n > 0; i-- {
		f.add(s.cursors[i], s.sums[i], least)
	}
	for i, doc := range f.docs[:f.n] {
		s.offer(doc, float32(f.sums[i]))
	}
}

// add adds c's scores and leaves out what cannot get above least with the bound of c's block, none behind its last, and rest.
func (f *candidates) add(c *cursor, rest, least float64) {
	n, i := 0, 0
	for i < f.n {
		from, bound, last := n, 0.0, uint32(noDoc)
		if c.last >= f.docs[i] && c.block < c.blocks || c.shallow(f.docs[i]) {
			bound, last = c.bound(), c.last
		}
		for ; i < f.n && f.docs[i] <= last; i++ {
			sum := f.sums[i]
			f.docs[n%batchLen], f.sums[n%batchLen] = f.docs[i], sum
			n += below(least, sum+bound+rest)
		}
		if n > from && last != noDoc {
			f.probe(c, from, n)
		}
	}
	f.n = n
}

// probe adds the scores of c's current block to the documents from to to.
func (f *candidates) probe(c *cursor, from, to int) {
	c.decode()
	n := probe(&c.docs, f.docs[from:to], &f.hits)
	c.scored += n
	for _, h := range f.hits[:n] {
		i := from + int(h/blockLen)
		f.sums[i] += float64(c.score(f.docs[i], c.freq(int(h%blockLen))))
	}
}

// offer gives a document to the top unless it is deleted.
func (s *bm25Search) offer(doc uint32, score float32) {
	if float64(score) <= s.top.least || s.part != nil && s.part.isDeleted(doc) {
		return
	}
	s.top.push(rankOf(score, doc))
}

// scanAll goes through the documents that have every term of the query in one field or another.
func (s *bm25Search) scanAll() {
	slices.SortStableFunc(s.cursors, func(a, b *cursor) int { return a.term - b.term })
	for doc := uint32(0); ; doc++ {
		for term := 0; term < len(s.terms); term++ {
			first := uint32(noDoc)
			for _, c := range s.cursors {
				if c.term == term {
					c.seek(doc)
					first = min(first, c.current())
				}
			}
			if first == noDoc {
				return
			}
			if first > doc {
				doc, term = first, -1
			}
		}
		sum := 0.0
		for _, c := range s.cursors {
			if c.current() == doc {
				sum += float64(c.score(doc, c.freq(c.pos)))
			}
		}
		s.offer(doc, float32(sum))
	}
}

// scanOne goes through the documents of the one cursor that is essential, until it ends (false) or it is essential no more.
func (s *bm25Search) scanOne(opt int) bool {
	c, rest := s.cursors[opt], s.sums[opt]
	for c.block < c.blocks {
		if c.decoded != c.block {
			if c.bound()+rest <= s.top.least {
				c.setBlock(c.block + 1)
				continue
			}
			c.decode()
		}
		c.decodeFreqs()
		f, least := &s.found, s.top.least
		f.n = 0
		c.scored += c.n - c.pos
		for i := c.pos; i < c.n; i++ {
			doc := c.docs[i]
			sum := float64(c.score(doc, c.freqs[i]))
			f.docs[f.n], f.sums[f.n] = doc, sum
			f.n += below(least, sum+rest)
		}
		s.complete(opt)
		c.setBlock(c.block + 1)
		if s.optional(opt) != opt {
			return true
		}
	}
	return false
}
