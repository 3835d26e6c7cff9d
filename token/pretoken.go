package token

import (
	"bytes"
	"fmt"
	"unicode/utf8"
	"unsafe"
)

// preTokenizer cuts the words of a state into smaller ones. It may rewrite the text.
type preTokenizer interface{ split(s *state) }

// finder finds the next match at or after pos. A match lies within text, and text is all that it looks at.
type finder interface {
	next(text []byte, pos int) (lo, hi int, ok bool)
}

// segment is a part of a word: a match or what lies between matches.
type segment struct {
	lo, hi int
	match  bool
}

// behaviour says what becomes of matches; the names are those of tokenizer.json.
type behaviour int

const (
	isolated behaviour = iota
	removed
	mergedWithPrevious
	mergedWithNext
	contiguous
)

var behaviours = map[string]behaviour{"Isolated": isolated, "Removed": removed, "MergedWithPrevious": mergedWithPrevious,
	"MergedWithNext": mergedWithNext, "Contiguous": contiguous}

// splitter cuts words at the matches of a pattern.
type splitter struct {
	find   finder
	how    behaviour
	invert bool
}

func (p *splitter) split(s *state) {
	out := s.spare[:0]
	for _, w := range s.words {
		text := s.text[w.lo:w.hi]
		segs, pos := s.segs[:0], 0
		find := s.finder(p.find, text)
		for lo, hi, ok := find.next(text, 0); ok; lo, hi, ok = following(find, text, lo, hi) {
			if pos < lo {
				segs = append(segs, segment{pos, lo, p.invert})
			}
			segs = append(segs, segment{lo, hi, !p.invert})
			pos = hi
		}
		if pos < len(text) {
			segs = append(segs, segment{pos, len(text), p.invert})
		}
		s.segs = segs
		for _, g := range p.how.apply(segs) {
			if g.lo < g.hi {
				out = append(out, piece{w.lo + g.lo, w.lo + g.hi})
			}
		}
	}
	s.spare, s.words = s.words, out
}

// apply joins or drops segments, in place.
func (h behaviour) apply(segs []segment) []segment {
	n, before := 0, false
	switch h {
	case removed:
		for _, g := range segs {
			if !g.match {
				segs[n] = g
				n++
			}
		}
	case contiguous, mergedWithPrevious:
		for _, g := range segs {
			join := g.match == before
			if h == mergedWithPrevious {
				join = g.match && !before
			}
			before = g.match
			if join && n > 0 {
				segs[n-1].hi = g.hi
				continue
			}
			segs[n] = g
			n++
		}
	case mergedWithNext:
		first := len(segs)
		for i := len(segs) - 1; i >= 0; i-- {
			g := segs[i]
			join := g.match && !before
			before = g.match
			if join && first < len(segs) {
				segs[first].lo = g.lo
				continue
			}
			first--
			segs[first] = g
		}
		return segs[first:]
	default:
		return segs
	}
	return segs[:n]
}

// ofClass finds single characters of a class.
type ofClass struct {
	classes *classTable
	is      class
}

func (c ofClass) next(text []byte, pos int) (lo, hi int, ok bool) {
	for pos < len(text) {
		_, is, n := c.classes.decode(text[pos:])
		if is&c.is != 0 {
			return pos, pos + n, true
		}
		pos += n
	}
	return 0, 0, false
}

// wholeText is a hand-written pattern whose matches cover every text: it cuts text into words that begin at base.
type wholeText func(text []byte, base int, words []piece) []piece

func (f wholeText) split(s *state) {
	out := s.spare[:0]
	for _, w := range s.words {
		out = f(s.text[w.lo:w.hi], w.lo, out)
	}
	s.spare, s.words = s.words, out
}

// splitBert is BertPreTokenizer: words end at white space, which is dropped, and punctuation stands alone.
func splitBert(text []byte, base int, words []piece) []piece {
	t := classes()
	start := 0
	for i := 0; i < len(text); {
		is, n := class(0), 1
		if b := text[i]; b < utf8.RuneSelf {
			is = t.ascii[b]
		} else {
			_, is, n = t.decode(text[i:])
		}
		if is&(isSpace|isPunct) != 0 {
			if start < i {
				words = append(words, piece{base + start, base + i})
			}
			if is&isSpace == 0 {
				words = append(words, piece{base + i, base + i + n})
			}
			start = i + n
		}
		i += n
	}
	if start < len(text) {
		words = append(words, piece{base + start, base + len(text)})
	}
	return words
}

// splitSpace is WhitespaceSplit.
func splitSpace(text []byte, base int, words []piece) []piece {
	t := classes()
	start := 0
	for i := 0; i < len(text); {
		_, is, n := t.decode(text[i:])
		if is&isSpace != 0 {
			if start < i {
				words = append(words, piece{base + start, base + i})
			}
			start = i + n
		}
		i += n
	}
	if start < len(text) {
		words = append(words, piece{base + start, base + len(text)})
	}
	return words
}

// splitWhitespace is Whitespace: the matches of \w+|[^\w\s]+, the rest dropped.
func splitWhitespace(text []byte, base int, words []piece) []piece {
	t := classes()
	kind := func(i int) (class, int) {
		_, is, n := t.decode(text[i:])
		if is&isRustWord != 0 {
			return isRustWord, n
		}
		return is & isSpace, n
	}
	for i := 0; i < len(text); {
		k, n := kind(i)
		j := i + n
		for j < len(text) {
			k2, n := kind(j)
			if k2 != k {
				break
			}
			j += n
		}
		if k != isSpace {
			words = append(words, piece{base + i, base + j})
		}
		i = j
	}
	return words
}

// fixedLength cuts words into pieces of so many characters.
type fixedLength int

func (f fixedLength) split(s *state) {
	out := s.spare[:0]
	for _, w := range s.words {
		lo, count := w.lo, 0
		for i := w.lo; i < w.hi; count++ {
			if count == int(f) {
				out = append(out, piece{lo, i})
				lo, count = i, 0
			}
			_, n := utf8.DecodeRune(s.text[i:w.hi])
			i += n
		}
		out = append(out, piece{lo, w.hi})
	}
	s.spare, s.words = s.words, out
}

// prefixSpace puts a blank before every word that does not begin with one.
type prefixSpace struct{}

func (prefixSpace) split(s *state) {
	lack := false
	for _, w := range s.words {
		lack = lack || s.text[w.lo] != ' '
	}
	if !lack {
		return
	}
	out, words := s.rewrite(), s.spare[:0]
	for _, w := range s.words {
		lo := len(out.b)
		if s.text[w.lo] != ' ' {
			out.put(" ", w.lo)
		}
		out.keep(w.lo, w.hi)
		words = append(words, piece{lo, len(out.b)})
	}
	out.done()
	s.spare, s.words = s.words, words
}

// Values of Metaspace's prepend_scheme.
const (
	prependAlways = "always"
	prependFirst  = "first"
	prependNever  = "never"
)

// metaspace writes blanks as another character, puts one before words and cuts before each.
type metaspace struct {
	meta   string
	scheme string
	cut    bool
}

func (m *metaspace) split(s *state) {
	out, words := s.rewrite(), s.spare[:0]
	for _, w := range s.words {
		lo := len(out.b)
		text := s.text[w.lo:w.hi]
		begins := text[0] == ' ' || bytes.HasPrefix(text, view(m.meta))
		if !begins && (m.scheme == prependAlways || m.scheme == prependFirst && s.begins(w.lo)) {
			out.put(m.meta, w.lo)
		}
		for pos := 0; pos < len(text); {
			i := bytes.IndexByte(text[pos:], ' ')
			if i < 0 {
				out.keep(w.lo+pos, w.hi)
				break
			}
			out.keep(w.lo+pos, w.lo+pos+i)
			out.put(m.meta, w.lo+pos+i)
			pos += i + 1
		}
		if m.cut {
			words = m.words(out.b, lo, words)
		} else {
			words = append(words, piece{lo, len(out.b)})
		}
	}
	out.done()
	s.spare, s.words = s.words, words
}

// begins says whether byte i of the text comes from the very beginning of the text that is encoded. Without spans it is known
// only before anything was rewritten.
func (s *state) begins(i int) bool {
	if s.track {
		return s.at[i].Start == 0
	}
	return s.head && i == 0
}

// words cuts b[lo:] before every meta character.
func (m *metaspace) words(b []byte, lo int, words []piece) []piece {
	for lo < len(b) {
		hi := len(b)
		if i := bytes.Index(b[lo+1:], view(m.meta)); i >= 0 {
			hi = lo + 1 + i
		}
		words = append(words, piece{lo, hi})
		lo = hi
	}
	return words
}

// onByteChars runs a pre-tokenizer that comes after ByteLevel: it sees bytes as GPT-2's characters. The text stays bytes.
type onByteChars struct{ p preTokenizer }

func (o onByteChars) split(s *state) {
	inner := state{}
	out := s.spare[:0]
	for _, w := range s.words {
		inner.text, inner.offs, inner.cur = inner.text[:0], inner.offs[:0], -1
		for i, b := range s.text[w.lo:w.hi] {
			n := len(inner.text)
			inner.text = utf8.AppendRune(inner.text, byteRune[b])
			for range len(inner.text) - n {
				inner.offs = append(inner.offs, int32(i))
			}
		}
		inner.offs = append(inner.offs, int32(w.hi-w.lo))
		inner.words = append(inner.words[:0], piece{0, len(inner.text)})
		o.p.split(&inner)
		for _, p := range inner.words {
			out = append(out, piece{w.lo + int(inner.offs[p.lo]), w.lo + int(inner.offs[p.hi])})
		}
	}
	s.spare, s.words = s.words, out
}

func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// newSplit is a Split pre-tokenizer with a regular expression. Known patterns have a function of their own.
func newSplit(pattern string, how string, invert bool) (preTokenizer, error) {
	b, ok := behaviours[how]
	if !ok {
		return nil, fmt.Errorf("unknown split behaviour %q", how)
	}
	if f := knownPattern(pattern); f != nil && (b == isolated && !invert || b == removed && invert) {
		return f, nil
	}
	re, err := compileRegex(pattern)
	if err != nil {
		return nil, err
	}
	return &splitter{re, b, invert}, nil
}
