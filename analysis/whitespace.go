package analysis

import (
	"unicode"
	"unicode/utf8"
)

// whitespace lower-cases the text and splits it at white space, nothing more.
type whitespace struct{}

func (whitespace) Name() string { return "whitespace" }

func (whitespace) Analyze(text string, t *Tokens) {
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		if isSpace(r) {
			i += n
			continue
		}
		start := i
		t.word = t.word[:0]
		for i < len(text) {
			c := text[i]
			if c < utf8.RuneSelf {
				if isSpace(rune(c)) {
					break
				}
				t.word = append(t.word, lowerASCII(c))
				i++
				continue
			}
			r, n := utf8.DecodeRuneInString(text[i:])
			if isSpace(r) {
				break
			}
			t.word = utf8.AppendRune(t.word, unicode.ToLower(r))
			i += n
		}
		t.add(t.word, start, i)
	}
}

func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r >= '\t' && r <= '\r' || r >= 0x1c && r <= 0x1f
	}
	return unicode.IsSpace(r)
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
