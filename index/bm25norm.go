package index

import (
	"fmt"
	"math/bits"
	"slices"
)

// Lucene keeps a document's length in one byte, exactly up to 40 terms and rounded down to four significant bits above:
// SmallFloat.intToByte4 of Lucene 9 and 10.

// freeLengths is how many small lengths have a code of their own below the floating ones: 255 less the largest 4-bit float
// of a Java int.
const freeLengths = 24

// lengthCode is Lucene's code of a length.
func lengthCode(n uint32) byte {
	if n < freeLengths {
		return byte(n)
	}
	v := n - freeLengths
	width := bits.Len32(v)
	if width < 4 {
		return byte(freeLengths + v)
	}
	shift := width - 4
	return byte(freeLengths + (v>>shift&7 | uint32(shift+1)<<3))
}

// lengthOf is the length that a code stands for.
func lengthOf(code byte) uint32 {
	if code < freeLengths {
		return uint32(code)
	}
	v := uint32(code) - freeLengths
	if v < 8 {
		return freeLengths + v
	}
	return freeLengths + (v&7|8)<<(v>>3-1)
}

// lengthCodes are the codes of all documents of a field, by document, and the length that each code stands for. One of the
// two widths is set: bytes as Lucene has them, or numbers of the exact lengths in ascending order.
type lengthCodes struct {
	bytes   []byte
	exact   []byte // uint16 each, little-endian
	lengths []uint32
}

// byteLengths are the lengths of Lucene's codes.
func byteLengths() []uint32 {
	v := make([]uint32, 256)
	for i := range v {
		v[i] = lengthOf(byte(i))
	}
	return v
}

func newLengthCodes(lengths []uint32, exact bool) (lengthCodes, error) {
	if !exact {
		c := lengthCodes{bytes: make([]byte, len(lengths)), lengths: byteLengths()}
		for i, n := range lengths {
			c.bytes[i] = lengthCode(n)
		}
		return c, nil
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(lengths)))
	if len(distinct) > 1<<16 {
		return lengthCodes{}, fmt.Errorf("index: %d different document lengths, exact lengths go up to %d: use byte lengths", len(distinct), 1<<16)
	}
	c := lengthCodes{exact: make([]byte, 0, 2*len(lengths)), lengths: distinct}
	for _, n := range lengths {
		i, _ := slices.BinarySearch(distinct, n)
		c.exact = le.AppendUint16(c.exact, uint16(i))
	}
	return c, nil
}

// n is the number of documents.
func (c *lengthCodes) n() int64 { return int64(len(c.bytes) + len(c.exact)/2) }

// of is the code of a document.
func (c *lengthCodes) of(doc uint32) int {
	if c.bytes != nil {
		return int(c.bytes[doc])
	}
	return int(le.Uint16(c.exact[2*doc:]))
}
