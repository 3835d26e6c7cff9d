// Package report turns the outcome of a study into pages: report.html, one file that needs no network, and report.md.
//
// It computes nothing that a reader could cite: every figure is from results.json or times.json. What it adds is the order in which things
// are shown, drawings, and the hits of queries worth looking at.
package report

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/study"
)

// Options of a report. The zero value marks no words.
type Options struct {
	// Highlight finds the parts of text that match the query, as pairs of byte offsets in ascending order, in the way of the dataset's
	// group (text, code). nil marks nothing.
	Highlight func(group, query, text string) [][2]int
	// Sections are shown between the plots and the settings.
	Sections []Section
}

// Section is a part of the page that somebody else computed.
type Section struct {
	ID       string // of the page's element: letters, digits and dashes
	Title    string
	Sentence string
	Note     string
	Figures  []Figure
	Tables   []Table
}

// Figure is a drawing with its heading. Wide drawings have a row of their own.
type Figure struct {
	Title string
	Note  string
	Wide  bool
	SVG   template.HTML
}

// Table is plain text in rows; the first column names the row.
type Table struct {
	Caption string
	Heads   []string
	Rows    [][]string
}

// Words says whether column i holds words, which are set to the left, and not numbers.
func (t Table) Words(i int) bool {
	return slices.ContainsFunc(t.Rows, func(row []string) bool {
		r, _ := utf8.DecodeRuneInString(row[i])
		return unicode.IsLetter(r) || r == '"'
	})
}

//go:embed report.html.tmpl
var pageSource string

//go:embed report.css
var style string

//go:embed report.js
var script string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"fig":    study.Figure,
	"signed": study.Signed,
	"ival":   study.IntervalText,
	"ptext":  study.PText,
	"thou":   study.Thousands,
	"css":    func() template.CSS { return template.CSS(style) },
	"js":     func() template.JS { return template.JS(script) },
}).Parse(pageSource))

// Write writes report.html and report.md into the outcome's folder.
func Write(ctx context.Context, o *study.Outcome, opts Options) error {
	v, err := newView(ctx, o, opts)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var html bytes.Buffer
	if err := page.Execute(&html, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for name, data := range map[string][]byte{"report.html": html.Bytes(), "report.md": v.markdown()} {
		err := atomicfile.Write(filepath.Join(o.Dir(), name), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	return nil
}
