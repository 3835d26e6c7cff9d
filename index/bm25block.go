package index

import (
	"encoding/binary"
	"math/bits"
)

// blockLen is the number of postings of a packed block.
const blockLen = 128

// packPad is how many bytes behind a packed block may be read: the fast decoder loads whole vectors.
const packPad = 64

var le = binary.LittleEndian

// posting is a document number (high half) and the term's frequency there (low half): sorting postings sorts documents.
type posting uint64

func (p posting) doc() uint32  { return uint32(p >> 32) }
func (p posting) freq() uint32 { return uint32(p) }

// appendBlock appends a packed block of blockLen postings, the first document above prev (-1 before the first block):
//
//	gap bits, frequency bits, number of exceptions   a byte each
//	gaps           blockLen numbers of gap bits each, a little-endian bit stream: the documents passed over before each
//	frequencies-1  blockLen numbers of frequency bits each, cut to the largest such number
//	exceptions     for each cut one: its place (a byte), frequency (uint32)
func appendBlock(dst []byte, block []posting, prev int64) []byte {
	var gaps, freqs [blockLen]uint32
	var all uint32
	for i, p := range block {
		gaps[i] = uint32(int64(p.doc()) - prev - 1)
		prev = int64(p.doc())
		all |= gaps[i]
		freqs[i] = p.freq() - 1
	}
	gapBits := bits.Len32(all)
	freqBits, exceptions := freqWidth(&freqs)
	dst = append(dst, byte(gapBits), byte(freqBits), byte(exceptions))
	dst = appendPacked(dst, &gaps, gapBits)
	top := uint32(1)<<freqBits - 1
	cut := freqs
	for i, f := range freqs {
		cut[i] = min(f, top)
	}
	dst = appendPacked(dst, &cut, freqBits)
	for i, f := range freqs {
		if f > top {
			dst = append(dst, byte(i))
			dst = le.AppendUint32(dst, f+1)
		}
	}
	return dst
}

// freqWidth is the width that makes frequencies and exceptions smallest, and how many exceptions there are then.
func freqWidth(freqs *[blockLen]uint32) (width, exceptions int) {
	var byWidth [33]int
	for _, f := range freqs {
		byWidth[bits.Len32(f)]++
	}
	best, above := 1<<30, 0
	for w := 31; w >= 0; w-- {
		above += byWidth[w+1]
		if size := blockLen/8*w + 5*above; size < best && above < 256 {
			best, width, exceptions = size, w, above
		}
	}
	return width, exceptions
}

// appendPacked appends the numbers at the width, the first in the lowest bits.
func appendPacked(dst []byte, v *[blockLen]uint32, width int) []byte {
	var acc uint64
	n := 0
	for _, x := range v {
		acc |= uint64(x) << n
		n += width
		for n >= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
			n -= 8
		}
	}
	return dst
}

// simdLevel is a set of inner loops; each has the results of the plain ones.
type simdLevel int

const (
	simdPlain simdLevel = iota
	simdAVX2
	simdAVX512
)

// packed is a view of one block's bytes.
type packed struct {
	gapBits, freqBits int
	gaps              []byte // packPad bytes longer than the numbers
	freqs             []byte // the same
	exceptions        []byte
}

// readPacked looks at the block at the start of b; ok is false where b is too short to hold it.
func readPacked(b []byte) (p packed, ok bool) {
	if len(b) < 3 {
		return p, false
	}
	p.gapBits, p.freqBits = int(b[0]), int(b[1])
	freqsAt := 3 + blockLen/8*p.gapBits
	exceptionsAt := freqsAt + blockLen/8*p.freqBits
	end := exceptionsAt + 5*int(b[2])
	if p.gapBits > 32 || p.freqBits > 32 || len(b) < end+packPad {
		return p, false
	}
	p.gaps = b[3 : freqsAt+packPad]
	p.freqs = b[freqsAt : exceptionsAt+packPad]
	p.exceptions = b[exceptionsAt:end]
	return p, true
}

// freq is the frequency of posting i.
func (p *packed) freq(i int) uint32 {
	at := i * p.freqBits
	v := uint32(le.Uint64(p.freqs[at>>3:])>>(at&7)) & (uint32(1)<<p.freqBits - 1)
	if len(p.exceptions) > 0 && v == uint32(1)<<p.freqBits-1 {
		for e := p.exceptions; len(e) >= 5; e = e[5:] {
			if int(e[0]) == i {
				return le.Uint32(e[1:])
			}
		}
	}
	return v + 1
}

// allFreqs unpacks every frequency.
func (p *packed) allFreqs(dst *[blockLen]uint32) {
	unpackFreqs(dst, p.freqs, p.freqBits)
	for e := p.exceptions; len(e) >= 5; e = e[5:] {
		if e[0] < blockLen {
			dst[e[0]] = le.Uint32(e[1:])
		}
	}
}

// docs unpacks the document numbers; prev is the document before the block.
func (p *packed) docs(dst *[blockLen]uint32, prev uint32) { unpackDocs(dst, p.gaps, p.gapBits, prev) }

// unpackDocsPlain is unpackDocs in plain Go: running sums of gap+1 from prev (which is -1 as uint32 before the first block).
func unpackDocsPlain(dst *[blockLen]uint32, src []byte, width int, prev uint32) {
	mask := uint64(1)<<width - 1
	for i := range dst {
		at := i * width
		prev += uint32(le.Uint64(src[at>>3:])>>(at&7)&mask) + 1
		dst[i] = prev
	}
}

// unpackFreqsPlain is unpackFreqs in plain Go: each number plus one.
func unpackFreqsPlain(dst *[blockLen]uint32, src []byte, width int) {
	mask := uint64(1)<<width - 1
	for i := range dst {
		at := i * width
		dst[i] = uint32(le.Uint64(src[at>>3:])>>(at&7)&mask) + 1
	}
}

// countBelowPlain is countBelow in plain Go.
func countBelowPlain(docs *[blockLen]uint32, doc uint32) int {
	lo := 0
	for step := blockLen / 2; step > 0; step /= 2 {
		if docs[lo+step-1] < doc {
			lo += step
		}
	}
	if docs[lo] < doc {
		lo++
	}
	return lo
}

// placesPlain is places in plain Go.
func placesPlain(seen *[windowLen / 64]uint64, at *[windowLen + 64]uint16) (n int) {
	for i, m := range seen {
		for ; m != 0; m &= m - 1 {
			at[n] = uint16(64*i + bits.TrailingZeros64(m))
			n++
		}
		seen[i] = 0
	}
	return n
}

// probePlain is probe in plain Go.
func probePlain(docs *[blockLen]uint32, ask []uint32, hits *[blockLen + 1]probeHit) (n int) {
	for i, doc := range ask {
		if at := countBelowPlain(docs, doc); at < blockLen && docs[at] == doc {
			hits[n] = probeHit(i*blockLen + at)
			n++
		}
	}
	return n
}

// appendTail appends fewer than blockLen postings: a width (a byte); for each posting its gap, shifted left by one with the
// lowest bit set where the frequency is 1, at that width, a little-endian bit stream; then the other frequencies as varints.
func appendTail(dst []byte, block []posting, prev int64) []byte {
	var v [blockLen]uint64
	width := 0
	for i, p := range block {
		v[i] = uint64(int64(p.doc())-prev-1) << 1
		if p.freq() == 1 {
			v[i] |= 1
		}
		prev = int64(p.doc())
		width = max(width, bits.Len64(v[i]))
	}
	dst = append(dst, byte(width))
	var acc uint64
	n := 0
	for _, x := range v[:len(block)] {
		acc |= x << n
		for n += width; n >= 8; n -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	if n > 0 {
		dst = append(dst, byte(acc))
	}
	for _, p := range block {
		if p.freq() != 1 {
			dst = binary.AppendUvarint(dst, uint64(p.freq()))
		}
	}
	return dst
}

// readTail reads n postings that appendTail wrote, with 8 bytes or more behind, and returns false where b does not hold them, in
// ascending documents: only the first may be at or below prev, which is noDoc, -1, before a list's first block.
func readTail(b []byte, n int, prev uint32, docs, freqs *[blockLen]uint32) bool {
	if len(b) == 0 || b[0] > 33 {
		return false
	}
	width := int(b[0])
	size := (n*width + 7) / 8
	if n > blockLen || len(b) < 1+size+8 {
		return false
	}
	src, rest, mask := b[1:], b[1+size:], uint64(1)<<width-1
	for i := range n {
		at := i * width
		v := le.Uint64(src[at>>3:]) >> (at & 7) & mask
		doc := prev + uint32(v>>1) + 1
		if doc <= prev && (i > 0 || prev != noDoc) {
			return false
		}
		prev, docs[i], freqs[i] = doc, doc, 1
		if v&1 == 0 {
			f, size := binary.Uvarint(rest)
			if size <= 0 {
				return false
			}
			freqs[i], rest = uint32(f), rest[size:]
		}
	}
	return true
}
