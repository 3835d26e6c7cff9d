package index

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador/analysis"
)

// WeightedTerms reads a query whose words may have weights, "neural^2 search": the terms that the index's analyzer makes of each
// word, with the word's weight, 1 where it has none. Words end at white space.
func (x *BM25) WeightedTerms(query string) ([]WeightedTerm, error) {
	return weightedTerms(x.analyzer, query)
}

// WeightedTerms is as BM25.WeightedTerms.
func (s *BM25Set) WeightedTerms(query string) ([]WeightedTerm, error) {
	return weightedTerms(s.analyzer, query)
}

func weightedTerms(a analysis.Analyzer, query string) ([]WeightedTerm, error) {
	var terms []WeightedTerm
	var tokens analysis.Tokens
	for word := range strings.FieldsSeq(query) {
		weight := 1.0
		if text, number, ok := strings.Cut(word, "^"); ok {
			var err error
			if weight, err = strconv.ParseFloat(number, 32); err != nil || !(weight >= 0) || math.IsInf(weight, 0) || text == "" {
				return nil, fmt.Errorf("index: query word %q: want a word, ^ and a weight of 0 or more", word)
			}
			word = text
		}
		tokens.Reset()
		a.Analyze(word, &tokens)
		for i := range tokens.Len() {
			terms = append(terms, WeightedTerm{string(tokens.Term(i)), float32(weight)})
		}
	}
	return terms, nil
}
