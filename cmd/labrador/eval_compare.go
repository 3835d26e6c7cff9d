package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/eval/stats"
)

// comparison is one run against the baseline on one measure, over the queries that both have.
type comparison struct {
	Run      string `json:"run"`
	Baseline string `json:"baseline"`
	Measure  string `json:"measure"`
	stats.Comparison
	P            float64 `json:"p"`          // of the test below
	PAdjusted    float64 `json:"p_adjusted"` // by Holm over all comparisons of this call
	Test         string  `json:"test"`
	OnlyRun      int     `json:"only_run"`      // queries of the run that the baseline lacks
	OnlyBaseline int     `json:"only_baseline"` // and the other way round
	label        string
}

// compareRuns compares runs[1:] with runs[0] on every averaged measure.
func compareRuns(runs []measured, seed uint64) ([]comparison, error) {
	var all []comparison
	base := runs[0]
	for _, r := range runs[1:] {
		mine, theirs := commonQueries(r.result.Queries, base.result.Queries)
		if len(mine) == 0 {
			return nil, fmt.Errorf("eval: %s and the baseline %s have no query in common", r.path, base.path)
		}
		for j, m := range r.result.Measures {
			if !m.Averaged() {
				continue
			}
			c, err := stats.Compare(pick(r.result.Values[j], mine), pick(base.result.Values[j], theirs), stats.Options{Seed: seed})
			if err != nil {
				return nil, fmt.Errorf("eval: %s against %s: %s: %w", r.path, base.path, m, err)
			}
			c.Effect.HedgesG = max(-math.MaxFloat64, min(math.MaxFloat64, c.Effect.HedgesG)) // JSON has no infinity
			all = append(all, comparison{Run: r.path, Baseline: base.path, Measure: m.String(), Comparison: c, P: c.Randomisation.P, Test: "paired randomisation",
				OnlyRun: len(r.result.Queries) - len(mine), OnlyBaseline: len(base.result.Queries) - len(mine), label: r.label})
		}
	}
	p := make([]float64, len(all))
	for i := range all {
		p[i] = all[i].P
	}
	for i, v := range stats.Holm(p) {
		all[i].PAdjusted = v
	}
	return all, nil
}

// commonQueries gives the places of the common ids in two ascending lists.
func commonQueries(a, b []string) (inA, inB []int) {
	for i, q := range a {
		if j, ok := slices.BinarySearch(b, q); ok {
			inA, inB = append(inA, i), append(inB, j)
		}
	}
	return inA, inB
}

func pick(values []float64, at []int) []float64 {
	out := make([]float64, len(at))
	for i, j := range at {
		out[i] = values[j]
	}
	return out
}

// writeComparisons prints the verdicts below the table of values.
func writeComparisons(w io.Writer, all []comparison) error {
	if len(all) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := newTextTable("%-22s", "%s", "%6s")
	t.row("measure", "run", "mean", "baseline", "difference", "95% interval", "p", "p_holm", "p_t", "p_wilcoxon", "win/tie/loss", "d_z", "could_show")
	for _, c := range all {
		t.row(c.Measure, c.label, number(c.MeanA), number(c.MeanB), fmt.Sprintf("%+.4f", c.Difference), intervalText(c.Interval), pText(c.P), pText(c.PAdjusted),
			pText(c.TTest.P), pText(c.Wilcoxon.P), fmt.Sprintf("%d/%d/%d", c.Outcomes.Wins, c.Outcomes.Ties, c.Outcomes.Losses),
			number(c.Effect.DZ), number(c.SmallestDifference))
	}
	if err := t.write(w); err != nil {
		return err
	}
	return writeNotes(w, all)
}

// writeNotes says over which queries, and what could have been seen.
func writeNotes(w io.Writer, all []comparison) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "\nbaseline %s; p: paired randomisation test, %d sign patterns; p_holm: adjusted over these %d comparisons\n", all[0].Baseline, all[0].Randomisation.Rounds, len(all))
	fmt.Fprintf(b, "could_show: the smallest true difference that this many queries would have shown (p below .05) four times in five\n")
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.Run] {
			continue
		}
		seen[c.Run] = true
		fmt.Fprintf(b, "%s: %d queries in common with the baseline", c.label, c.Queries)
		if c.OnlyRun+c.OnlyBaseline > 0 {
			fmt.Fprintf(b, "; the query sets differ: %d only here, %d only in the baseline (-c counts missing ones as 0)", c.OnlyRun, c.OnlyBaseline)
		}
		fmt.Fprintln(b)
	}
	return b.Flush()
}

func number(v float64) string {
	if math.IsInf(v, 0) || math.Abs(v) >= 1e6 {
		return "-"
	}
	return fmt.Sprintf("%.4f", v)
}

func pText(p float64) string {
	if p < 0.0001 {
		return fmt.Sprintf("%.1e", p)
	}
	return fmt.Sprintf("%.4f", p)
}

func intervalText(i stats.Interval) string {
	if math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) {
		return "-"
	}
	return fmt.Sprintf("[%+.4f, %+.4f]", i.Low, i.High)
}

// jsonNumber is a float64 that prints NaN and infinities as null.
type jsonNumber float64

// MarshalJSON writes the shortest digits that read back the same.
func (n jsonNumber) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

type evalJSON struct {
	Version     int          `json:"version"`
	Qrels       string       `json:"qrels"`
	Judgements  string       `json:"judgements"` // what that file holds: qrels, qrels_jg, qrels_prefs or prefs
	Level       int          `json:"level"`
	Complete    bool         `json:"complete"`
	Depth       int          `json:"depth"` // 0: all hits
	JudgedOnly  bool         `json:"judged_only"`
	ZScores     string       `json:"z_scores,omitempty"` // file; values are z-scores
	Runs        []runJSON    `json:"runs"`
	Comparisons []comparison `json:"comparisons,omitempty"`
}

type runJSON struct {
	Run      string        `json:"run"`
	RunID    string        `json:"run_id"`
	Queries  int           `json:"queries"`
	Missing  []string      `json:"missing"`          // judged queries without hits
	Unjudged int           `json:"unjudged_queries"` // queries with hits that nobody judged
	Measures []measureJSON `json:"measures"`
}

type measureJSON struct {
	Measure  string         `json:"measure"`
	Value    *jsonNumber    `json:"value,omitempty"`
	PerQuery map[string]any `json:"per_query,omitempty"`
}

// writeJSON prints everything, unrounded.
func (f *evalFlags) writeJSON(w io.Writer, qrels string, runs []measured, comparisons []comparison) error {
	doc := evalJSON{Version: 1, Qrels: qrels, Judgements: string(f.form), Level: f.level, Complete: f.options.Complete, Depth: f.depth, JudgedOnly: f.options.JudgedOnly, ZScores: f.zscores, Comparisons: comparisons}
	for _, r := range runs {
		doc.Runs = append(doc.Runs, f.runJSON(r))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(doc)
}

func (f *evalFlags) runJSON(r measured) runJSON {
	out := runJSON{Run: r.path, RunID: r.result.RunID, Queries: len(r.result.Queries), Missing: r.result.Missing, Unjudged: r.result.Unjudged}
	if out.Missing == nil {
		out.Missing = []string{}
	}
	for j, m := range r.result.Measures {
		row := measureJSON{Measure: m.String()}
		if m.Averaged() || m.Count() || m.Geometric() {
			v := jsonNumber(r.result.Overall[j])
			row.Value = &v
		}
		if f.perQuery {
			row.PerQuery = perQueryJSON(r.result, j)
		}
		if row.Value != nil || row.PerQuery != nil {
			out.Measures = append(out.Measures, row)
		}
	}
	return out
}

func perQueryJSON(r *eval.Result, j int) map[string]any {
	out := map[string]any{}
	for i, q := range r.Queries {
		if _, printed := r.Value(j, i); !printed {
			continue
		}
		if r.Texts[j] != nil {
			out[q] = r.Texts[j][i]
		} else {
			out[q] = jsonNumber(r.Values[j][i])
		}
	}
	return out
}

// textTable prints rows whose columns are separated by tabs and padded to their width, so that both eyes and programs can read them.
type textTable struct {
	formats []string // per column; the last holds for the rest
	rows    [][]string
}

func newTextTable(formats ...string) *textTable { return &textTable{formats: formats} }

func (t *textTable) row(cells ...string) {
	for i, c := range cells {
		cells[i] = fmt.Sprintf(t.formats[min(i, len(t.formats)-1)], c)
	}
	t.rows = append(t.rows, cells)
}

func (t *textTable) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	width := map[int]int{}
	for _, r := range t.rows {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range t.rows {
		for i, c := range r {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(c)
			if i < len(r)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)))
			}
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
