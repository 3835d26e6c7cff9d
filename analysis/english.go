package analysis

import "unicode"

// english is Lucene's EnglishAnalyzer.
type english struct{}

func (english) Name() string { return "english" }

type stemScratch struct{}

func (english) Analyze(text string, t *Tokens) {
	start := -1
	flush := func(end int) {
		if start >= 0 {
			t.add(t.word, start, end)
		}
		start = -1
		t.word = t.word[:0]
	}
	for i, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush(i)
			continue
		}
		if start < 0 {
			start = i
		}
		t.word = append(t.word, string(unicode.ToLower(r))...)
	}
	flush(len(text))
}
