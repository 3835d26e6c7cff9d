package report

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/study"
)

// Bounds that keep the page small whatever the study: texts are most of it.
const (
	hardQueries = 120 // over all datasets
	hardPerSort = 3   // of a dataset and sort
	shownHits   = 5
	shownText   = 320 // bytes of a document around the first match
	shownQuery  = 500
)

// hardDataset is a dataset's queries worth looking at.
type hardDataset struct {
	Dataset     string
	Left, Right string // systems: the baseline and the best other one
	Queries     []hardQuery
}

// hardQuery is a query with what two systems found.
type hardQuery struct {
	ID     string
	Sort   string // why it is here
	Text   string
	Values [2]float64
	Sides  [2]hitList
}

type hitList struct {
	System string
	First  string // where the first relevant document is
	Hits   []hitView
}

type hitView struct {
	Rank     int
	ID       string
	Relevant bool
	Judged   bool
	Grade    int
	Title    template.HTML
	Text     template.HTML
}

// hard collects, per dataset, the queries that the best other system gains and loses most on, and those that every system fails.
func (v *view) hard(ctx context.Context, opts Options) ([]hardDataset, error) {
	perSort := max(1, min(hardPerSort, hardQueries/3/max(1, len(v.o.Values))))
	var list []hardDataset
	for i, values := range v.o.Values {
		rival := v.rival(values)
		if rival == "" || len(list)*3*perSort >= hardQueries {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d := hardDataset{Dataset: values.Dataset, Left: v.R.Baseline, Right: rival}
		data := v.o.Plan.Data[i]
		for _, pick := range pickHard(values, v.R.Baseline, rival, perSort) {
			q := data.Queries[slices.IndexFunc(data.Queries, func(q labrador.Query) bool { return q.ID == pick.id })]
			d.Queries = append(d.Queries, hardQuery{ID: q.ID, Sort: pick.sort, Text: clipText(q.Text, shownQuery), Values: pick.values})
		}
		if err := v.fillHits(ctx, &d, data, opts); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Dataset, err)
		}
		list = append(list, d)
	}
	return list, nil
}

type hardPick struct {
	id, sort string
	values   [2]float64
}

// pickHard chooses by the first measure; a query is chosen once.
func pickHard(values *study.Values, left, right string, n int) []hardPick {
	a, b := values.Of[left][0], values.Of[right][0]
	best := make([]float64, len(values.Queries)) // of any system
	for _, s := range values.Systems {
		for i, x := range values.Of[s][0] {
			best[i] = max(best[i], x)
		}
	}
	order := make([]int, len(values.Queries))
	for i := range order {
		order[i] = i
	}
	var picks []hardPick
	taken := map[int]bool{}
	take := func(sort string, key func(i int) float64, wanted func(i int) bool) {
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(key(j), key(i)), cmp.Compare(i, j)) })
		count := 0
		for _, i := range order {
			if count == n {
				return
			}
			if !taken[i] && wanted(i) {
				taken[i] = true
				count++
				picks = append(picks, hardPick{values.Queries[i], sort, [2]float64{a[i], b[i]}})
			}
		}
	}
	take("gained by "+right, func(i int) float64 { return b[i] - a[i] }, func(i int) bool { return b[i] > a[i] })
	take("lost by "+right, func(i int) float64 { return a[i] - b[i] }, func(i int) bool { return a[i] > b[i] })
	take("hard for every system", func(i int) float64 { return -best[i] }, func(i int) bool { return best[i] < 0.5 })
	return picks
}

// fillHits reads both runs, then the texts of the shown documents in one pass over the corpus.
func (v *view) fillHits(ctx context.Context, d *hardDataset, data *study.Data, opts Options) error {
	wanted := map[string]labrador.Document{}
	for side, system := range []string{d.Left, d.Right} {
		run, err := v.o.Hits(d.Dataset, system)
		if err != nil {
			return err
		}
		for i := range d.Queries {
			q := &d.Queries[i]
			q.Sides[side] = listHits(system, run[q.ID], data.Qrels[q.ID], data.RelevanceLevel)
			for _, h := range q.Sides[side].Hits {
				wanted[h.ID] = labrador.Document{}
			}
		}
	}
	left := len(wanted)
	n := 0
	for doc, err := range data.Documents() {
		if err != nil {
			return err
		}
		if n++; n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ok := wanted[doc.ID]; ok {
			wanted[doc.ID] = doc
			if left--; left == 0 {
				break
			}
		}
	}
	for i := range d.Queries {
		q := &d.Queries[i]
		for side := range q.Sides {
			for k := range q.Sides[side].Hits {
				h := &q.Sides[side].Hits[k]
				doc := wanted[h.ID]
				h.Title = marked(doc.Title, q.Text, data.Group, opts, shownText/2)
				h.Text = marked(doc.Text, q.Text, data.Group, opts, shownText)
			}
		}
	}
	return nil
}

func listHits(system string, hits []labrador.Hit, grades map[string]int, level int) hitList {
	list := hitList{System: system, First: fmt.Sprintf("no relevant document among %s hits", study.Thousands(len(hits)))}
	level = max(level, 1)
	for i, h := range hits {
		grade, judged := grades[h.ID]
		if i < shownHits {
			list.Hits = append(list.Hits, hitView{Rank: i + 1, ID: h.ID, Relevant: grade >= level, Judged: judged, Grade: grade})
		}
		if judged && grade >= level {
			list.First = fmt.Sprintf("first relevant document at rank %s", study.Thousands(i+1))
			break
		}
	}
	for i := len(list.Hits); i < min(shownHits, len(hits)); i++ { // the loop above ends at the first relevant one
		grade, judged := grades[hits[i].ID]
		list.Hits = append(list.Hits, hitView{Rank: i + 1, ID: hits[i].ID, Relevant: judged && grade >= level, Judged: judged, Grade: grade})
	}
	return list
}

// marked is text with the words that match the query in <mark>, cut to about n bytes from a little before the first match.
func marked(text, query, group string, opts Options, n int) template.HTML {
	var spans [][2]int
	if opts.Highlight != nil && text != "" {
		if len(text) > 100_000 {
			text = clipText(text, 100_000)
		}
		spans = opts.Highlight(group, query, text)
	}
	start, end := 0, len(text)
	if len(spans) > 0 && spans[0][0] > n/4 && len(text) > n {
		start = wordStart(text, spans[0][0]-n/4)
	}
	if end-start > n {
		end = wordStart(text, start+n)
	}
	var b strings.Builder
	if start > 0 {
		b.WriteString("… ")
	}
	at := start
	for _, s := range spans {
		if s[0] < at || s[1] > end {
			continue
		}
		b.WriteString(html.EscapeString(valid(text[at:s[0]])))
		b.WriteString("<mark>" + html.EscapeString(valid(text[s[0]:s[1]])) + "</mark>")
		at = s[1]
	}
	b.WriteString(html.EscapeString(valid(text[at:end])))
	if end < len(text) {
		b.WriteString(" …")
	}
	return template.HTML(b.String())
}

// wordStart is the first place at or after i where a word starts, within reach; a rune's start at least.
func wordStart(text string, i int) int {
	i = min(max(i, 0), len(text))
	for j := i; j < min(len(text), i+24); j++ {
		if text[j] == ' ' || text[j] == '\n' {
			return j + 1
		}
	}
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return i
}

// clipText cuts text to about n bytes.
func clipText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return valid(text[:wordStart(text, n)]) + " …"
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
