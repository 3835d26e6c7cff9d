package index

import (
	"fmt"
	"strings"

	"github.com/labrador-lab/labrador/analysis"
)

// Span is a part of a text in bytes: text[Start:End].
type Span struct{ Start, End int }

// Highlights are the parts of text whose terms are among the query's, in order, for marking matched words. It looks at
// nothing but the analyzer, so it serves texts of other systems too.
func (x *BM25) Highlights(query, text string) []Span { return Highlights(x.analyzer, query, text) }

// Highlights are the parts of text whose terms, by the analyzer, are among the query's: in order, without overlaps.
func Highlights(a analysis.Analyzer, query, text string) []Span {
	var q, t analysis.Tokens
	a.Analyze(query, &q)
	a.Analyze(text, &t)
	want := map[string]bool{}
	for i := range q.Len() {
		want[string(q.Term(i))] = true
	}
	var spans []Span
	for i := range t.Len() {
		if !want[string(t.Term(i))] {
			continue
		}
		start, end := t.Span(i)
		if n := len(spans); n > 0 && start < spans[n-1].End {
			spans[n-1].End = max(spans[n-1].End, end)
			continue
		}
		spans = append(spans, Span{start, end})
	}
	return spans
}

// TermMatch is one query term's part in a document's score.
type TermMatch struct {
	Term      string
	Field     string  // "contents" or "title"
	Weight    float32 // of the query term: how often the query has it
	Frequency int     // in the document's field
	Documents int     // that hold the term in the field
	Score     float32 // its part of the document's score
}

// Explain lists the query terms that the document holds, in the order of the query, with their parts of the score, which is
// their sum.
func (x *BM25) Explain(query, id string) (matches []TermMatch, err error) {
	doc, ok, err := x.ids.find(id)
	if err != nil {
		return nil, fmt.Errorf("index: %s: %w", x.path, err)
	}
	if !ok {
		return nil, fmt.Errorf("index: %s: no document %q", x.path, id)
	}
	s := x.state()
	defer x.states.Put(s)
	defer s.guard(&err)
	s.analyze(query)
	terms := append([]queryTerm(nil), s.terms...)
	for _, q := range terms {
		s.terms = append(s.terms[:0], q)
		if err := s.open(); err != nil {
			return nil, fmt.Errorf("index: %s: %w", x.path, err)
		}
		for _, c := range s.cursors {
			if c.seek(doc) {
				f := c.freq(c.pos)
				matches = append(matches, TermMatch{strings.Clone(string(q.name)), c.field.Name, q.weight, int(f), c.df, c.score(doc, f)})
			}
		}
	}
	return matches, nil
}
