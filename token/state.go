package token

import (
	"slices"
	"unicode/utf8"
	"unsafe"
)

// piece is a part of a state's text: text[lo:hi].
type piece struct{ lo, hi int }

// state is what encoding one text needs. States are reused; one serves one goroutine at a time.
type state struct {
	track   bool   // keep spans
	head    bool   // text begins where the whole text begins; known without spans
	text    []byte // the text as it stands: normalised, later rewritten by pre-tokenizers
	at      []Span // when track: where each byte of text comes from
	words   []piece
	tracked []piece // when track: the words, one of which is words
	ids     []int32
	lens    []int32 // when track: bytes of text per id
	spans   []Span  // when track: per id
	plain   []int32
	count   bool // words are counted for settled
	settled int  // ids of words that do not depend on what follows the text, in encodeFirst

	bufs      [2][]byte // text is one of these or borrowed
	atBufs    [2][]Span
	cur       int // index of the buffer that holds text, -1: borrowed
	hold      []byte
	holdAt    []Span
	marks     []mark
	normMarks []mark
	spare     []piece
	segs      []segment
	runes     []rune
	from      []int32
	ccc       []uint8
	offs      []int32
	tmp       []byte
	cache     wordCache
	merger    merger
	search    search
	paths     []path
}

func (t *Tokenizer) state(track bool) *state {
	s, _ := t.pool.Get().(*state)
	if s == nil {
		s = &state{}
	}
	s.track = track || t.track
	return s
}

// view is the bytes of a string, not to be written to.
func view(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// encode sets s.ids (and s.spans) to the tokens of text, without the post-processor's, and returns them.
func (t *Tokenizer) encode(s *state, text string) []int32 {
	s.ids, s.spans, s.settled = s.ids[:0], s.spans[:0], 0
	var back []int
	if !utf8.ValidString(text) {
		text, back = toValid(text)
	}
	b := view(text)
	if t.added.raw.empty() {
		t.encodeRun(s, b, 0)
	} else {
		s.marks = t.added.raw.find(s.marks[:0], b)
		s.eachRun(b, nil, s.marks, func(lo, hi int) { t.encodeRun(s, b[lo:hi], lo) })
	}
	for i := range s.spans {
		if back != nil {
			s.spans[i] = Span{back[s.spans[i].Start], back[s.spans[i].End]}
		}
	}
	return s.ids
}

// eachRun calls run for what lies between the marks of text and emits the marks' tokens. at are the spans of text's bytes,
// nil where they are their own.
func (s *state) eachRun(text []byte, at []Span, marks []mark, run func(lo, hi int)) {
	pos := 0
	for _, m := range marks {
		if pos < m.lo {
			run(pos, m.lo)
		}
		s.ids = append(s.ids, m.id)
		switch {
		case s.track && at == nil:
			s.spans = append(s.spans, Span{m.lo, m.hi})
		case s.track:
			s.spans = append(s.spans, Span{at[m.lo].Start, at[m.hi-1].End})
		}
		pos = m.hi
	}
	if pos < len(text) {
		run(pos, len(text))
	}
}

// encodeRun encodes a stretch of the text that holds no raw added token. base is where it begins in the whole text.
func (t *Tokenizer) encodeRun(s *state, text []byte, base int) {
	s.text, s.cur, s.at, s.head = text, -1, nil, base == 0
	if s.track {
		s.at = appendIdentity(s.holdAt[:0], text, base)
		s.holdAt = s.at
		s.at = s.at[:len(s.at):len(s.at)]
	}
	if t.norm != nil {
		t.norm.normalize(s)
	}
	if t.added.normal.empty() {
		t.encodeWords(s)
		return
	}
	t.encodeMarked(s)
}

// encodeMarked encodes normalised text that may hold added tokens which match there.
func (t *Tokenizer) encodeMarked(s *state) {
	s.normMarks = t.added.normal.find(s.normMarks[:0], s.text)
	if len(s.normMarks) == 0 {
		t.encodeWords(s)
		return
	}
	text, at := append(s.hold[:0], s.text...), slices.Clone(s.at) // pre-tokenizers rewrite s.text run by run
	s.hold = text
	head := s.head
	s.eachRun(text, at, s.normMarks, func(lo, hi int) {
		s.text, s.cur, s.head = text[lo:hi], -1, head && lo == 0
		if s.track {
			s.at = at[lo:hi:hi]
		}
		t.encodeWords(s)
	})
}

// encodeWords cuts the text into words and each word into tokens.
func (t *Tokenizer) encodeWords(s *state) {
	if len(s.text) == 0 {
		return
	}
	s.words = append(s.words[:0], piece{0, len(s.text)})
	for _, p := range t.pre {
		p.split(s)
	}
	if s.count {
		t.countedWords(s)
		return
	}
	t.tokenizeWords(s)
}

// tokenizeWords turns the words at hand into tokens.
func (t *Tokenizer) tokenizeWords(s *state) {
	if !s.track {
		t.model.tokenize(s)
		return
	}
	s.tracked = append(s.tracked[:0], s.words...)
	for _, w := range s.tracked {
		s.words = append(s.words[:0], w)
		s.lens = s.lens[:0]
		t.model.tokenize(s)
		pos := w.lo
		for _, n := range s.lens {
			end := min(pos+int(n), w.hi)
			if pos < end {
				s.spans = append(s.spans, Span{s.at[pos].Start, s.at[end-1].End})
			} else { // one of several tokens for one byte, or a token out of the text's order: the last byte's
				s.spans = append(s.spans, s.at[max(end-1, 0)])
			}
			pos = end
		}
	}
}

// emit appends a token that was made of n bytes of the text.
func (s *state) emit(id int32, n int) {
	s.ids = append(s.ids, id)
	if s.track {
		s.lens = append(s.lens, int32(n))
	}
}

// appendIdentity appends, for every byte of text, the span of its character, moved by base.
func appendIdentity(at []Span, text []byte, base int) []Span {
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRune(text[i:])
		for range n {
			at = append(at, Span{base + i, base + i + n})
		}
		i += n
	}
	return at
}

// toValid replaces every byte of text that is not part of UTF-8 by U+FFFD. back[i] is where byte i of the result comes from.
func toValid(text string) (string, []int) {
	b, back := make([]byte, 0, len(text)+16), make([]int, 0, len(text)+16)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		b = utf8.AppendRune(b, r)
		for j := range utf8.RuneLen(r) {
			back = append(back, i+min(j, n-1))
		}
		i += n
	}
	return string(b), append(back, len(text))
}

// rewriter builds the text that follows a state's present text.
type rewriter struct {
	s  *state
	b  []byte
	at []Span
	to int
}

// rewrite starts a new text. The present one stays readable until done is called.
func (s *state) rewrite() rewriter {
	to := 0
	if s.cur == 0 {
		to = 1
	}
	return rewriter{s: s, b: s.bufs[to][:0], at: s.atBufs[to][:0], to: to}
}

// keep copies text[lo:hi].
func (w *rewriter) keep(lo, hi int) {
	w.b = append(w.b, w.s.text[lo:hi]...)
	if w.s.track {
		w.at = append(w.at, w.s.at[lo:hi]...)
	}
}

// put writes content in the place of byte from of the text.
func (w *rewriter) put(content string, from int) {
	w.b = append(w.b, content...)
	w.pad(from)
}

// rune writes one character in the place of byte from of the text.
func (w *rewriter) rune(r rune, from int) {
	w.b = utf8.AppendRune(w.b, r)
	w.pad(from)
}

// pad gives the bytes that have no span yet the span of byte from.
func (w *rewriter) pad(from int) {
	if !w.s.track {
		return
	}
	var sp Span
	if len(w.s.at) > 0 {
		sp = w.s.at[min(max(from, 0), len(w.s.at)-1)]
	}
	for len(w.at) < len(w.b) {
		w.at = append(w.at, sp)
	}
}

// done makes what was written the state's text.
func (w *rewriter) done() {
	s := w.s
	s.bufs[w.to], s.atBufs[w.to] = w.b, w.at
	s.text, s.at, s.cur = w.b, w.at, w.to
}
