package dataset

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labrador-lab/labrador"
)

// Lengths describes how long texts are.
type Lengths struct {
	Mean   float64 `json:"mean"`
	Median int     `json:"median"`
	P95    int     `json:"p95"` // 95 of 100 are not longer
	Max    int     `json:"max"`
}

// Texts describes a collection of texts: how many, and how long in characters (Unicode code points) and words (between blanks).
type Texts struct {
	Count      int     `json:"count"`
	Characters Lengths `json:"characters"`
	Words      Lengths `json:"words"`
}

// Example is a query with one relevant document.
type Example struct {
	Query    labrador.Query    `json:"query"`
	Document labrador.Document `json:"document"`
	Grade    int               `json:"grade"`
}

// Stats describes a dataset and its split; without judgements, its documents.
type Stats struct {
	Documents  Texts       `json:"documents"`
	Queries    Texts       `json:"queries"` // those judged in the split
	Judgements int         `json:"judgements"`
	PerQuery   Lengths     `json:"judgements_per_query"`
	Relevant   float64     `json:"relevant_per_query"` // mean
	Grades     map[int]int `json:"grades"`             // grade -> judgements
	Examples   []Example   `json:"examples"`
}

// Describe reads the corpus, once, and describes it, with up to n example queries spread over the split.
func Describe(ctx context.Context, d *Dataset, n int) (*Stats, error) {
	qrels, queries, err := d.judged()
	if err != nil {
		return nil, err
	}
	s := &Stats{Grades: map[int]int{}}
	s.judgements(qrels, d.RelevanceLevel)
	asked := counter{}
	for _, q := range queries {
		asked.add(q.Text)
	}
	s.Queries = asked.texts()
	s.Examples = pickExamples(queries, qrels, d.RelevanceLevel, n)
	held := counter{}
	err = d.eachDocument(ctx, tolerance{}, func(doc labrador.Document) {
		held.add(doc.Contents())
		for i := range s.Examples {
			if s.Examples[i].Document.ID == doc.ID {
				s.Examples[i].Document = doc
			}
		}
	})
	s.Documents = held.texts()
	return s, err
}

// judged are the judgements and queries of the split, none where there is no split.
func (d *Dataset) judged() (labrador.Qrels, []labrador.Query, error) {
	if d.Split == "" {
		return nil, nil, nil
	}
	qrels, err := d.Qrels()
	if err != nil {
		return nil, nil, err
	}
	queries, err := d.Queries()
	return qrels, queries, err
}

func (s *Stats) judgements(qrels labrador.Qrels, level int) {
	perQuery := histogram{}
	relevant := 0
	for _, docs := range qrels {
		perQuery[len(docs)]++
		s.Judgements += len(docs)
		for _, grade := range docs {
			s.Grades[grade]++
			if grade >= level {
				relevant++
			}
		}
	}
	s.PerQuery = perQuery.lengths()
	s.Relevant = float64(relevant) / float64(max(1, len(qrels)))
}

// pickExamples takes n queries, evenly spread, each with its best document (of equal ones the first by id).
func pickExamples(queries []labrador.Query, qrels labrador.Qrels, level, n int) []Example {
	var all []Example
	for i := range min(n, len(queries)) {
		q := queries[i*len(queries)/min(n, len(queries))]
		e := Example{Query: q, Grade: level - 1}
		for _, id := range slices.Sorted(maps.Keys(qrels[q.ID])) {
			if grade := qrels[q.ID][id]; grade > e.Grade {
				e.Grade, e.Document.ID = grade, id
			}
		}
		if e.Document.ID != "" {
			all = append(all, e)
		}
	}
	return all
}

// counter measures texts.
type counter struct{ characters, words histogram }

func (c *counter) add(text string) {
	if c.characters == nil {
		c.characters, c.words = histogram{}, histogram{}
	}
	words := 0
	for range strings.FieldsSeq(text) {
		words++
	}
	c.characters[utf8.RuneCountInString(text)]++
	c.words[words]++
}

func (c *counter) texts() Texts {
	n := 0
	for _, count := range c.words {
		n += count
	}
	return Texts{Count: n, Characters: c.characters.lengths(), Words: c.words.lengths()}
}

// histogram counts how often each value came.
type histogram map[int]int

func (h histogram) lengths() Lengths {
	var l Lengths
	n, sum := 0, 0.0
	for v, count := range h {
		n += count
		sum += float64(v) * float64(count)
	}
	if n == 0 {
		return l
	}
	l.Mean = sum / float64(n)
	below := 0
	for _, v := range slices.Sorted(maps.Keys(h)) {
		if below*2 < n {
			l.Median = v
		}
		if below*20 < n*19 {
			l.P95 = v
		}
		below += h[v]
		l.Max = v
	}
	return l
}
