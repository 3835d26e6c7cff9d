package token

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// normalizer rewrites a state's text.
type normalizer interface{ normalize(s *state) }

type normalizers []normalizer

func (n normalizers) normalize(s *state) {
	for _, x := range n {
		x.normalize(s)
	}
}

// maxGrowth bounds how much longer a file's replacements, one after the other, may make a text; sentencepiece's own
// maps have up to 33, the files of 22 tiny models no more.
const maxGrowth = 1 << 12

// growth is how many bytes may come of one by the replacements that a file states itself; more than maxGrowth stands for any such number.
func growth(n normalizer) int {
	switch n := n.(type) {
	case normalizers:
		times := 1
		for _, x := range n {
			times = min(times*growth(x), maxGrowth+1)
		}
		return times
	case *replace:
		size, more := 1, 0
		switch f := n.find.(type) {
		case literal:
			size = len(f)
		case *regex:
			if f.empty {
				more = 1 // matches between the characters
			}
		}
		return min(max(1, (len(n.content)+size-1)/size)+more, maxGrowth+1)
	case blankToMeta:
		return max(1, min(len(n), maxGrowth+1))
	case *graphemes:
		return max(1, (*charsMap)(n).longest())
	}
	return 1
}

// prepend puts a text before any text that is not empty.
type prepend string

func (p prepend) normalize(s *state) {
	if len(s.text) == 0 {
		return
	}
	w := s.rewrite()
	w.put(string(p), 0)
	w.keep(0, len(s.text))
	w.done()
}

// replace puts content in the place of every match.
type replace struct {
	find    finder
	content string
}

func (r *replace) normalize(s *state) {
	if len(s.text) == 0 { // nothing is found in an empty text, not even an empty match
		return
	}
	find := s.finder(r.find, s.text)
	lo, hi, ok := find.next(s.text, 0)
	if !ok {
		return
	}
	w, pos := s.rewrite(), 0
	for ; ok; lo, hi, ok = following(find, s.text, lo, hi) {
		w.keep(pos, lo)
		w.put(r.content, hi-1)
		pos = hi
	}
	w.keep(pos, len(s.text))
	w.done()
}

// after is where the search for the next match begins: behind this one, or a character on where it is empty.
func after(text []byte, lo, hi int) int {
	if lo < hi || hi >= len(text) {
		return max(hi, lo+1)
	}
	_, n := utf8.DecodeRune(text[hi:])
	return hi + n
}

// finder is f for one text: a regular expression remembers what it tried there.
func (s *state) finder(f finder, text []byte) finder {
	re, ok := f.(*regex)
	if !ok {
		return f
	}
	s.search.start(re, text)
	return &s.search
}

// following is the match after text[lo:hi]. An empty one right behind another match is none, as in the onig crate.
func following(f finder, text []byte, lo, hi int) (int, int, bool) {
	l, h, ok := f.next(text, after(text, lo, hi))
	if ok && l == h && l == hi {
		return f.next(text, after(text, l, h))
	}
	return l, h, ok
}

// blankToMeta is the replacement of U+0020 by a longer string, which sentencepiece vocabularies need for every word.
type blankToMeta string

func (m blankToMeta) normalize(s *state) {
	if bytes.IndexByte(s.text, ' ') < 0 {
		return
	}
	w, pos := s.rewrite(), 0
	for {
		i := bytes.IndexByte(s.text[pos:], ' ')
		if i < 0 {
			break
		}
		w.keep(pos, pos+i)
		w.put(string(m), pos+i)
		pos += i + 1
	}
	w.keep(pos, len(s.text))
	w.done()
}

// mapRunes replaces characters one by one: each returns the text in the character's place.
type mapRunes struct {
	ascii [utf8.RuneSelf]bool // ASCII characters that stay as they are
	f     func(b []byte, r rune) []byte
}

func newMapRunes(f func(b []byte, r rune) []byte) *mapRunes {
	m := &mapRunes{f: f}
	for r := range rune(utf8.RuneSelf) {
		m.ascii[r] = string(f(nil, r)) == string(r)
	}
	return m
}

func (m *mapRunes) normalize(s *state) {
	w := s.rewrite()
	for i := 0; i < len(s.text); {
		j := i
		for j < len(s.text) && s.text[j] < utf8.RuneSelf && m.ascii[s.text[j]] {
			j++
		}
		if j > i {
			w.keep(i, j)
			i = j
			continue
		}
		r, n := utf8.DecodeRune(s.text[i:])
		w.b = m.f(w.b, r)
		w.pad(i)
		i += n
	}
	w.done()
}

func newLowercase() normalizer { return newMapRunes(lower) }

// newFilter drops the characters of a class.
func newFilter(drop class) normalizer {
	t := classes()
	return newMapRunes(func(b []byte, r rune) []byte {
		if t.of(r)&drop != 0 {
			return b
		}
		return utf8.AppendRune(b, r)
	})
}

// newNmt is the cleaning of the NMT normaliser of sentencepiece, as Hugging Face has it.
func newNmt() normalizer {
	return newMapRunes(func(b []byte, r rune) []byte {
		switch {
		case r >= 1 && r <= 8, r == 0xB, r >= 0xE && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
			return b
		case r == 9, r == 0xA, r == 0xC, r == 0xD, r == 0x1680, r >= 0x200B && r <= 0x200F, r == 0x2028, r == 0x2029,
			r == 0x2581, r == 0xFEFF, r == 0xFFFD:
			return append(b, ' ')
		}
		return utf8.AppendRune(b, r)
	})
}

// strip removes white space at the ends.
type strip struct{ left, right bool }

func (p strip) normalize(s *state) {
	lo, hi := 0, len(s.text)
	t := classes()
	for p.left && lo < hi {
		_, is, n := t.decode(s.text[lo:])
		if is&isSpace == 0 {
			break
		}
		lo += n
	}
	for p.right && lo < hi {
		r, n := utf8.DecodeLastRune(s.text[lo:hi])
		if t.of(r)&isSpace == 0 {
			break
		}
		hi -= n
	}
	s.cut(lo, hi)
}

// cut makes text[lo:hi] the text.
func (s *state) cut(lo, hi int) {
	s.text = s.text[lo:hi]
	if s.track {
		s.at = s.at[lo:hi:hi]
	}
}

// byteChars writes each byte of the text as the character that GPT-2's vocabulary has for it.
type byteChars struct{}

func (byteChars) normalize(s *state) {
	w := s.rewrite()
	for i, b := range s.text {
		w.rune(byteRune[b], i)
	}
	w.done()
}

// byteRune and runeByte are GPT-2's mapping of bytes to printable characters (openai/gpt-2, encoder.py, bytes_to_unicode).
var byteRune, runeByte = func() (to [256]rune, back map[rune]byte) {
	back, n := map[rune]byte{}, rune(256)
	for b := range rune(256) {
		to[b] = b
		if b < '!' || b > '~' && b < 0xA1 || b == 0xAD {
			to[b] = n
			n++
		}
		back[to[b]] = byte(b)
	}
	return to, back
}()

// bert is BertNormalizer: cleaning, blanks around Chinese characters, accents off, lower case, in this order.
type bert struct {
	clean, chinese, strip, lower bool
	ascii                        [utf8.RuneSelf]byte // what an ASCII character becomes; 0: nothing
	classes                      *classTable
	nfd                          *form
}

func newBert(clean, chinese, strip, lower bool) *bert {
	n := &bert{clean: clean, chinese: chinese, strip: strip, lower: lower, classes: classes()}
	n.nfd = newForm("NFD").(*form)
	for b := range byte(utf8.RuneSelf) {
		n.ascii[b] = b
		switch {
		case clean && (b == '\t' || b == '\n' || b == '\r'):
			n.ascii[b] = ' '
		case clean && n.classes.ascii[b]&isOther != 0:
			n.ascii[b] = 0
		case lower && b >= 'A' && b <= 'Z':
			n.ascii[b] = b + 'a' - 'A'
		}
	}
	return n
}

func (n *bert) normalize(s *state) {
	w := s.rewrite()
	text := s.text
	zero := !n.clean // U+0000 stays
	for i := 0; i < len(text); {
		b := text[i]
		if b < utf8.RuneSelf {
			if c := n.ascii[b]; c != 0 || zero {
				w.b = append(w.b, c)
				if s.track {
					w.at = append(w.at, s.at[i])
				}
			}
			i++
			continue
		}
		end := i + 1 // a stretch without ASCII, and the ASCII character that marks may follow is never changed by them
		for end < len(text) && text[end] >= utf8.RuneSelf {
			end++
		}
		n.other(&w, i, end)
		i = end
	}
	w.done()
}

// other normalises text[lo:hi], which is all beyond ASCII.
func (n *bert) other(w *rewriter, lo, hi int) {
	s := w.s
	s.runes, s.from, s.ccc = s.runes[:0], s.from[:0], s.ccc[:0]
	for i := lo; i < hi; {
		r, is, size := n.classes.decode(s.text[i:hi])
		switch {
		case n.clean && (is&isOther != 0 || r == utf8.RuneError):
		case n.clean && is&isSpace != 0:
			s.pushRune(' ', int32(i-lo), 0)
		case n.chinese && isChinese(r):
			s.pushRune(' ', int32(i-lo), 0)
			n.push(s, r, int32(i-lo))
			s.pushRune(' ', int32(i-lo), 0)
		default:
			n.push(s, r, int32(i-lo))
		}
		i += size
	}
	if n.strip {
		sortMarks(s)
	}
	for i, r := range s.runes {
		switch {
		case n.strip && n.classes.of(r)&isNonspacing != 0:
			continue
		case n.lower:
			w.b = lower(w.b, r)
		default:
			w.b = utf8.AppendRune(w.b, r)
		}
		w.pad(lo + int(s.from[i]))
	}
}

func (n *bert) push(s *state, r rune, from int32) {
	if n.strip {
		n.nfd.decompose(s, r, from)
	} else {
		s.pushRune(r, from, 0)
	}
}

// isChinese is BERT's list of blocks (google-research/bert, tokenization.py), with the gap that Hugging Face's copy has.
func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B73F || r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// metaReplace picks the normaliser for a Replace of a plain string.
func metaReplace(pattern, content string) normalizer {
	if pattern == " " {
		return blankToMeta(content)
	}
	return &replace{literal(pattern), content}
}

// literal finds a plain string that is not empty.
type literal string

func (l literal) next(text []byte, pos int) (lo, hi int, ok bool) {
	if pos > len(text) {
		return 0, 0, false
	}
	i := strings.Index(viewString(text[pos:]), string(l))
	return pos + i, pos + i + len(l), i >= 0
}
