package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Analyzer turns a text into terms.
//
// Analyze appends the terms of text to t, in the order of the text. It allocates nothing once t's arrays have grown to the
// size of the texts, and is safe for concurrent use with different t. Invalid UTF-8 counts as U+FFFD, byte for byte.
type Analyzer interface {
	// Name is what New takes to make the same analyzer again.
	Name() string
	Analyze(text string, t *Tokens)
}

// Tokens are the terms of one or more texts, their bytes in one arena. The zero value is empty and ready.
type Tokens struct {
	arena []byte
	ends  []uint32 // ends[i] is the end of term i in arena
	spans []uint32 // start and end of term i in its text, in bytes: spans[2i], spans[2i+1]
	word  []byte   // scratch of the analyzer at work
	units []uint16 // the same in UTF-16
}

// Reset forgets the terms and keeps the memory.
func (t *Tokens) Reset() { t.arena, t.ends, t.spans = t.arena[:0], t.ends[:0], t.spans[:0] }

// Len is the number of terms.
func (t *Tokens) Len() int { return len(t.ends) }

// Term is the i-th term. The bytes belong to t and are valid until its Reset.
func (t *Tokens) Term(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.arena[start:t.ends[i]:t.ends[i]]
}

// Span is where term i came from: text[start:end].
func (t *Tokens) Span(i int) (start, end int) { return int(t.spans[2*i]), int(t.spans[2*i+1]) }

// Strings are the terms as strings, for tests and reports.
func (t *Tokens) Strings() []string {
	s := make([]string, t.Len())
	for i := range s {
		s[i] = string(t.Term(i))
	}
	return s
}

func (t *Tokens) add(term []byte, start, end int) {
	t.arena = append(t.arena, term...)
	t.ends = append(t.ends, uint32(len(t.arena)))
	t.spans = append(t.spans, uint32(start), uint32(end))
}

// Names are the names that New takes, in the order of its documentation.
func Names() []string {
	return append([]string{"english", "whitespace", "code", "cjk"}, slices.Sorted(maps.Keys(stemmers))...)
}

// New returns the analyzer of that name:
//
//   - "english": Lucene's EnglishAnalyzer as Anserini runs it
//   - "whitespace": the text in lower case, split at white space
//   - "code": identifiers split into their words, the whole kept too
//   - "cjk": Lucene's CJKAnalyzer: pairs of neighbouring Chinese, Japanese or Korean characters, words of other scripts whole
//   - a language with a Snowball stemmer ("danish", "german", "spanish", ...; Names has them all): words of UAX #29, lower case,
//     the stem; no stop words
func New(name string) (Analyzer, error) {
	switch name {
	case "english":
		return english{}, nil
	case "whitespace":
		return whitespace{}, nil
	case "code":
		return code{}, nil
	case "cjk":
		return cjk{}, nil
	}
	if stem := stemmers[name]; stem != nil {
		return language{name, stem}, nil
	}
	return nil, fmt.Errorf("analysis: no analyzer %q (there are %s)", name, strings.Join(Names(), ", "))
}
