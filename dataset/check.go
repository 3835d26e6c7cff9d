package dataset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador"
)

// Levels of a finding. An error makes figures wrong or dependent on the program that measures; a warning is worth knowing before
// believing a figure; a note is what it is.
const (
	LevelError   = "error"
	LevelWarning = "warning"
	LevelNote    = "note"
)

// twinTolerance is how far identical documents may push the best reachable nDCG@10 below 1 before that is an error.
const twinTolerance = 0.01

// maxExamples bounds the examples of a finding.
const maxExamples = 5

// Finding is one kind of problem in a dataset.
type Finding struct {
	Level    string   `json:"level"`
	Kind     string   `json:"kind"` // such as "duplicate-document-id"; see Check
	Count    int      `json:"count"`
	Message  string   `json:"message"`
	Examples []string `json:"examples,omitempty"` // ids or lines, at most five
}

// CheckReport is what Check found.
type CheckReport struct {
	Dataset    string    `json:"dataset"`
	Split      string    `json:"split"`
	Documents  int       `json:"documents"`
	Queries    int       `json:"queries"`              // judged in the split and in the query file
	Judgements int       `json:"judgements"`           // of the split
	Caps       *Caps     `json:"caps,omitempty"`       // the best that can be reached
	Ideal      *Caps     `json:"ideal_caps,omitempty"` // the same if no two documents were identical: below 1 where more documents are relevant than there are places
	Findings   []Finding `json:"findings"`             // errors first
}

// Errors counts the findings that are errors.
func (r *CheckReport) Errors() int { return r.count(LevelError) }

// Warnings counts the findings that are warnings.
func (r *CheckReport) Warnings() int { return r.count(LevelWarning) }

func (r *CheckReport) count(level string) int {
	n := 0
	for _, f := range r.Findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

func (r *CheckReport) add(level, kind string, found *examples, message string, args ...any) {
	if found.n > 0 {
		r.Findings = append(r.Findings, Finding{level, kind, found.n, fmt.Sprintf(message, args...), found.ids})
	}
}

// examples counts, and keeps the first few.
type examples struct {
	n   int
	ids []string
}

func (e *examples) add(id string) {
	if e.n++; len(e.ids) < maxExamples {
		e.ids = append(e.ids, id)
	}
}

// noting is a tolerance that adds the lines to the examples.
func noting(badUTF8, badID *examples) tolerance {
	return tolerance{
		func(line int) { badUTF8.add(fmt.Sprintf("line %d", line)) },
		func(line int, id string) { badID.add(fmt.Sprintf("line %d: %q", line, id)) },
	}
}

// Check reads the whole dataset and reports what would spoil a study on it. Memory is some 16 bytes a document and the query file. Kinds:
//
//	error    unreadable, bad-id, duplicate-document-id, duplicate-query-id, judged-twice, relevant-document-missing,
//	         judged-query-missing, no-queries, no-judgements, identical-documents (when they push the best reachable nDCG@10 below 0.99)
//	warning  judged-document-missing (not relevant), empty-document, empty-query, blank-in-id, bad-utf8, identical-documents
//	         (relevant ones with unjudged twins), query-is-document, no-relevant-document, split-overlap
//	note     identical-documents (none of them relevant), query-without-judgement, own-document
//
// progress, where not nil, is called with the number of documents that were read since its last call.
func Check(ctx context.Context, d *Dataset, progress func(n int64)) (*CheckReport, error) {
	c := &checker{d: d, report: &CheckReport{Dataset: d.Name, Split: d.Split}, progress: progress, ctx: ctx}
	for _, step := range []func() error{c.judgements, c.queryFile, c.corpus, c.again, c.otherSplits} {
		if err := step(); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			c.report.add(LevelError, "unreadable", &examples{n: 1}, "%v; what comes after it was not checked", err)
			break
		}
	}
	slices.SortStableFunc(c.report.Findings, func(a, b Finding) int { return levelRank(a.Level) - levelRank(b.Level) })
	return c.report, nil
}

func levelRank(level string) int {
	return slices.Index([]string{LevelError, LevelWarning, LevelNote}, level)
}

// checker carries what one step of Check finds out to the next.
type checker struct {
	d        *Dataset
	ctx      context.Context
	report   *CheckReport
	progress func(int64)

	qrels   labrador.Qrels
	wanted  map[string]bool            // judged documents: found in the corpus or not yet
	byText  map[uint64][]string        // hash of a query's plain text -> ids of queries of the split
	texts   map[string]string          // query id -> text, of the split
	ids     *repeats                   // of document ids
	content *repeats                   // of documents
	copies  map[string]map[string]bool // query id -> documents that repeat it
}

// judgements reads the split's qrels.
func (c *checker) judgements() error {
	var twice examples
	c.qrels, c.wanted = labrador.Qrels{}, map[string]bool{}
	if c.d.Split == "" {
		c.report.add(LevelError, "no-judgements", &examples{n: 1}, "%v", c.d.unjudged())
		return nil
	}
	qrels, err := c.d.src.qrels(c.d.Split, func(query, doc string) { twice.add(query + " " + doc) })
	if err != nil {
		return err
	}
	c.qrels = qrels
	var barren examples
	for _, q := range qrels.QueryIDs() {
		best := 0
		for id, grade := range qrels[q] {
			c.wanted[id] = false
			c.report.Judgements++
			best = max(best, grade)
		}
		if best < 1 {
			barren.add(q)
		}
	}
	c.report.add(LevelError, "judged-twice", &twice, "pairs of query and document that are judged more than once; programs differ in which judgement counts, a study refuses them")
	c.report.add(LevelWarning, "no-relevant-document", &barren, "queries whose judged documents are all not relevant: every system scores 0 on them, or they are left out, depending on the program")
	return nil
}

// queryFile reads the queries.
func (c *checker) queryFile() error {
	var bad, badID, twice, empty, blank, unjudged examples
	c.byText, c.texts = map[uint64][]string{}, map[string]string{}
	c.ids = newRepeats()
	seen := map[string]bool{}
	judged := c.judgedAnywhere()
	for q, err := range c.d.src.queries(c.d.Split, noting(&bad, &badID)) {
		if c.d.Split == "" && errors.Is(err, ErrNoQueries) {
			break // as no-judgements says
		}
		if err != nil {
			return err
		}
		if seen[q.ID] {
			twice.add(q.ID)
			continue
		}
		seen[q.ID] = true
		if hasRareBlank(q.ID) {
			blank.add(q.ID)
		}
		if strings.TrimSpace(q.Text) == "" && q.Picture == "" {
			empty.add(q.ID)
		}
		if !judged[q.ID] {
			unjudged.add(q.ID)
		}
		if _, in := c.qrels[q.ID]; in {
			c.report.Queries++
			c.texts[q.ID] = q.Text
			key := plainHash(c.ids.seed, q.Text)
			c.byText[key] = append(c.byText[key], q.ID)
		}
	}
	var missing examples
	for _, q := range c.qrels.QueryIDs() {
		if !seen[q] {
			missing.add(q)
		}
	}
	r := c.report
	r.add(LevelError, "duplicate-query-id", &twice, "query ids that come more than once")
	r.add(LevelError, "bad-id", &badID, "query ids with blanks, tabs or line ends, which end a column of a run and of judgements: everything but this check refuses the queries")
	r.add(LevelError, "judged-query-missing", &missing, "judged queries that the query file lacks: they are not run, and programs differ in whether they count as 0")
	r.add(LevelWarning, "blank-in-id", &blank, "query ids with blanks beyond ASCII's: many programs end a column of a TREC file at them")
	r.add(LevelWarning, "empty-query", &empty, "queries without text")
	r.add(LevelWarning, "bad-utf8", &bad, "lines of the query file that are not UTF-8: U+FFFD stands for the bad bytes")
	r.add(LevelNote, "query-without-judgement", &unjudged, "queries that no split has judgements for")
	if r.Queries == 0 && c.d.Split != "" {
		r.add(LevelError, "no-queries", &examples{n: 1}, "no query of the split has both text and judgements")
	}
	return nil
}

// judgedAnywhere are the queries with judgements in any split; a split that cannot be read has none.
func (c *checker) judgedAnywhere() map[string]bool {
	judged := map[string]bool{}
	for _, split := range c.d.Splits {
		qrels, err := c.d.src.qrels(split, func(string, string) {})
		if err != nil {
			continue // otherSplits reports it
		}
		for q := range qrels {
			judged[q] = true
		}
	}
	return judged
}

// otherSplits compares the split's queries with those of the other splits.
func (c *checker) otherSplits() error {
	for _, other := range c.d.Splits {
		if other == c.d.Split {
			continue
		}
		qrels, err := c.d.src.qrels(other, func(string, string) {})
		if err != nil {
			return err
		}
		var same examples
		for q, err := range c.d.src.queries(other, noting(&examples{}, &examples{})) {
			if err != nil {
				return err
			}
			if _, in := qrels[q.ID]; !in {
				continue
			}
			for _, id := range c.byText[plainHash(c.ids.seed, q.Text)] {
				if plainText(c.texts[id]) == plainText(q.Text) {
					same.add(fmt.Sprintf("%s = %s", id, q.ID))
				}
			}
		}
		c.report.add(LevelWarning, "split-overlap", &same, "queries of split %s that are queries of split %s too (case and blanks aside): what is trained or tuned there is tested on known queries", c.d.Split, other)
	}
	return nil
}

// missingDocuments reports judged documents that the corpus lacks.
func (c *checker) missingDocuments() {
	var relevant, other examples
	var documents []string // that are missing
	for _, q := range c.qrels.QueryIDs() {
		for _, id := range slices.Sorted(maps.Keys(c.qrels[q])) {
			switch {
			case c.wanted[id]:
			case c.qrels[q][id] >= c.d.RelevanceLevel:
				relevant.add(q + " " + id)
				documents = append(documents, id)
			default:
				other.add(q + " " + id)
			}
		}
	}
	c.report.add(LevelError, "relevant-document-missing", &relevant, "relevant documents that the corpus lacks: they count as not found, whatever the system%s", Decimals(documents))
	c.report.add(LevelWarning, "judged-document-missing", &other, "judged documents below the relevance level that the corpus lacks")
}
