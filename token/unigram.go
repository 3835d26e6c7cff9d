package token

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// byteTrie finds the keys that a text begins with. The children of a node lie side by side.
type byteTrie struct {
	root   [256]int32 // child of the root, 0: none
	label  []byte
	first  []int32 // first child
	n      []uint16
	values []int32 // -1: no key ends here
}

// newByteTrie builds the trie of keys with their values. Empty keys are left out; of equal keys the last counts.
func newByteTrie(keys []string, values []int32) *byteTrie {
	order := make([]int32, 0, len(keys))
	for i, k := range keys {
		if k != "" {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return strings.Compare(keys[a], keys[b]) })
	t := &byteTrie{label: []byte{0}, first: []int32{0}, n: []uint16{0}, values: []int32{-1}}
	type job struct {
		node   int32
		lo, hi int32 // of order
		depth  int32
	}
	jobs := []job{{0, 0, int32(len(order)), 0}}
	for len(jobs) > 0 {
		j := jobs[0]
		jobs = jobs[1:]
		lo := j.lo
		for lo < j.hi && len(keys[order[lo]]) == int(j.depth) {
			t.values[j.node] = values[order[lo]]
			lo++
		}
		t.first[j.node] = int32(len(t.label))
		for lo < j.hi {
			b, hi := keys[order[lo]][j.depth], lo+1
			for hi < j.hi && keys[order[hi]][j.depth] == b {
				hi++
			}
			node := int32(len(t.label))
			t.label, t.first, t.n, t.values = append(t.label, b), append(t.first, 0), append(t.n, 0), append(t.values, -1)
			t.n[j.node]++
			jobs = append(jobs, job{node, lo, hi, j.depth + 1})
			lo = hi
		}
	}
	for i := range t.n[0] {
		k := t.first[0] + int32(i)
		t.root[t.label[k]] = k
	}
	return t
}

// child returns the node that b leads to, 0 for none.
func (t *byteTrie) child(node int32, b byte) int32 {
	if node == 0 {
		return t.root[b]
	}
	first, n := t.first[node], t.n[node]
	i := bytes.IndexByte(t.label[first:first+int32(n)], b)
	if i < 0 {
		return 0
	}
	return first + int32(i)
}

// longest returns the value and length of the longest key that text begins with; length 0 for none.
func (t *byteTrie) longest(text []byte) (value int32, length int) {
	node := int32(0)
	for i, b := range text {
		if node = t.child(node, b); node == 0 {
			break
		}
		if v := t.values[node]; v >= 0 {
			value, length = v, i+1
		}
	}
	return value, length
}

// unigram is the unigram language model (Kudo 2018): of all ways to cut a word into tokens the one of the highest sum of
// scores, found by Viterbi's algorithm. Unknown characters score less than any token; neighbours of them become one.
type unigram struct {
	vocab    *vocab
	trie     *byteTrie
	scores   []float64
	unkScore float64
	unk      int32
	fallback bool
	single   bool // sums in float32, as sentencepiece has them; else in float64
	byteIDs  [256]int32
}

// unkPenalty is how much less than the least token an unknown character scores (sentencepiece, unigram_model.cc).
const unkPenalty = 10

// path is the best way to a byte of a word.
type path struct {
	score float64
	start int32 // where its last token begins, -1: no way
	id    int32
}

func (m *unigram) tokenize(s *state) {
	if s.track {
		for _, w := range s.words {
			m.word(s, s.text[w.lo:w.hi])
		}
		return
	}
	s.cache.tokens(s, func(word []byte) { m.word(s, word) })
}

func (m *unigram) word(s *state, word []byte) {
	p := s.paths[:0]
	for range len(word) + 1 {
		p = append(p, path{start: -1})
	}
	s.paths = p
	for i := 0; i < len(word); {
		size := 1
		if word[i] >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(word[i:])
		}
		if !m.extend(p, word, i, size) {
			m.offer(&p[i+size], p[i].score+m.unkScore, i, m.unk)
		}
		i += size
	}
	s.offs = s.offs[:0]
	for end := int32(len(word)); end > 0; end = p[end].start {
		s.offs = append(s.offs, end)
	}
	m.emitPath(s, word)
}

// extend offers every token that begins at i; it says whether one is the single character there, of size bytes.
func (m *unigram) extend(p []path, word []byte, i, size int) (single bool) {
	node, here := int32(0), p[i].score
	for j := i; j < len(word); j++ {
		if node = m.trie.child(node, word[j]); node == 0 {
			break
		}
		if id := m.trie.values[node]; id >= 0 {
			m.offer(&p[j+1], here+m.scores[id], i, id)
			single = single || j+1-i == size
		}
	}
	return single
}

func (m *unigram) offer(p *path, score float64, start int, id int32) {
	if m.single {
		score = float64(float32(score))
	}
	if p.start < 0 || score > p.score {
		*p = path{score, int32(start), id}
	}
}

// emitPath emits the tokens that end at s.offs, which are in reverse.
func (m *unigram) emitPath(s *state, word []byte) {
	for i := len(s.offs) - 1; i >= 0; {
		p := s.paths[s.offs[i]]
		lo, hi := p.start, s.offs[i]
		i--
		if p.id != m.unk {
			s.emit(p.id, int(hi-lo))
			continue
		}
		for i >= 0 && s.paths[s.offs[i]].id == m.unk {
			hi = s.offs[i]
			i--
		}
		m.unknown(s, word[lo:hi])
	}
}

// unknown emits what stands for unknown characters.
func (m *unigram) unknown(s *state, text []byte) {
	if id, ok := m.vocab.bytesID(text); ok && !m.single {
		s.emit(id, len(text))
		return
	}
	if m.fallback {
		n := 0
		for _, b := range text {
			if m.byteIDs[b] >= 0 {
				n++
			}
		}
		if n == len(text) {
			for _, b := range text {
				s.emit(m.byteIDs[b], 1)
			}
			return
		}
	}
	s.emit(m.unk, len(text))
}

// wordPiece is greedy longest-match-first (Schuster and Nakajima 2012, as BERT has it): tokens inside a word carry a prefix.
type wordPiece struct {
	begin, inside *byteTrie
	unk           int32
	maxChars      int // longer words are unknown
}

func newWordPiece(v *vocab, unk int32, prefix string, maxChars int) *wordPiece {
	m := &wordPiece{unk: unk, maxChars: maxChars}
	var begin, inside []string
	var beginIDs, insideIDs []int32
	for id := range int32(v.size()) {
		tok, ok := v.token(id)
		if !ok {
			continue
		}
		id, _ := v.id(tok)
		begin, beginIDs = append(begin, tok), append(beginIDs, id)
		if rest, ok := strings.CutPrefix(tok, prefix); ok {
			inside, insideIDs = append(inside, rest), append(insideIDs, id)
		}
	}
	m.begin, m.inside = newByteTrie(begin, beginIDs), newByteTrie(inside, insideIDs)
	return m
}

func (m *wordPiece) tokenize(s *state) {
	if s.track {
		for _, w := range s.words {
			m.word(s, s.text[w.lo:w.hi])
		}
		return
	}
	s.cache.tokens(s, func(word []byte) { m.word(s, word) })
}

func (m *wordPiece) word(s *state, word []byte) {
	ids, lens := len(s.ids), len(s.lens)
	if len(word) <= m.maxChars || utf8.RuneCount(word) <= m.maxChars {
		trie := m.begin
		for i := 0; ; trie = m.inside {
			id, n := trie.longest(word[i:])
			if n == 0 {
				break
			}
			s.emit(id, n)
			if i += n; i == len(word) {
				return
			}
		}
	}
	s.ids, s.lens = s.ids[:ids], s.lens[:lens]
	s.emit(m.unk, len(word))
}

// wordLevel has a token for every word.
type wordLevel struct {
	vocab *vocab
	unk   int32
}

func (m *wordLevel) tokenize(s *state) {
	for _, w := range s.words {
		word := s.text[w.lo:w.hi]
		id, ok := m.vocab.bytesID(word)
		if !ok {
			id = m.unk
		}
		s.emit(id, len(word))
	}
}
