package explain

import (
	"iter"
	"math"
	"strings"
	"unicode"

	"github.com/labrador-lab/labrador"
)

// QueryFacts are what may decide on which side a query falls. NaN is unknown.
type QueryFacts struct {
	Length         float64 // words of the query
	DocumentLength float64 // words of its relevant documents, their mean
	Overlap        float64 // share of the query's different terms that a relevant document holds, their mean
	FirstPositive  float64 // rank of the first relevant document in BM25's run; one more than its hits where there is none
}

// Corpus is what Facts reads of a dataset.
type Corpus struct {
	Queries   []labrador.Query
	Qrels     labrador.Qrels
	Level     int // smallest grade that counts as relevant; 0 is 1
	Documents iter.Seq2[labrador.Document, error]
	BM25      labrador.Run          // nil: FirstPositive is unknown
	Terms     func(string) []string // of a text; nil: Words
}

// Words are the lower-cased runs of letters and digits of a text.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Facts finds the facts of every query, in the order of the queries, in one pass over the documents. A relevant document that the corpus
// lacks is passed over.
func (c Corpus) Facts() ([]QueryFacts, error) {
	terms := c.Terms
	if terms == nil {
		terms = Words
	}
	level := max(c.Level, 1)
	facts := make([]QueryFacts, len(c.Queries))
	wanted := map[string][]int{} // relevant document: its queries
	sets := make([]map[string]bool, len(c.Queries))
	for i, q := range c.Queries {
		facts[i] = QueryFacts{Length: float64(len(strings.Fields(q.Text))), FirstPositive: c.firstPositive(q.ID, level)}
		sets[i] = setOf(terms(q.Text))
		for id, grade := range c.Qrels[q.ID] {
			if grade >= level {
				wanted[id] = append(wanted[id], i)
			}
		}
	}
	counts := make([]float64, len(c.Queries))
	left := len(wanted)
	for doc, err := range c.Documents {
		if err != nil {
			return nil, err
		}
		queries := wanted[doc.ID]
		if len(queries) == 0 {
			continue
		}
		text := doc.Contents()
		length, has := float64(len(strings.Fields(text))), setOf(terms(text))
		for _, i := range queries {
			counts[i]++
			facts[i].DocumentLength += length
			facts[i].Overlap += share(sets[i], has)
		}
		if left--; left == 0 {
			break
		}
	}
	for i, n := range counts {
		facts[i].DocumentLength /= n // 0/0: unknown
		facts[i].Overlap /= n
	}
	return facts, nil
}

func (c Corpus) firstPositive(query string, level int) float64 {
	if c.BM25 == nil {
		return math.NaN()
	}
	hits := c.BM25[query]
	for i, h := range hits {
		if c.Qrels[query][h.ID] >= level {
			return float64(i + 1)
		}
	}
	return float64(len(hits) + 1)
}

func setOf(terms []string) map[string]bool {
	set := make(map[string]bool, len(terms))
	for _, t := range terms {
		set[t] = true
	}
	return set
}

// share of a's terms that b holds; 0 of none.
func share(a, b map[string]bool) float64 {
	if len(a) == 0 {
		return 0
	}
	n := 0
	for t := range a {
		if b[t] {
			n++
		}
	}
	return float64(n) / float64(len(a))
}
