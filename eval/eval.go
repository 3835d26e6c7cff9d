package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
)

// Options say how runs are measured. The zero value is trec_eval without flags.
type Options struct {
	Level      int     // smallest grade that counts as relevant (trec_eval -l); 0 is 1. A measure's own rel= goes before it
	Complete   bool    // average over all judged queries, those missing from the run with what an empty ranking gets (-c)
	Depth      int     // hits of a query that count (-M); 0: all
	JudgedOnly bool    // drop documents without a judgement before measuring (-J)
	Documents  int     // documents in the collection (-N); only utility asks
	ZScores    ZScores // print and average z-scores against these instead of values (-Z); nil: values
}

// Validate says what is wrong with the options.
func (o Options) Validate() error {
	switch {
	case o.Level < 0:
		return fmt.Errorf("eval: relevance level %d: levels start at 1", o.Level)
	case o.Depth < 0:
		return fmt.Errorf("eval: depth %d is negative", o.Depth)
	case o.Documents < 0:
		return fmt.Errorf("eval: %d documents in the collection", o.Documents)
	}
	return nil
}

func (o Options) level() int { return max(o.Level, 1) }

// Result holds the values of one run.
type Result struct {
	Measures []Measure
	Queries  []string    // measured queries, ascending
	Values   [][]float64 // (measure, query); logarithms for gm_map and gm_bpref
	Overall  []float64   // (measure): the mean or sum that trec_eval prints as "all"
	Texts    [][]string  // (measure, query): relstring's value; nil for the others
	RunID    string      // tag of the run file's last line; empty for a run in memory
	Missing  []string    // judged queries without hits, ascending; measured only under Options.Complete
	ZScored  bool        // values are z-scores
	Unjudged int         // queries of the run without judgements, which count for nothing
}

// Of returns the values of the measure printed as name, one per query, or nil.
func (r *Result) Of(name string) []float64 {
	for i, m := range r.Measures {
		if m.name == name {
			return r.Values[i]
		}
	}
	return nil
}

// ErrNothing is the error of a run that shares no query with the judgements.
var ErrNothing = errors.New("no query has both hits and judgements")

// PerQuery measures a run in memory. Hits may be in any order: they count by score descending, then document id descending.
// A document that a query's hits name twice is an error.
func PerQuery(measures []Measure, qrels labrador.Qrels, run labrador.Run, opts Options) (*Result, error) {
	t, err := newTable(qrels)
	if err != nil {
		return nil, err
	}
	return perQuery(measures, t, run, opts)
}

func perQuery(measures []Measure, t *table, run labrador.Run, opts Options) (*Result, error) {
	s, err := newSheet(context.Background(), measures, t, opts)
	if err != nil {
		return nil, err
	}
	err = s.each(func(i int, g *grouper) error {
		id := s.table.ids[i]
		for _, h := range run[id] {
			if math.IsNaN(float64(h.Score)) {
				return fmt.Errorf("query %s: document %s: score is not a number", id, h.ID)
			}
			g.add(h.ID, h.Score)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	for id, hits := range run {
		if _, ok := s.table.index[id]; !ok && len(hits) > 0 {
			s.stray(id)
		}
	}
	r, err := s.result("")
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	return r, nil
}

var errNotParsed = errors.New("eval: a Measure that Parse did not make")

// sheet collects the values of all queries; queries may be measured at the same time.
type sheet struct {
	ctx      context.Context
	measures []Measure
	opts     Options
	table    *table
	seen     []bool    // (query)
	values   []float64 // (query, measure)
	texts    []string  // (query, measure), nil without relstring
	judged   bool      // some measure wants the ranking without unjudged documents
	unjudged int
	unknown  string // the first, in ascending order, of the run's queries without judgements
}

// stray notes a query of the run without judgements.
func (s *sheet) stray(id string) {
	if s.unjudged == 0 || id < s.unknown {
		s.unknown = id
	}
	s.unjudged++
}

// nothing says why no query could be measured.
func (s *sheet) nothing() error {
	switch {
	case len(s.table.ids) == 0:
		return fmt.Errorf("%w: there are no judgements", ErrNothing)
	case s.unjudged == 0:
		return fmt.Errorf("%w: the run has no hits", ErrNothing)
	}
	return fmt.Errorf("%w: the run's queries are such as %q, the judgements' such as %q", ErrNothing, s.unknown, s.table.ids[0])
}

func newSheet(ctx context.Context, measures []Measure, t *table, opts Options) (*sheet, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s := &sheet{ctx: ctx, measures: measures, opts: opts, table: t, seen: make([]bool, len(t.ids)), values: make([]float64, len(t.ids)*len(measures))}
	for _, m := range measures {
		switch {
		case m.fam == nil:
			return nil, errNotParsed
		case m.fam.kind == text:
			s.texts = make([]string, len(s.values))
		case m.fam.name == "ERR":
			if err := t.checkERR(); err != nil {
				return nil, err
			}
		}
		s.judged = s.judged || m.only || opts.JudgedOnly
	}
	return s, t.form.Check(measures)
}

// each measures every query that has hits, on all processors: collect adds query i's hits to g. The error is that of the first query, in
// ascending order, that has one.
func (s *sheet) each(collect func(i int, g *grouper) error) error {
	errs := make([]error, len(s.table.ids))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(errs)) {
		wg.Go(func() {
			var g grouper
			for i := int(next.Add(1)) - 1; i < len(errs) && s.ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				g.reset()
				if errs[i] = collect(i, &g); errs[i] == nil && len(g.hits) > 0 {
					errs[i] = s.measure(i, &g)
				}
			}
		})
	}
	wg.Wait()
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// measure fills in the values of query i from the hits in g.
func (s *sheet) measure(i int, g *grouper) error {
	var err error
	switch s.table.form {
	case QrelsGroup:
		err = s.fillGroups(i, g)
	case Prefs, QrelsPrefs:
		err = s.fillPrefs(i, g)
	default:
		if err = g.rank(&s.table.queries[i], s.opts.Depth); err == nil {
			g.ranking.docs = s.opts.Documents
			s.fill(i, &g.ranking)
		}
	}
	if err != nil {
		return fmt.Errorf("query %s: %w", s.table.ids[i], err)
	}
	s.seen[i] = true
	s.standardize(i)
	return nil
}

func (s *sheet) fill(i int, r *ranking) {
	narrow := r
	if s.judged {
		narrow = r.judgedOnly()
	}
	for j := range s.measures {
		m := &s.measures[j]
		level := m.rel
		if level == 0 {
			level = s.opts.level()
		}
		view := r
		if m.only || s.opts.JudgedOnly {
			view = narrow
		}
		at := i*len(s.measures) + j
		switch {
		case m.fam.kind == text:
			s.texts[at] = relString(m, view)
		case m.fam.calc != nil:
			s.values[at] = m.fam.calc(m, view, level)
		}
	}
}

// fillMissing gives a query without hits what trec_eval -c gives it: the values of a ranking of one document that nobody judged,
// but 0 (and an empty string) for the measures that would show that document.
func (s *sheet) fillMissing(i int) {
	if s.table.form != Qrels {
		s.measure(i, &grouper{}) // without hits nothing can be wrong with them
		return
	}
	s.fill(i, &ranking{numRet: missingDoc, levels: s.table.queries[i].levels, docs: s.opts.Documents})
	for j, m := range s.measures {
		at := i*len(s.measures) + j
		switch m.name {
		case "num_ret", "utility", "rbp_resid", "NumRet":
			s.values[at] = 0
		case "relstring":
			s.texts[at] = ""
		}
		if m.fam.name == "unj" {
			s.values[at] = 0
		}
	}
	s.standardize(i)
}

// result averages. It is called once, after all queries are measured.
func (s *sheet) result(runID string) (*Result, error) {
	r := &Result{Measures: s.measures, RunID: runID, Unjudged: s.unjudged, ZScored: s.opts.ZScores != nil}
	var rows []int
	for i, id := range s.table.ids {
		if !s.seen[i] {
			r.Missing = append(r.Missing, id)
			if !s.opts.Complete {
				continue
			}
			s.fillMissing(i)
		}
		rows = append(rows, i)
		r.Queries = append(r.Queries, id)
	}
	if len(rows) == 0 {
		return nil, s.nothing()
	}
	r.Values = make([][]float64, len(s.measures))
	r.Texts = make([][]string, len(s.measures))
	r.Overall = make([]float64, len(s.measures))
	for j, m := range s.measures {
		r.Values[j] = make([]float64, len(rows))
		for n, i := range rows {
			r.Values[j][n] = s.values[i*len(s.measures)+j]
		}
		if m.fam.kind == text {
			r.Texts[j] = make([]string, len(rows))
			for n, i := range rows {
				r.Texts[j][n] = s.texts[i*len(s.measures)+j]
			}
		}
		r.Overall[j] = s.overall(m, r.Values[j])
	}
	return r, nil
}

// overall is trec_eval's "all" value [meas_avg.c, m_num_rel.c, m_num_q.c].
func (s *sheet) overall(m Measure, values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	n := float64(len(values))
	switch m.fam.kind {
	case mean:
		return total / n
	case geometric:
		return exp(total / n)
	case queries:
		return n
	case sum:
		if m.name == "num_rel" && s.opts.Complete {
			return float64(s.table.positive()) // under -c trec_eval counts grades above 0, whatever the level
		}
		return total
	}
	return 0
}

// relString draws the first ranks: a digit per grade, > above 9, - outside the pool, . in the pool without judgement.
func relString(m *Measure, r *ranking) string {
	limit := min(max(m.list[0], 0), float64(r.numRet))
	out := make([]byte, 0, int(limit))
	r.grades(func(rank, grade int) {
		if rank >= int(limit) {
			return
		}
		c := byte('0' + grade)
		switch {
		case grade > 9:
			c = '>'
		case grade == notPooled:
			c = '-'
		case grade == notJudged:
			c = '.'
		}
		out = append(out, c)
	})
	return string(out)
}
