package token

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// addedToken is a token that is looked for in the text itself.
type addedToken struct {
	id                                          int32
	content, spelling                           string // as written; as decoders see it
	single, lstrip, rstrip, normalized, special bool
}

// addedTokens are the added tokens of a tokenizer.
type addedTokens struct {
	byID   map[int32]*addedToken
	ids    map[string]int32
	skip   map[string]bool // special tokens as they are written: what decodes to one of them is skipped
	raw    trie            // found in the text as it is
	normal trie            // found in the normalised text
	size   int             // highest id + 1
}

// mark is an added token in a text.
type mark struct {
	lo, hi int
	id     int32
}

// newAdded collects the tokens; of two with one id the later counts. normal gives the normalised spelling of a token.
func newAdded(tokens []addedToken, normal func(string) string) addedTokens {
	a := addedTokens{byID: map[int32]*addedToken{}, ids: map[string]int32{}, skip: map[string]bool{}}
	for i := range tokens {
		t := &tokens[i]
		if t.content == "" {
			continue
		}
		t.spelling = t.content
		if t.normalized {
			t.spelling = normal(t.content)
		}
		a.byID[t.id], a.ids[t.content] = t, t.id
		if t.special {
			a.skip[t.content] = true
		}
		a.size = max(a.size, int(t.id)+1)
	}
	for _, t := range a.byID {
		if t.normalized {
			a.normal.add(t.spelling, t)
		} else {
			a.raw.add(t.content, t)
		}
	}
	return a
}

// trie finds tokens in a text, the longest of those that begin first.
type trie struct {
	nodes []trieNode
	first [256]bool
	bytes []byte // the bytes that tokens begin with
}

type trieNode struct {
	token *addedToken
	label []byte
	next  []int32
}

func (t *trie) empty() bool { return len(t.nodes) == 0 }

func (t *trie) add(content string, token *addedToken) {
	if content == "" {
		return
	}
	if t.empty() {
		t.nodes = append(t.nodes, trieNode{})
	}
	if !t.first[content[0]] {
		t.first[content[0]] = true
		t.bytes = append(t.bytes, content[0])
	}
	n := int32(0)
	for i := range len(content) {
		next := t.child(n, content[i])
		if next < 0 {
			next = int32(len(t.nodes))
			t.nodes = append(t.nodes, trieNode{})
			t.nodes[n].label = append(t.nodes[n].label, content[i])
			t.nodes[n].next = append(t.nodes[n].next, next)
		}
		n = next
	}
	if old := t.nodes[n].token; old == nil || token.id > old.id {
		t.nodes[n].token = token
	}
}

func (t *trie) child(n int32, b byte) int32 {
	if i := slices.Index(t.nodes[n].label, b); i >= 0 {
		return t.nodes[n].next[i]
	}
	return -1
}

// longest returns the longest token at the start of text and its length.
func (t *trie) longest(text []byte) (found *addedToken, length int) {
	n := int32(0)
	for i, b := range text {
		if n = t.child(n, b); n < 0 {
			break
		}
		if tok := t.nodes[n].token; tok != nil {
			found, length = tok, i+1
		}
	}
	return found, length
}

// find appends the added tokens of text. A token that takes white space may reach back to where the one before ended.
func (t *trie) find(marks []mark, text []byte) []mark {
	end := 0   // of the mark before, with the white space that it took
	blank := 0 // up to where white space was looked for
	for i := 0; i < len(text); i++ {
		if !t.first[text[i]] {
			if i = t.skip(text, i); i >= len(text) {
				break
			}
		}
		tok, n := t.longest(text[i:])
		if tok == nil {
			continue
		}
		lo, hi := i, i+n
		i = hi - 1
		if tok.single && (lo > 0 && wordBefore(text[:lo]) || hi < len(text) && wordAfter(text[hi:])) {
			continue
		}
		if tok.lstrip {
			lo = max(end, min(end, lo)+spaceBefore(text[min(end, lo):lo]))
		}
		if tok.rstrip {
			if blank <= hi {
				blank = hi + spaceAfter(text[hi:])
			}
			hi = blank
		}
		if lo < hi { // else the one before took it
			marks = append(marks, mark{lo, hi, tok.id})
		}
		end = hi
	}
	return marks
}

// skip returns where the next byte that begins a token is, at or after i.
func (t *trie) skip(text []byte, i int) int {
	if len(t.bytes) == 1 {
		if j := bytes.IndexByte(text[i:], t.bytes[0]); j >= 0 {
			return i + j
		}
		return len(text)
	}
	for i < len(text) && !t.first[text[i]] {
		i++
	}
	return i
}

func wordBefore(text []byte) bool {
	r, _ := utf8.DecodeLastRune(text)
	return classes().of(r)&isRustWord != 0
}

func wordAfter(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return classes().of(r)&isRustWord != 0
}

// spaceBefore returns where the white space at the end of text begins.
func spaceBefore(text []byte) int {
	for len(text) > 0 {
		r, n := utf8.DecodeLastRune(text)
		if classes().of(r)&isSpace == 0 {
			break
		}
		text = text[:len(text)-n]
	}
	return len(text)
}

// spaceAfter returns the length of the white space at the start of text.
func spaceAfter(text []byte) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if classes().of(r)&isSpace == 0 {
			break
		}
		n += size
	}
	return n
}
