package analysis

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// english is Lucene's EnglishAnalyzer as Anserini runs it (DefaultEnglishAnalyzer of Anserini 1.7.1, Lucene 9.9.1): words
// of UAX #29, a possessive 's dropped, lower case, Lucene's 33 stop words dropped, Porter's stems.
type english struct{}

func (english) Name() string { return "english" }

func (english) Analyze(text string, t *Tokens) {
	w := newWords(text)
	for {
		start, end, ascii, ok := w.next()
		if !ok {
			return
		}
		t.lower(text[start:end-possessive(text[start:end])], ascii)
		switch {
		case englishStop(t.word):
		case ascii:
			t.add(porter(t.word), start, end)
		default:
			t.add(t.porterUTF16(), start, end)
		}
	}
}

// lower puts the word into t.word in lower case.
func (t *Tokens) lower(word string, ascii bool) {
	t.word = t.word[:0]
	if ascii {
		for i := range len(word) {
			t.word = append(t.word, lowerASCII(word[i]))
		}
		return
	}
	for _, r := range word {
		t.word = utf8.AppendRune(t.word, unicode.ToLower(r))
	}
}

// possessive is the length in bytes of a trailing 's, with an apostrophe, a right single quotation mark or a full-width
// apostrophe, s in either case.
func possessive(word string) int {
	n := len(word)
	if n < 2 || word[n-1] != 's' && word[n-1] != 'S' {
		return 0
	}
	if word[n-2] == '\'' {
		return 2
	}
	if n >= 4 && (word[n-4:n-1] == "\u2019" || word[n-4:n-1] == "\uff07") {
		return 4
	}
	return 0
}

// porterUTF16 stems a word that is not ASCII: stemming counts UTF-16 units.
func (t *Tokens) porterUTF16() []byte {
	t.units = t.units[:0]
	for _, r := range string(t.word) {
		t.units = utf16.AppendRune(t.units, r)
	}
	t.word = t.word[:0]
	stem := porter(t.units)
	for i := 0; i < len(stem); i++ {
		r := rune(stem[i])
		if utf16.IsSurrogate(r) && i+1 < len(stem) {
			i++
			r = utf16.DecodeRune(r, rune(stem[i]))
		}
		t.word = utf8.AppendRune(t.word, r)
	}
	return t.word
}

// englishStop says whether the word is one of Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET.
func englishStop(word []byte) bool {
	if len(word) > 5 {
		return false
	}
	switch string(word) {
	case "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of",
		"on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with":
		return true
	}
	return false
}
