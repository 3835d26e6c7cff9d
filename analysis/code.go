package analysis

import (
	"unicode"
	"unicode/utf8"
)

// code is for source code and for questions about it. A word is a run of letters, digits and underscores, in lower case and
// without the underscores at its ends. An identifier of several parts (snake_case, camelCase, HTTPServer, utf8) is kept whole
// and followed by its parts. Lucene's English stop words are dropped and the rest goes through Porter's stemmer, both for
// parts only: an identifier that is kept whole is a name. Stop words matter where they are keywords too (for, if, in, is, not).
type code struct{}

func (code) Name() string { return "code" }

func (c code) Analyze(text string, t *Tokens) {
	for i := 0; i < len(text); {
		r, n := runeAt(text, i)
		if !identifierRune(r) {
			i += n
			continue
		}
		start := i
		for i < len(text) {
			r, n := runeAt(text, i)
			if !identifierRune(r) {
				break
			}
			i += n
		}
		c.identifier(text, start, i, t)
	}
}

// identifier adds the terms of text[start:end].
func (c code) identifier(text string, start, end int, t *Tokens) {
	for start < end && text[start] == '_' {
		start++
	}
	for start < end && text[end-1] == '_' {
		end--
	}
	if start == end {
		return
	}
	first := partEnd(text, start, end)
	if first < end {
		t.lower(text[start:end], isASCII(text[start:end]))
		t.add(t.word, start, end)
	}
	for start < end {
		if text[start] == '_' {
			start++
			continue
		}
		stop := partEnd(text, start, end)
		c.part(text, start, stop, t)
		start = stop
	}
}

func (c code) part(text string, start, end int, t *Tokens) {
	ascii := isASCII(text[start:end])
	t.lower(text[start:end], ascii)
	switch {
	case englishStop(t.word):
	case ascii:
		t.add(porter(t.word), start, end)
	default:
		t.add(t.porterUTF16(), start, end)
	}
}

// partEnd is where the part of an identifier that begins at start ends: at an underscore, between letters and digits, before
// an upper-case letter that follows a lower-case one, and before the last of several upper-case letters when a lower-case one
// follows it (HTTP, Server).
func partEnd(text string, start, end int) int {
	prev, n := runeAt(text, start)
	i := start + n
	for i < end {
		r, n := runeAt(text, i)
		switch {
		case r == '_', unicode.IsDigit(r) != unicode.IsDigit(prev):
			return i
		case unicode.IsUpper(r) && !unicode.IsUpper(prev):
			return i
		case unicode.IsUpper(r) && i+n < end:
			if next, _ := runeAt(text, i+n); unicode.IsLower(next) {
				return i
			}
		}
		prev = r
		i += n
	}
	return end
}

func runeAt(text string, i int) (rune, int) {
	if text[i] < utf8.RuneSelf {
		return rune(text[i]), 1
	}
	return utf8.DecodeRuneInString(text[i:])
}

func identifierRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
