package token

// What is wanted of a long text are often its first tokens alone. Words are turned into tokens one by one, and where a word ends depends on what is near
// it: so the beginning of a text, up to a blank, has the tokens of the whole text but for its last words.

const (
	// unsettled is how many of the last words of a beginning may have other tokens in the whole text.
	unsettled = 8
	// firstBytes and perToken say how much of a text is encoded first.
	firstBytes, perToken = 1024, 6
	// nearBytes is the longest literal that normalisers and pre-tokenizers look for, where they look at what is near.
	nearBytes = 16
)

// encodeFirst is encode for a text of which n tokens are wanted, counted from its beginning; n <= 0: all. There may be more of them.
func (t *Tokenizer) encodeFirst(s *state, text string, n int) []int32 {
	if n <= 0 || n > len(text)/perToken || !t.near() {
		return t.encode(s, text)
	}
	s.count = true
	defer func() { s.count = false }()
	for size := firstBytes + perToken*n; size < len(text); size *= 4 {
		end := blankBefore(text, size)
		if end == 0 {
			continue
		}
		t.encode(s, text[:end])
		if s.settled >= n {
			return s.ids[:s.settled]
		}
		if s.settled == 0 { // words are as long as the text
			break
		}
	}
	s.count = false
	return t.encode(s, text)
}

// blankBefore is where the last blank of text[:size] is that follows something else, in its second half; 0: there is none.
func blankBefore(text string, size int) int {
	for i := size - 1; i > size/2; i-- {
		if isBlank(text[i]) && !isBlank(text[i-1]) {
			return i
		}
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// countedWords turns the words at hand into tokens and counts those of all but the last words, which are settled.
func (t *Tokenizer) countedWords(s *state) {
	if m, ok := t.model.(*bpe); ok && m.meta != "" {
		m.cut(s)
	}
	if n := len(s.words) - unsettled; n > 0 {
		last := [unsettled]piece(s.words[n:])
		s.words = s.words[:n]
		t.tokenizeWords(s)
		s.settled = len(s.ids)
		s.words = append(s.words[:0], last[:]...)
	}
	t.tokenizeWords(s)
}

// near says whether the words of a text depend on what is near them alone. A regular expression may look at all of it; one is known not to.
func (t *Tokenizer) near() bool {
	t.nearOnce.Do(func() {
		t.isNear = nearNormalizer(t.norm)
		for _, p := range t.pre {
			t.isNear = t.isNear && nearPreTokenizer(p)
		}
		for _, a := range t.added.byID { // in whose middle no beginning may end
			for i := 1; i < len(a.content); i++ {
				t.isNear = t.isNear && (isBlank(a.content[i-1]) || !isBlank(a.content[i]))
			}
		}
	})
	return t.isNear
}

func nearNormalizer(n normalizer) bool {
	switch n := n.(type) {
	case normalizers:
		for _, x := range n {
			if !nearNormalizer(x) {
				return false
			}
		}
	case *replace:
		return nearFinder(n.find)
	}
	return true
}

func nearPreTokenizer(p preTokenizer) bool {
	switch p := p.(type) {
	case *splitter:
		return nearFinder(p.find)
	case onByteChars:
		return nearPreTokenizer(p.p)
	}
	return true
}

func nearFinder(f finder) bool {
	switch f := f.(type) {
	case ofClass:
		return true
	case literal:
		return len(f) <= nearBytes
	case *regex:
		return f.source == " {2,}" // of tokenizers that come from SentencePiece; a beginning ends before blanks
	}
	return false
}
