package token

import (
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// form is a Unicode normalisation form. golang.org/x/text gives the data only: its own functions break long runs of marks
// up (the stream-safe form), and follow a later Unicode than the library that ids are compared with.
type form struct {
	compat, compose bool
	quick           norm.Form
	classes         *classTable
	pairs           map[[2]rune]rune
}

func newForm(name string) normalizer {
	f := &form{classes: classes()}
	switch name {
	case "NFC":
		f.compose, f.quick = true, norm.NFC
	case "NFD":
		f.quick = norm.NFD
	case "NFKC":
		f.compat, f.compose, f.quick = true, true, norm.NFKC
	case "NFKD":
		f.compat, f.quick = true, norm.NFKD
	}
	if f.compose {
		f.pairs = compositions()
	}
	return f
}

// compositions are the canonical pairs that compose, by both characters.
var compositions = sync.OnceValue(func() map[[2]rune]rune {
	t, pairs := classes(), map[[2]rune]rune{}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if t.of(r)&isNFD == 0 || r >= hangulS && r < hangulS+countL*countV*countT {
			continue
		}
		full := norm.NFD.Properties(utf8.AppendRune(nil, r)).Decomposition()
		if norm.NFC.String(string(full)) != string(r) {
			continue // excluded from composition
		}
		last, n := utf8.DecodeLastRune(full)
		first := []rune(norm.NFC.String(string(full[:len(full)-n])))
		if len(first) == 1 {
			pairs[[2]rune{first[0], last}] = r
		}
	}
	return pairs
})

// Hangul syllables (The Unicode Standard, section 3.12).
const (
	hangulS, hangulL, hangulV, hangulT = 0xAC00, 0x1100, 0x1161, 0x11A7
	countL, countV, countT             = 19, 21, 28
)

func (f *form) normalize(s *state) {
	n := f.quick.QuickSpan(s.text)
	if n == len(s.text) {
		return
	}
	for n > 0 && !f.starts(s.text[n:]) { // back to where nothing before can change
		_, size := utf8.DecodeLastRune(s.text[:n])
		n -= size
	}
	w := s.rewrite()
	w.keep(0, n)
	for n < len(s.text) {
		end := n + 1
		for end < len(s.text) && !f.starts(s.text[end:]) {
			end++
		}
		f.segment(&w, n, end)
		n = end
	}
	w.done()
}

// starts says whether no character before b can change with the first one of b.
func (f *form) starts(b []byte) bool {
	if b[0] < utf8.RuneSelf {
		return true
	}
	if !utf8.RuneStart(b[0]) {
		return false
	}
	if r, _ := utf8.DecodeRune(b); f.compat && f.classes.of(r)&isNFKD != 0 { // halfwidth Hangul joins what is before it
		b = norm.NFKD.Properties(b).Decomposition()
	}
	return len(b) == 0 || norm.NFC.Properties(b).BoundaryBefore()
}

// segment writes the normal form of text[lo:hi], which begins with a starter and has no boundary inside. The first
// characters come from the first ones of the text, as far as both go.
func (f *form) segment(w *rewriter, lo, hi int) {
	s := w.s
	if hi-lo == 1 {
		w.keep(lo, hi)
		return
	}
	s.runes, s.from, s.ccc = s.runes[:0], s.from[:0], s.ccc[:0]
	for i := lo; i < hi; {
		r, n := utf8.DecodeRune(s.text[i:hi])
		f.decompose(s, r, int32(i-lo))
		i += n
	}
	sortMarks(s)
	if f.compose {
		f.composeRunes(s)
	}
	for i, r := range s.runes {
		w.rune(r, lo+int(s.from[i]))
	}
}

func (s *state) pushRune(r rune, from int32, ccc uint8) {
	s.runes, s.from, s.ccc = append(s.runes, r), append(s.from, from), append(s.ccc, ccc)
}

// decompose appends the full decomposition of r.
func (f *form) decompose(s *state, r rune, from int32) {
	if r >= hangulS && r < hangulS+countL*countV*countT {
		i := r - hangulS
		s.pushRune(hangulL+i/(countV*countT), from, 0)
		s.pushRune(hangulV+i%(countV*countT)/countT, from, 0)
		if t := i % countT; t != 0 {
			s.pushRune(hangulT+t, from, 0)
		}
		return
	}
	is := f.classes.of(r)
	if is&(isNFD|isNFKD|isCCC) == 0 {
		s.pushRune(r, from, 0)
		return
	}
	var b [utf8.UTFMax]byte
	enc := b[:utf8.EncodeRune(b[:], r)]
	var d []byte
	if is&isNFD != 0 {
		d = norm.NFD.Properties(enc).Decomposition()
	}
	if f.compat && is&isNFKD != 0 {
		d = norm.NFKD.Properties(enc).Decomposition()
	}
	if len(d) == 0 {
		d = enc
	}
	for len(d) > 0 {
		r, n := utf8.DecodeRune(d)
		var ccc uint8
		if f.classes.of(r)&isCCC != 0 {
			ccc = norm.NFD.Properties(d).CCC()
		}
		s.pushRune(r, from, ccc)
		d = d[n:]
	}
}

// sortMarks puts every run of combining marks into canonical order: by class, equal ones as they were.
func sortMarks(s *state) {
	for lo := 0; lo < len(s.runes); lo++ {
		if s.ccc[lo] == 0 {
			continue
		}
		hi := lo
		sorted := true
		for ; hi < len(s.runes) && s.ccc[hi] != 0; hi++ {
			sorted = sorted && (hi == lo || s.ccc[hi-1] <= s.ccc[hi])
		}
		if !sorted {
			sortRun(s, lo, hi)
		}
		lo = hi
	}
}

// sortRun sorts the marks i in lo <= i < hi. Where they come from stays in the order of the text.
func sortRun(s *state, lo, hi int) {
	type mark struct {
		r   rune
		ccc uint8
	}
	run := make([]mark, 0, hi-lo)
	for i := lo; i < hi; i++ {
		run = append(run, mark{s.runes[i], s.ccc[i]})
	}
	slices.SortStableFunc(run, func(a, b mark) int { return int(a.ccc) - int(b.ccc) })
	for i, m := range run {
		s.runes[lo+i], s.ccc[lo+i] = m.r, m.ccc
	}
}

// composeRunes is canonical composition (The Unicode Standard, D117).
func (f *form) composeRunes(s *state) {
	starter, n := -1, 0
	var last uint8 // class of the character before, in what is kept
	for i, r := range s.runes {
		ccc := s.ccc[i]
		if starter >= 0 && (n-1 == starter || last < ccc) {
			if c, ok := f.pair(s.runes[starter], r); ok {
				s.runes[starter] = c
				continue
			}
		}
		if ccc == 0 {
			starter = n
		}
		last = ccc
		s.runes[n], s.from[n], s.ccc[n] = r, s.from[i], ccc
		n++
	}
	s.runes, s.from, s.ccc = s.runes[:n], s.from[:n], s.ccc[:n]
}

func (f *form) pair(a, b rune) (rune, bool) {
	if a >= hangulL && a < hangulL+countL && b >= hangulV && b < hangulV+countV {
		return hangulS + ((a-hangulL)*countV+b-hangulV)*countT, true
	}
	if a >= hangulS && a < hangulS+countL*countV*countT && (a-hangulS)%countT == 0 && b > hangulT && b < hangulT+countT {
		return a + b - hangulT, true
	}
	c, ok := f.pairs[[2]rune{a, b}]
	return c, ok
}
