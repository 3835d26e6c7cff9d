package token

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// model turns the words of a state into tokens.
type model interface{ tokenize(s *state) }

// bpe is byte-pair encoding (Sennrich et al. 2016): of the pairs of neighbours that may be merged the one of lowest rank is
// merged, the leftmost of equals, until none is left.
type bpe struct {
	vocab          *vocab
	pairs          pairTable
	bytes          bool // a word's symbols are its bytes; else its characters
	prefix, suffix string
	unk            int32 // -1: what is unknown is dropped
	fuseUnk        bool
	fallback       bool       // unknown characters become tokens of their bytes
	ignoreMerges   bool       // a word that is a token is that token
	maxToken       int        // bytes of the longest token, as its word
	byteIDs        [256]int32 // ids of bytes (bytes) or of "<0xNN>" (fallback)
	byteUnits      [256]unit
	chars          map[rune]int32
	ascii          [utf8.RuneSelf]int32
	virtual        map[int32]rune // ids of characters that are only parts of tokens (sentencepiece)
	meta           string         // words may be cut before it: no token crosses its start
}

// unit is what stands for a byte.
type unit struct {
	ids [4]int32
	n   int8 // -1: unknown
}

// prepare fills the tables that depend on the others.
func (m *bpe) prepare() error {
	for id := range int32(m.vocab.size()) {
		if tok, ok := m.vocab.token(id); ok {
			m.maxToken = max(m.maxToken, len(tok))
		}
	}
	if m.bytes {
		m.byteIDs = m.vocab.byteTokens()
		return m.prepareBytes()
	}
	m.chars = map[rune]int32{}
	for id := range int32(m.vocab.size()) {
		tok, ok := m.vocab.token(id)
		if r, n := utf8.DecodeRuneInString(tok); ok && n == len(tok) && n > 0 && (r != utf8.RuneError || n > 1) {
			m.chars[r], _ = m.vocab.id(tok)
		}
	}
	return m.prepareChars()
}

// prepareChars fills the tables that depend on chars.
func (m *bpe) prepareChars() error {
	m.byteIDs = m.vocab.byteTokens()
	for r := range m.ascii {
		m.ascii[r] = -1
		if id, ok := m.chars[rune(r)]; ok {
			m.ascii[r] = id
		}
	}
	return nil
}

// prepareBytes finds what stands for each byte.
func (m *bpe) prepareBytes() error {
	if !m.plain() {
		return fmt.Errorf("BPE over bytes with continuing_subword_prefix %q or end_of_word_suffix %q is not supported", m.prefix, m.suffix)
	}
	for b := range m.byteUnits {
		u := &m.byteUnits[b]
		char := string(byteRune[b])
		if id, ok := m.vocab.id(char); ok {
			u.ids[0], u.n = id, 1
			continue
		}
		u.n = -1
		if !m.fallback {
			continue
		}
		n := int8(0)
		for i := range len(char) {
			if id := m.byteIDs[char[i]]; id >= 0 {
				u.ids[n] = id
				n++
			}
		}
		if int(n) == len(char) {
			u.n = n
		}
	}
	return nil
}

func (m *bpe) tokenize(s *state) {
	if m.meta != "" {
		m.cut(s)
	}
	if s.track {
		for _, w := range s.words {
			m.word(s, s.text[w.lo:w.hi])
		}
		return
	}
	s.cache.tokens(s, func(word []byte) { m.word(s, word) })
}

// cut cuts words where no token can cross: before the first of a run of meta characters.
func (m *bpe) cut(s *state) {
	meta, out := view(m.meta), s.spare[:0]
	for _, w := range s.words {
		lo := w.lo
		for pos := lo; ; {
			i := bytes.Index(s.text[pos:w.hi], meta)
			if i < 0 {
				break
			}
			if i > 0 && pos+i > lo {
				out = append(out, piece{lo, pos + i})
				lo = pos + i
			}
			pos += i + len(meta)
		}
		if lo < w.hi {
			out = append(out, piece{lo, w.hi})
		}
	}
	s.spare, s.words = s.words, out
}

// whole returns the token that a word is.
func (m *bpe) whole(s *state, word []byte) (int32, bool) {
	if !m.bytes {
		return m.vocab.bytesID(word)
	}
	s.tmp = s.tmp[:0]
	for _, b := range word {
		s.tmp = utf8.AppendRune(s.tmp, byteRune[b])
	}
	return m.vocab.bytesID(s.tmp)
}

// word appends the tokens of a word.
func (m *bpe) word(s *state, word []byte) {
	if m.ignoreMerges && len(word) <= m.maxToken {
		if id, ok := m.whole(s, word); ok {
			s.emit(id, len(word))
			return
		}
	}
	g := &s.merger
	g.symbols = g.symbols[:0]
	if m.bytes {
		m.byteSymbols(g, word)
	} else {
		m.charSymbols(s, g, word)
	}
	g.merge(&m.pairs)
	for i := range g.symbols {
		y := &g.symbols[i]
		if y.size < 0 {
			continue
		}
		if m.virtual != nil && y.id < 0 {
			m.spell(s, m.virtual[y.id])
			continue
		}
		s.emit(y.id, int(y.size))
	}
}

// spell appends the tokens of a character that has no token: its bytes, or the unknown token.
func (m *bpe) spell(s *state, r rune) {
	var buf [utf8.UTFMax]byte
	b := buf[:utf8.EncodeRune(buf[:], r)]
	if m.fallback && m.hasBytes(b) {
		for _, c := range b {
			s.emit(m.byteIDs[c], 1)
		}
		return
	}
	s.emit(m.unk, len(b))
}

func (m *bpe) hasBytes(b []byte) bool {
	for _, c := range b {
		if m.byteIDs[c] < 0 {
			return false
		}
	}
	return true
}

func (m *bpe) byteSymbols(g *merger, word []byte) {
	for _, b := range word {
		u := &m.byteUnits[b]
		if u.n < 0 {
			g.unknown(m, 1)
			continue
		}
		if u.n == 1 {
			g.flush(m)
			g.add(u.ids[0], 1)
			continue
		}
		for i := range u.n {
			g.add(u.ids[i], 1-min(int32(i), 1))
		}
	}
	g.flush(m)
}

// unknown counts an unknown symbol of n bytes; it joins the one before where the model fuses them.
func (g *merger) unknown(m *bpe, n int32) {
	switch {
	case m.unk < 0: // dropped; its bytes go to the symbol before
		if k := len(g.symbols); k > 0 {
			g.symbols[k-1].size += n
		}
	case m.fuseUnk:
		g.pending += n
	default:
		g.flush(m)
		g.pending = n
	}
}

// flush adds the unknown symbol that is pending. Symbols of a character's bytes do not flush it, as in Hugging Face's code.
func (g *merger) flush(m *bpe) {
	if g.pending > 0 {
		g.add(m.unk, g.pending)
		g.pending = 0
	}
}

func (m *bpe) charSymbols(s *state, g *merger, word []byte) {
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRune(word[i:])
		id, ok := m.char(s, word, r, i, n)
		switch {
		case ok:
			g.flush(m)
			g.add(id, int32(n))
		case m.fallback && m.plain() && m.hasBytes(word[i:i+n]):
			for _, c := range word[i : i+n] {
				g.add(m.byteIDs[c], 1)
			}
		case m.fallback && !m.plain() && m.hasBytes(s.tmp):
			for j, c := range s.tmp {
				g.add(m.byteIDs[c], int32(max(0, min(1, n-j))))
			}
		default:
			g.unknown(m, int32(n))
		}
		i += n
	}
	g.flush(m)
}

func (m *bpe) plain() bool { return m.prefix == "" && m.suffix == "" }

// char returns the symbol of the character word[i:i+n].
func (m *bpe) char(s *state, word []byte, r rune, i, n int) (int32, bool) {
	if m.plain() {
		if r < utf8.RuneSelf {
			return m.ascii[r], m.ascii[r] != -1
		}
		id, ok := m.chars[r]
		return id, ok
	}
	s.tmp = s.tmp[:0]
	if i > 0 {
		s.tmp = append(s.tmp, m.prefix...)
	}
	s.tmp = append(s.tmp, word[i:i+n]...)
	if i+n == len(word) {
		s.tmp = append(s.tmp, m.suffix...)
	}
	return m.vocab.bytesID(s.tmp)
}

// findMeta sets meta to char where no merge joins something that does not end in char with something that begins with it:
// then words may be cut there, and be kept in the cache.
func (m *bpe) findMeta(char string) {
	if _, ok := m.vocab.id(char); !ok || m.bytes || !m.plain() || m.ignoreMerges {
		return
	}
	for _, slot := range m.pairs.slots {
		if slot.pair == noPair {
			continue
		}
		a, b := m.spelling(int32(slot.pair>>32)), m.spelling(int32(uint32(slot.pair)))
		if strings.HasPrefix(b, char) && !strings.HasSuffix(a, char) {
			return
		}
	}
	m.meta = char
}

// spelling is the text of a symbol.
func (m *bpe) spelling(id int32) string {
	if id < 0 {
		return string(m.virtual[id])
	}
	return m.vocab.str(id)
}

// pairTable maps pairs of symbols to the rank of their merge and the symbol that comes of it.
type pairTable struct {
	slots []pairSlot
	shift uint
}

type pairSlot struct{ pair, merged uint64 }

const (
	noPair  = math.MaxUint64
	noMerge = math.MaxUint64
)

func newPairTable(n int) pairTable {
	t := pairTable{shift: 62}
	for 1<<(64-t.shift) < n+n/2+2 {
		t.shift--
	}
	t.slots = make([]pairSlot, 1<<(64-t.shift))
	for i := range t.slots {
		t.slots[i].pair = noPair
	}
	return t
}

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// set stores a merge; a later one of the same pair counts.
func (t *pairTable) set(a, b int32, rank uint32, id int32) {
	k, mask := pairKey(a, b), uint64(len(t.slots)-1)
	for i := k * 0x9E3779B97F4A7C15 >> t.shift; ; i = (i + 1) & mask {
		if p := &t.slots[i]; p.pair == k || p.pair == noPair {
			*p = pairSlot{k, uint64(rank)<<32 | uint64(uint32(id))}
			return
		}
	}
}

// get returns rank<<32 | id of a merge, or noMerge.
func (t *pairTable) get(a, b int32) uint64 {
	k, mask := pairKey(a, b), uint64(len(t.slots)-1)
	for i := k * 0x9E3779B97F4A7C15 >> t.shift; ; i = (i + 1) & mask {
		p := &t.slots[i]
		if p.pair == k {
			return p.merged
		}
		if p.pair == noPair {
			return noMerge
		}
	}
}
