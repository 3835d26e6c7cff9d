// Package explain says why systems of a study differ: on which queries one wins, how far two agree and what their fusion could gain, what a
// model's vectors look like, what compression costs, and what a specialisation or a single setting was worth.
//
// Every analysis is a function of data that is handed in and gives a struct of numbers (the JSON keys are its schema), a Sentence of the
// most important ones, and plots for a page. Sections puts together what can be said about the outcome of a study.
//
// It judges no claims (package study does), and what it finds is exploration: the p-values here are not corrected for the many questions
// asked.
package explain

import (
	"fmt"
	"html/template"
	"math"
)

// Section is one part of a report: a sentence of numbers, plots or a table, and the numbers themselves.
type Section struct {
	ID       string   `json:"id"` // of the page's element
	Title    string   `json:"title"`
	Sentence string   `json:"sentence"`
	Note     string   `json:"note,omitempty"` // how it was computed, with bounds
	Figures  []Figure `json:"-"`
	Tables   []*Table `json:"-"`
	Data     any      `json:"data"`
}

// Figure is a drawing with its heading.
type Figure struct {
	Title string
	Note  string
	Wide  bool // not for a panel in a row of panels
	SVG   template.HTML
}

// Table is plain text in rows; the first column names the row.
type Table struct {
	Caption string
	Heads   []string
	Rows    [][]string
}

// confidence of every interval of this package.
const confidence = 0.95

// plural writes "1 query" and "2 queries".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func finite(x, otherwise float64) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return otherwise
	}
	return x
}
