package index

import (
	"math"
	"slices"
)

// cursor walks over one query term's postings.
type cursor struct {
	field      *bm25Field
	formula    *formula
	w          float32 // weight of every posting's component
	background float32
	best       float64 // no posting's score is above it
	df         int
	term       int // its place in the query

	// The list in blocks; a list of fewer than blockLen documents is one block without tables.
	blocks int
	bounds []byte
	lasts  []byte
	starts []byte
	data   []byte
	unit   float64 // score that a bound of 1 stands for,
	err    float64 // and what rounding may add to it
	floors []byte

	block   int    // current block
	last    uint32 // its last document
	decoded int    // block in docs, -1 for none
	freqsOf int    // block in freqs, -1 for none
	pos     int    // first posting of the block that is not passed, where decoded == block
	n       int    // postings in docs
	packed  packed
	docs    [blockLen]uint32
	freqs   [blockLen]uint32

	unpacked, scored int // blocks and postings since it was opened, for measuring
}

// noDoc is above every document number.
const noDoc = math.MaxUint32

// open starts the cursor at the first posting of t. stretch is how much above its bounds a component can be.
func (c *cursor) open(f *bm25Field, fm *formula, t term, w float32, stretch float64) error {
	c.field, c.formula, c.w, c.df = f, fm, w, int(t.df)
	c.block, c.pos, c.decoded, c.freqsOf, c.floors = 0, 0, -1, -1, nil
	c.unpacked, c.scored = 0, 0
	if c.df < blockLen {
		return c.openShort(f, t)
	}
	n := (c.df + blockLen - 1) / blockLen
	if len(t.list) < boundsAt+9*n {
		return errDamagedList
	}
	c.blocks = n
	best := math.Float32frombits(le.Uint32(t.list))
	if !(best >= 0) {
		return errDamagedList
	}
	c.floors = t.list[floorsAt:boundsAt]
	b := t.list[boundsAt:]
	c.bounds, c.lasts, c.starts, c.data = b[:n], b[n:5*n], b[5*n:9*n], b[9*n:]
	c.unit = float64(best) * stretch * float64(w) / 255 * (1 + roundingError)
	c.err = float64(w) * roundingError
	c.best = 255*c.unit + c.err
	c.last = le.Uint32(c.lasts)
	return nil
}

// roundingError bounds how far a score in float32 is from the weight times the component in float32 that bounds and floors
// are made of: relative to the score, and for the formulas that subtract also relative to the weight.
const roundingError = 1e-6

// openShort decodes a list of fewer than blockLen documents.
func (c *cursor) openShort(f *bm25Field, t term) error {
	c.n = c.df
	if c.df == 1 {
		c.docs[0], c.freqs[0] = t.doc, uint32(t.cf)
	} else if !readTail(t.list[:cap(t.list)], c.df, noDoc, &c.docs, &c.freqs) {
		return errDamagedList
	}
	if int64(c.docs[c.n-1]) >= f.codes.n() {
		return errDamagedList
	}
	c.blocks, c.decoded, c.freqsOf = 1, 0, 0
	c.bounds, c.best = nil, 0
	for i := range c.n {
		c.best = max(c.best, float64(c.score(c.docs[i], c.freqs[i])))
	}
	c.last = c.docs[c.n-1]
	c.pad()
	return nil
}

// pad puts noDoc behind the documents of a block that is not full.
func (c *cursor) pad() {
	for i := c.n; i < blockLen; i++ {
		c.docs[i] = noDoc
	}
}

// score is the score of a posting.
func (c *cursor) score(doc, freq uint32) float32 {
	if f := c.formula; f.kind == lucene && c.field.codes.bytes != nil { // formula.score, in line
		return c.w - c.w/(1+float32(float32(freq)*f.byLength[c.field.codes.bytes[doc]]))
	}
	return c.formula.score(freq, c.formula.byLength[c.field.codes.of(doc)], c.w, c.background)
}

// floor is a score that so many documents reach with this term alone, 0 where that is not known.
func (c *cursor) floor(rank int) float64 {
	for i, r := range floorRanks {
		if rank <= r && c.floors != nil {
			return max(0, float64(c.floors[i])*c.unit*(1-2*roundingError)-c.err)
		}
	}
	return 0
}

// bound is what no posting of the current block scores above.
func (c *cursor) bound() float64 {
	if c.bounds == nil {
		return c.best
	}
	return float64(c.bounds[c.block])*c.unit + c.err
}

// setBlock goes to the start of a block; c.blocks is the end.
func (c *cursor) setBlock(b int) {
	c.block, c.pos = b, 0
	if b >= c.blocks {
		c.last = noDoc
		return
	}
	if c.bounds != nil {
		c.last = le.Uint32(c.lasts[4*b:])
	}
}

// before is the last document of the block before.
func (c *cursor) before() uint32 {
	if c.block == 0 {
		return noDoc // -1: the first gap counts from document 0
	}
	return le.Uint32(c.lasts[4*(c.block-1):])
}

// decode makes docs those of the current block.
func (c *cursor) decode() {
	if c.decoded == c.block {
		return
	}
	start := le.Uint32(c.starts[4*c.block:])
	b := c.data[start:cap(c.data)] // the decoder reads up to packPad bytes on, into what follows in the section
	c.decoded = c.block
	c.unpacked++
	if rest := c.df - c.block*blockLen; rest < blockLen {
		c.n = rest
		c.freqsOf = c.block
		if !readTail(b, rest, c.before(), &c.docs, &c.freqs) {
			panic(errDamagedList)
		}
		c.pad()
		c.check()
		return
	}
	c.n = blockLen
	var ok bool
	if c.packed, ok = readPacked(b); !ok {
		panic(errDamagedList)
	}
	c.packed.docs(&c.docs, c.before())
	c.freqsOf = -1
	if c.packed.gapBits > 24 && !slices.IsSorted(c.docs[:]) { // gaps that wide can run over the end of uint32
		panic(errDamagedList)
	}
	c.check()
}

// check panics unless the decoded block lies between the one before and its own last document: searching relies on it, and the inner loops on documents
// that ascend (128 gaps of 24 bits cannot run over the end of uint32 and come back to a last document above the one before).
func (c *cursor) check() {
	if c.docs[c.n-1] != c.last || int64(c.last) >= c.field.codes.n() || c.block > 0 && (c.docs[0] <= c.before() || c.last <= c.before()) {
		panic(errDamagedList)
	}
}

// decodeFreqs makes freqs those of the current block, after decode.
func (c *cursor) decodeFreqs() {
	if c.freqsOf != c.block {
		c.packed.allFreqs(&c.freqs)
		c.freqsOf = c.block
	}
}

// freq is the frequency of posting i of the current block, after decode.
func (c *cursor) freq(i int) uint32 {
	if c.freqsOf == c.block {
		return c.freqs[i]
	}
	return c.packed.freq(i)
}

// current is the first document not passed, noDoc at the end.
func (c *cursor) current() uint32 {
	for c.block < c.blocks {
		c.decode()
		if c.pos < c.n {
			return c.docs[c.pos]
		}
		c.setBlock(c.block + 1)
	}
	return noDoc
}

// shallow goes to the block that would hold doc, decoding nothing, and returns false at the end of the list.
func (c *cursor) shallow(doc uint32) bool {
	if c.last >= doc {
		return c.block < c.blocks
	}
	if c.bounds == nil {
		c.setBlock(c.blocks)
		return false
	}
	lo, step := c.block+1, 1 // gallop, then halve
	hi := lo
	for hi < c.blocks && le.Uint32(c.lasts[4*hi:]) < doc {
		lo = hi + 1
		hi += step
		step *= 2
	}
	hi = min(hi, c.blocks)
	for lo < hi {
		mid := (lo + hi) / 2
		if le.Uint32(c.lasts[4*mid:]) < doc {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	c.setBlock(lo)
	return lo < c.blocks
}

// seek goes to the first posting at or behind doc and says whether it is doc.
func (c *cursor) seek(doc uint32) bool {
	if !c.shallow(doc) {
		return false
	}
	c.decode()
	c.pos = countBelow(&c.docs, doc)
	return c.pos < c.n && c.docs[c.pos] == doc
}
