package index

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// A posting list of fewer than blockLen documents is a tail (appendTail). A longer one is
//
//	best     float32: the largest component (formula) of a posting
//	floors   3 bytes: what the 10th, 100th and 1,000th best component is at least, 0 where there are fewer
//	bounds   a byte for each block: what its best component is at most
//	lasts    uint32 for each block: its last document
//	starts   uint32 for each block: where its bytes begin behind this table
//	blocks   packed blocks, a tail at the end where the number of documents is no multiple of blockLen
//
// Floors and bounds count in 255ths of best, rounded down and up.
const (
	floorsAt = 4
	boundsAt = 7
)

// floorRanks are the ranks that floors are kept for.
var floorRanks = [boundsAt - floorsAt]int{10, 100, 1000}

var errDamagedList = errors.New("a posting list is damaged")

// listEncoder writes posting lists of one field.
type listEncoder struct {
	formula formula
	codes   *lengthCodes
	marks   []float32 // components of the list's postings
	buf     []byte
}

// encode returns the list's bytes, valid until the next call. cf is the sum of its frequencies.
func (e *listEncoder) encode(list []posting, cf int64) []byte {
	if len(list) < blockLen {
		e.buf = appendTail(e.buf[:0], list, -1)
		return e.buf
	}
	best := e.mark(list, cf)
	n := (len(list) + blockLen - 1) / blockLen
	head := boundsAt + 9*n
	e.buf = append(e.buf[:0], make([]byte, head)...)
	le.PutUint32(e.buf, math.Float32bits(best))
	e.floors(e.buf[floorsAt:boundsAt], best)
	prev := int64(-1)
	for i := range n {
		lo, hi := i*blockLen, min((i+1)*blockLen, len(list))
		e.buf[boundsAt+i] = boundAbove(slices.Max(e.marks[lo:hi]), best)
		last := list[hi-1].doc()
		le.PutUint32(e.buf[boundsAt+n+4*i:], last)
		le.PutUint32(e.buf[boundsAt+5*n+4*i:], uint32(len(e.buf)-head))
		if hi-lo == blockLen {
			e.buf = appendBlock(e.buf, list[lo:hi], prev)
		} else {
			e.buf = appendTail(e.buf, list[lo:hi], prev)
		}
		prev = int64(last)
	}
	return e.buf
}

// mark computes the components and returns the largest.
func (e *listEncoder) mark(list []posting, cf int64) (best float32) {
	background := e.formula.background(cf)
	e.marks = e.marks[:0]
	for _, p := range list {
		m := e.formula.component(p.freq(), e.formula.byLength[e.codes.of(p.doc())], background)
		e.marks = append(e.marks, m)
		best = max(best, m)
	}
	return best
}

// boundOf is the component that a bound or floor of b stands for.
func boundOf(b byte, best float32) float64 { return float64(b) * (float64(best) / 255) }

// boundAbove is the least bound that is at least m.
func boundAbove(m, best float32) byte {
	b := byte(0)
	if best > 0 {
		b = byte(float64(m) / float64(best) * 255)
	}
	for b < 255 && boundOf(b, best) < float64(m) {
		b++
	}
	return b
}

// floors fills in what the components at floorRanks are at least.
func (e *listEncoder) floors(dst []byte, best float32) {
	var hist [256]int
	for _, m := range e.marks {
		b := boundAbove(m, best)
		for b > 0 && boundOf(b, best) > float64(m) {
			b--
		}
		hist[b]++
	}
	for i, rank := range floorRanks {
		seen := 0
		for b := 255; b > 0; b-- {
			if seen += hist[b]; seen >= rank {
				dst[i] = byte(b)
				break
			}
		}
	}
}

// term is a dictionary entry.
type term struct {
	df   int64  // documents that hold it
	cf   int64  // times it occurs
	list []byte // its postings, or nil where df is 1
	at   int    // where list begins in the section
	doc  uint32 // the one document where df is 1; its frequency is cf
}

// The dictionary of a field is its terms in ascending order of bytes, in groups of termGroup. A group is the offset of its
// first list in the postings (a varint), then for each term: how many bytes it shares with the one before (a varint, 0 for
// the first), length of the rest and the rest, df, cf-df, and then the document where df is 1, otherwise the length of its
// list. Lists lie one behind the other in the order of the terms. A second section has the offset of
// each group, a uint32.
const termGroup = 16

// termWriter writes a dictionary.
type termWriter struct {
	data   []byte
	groups []byte
	last   []byte
	n      int
	lists  uint64 // bytes of the lists so far
}

func (w *termWriter) add(name []byte, df, cf int64, doc uint32, listLen int) {
	shared := 0
	if w.n%termGroup == 0 {
		w.groups = le.AppendUint32(w.groups, uint32(len(w.data)))
		w.data = binary.AppendUvarint(w.data, w.lists)
	} else {
		for shared < len(name) && shared < len(w.last) && name[shared] == w.last[shared] {
			shared++
		}
	}
	w.n++
	w.last = append(w.last[:0], name...)
	w.data = binary.AppendUvarint(w.data, uint64(shared))
	w.data = binary.AppendUvarint(w.data, uint64(len(name)-shared))
	w.data = append(w.data, name[shared:]...)
	w.data = binary.AppendUvarint(w.data, uint64(df))
	w.data = binary.AppendUvarint(w.data, uint64(cf-df))
	if df == 1 {
		w.data = binary.AppendUvarint(w.data, uint64(doc))
		return
	}
	w.data = binary.AppendUvarint(w.data, uint64(listLen))
	w.lists += uint64(listLen)
}

// dictionary is a mapped dictionary.
type dictionary struct {
	data, groups, lists []byte
	heads               []uint64 // prefix8 of the first term of every headStep-th group: where a search begins
}

// headStep is how many groups a head stands for: fewer make the search shorter and the heads more than the caches hold.
const headStep = 8

// readHeads makes heads.
func (d *dictionary) readHeads() error {
	n := len(d.groups) / 4
	d.heads = make([]uint64, 0, (n+headStep-1)/headStep)
	for g := 0; g < n; g += headStep {
		first, ok := d.first(g)
		if !ok {
			return errDamagedList
		}
		d.heads = append(d.heads, prefix8(first))
	}
	return nil
}

// first is the first term of group g.
func (d *dictionary) first(g int) (name []byte, ok bool) {
	r, _ := d.group(g)
	r.uvarint()
	name = r.bytes(r.uvarint())
	return name, !r.bad
}

// reader reads varints and bytes and remembers that something was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// group returns a reader behind the list offset of group g, and the offset.
func (d *dictionary) group(g int) (r reader, lists uint64) {
	at := uint64(le.Uint32(d.groups[4*g:]))
	if at > uint64(len(d.data)) {
		return reader{bad: true}, 0
	}
	r.b = d.data[at:]
	return r, r.uvarint()
}

// find looks a term up. The name is compared byte by byte.
func (d *dictionary) find(name []byte) (t term, found bool, err error) {
	prefix := prefix8(name)
	lo, equal := slices.BinarySearch(d.heads, prefix)
	hi := lo
	for equal && hi < len(d.heads) && d.heads[hi] == prefix {
		hi++
	}
	lo, hi = max(0, lo-1)*headStep, min(hi*headStep, len(d.groups)/4) // the first group whose first term is above name
	for lo < hi {
		mid := (lo + hi) / 2
		first, ok := d.first(mid)
		if !ok {
			return t, false, errDamagedList
		}
		if string(first) <= string(name) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return t, false, nil
	}
	return d.findIn(lo-1, name)
}

// findIn looks for the term in group g: same is how many bytes the terms so far, all below name, have in common with it.
func (d *dictionary) findIn(g int, name []byte) (t term, found bool, err error) {
	r, at := d.group(g)
	same := 0
	for range termGroup {
		if len(r.b) == 0 {
			return t, false, nil
		}
		shared := int(r.uvarint())
		rest := r.bytes(r.uvarint())
		hit := false
		switch {
		case shared > same: // equals its predecessor where that fell below name
		case shared < same: // has a smaller common part, so it is above name
			return t, false, nil
		default:
			n := 0
			for n < len(rest) && same+n < len(name) && rest[n] == name[same+n] {
				n++
			}
			if n < len(rest) && (same+n == len(name) || rest[n] > name[same+n]) {
				return t, false, nil
			}
			same += n
			hit = n == len(rest) && same == len(name)
		}
		t, size := r.entry()
		if r.bad {
			return t, false, errDamagedList
		}
		if hit {
			if t.df > 1 {
				err = d.place(&t, at, size)
			}
			return t, err == nil, err
		}
		at += size
	}
	return t, false, nil
}

// place fills in the list of t: size bytes at at.
func (d *dictionary) place(t *term, at, size uint64) error {
	if at > uint64(len(d.lists)) || size > uint64(len(d.lists))-at {
		return errDamagedList
	}
	t.at, t.list = int(at), d.lists[at:at+size:min(at+size+packPad, uint64(len(d.lists)))]
	return nil
}

// entry reads what follows a name; size is the length of the list.
func (r *reader) entry() (t term, size uint64) {
	t.df = int64(r.uvarint())
	t.cf = t.df + int64(r.uvarint())
	if t.df == 1 {
		t.doc = uint32(r.uvarint())
		return t, 0
	}
	size = r.uvarint()
	r.bad = r.bad || t.df < 1 || t.cf < t.df || t.df > 1<<32 || size > 1<<40
	return t, size
}
