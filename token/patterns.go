package token

import "unicode/utf8"

// The patterns that most vocabularies were made with, as functions. Go's regexp has no lookahead, and these are many times
// faster than any regular expression.
const (
	gpt2Pattern  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	gpt2Pattern2 = `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	qwen2Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	llamaPattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// knownPattern returns the function of a pattern, nil where it has none.
func knownPattern(pattern string) preTokenizer {
	switch pattern {
	case gpt2Pattern, gpt2Pattern2:
		return wholeText(splitGPT2)
	case qwen2Pattern:
		return wholeText(func(text []byte, base int, words []piece) []piece { return splitTiktoken(text, base, words, 1) })
	case llamaPattern:
		return wholeText(func(text []byte, base int, words []piece) []piece { return splitTiktoken(text, base, words, 3) })
	}
	return nil
}

// kind is the kind of a character for the patterns above.
type kind uint8

const (
	other   kind = iota // neither of these
	letter              // \p{L}
	number              // \p{N}
	blank               // \s but not a line end
	newline             // \r or \n
	beyond              // not ASCII: look further
)

var asciiKinds = func() (k [256]kind) {
	for b := range k {
		switch {
		case b >= utf8.RuneSelf:
			k[b] = beyond
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
			k[b] = letter
		case b >= '0' && b <= '9':
			k[b] = number
		case b == '\r' || b == '\n':
			k[b] = newline
		case b == ' ' || b >= '\t' && b <= '\r':
			k[b] = blank
		}
	}
	return k
}()

// kindAt returns the kind and length of the character at text[i:], which is not empty.
func kindAt(text []byte, i int) (kind, int) {
	if k := asciiKinds[text[i]]; k != beyond {
		return k, 1
	}
	return kindBeyond(text[i:])
}

func kindBeyond(b []byte) (kind, int) {
	_, is, n := classes().decode(b)
	switch {
	case is&isL != 0:
		return letter, n
	case is&isN != 0:
		return number, n
	case is&isSpace != 0:
		return blank, n
	}
	return other, n
}

// run returns the end of the characters of kind k that begin at i.
func run(text []byte, i int, k kind) int {
	for i < len(text) {
		a := asciiKinds[text[i]]
		if a == k {
			i++
			continue
		}
		if a != beyond {
			return i
		}
		b, n := kindBeyond(text[i:])
		if b != k {
			return i
		}
		i += n
	}
	return i
}

// spaces returns the end of the white space that begins at i, where its last character begins, and the end of its last
// line end (i where it has none).
func spaces(text []byte, i int) (end, last, line int) {
	end, last, line = i, i, i
	for end < len(text) {
		k, n := kindAt(text, end)
		if k != blank && k != newline {
			break
		}
		last = end
		end += n
		if k == newline {
			line = end
		}
	}
	return end, last, line
}

// contraction returns the length of 's, 't, 're, 've, 'm, 'll or 'd at text[i], which is an apostrophe; 0 for none. With
// fold it is found in either case, and as 'ſ (Oniguruma folds U+017F to s).
func contraction(text []byte, i int, fold bool) int {
	if i+1 >= len(text) {
		return 0
	}
	a, b := text[i+1], byte(0)
	if i+2 < len(text) {
		b = text[i+2]
	}
	if fold {
		if a == 0xC5 && b == 0xBF {
			return 3
		}
		a, b = foldASCII(a), foldASCII(b)
	}
	switch {
	case a == 's', a == 't', a == 'm', a == 'd':
		return 2
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 3
	}
	return 0
}

func foldASCII(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// splitGPT2 is gpt2Pattern.
func splitGPT2(text []byte, base int, words []piece) []piece {
	for i := 0; i < len(text); {
		end := gpt2Word(text, i)
		words = append(words, piece{base + i, base + end})
		i = end
	}
	return words
}

func gpt2Word(text []byte, i int) int {
	if text[i] == '\'' {
		if n := contraction(text, i, false); n > 0 {
			return i + n
		}
	}
	k, n := kindAt(text, i)
	if text[i] == ' ' && i+1 < len(text) {
		if k2, n2 := kindAt(text, i+1); k2 != blank && k2 != newline {
			k, n = k2, n2+1
		}
	}
	if k != blank && k != newline {
		return run(text, i+n, k)
	}
	end, last, _ := spaces(text, i)
	if end < len(text) && last > i {
		return last
	}
	return end
}

// splitTiktoken is qwen2Pattern, or llamaPattern with numbers of at most three digits.
func splitTiktoken(text []byte, base int, words []piece, digits int) []piece {
	for i := 0; i < len(text); {
		end := tiktokenWord(text, i, digits)
		words = append(words, piece{base + i, base + end})
		i = end
	}
	return words
}

func tiktokenWord(text []byte, i, digits int) int {
	if text[i] == '\'' {
		if n := contraction(text, i, true); n > 0 {
			return i + n
		}
	}
	k, n := kindAt(text, i)
	switch k {
	case letter:
		return run(text, i+n, letter)
	case number:
		end := i + n
		for d := 1; d < digits && end < len(text); d++ {
			k, n := kindAt(text, end)
			if k != number {
				break
			}
			end += n
		}
		return end
	case newline:
		_, _, line := spaces(text, i)
		return line
	}
	next, n2 := newline, 0
	if i+n < len(text) {
		next, n2 = kindAt(text, i+n)
	}
	switch {
	case next == letter:
		return run(text, i+n+n2, letter)
	case k == other:
		return lineEnds(text, run(text, i+n, other))
	case text[i] == ' ' && next == other:
		return lineEnds(text, run(text, i+n+n2, other))
	}
	end, last, line := spaces(text, i)
	switch {
	case line > i:
		return line
	case end < len(text) && last > i:
		return last
	}
	return end
}

// lineEnds is [\r\n]*.
func lineEnds(text []byte, i int) int {
	for i < len(text) && asciiKinds[text[i]] == newline {
		i++
	}
	return i
}
