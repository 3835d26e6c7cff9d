package labrador

import (
	"cmp"
	"slices"
)

// Document is one unit of a corpus: what a search returns. Code is text too. Picture is the path of an image file, empty
// for a document without one.
type Document struct {
	ID      string
	Title   string
	Text    string
	Picture string
}

// Contents is the document as one text: title, a blank, text; the text alone where there is no title. Anserini's flat
// collections and BEIR's encoders join the two the same way.
func (d Document) Contents() string {
	if d.Title == "" {
		return d.Text
	}
	if d.Text == "" {
		return d.Title
	}
	return d.Title + " " + d.Text
}

// Query is an information need as its user wrote it.
type Query struct {
	ID      string
	Text    string
	Picture string
}

// Hit is one retrieved document with its score. Scores are float32, as trec_eval keeps them: what is a tie here is a tie
// there.
type Hit struct {
	ID    string
	Score float32
}

// CompareHits orders hits best first: score descending, then document id descending (trec_eval's rule, used for search and
// for evaluation alike). It returns a negative number when a comes before b.
func CompareHits(a, b Hit) int {
	switch {
	case a.Score > b.Score:
		return -1
	case a.Score < b.Score:
		return 1
	}
	return cmp.Compare(b.ID, a.ID)
}

// SortHits sorts hits best first by CompareHits.
func SortHits(hits []Hit) { slices.SortFunc(hits, CompareHits) }

// Run holds the hits of every query of one system, by query id. Readers and searchers fill it best first.
type Run map[string][]Hit

// QueryIDs are the ids of the run's queries in ascending order.
func (r Run) QueryIDs() []string { return sortedKeys(r) }

// Qrels are relevance judgements: query id, document id, grade. A grade above 0 is relevant unless a measure says
// otherwise; 0 and below are judged not relevant; a missing pair is unjudged.
type Qrels map[string]map[string]int

// QueryIDs are the ids of the judged queries in ascending order.
func (q Qrels) QueryIDs() []string { return sortedKeys(q) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Matrix is a dense row-major matrix: row i is Data[i*Cols : (i+1)*Cols].
type Matrix struct {
	Rows, Cols int
	Data       []float32 // (Rows, Cols)
}

// NewMatrix returns a zeroed (rows, cols) matrix.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}
}

// Row is a view of row i, length Cols.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols] }
