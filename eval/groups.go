package eval

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador"
)

// Form is what a file of judgements says (trec_eval -R).
type Form string

// The forms of judgements. Several users may judge one query: each is a judgement group. Within a group, what counts
// in preferences is only which document has the higher level.
const (
	Qrels      Form = "qrels"       // query, iteration, document, grade: one judgement a document (labrador.ReadQrels)
	QrelsGroup Form = "qrels_jg"    // query, group, document, grade: measures are averaged over the groups
	QrelsPrefs Form = "qrels_prefs" // query, group, document, level: read as preferences
	Prefs      Form = "prefs"       // query, group, subgroup, document, level: preferences hold within a subgroup, and by transitivity
)

var forms = []Form{Qrels, Prefs, QrelsPrefs, QrelsGroup}

// ParseForm reads the name of a form.
func ParseForm(name string) (Form, error) {
	if f := Form(name); slices.Contains(forms, f) {
		return f, nil
	}
	return "", fmt.Errorf("eval: unknown form of judgements %q (known: qrels prefs qrels_prefs qrels_jg)", name)
}

// Measures is the list of measures that suits judgements of this form where none is asked for.
func (f Form) Measures() string {
	switch f {
	case Prefs, QrelsPrefs:
		return "prefs"
	case QrelsGroup:
		return "qrels_jg"
	}
	return "official"
}

// Check says which of the measures judgements of this form cannot give.
func (f Form) Check(measures []Measure) error {
	for _, m := range measures {
		if m.fam == nil {
			return errNotParsed
		}
		want := m.fam.form()
		if want == "" || want == f || want == Prefs && f == QrelsPrefs {
			continue
		}
		return fmt.Errorf("eval: measure %s needs judgements of the form %s; these are %s, which have the measures of %s", m.name, want, f, f.widest())
	}
	return nil
}

// widest is the longest list of measures for judgements of this form.
func (f Form) widest() string {
	switch f {
	case Prefs, QrelsPrefs:
		return "all_prefs"
	case QrelsGroup:
		return "qrels_jg"
	}
	return "all_trec"
}

// form is the form of judgements that a family needs; empty: any.
func (f *family) form() Form {
	switch {
	case f.kind == runName || f.kind == queries:
		return ""
	case f.prefs != nil:
		return Prefs
	case f.grouped:
		return QrelsGroup
	}
	return Qrels
}

// Groups holds judgements of several judgement groups a query. ReadGroups makes them.
type Groups struct {
	form  Form
	table *table
}

// judgement is a line of a file with groups.
type judgement struct {
	group, sub, doc string
	level           float64
	line            int
}

// ReadGroups reads judgements of the form qrels_jg, qrels_prefs or prefs, compressed or not. Blank lines and comments (#) are skipped. A
// document twice in a group (in prefs: in a subgroup) is an error, and so are levels of preferences below 0, a document with level 0 in one
// subgroup and above it in another of the same group, and preferences that contradict each other within a group. Errors say file, line and why.
//
// trec_eval counts a document that comes twice with one level as two, and stops at contradictions only while it measures.
func ReadGroups(path string, form Form) (*Groups, error) {
	if form != QrelsGroup && form != QrelsPrefs && form != Prefs {
		return nil, fmt.Errorf("eval: form %q has no judgement groups", form)
	}
	byQuery, names := map[string][]judgement{}, map[string]string{}
	intern := func(b []byte) string {
		s, ok := names[string(b)]
		if !ok {
			s = string(b)
			names[s] = s
		}
		return s
	}
	err := labrador.ScanLines(path, func(line []byte, n int) error {
		f, level, err := parseGroupLine(line, form)
		if err != nil {
			return err
		}
		query := intern(f[0])
		byQuery[query] = append(byQuery[query], judgement{intern(f[1]), intern(f[2]), intern(f[3]), level, n})
		return nil
	})
	if err != nil {
		return nil, err
	}
	g := &Groups{form: form, table: &table{form: form, index: make(map[string]int32, len(byQuery))}}
	for query := range byQuery {
		g.table.ids = append(g.table.ids, query)
	}
	slices.Sort(g.table.ids)
	for i, query := range g.table.ids {
		g.table.index[query] = int32(i)
		if err := g.add(byQuery[query]); err != nil {
			return nil, fmt.Errorf("%s:%d: query %s: %w", path, err.line, query, err.error)
		}
	}
	return g, nil
}

// parseGroupLine splits a line into query, group, subgroup (empty where the form has none) and document, and reads its level.
func parseGroupLine(line []byte, form Form) (f [4][]byte, level float64, err error) {
	c := bytes.Fields(line)
	switch {
	case form == Prefs && len(c) != 5:
		return f, 0, fmt.Errorf("%d columns, %s have 5: query group subgroup document level", len(c), form)
	case form != Prefs && len(c) != 4:
		return f, 0, fmt.Errorf("%d columns, %s have 4: query group document level", len(c), form)
	case form == Prefs:
		f = [4][]byte(c)
	default:
		f = [4][]byte{c[0], c[1], nil, c[2]}
	}
	text := string(c[len(c)-1])
	level, err = strconv.ParseFloat(text, 64)
	switch {
	case err != nil || math.IsNaN(level) || math.IsInf(level, 0):
		return f, 0, fmt.Errorf("level %q is not a number", text)
	case form == QrelsGroup && level != math.Trunc(level):
		return f, 0, fmt.Errorf("grade %q is not a whole number", text)
	case form == QrelsGroup && (level > maxGrade || level < -1<<20):
		return f, 0, fmt.Errorf("grade %q: grades go up to %d", text, maxGrade)
	case form != QrelsGroup && level < 0:
		return f, 0, fmt.Errorf("level %q is below 0, the level of documents that are not relevant", text)
	}
	return f, level, nil
}

// add takes the judgements of the next query.
func (g *Groups) add(lines []judgement) *lineError {
	slices.SortFunc(lines, func(a, b judgement) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.sub, b.sub), cmp.Compare(a.doc, b.doc), cmp.Compare(a.line, b.line))
	})
	for i := 1; i < len(lines); i++ {
		if a, b := &lines[i-1], &lines[i]; a.group == b.group && a.sub == b.sub && a.doc == b.doc {
			return &lineError{b.line, fmt.Errorf("document %s is judged twice in group %s (before on line %d)", b.doc, strings.TrimSpace(b.group+" "+b.sub), a.line)}
		}
	}
	if g.form == QrelsGroup {
		return g.addTables(lines)
	}
	q, err := newPrefQuery(lines)
	if err != nil {
		return err
	}
	g.table.prefs = append(g.table.prefs, q)
	return nil
}

// eachGroup calls fn with the lines of every group.
func eachGroup(lines []judgement, fn func(lines []judgement) *lineError) *lineError {
	for from := 0; from < len(lines); {
		to := from + 1
		for to < len(lines) && lines[to].group == lines[from].group {
			to++
		}
		if err := fn(lines[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (g *Groups) addTables(lines []judgement) *lineError {
	var tables []queryTable
	err := eachGroup(lines, func(lines []judgement) *lineError {
		docs := make(map[string]int, len(lines))
		for _, l := range lines {
			docs[l.doc] = int(l.level)
		}
		var t queryTable
		if err := t.fill(docs); err != nil {
			return &lineError{lines[0].line, err}
		}
		tables = append(tables, t)
		return nil
	})
	g.table.groups = append(g.table.groups, tables)
	return err
}

// File measures the TREC run file at path against the groups, as File does against qrels.
func (g *Groups) File(ctx context.Context, measures []Measure, path string, opts Options) (*Result, error) {
	return fileAgainst(ctx, measures, g.table, path, opts)
}

// PerQuery measures a run in memory against the groups, as PerQuery does against qrels.
func (g *Groups) PerQuery(measures []Measure, run labrador.Run, opts Options) (*Result, error) {
	return perQuery(measures, g.table, run, opts)
}

// fillGroups gives query i the mean over its judgement groups of every measure [trec_eval m_map_avgjg.c and its kin].
func (s *sheet) fillGroups(i int, g *grouper) error {
	row := s.values[i*len(s.measures) : (i+1)*len(s.measures)]
	clear(row)
	tables := s.table.groups[i]
	for t := range tables {
		if err := g.rank(&tables[t], s.opts.Depth); err != nil {
			return err
		}
		view := &g.ranking
		if s.judged {
			view = view.judgedOnly()
		}
		for j := range s.measures {
			if m := &s.measures[j]; m.fam.calc != nil {
				row[j] += m.fam.calc(m, view, s.opts.level())
			}
		}
	}
	if n := len(tables); n > 1 {
		for j := range row {
			row[j] /= float64(n)
		}
	}
	return nil
}

// Queries is the number of judged queries.
func (g *Groups) Queries() int { return len(g.table.ids) }
