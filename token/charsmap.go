package token

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// charsMap is sentencepiece's compiled normalisation: a double array (Darts) whose keys are byte strings and whose values
// are offsets of zero-terminated replacements. Layout: length of the array in bytes (uint32, little-endian), the array of
// uint32 units, the replacements (sentencepiece, normalizer.cc, DecodePrecompiledCharsMap).
type charsMap struct {
	units []uint32
	text  []byte
}

func newCharsMap(blob []byte) (*charsMap, error) {
	if len(blob) < 4 {
		return nil, errors.New("precompiled_charsmap is too short")
	}
	n := binary.LittleEndian.Uint32(blob)
	blob = blob[4:]
	if n%4 != 0 || n == 0 || int64(n) > int64(len(blob)) {
		return nil, fmt.Errorf("precompiled_charsmap: an array of %d bytes in %d", n, len(blob))
	}
	m := &charsMap{units: make([]uint32, n/4), text: blob[n:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(blob[4*i:])
	}
	if n := m.longest(); n > maxGrowth {
		return nil, fmt.Errorf("precompiled_charsmap: a replacement of %d bytes is not supported", n)
	}
	return m, nil
}

// longest is the length of the longest replacement.
func (m *charsMap) longest() int {
	n := 0
	for part := range bytes.SplitSeq(m.text, []byte{0}) {
		n = max(n, len(part))
	}
	return n
}

// prefix returns the replacement of the longest key (or of the shortest) that text begins with, and the key's length; 0 for none.
func (m *charsMap) prefix(text []byte, longest bool) (to []byte, length int) {
	value := -1
	pos, unit := uint32(0), m.units[0]
	pos ^= offset(unit)
	for i, b := range text {
		if b == 0 {
			break
		}
		pos ^= uint32(b)
		if int(pos) >= len(m.units) {
			break
		}
		unit = m.units[pos]
		if unit&(1<<31|0xFF) != uint32(b) {
			break
		}
		pos ^= offset(unit)
		if unit>>8&1 == 1 && int(pos) < len(m.units) {
			value, length = int(m.units[pos]&(1<<31-1)), i+1
			if !longest {
				break
			}
		}
	}
	if value < 0 || value > len(m.text) {
		return nil, 0
	}
	to = m.text[value:]
	if i := bytes.IndexByte(to, 0); i >= 0 {
		to = to[:i]
	}
	return to, length
}

// offset is that of a unit's children (darts-clone).
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// graphemes applies a map as Hugging Face's Precompiled does: to whole grapheme clusters of fewer than 6 bytes, else to
// their characters; and what begins with a key is replaced as if it were the key, the shortest one.
type graphemes charsMap

func (g *graphemes) normalize(s *state) {
	m := (*charsMap)(g)
	w := s.rewrite()
	for pos := 0; pos < len(s.text); {
		n := clusterLen(s.text[pos:])
		if n < 6 {
			if to, ok := m.prefix(s.text[pos:pos+n], false); ok > 0 {
				w.put(viewString(to), pos)
				pos += n
				continue
			}
		}
		for end := pos + n; pos < end; {
			_, n := utf8.DecodeRune(s.text[pos:end])
			if to, ok := m.prefix(s.text[pos:pos+n], false); ok > 0 {
				w.put(viewString(to), pos)
			} else {
				w.keep(pos, pos+n)
			}
			pos += n
		}
	}
	w.done()
}

// clusterLen is the length of the grapheme cluster at the start of text.
func clusterLen(text []byte) int {
	if text[0] < utf8.RuneSelf && text[0] != '\r' && (len(text) == 1 || text[1] < utf8.RuneSelf) {
		return 1
	}
	c, _, _, _ := uniseg.FirstGraphemeCluster(text, -1)
	return len(c)
}

// sentence is the normaliser of sentencepiece (normalizer.cc, Normalizer::Normalize).
type sentence struct {
	chars       *charsMap // nil: characters stay
	user        trie      // user-defined pieces, which stay as they are
	dummyPrefix bool
	squeeze     bool // remove_extra_whitespaces
	escape      bool // blanks become ▁
}

func (n *sentence) normalize(s *state) {
	w := s.rewrite()
	space := " "
	if n.escape {
		space = "▁"
	}
	pos := 0
	for n.squeeze && pos < len(s.text) {
		to, size := n.prefix(s.text[pos:])
		if string(to) != " " {
			break
		}
		pos += size
	}
	if pos < len(s.text) && n.dummyPrefix {
		w.put(space, pos)
	}
	for before := n.squeeze; pos < len(s.text); {
		to, size := n.prefix(s.text[pos:])
		for before && len(to) > 0 && to[0] == ' ' {
			to = to[1:]
		}
		for i := range to {
			if to[i] == ' ' {
				w.put(space, pos)
			} else {
				w.b = append(w.b, to[i])
			}
		}
		w.pad(pos)
		if len(to) > 0 {
			before = to[len(to)-1] == ' '
		}
		before = before && n.squeeze
		pos += size
	}
	for n.squeeze && bytes.HasSuffix(w.b, view(space)) {
		w.b = w.b[:len(w.b)-len(space)]
	}
	if s.track {
		w.at = w.at[:len(w.b)]
	}
	w.done()
}

// prefix returns what the start of text becomes, and the length of that start.
func (n *sentence) prefix(text []byte) (to []byte, size int) {
	if !n.user.empty() {
		if _, k := n.user.longest(text); k > 0 {
			return text[:k], k
		}
	}
	if n.chars != nil {
		if to, k := n.chars.prefix(text, true); k > 0 {
			return to, k
		}
	}
	_, k := utf8.DecodeRune(text)
	return text[:k], k
}
