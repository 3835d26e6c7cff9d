package token

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is a set of character classes, as bits.
type class uint32

const pageSize = 256

// classTable holds the classes of every code point in pages; equal pages are one.
type classTable struct {
	page  [(utf8.MaxRune + 1) / pageSize]uint16
	flags [][pageSize]class
	ascii [128]class
}

// classes builds the table from classRanges, once.
var classes = sync.OnceValue(func() *classTable {
	flat := make([]class, utf8.MaxRune+1)
	for i, ranges := range classRanges {
		last := 0
		for pos := 0; pos < len(ranges); {
			gap, n := varint(ranges[pos:])
			length, m := varint(ranges[pos+n:])
			pos += n + m
			for c := last + gap; c <= last+gap+length; c++ {
				flat[c] |= 1 << i
			}
			last += gap + length
		}
	}
	t := &classTable{}
	seen := map[[pageSize]class]uint16{}
	for i := range t.page {
		p := [pageSize]class(flat[i*pageSize:])
		k, ok := seen[p]
		if !ok {
			k = uint16(len(t.flags))
			seen[p] = k
			t.flags = append(t.flags, p)
		}
		t.page[i] = k
	}
	copy(t.ascii[:], flat)
	return t
})

func varint(s string) (v, n int) {
	for shift := 0; ; shift += 7 {
		b := s[n]
		n++
		v |= int(b&127) << shift
		if b < 128 {
			return v, n
		}
	}
}

// of returns the classes of r, which must be a valid code point.
func (t *classTable) of(r rune) class {
	return t.flags[t.page[uint32(r)/pageSize]][uint32(r)%pageSize]
}

// decode returns the first character of b, its classes and its length; b must not be empty.
func (t *classTable) decode(b []byte) (rune, class, int) {
	if b[0] < utf8.RuneSelf {
		return rune(b[0]), t.ascii[b[0]], 1
	}
	r, n := utf8.DecodeRune(b)
	return r, t.of(r), n
}

// lower appends the lower case of r, as Rust's char::to_lowercase has it: full mappings, no context.
func lower(b []byte, r rune) []byte {
	if s, ok := lowerCases[r]; ok {
		return append(b, s...)
	}
	return utf8.AppendRune(b, unicode.ToLower(r))
}
