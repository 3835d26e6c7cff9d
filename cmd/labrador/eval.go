package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/labrador-lab/labrador/eval"
	"github.com/spf13/cobra"
)

// evalFlags are the flags of `labrador eval`; those of one letter are trec_eval's.
type evalFlags struct {
	measures             []string
	options              eval.Options
	perQuery, noSummary  bool
	baseline             string
	asJSON               bool
	seed                 uint64
	zscores              string
	judgements           string
	form                 eval.Form
	level, depth, corpus int
}

func evalCommand() *cobra.Command {
	var f evalFlags
	c := &cobra.Command{
		Use:   "eval [-m MEASURE]... QRELS RUN...",
		Short: "Measure TREC runs as trec_eval does, side by side, with significance tests",
		Long: `Measures TREC runs against relevance judgements. Values and output for one run are those of trec_eval 10 (three columns: measure,
query or "all", value), computed on all processors and in bounded memory.

  labrador eval qrels.txt run.txt                           trec_eval's official measures
  labrador eval -m nDCG@10 -m 'AP(rel=2)@1000' qrels run    measures in ir_measures' names
  labrador eval -m ndcg_cut.10,100 -m map -q qrels run      in trec_eval's names, query by query
  labrador eval -m nDCG@10 qrels bm25.run dense.run         several runs, a column each
  labrador eval -m nDCG@10 --baseline bm25.run qrels dense.run
                                                            is the difference real?
  labrador eval -c -l 2 -M 1000 qrels run.gz                as TREC does: missing queries count 0, grades from 2 are relevant, 1000 hits
  labrador search ... | labrador eval qrels -               a run from standard input
  labrador eval --json -q qrels run.gz                      everything as JSON, unrounded
  labrador eval -R prefs -q prefs.txt run.txt               preferences between documents instead of grades

QRELS has TREC's four columns (query iteration document grade) or BEIR's three with a header; a RUN has TREC's six (query Q0 document rank
score tag). All may be compressed with gzip or zstd. Hits count by score (as float32) descending, ties by document id descending, whatever the
ranks in the file. Judged queries that a run misses are left out of its means, unless -c counts them as 0: use -c to compare runs that do not answer
the same queries.

Measures (-m, may be repeated):
  nDCG@10 AP RR@10 P@10 R@100 Success@1 Rprec Bpref infAP ERR@20 RBP(p=0.8) Judged@10 SetP SetR SetF GMAP NumRet NumRel ...
      ir_measures' names; (rel=2) sets the smallest relevant grade, (judged_only=True) drops what nobody judged
  map ndcg ndcg_cut_10 P_10 recall_100 recip_rank success_1 bpref iprec_at_recall_0.50 set_F ...
      trec_eval's, with its parameters (P.5,10 or ndcg.1=3,2=9)
  official (default)  all_trec  set  all_prefs  prefs  qrels_jg
      trec_eval's lists

With -R the first file says other things than grades:
  -R qrels_jg     query group document grade: several users judged; map_avgjg, P_avgjg and Rprec_mult_avgjg average over them
  -R prefs        query group subgroup document level: within a subgroup, a document with a higher level is preferred to one with a lower;
                  prefs_simp, prefs_pair, prefs_avgjg ... are shares of preferences that the run fulfils
  -R qrels_prefs  qrels read as preferences, a group per iteration

With --baseline every run is compared with it on every averaged measure, over the queries that both have: the difference with its 95 % interval (Student's t),
p of the paired randomisation test (100,000 rounds), adjusted by Holm over all the comparisons printed, p of the paired t-test and of Wilcoxon's
test, wins/ties/losses, Cohen's d for paired values, and the smallest difference that this many queries would have shown four times in five.

Exit status: 0 done, 1 a file is wrong, 2 the command line is.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("eval: QRELS and at least one RUN are needed, in this order; files given: %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&f.measures, "measure", "m", nil, "measure, or a list of them: official (default), all_trec, set; may be repeated")
	flags.StringVarP(&f.judgements, "judgements", "R", "qrels", "what the first file holds: qrels, qrels_jg, qrels_prefs or prefs")
	flags.IntVarP(&f.level, "level", "l", 1, "smallest grade that counts as relevant")
	flags.BoolVarP(&f.perQuery, "per-query", "q", false, "print every query's values too")
	flags.BoolVarP(&f.options.Complete, "complete", "c", false, "average over all judged queries; those missing from a run count as 0")
	flags.IntVarP(&f.depth, "depth", "M", 0, "count only the first `DEPTH` hits of a query (0: all)")
	flags.BoolVarP(&f.options.JudgedOnly, "judged-only", "J", false, "drop documents that nobody judged before measuring")
	flags.IntVarP(&f.corpus, "documents", "N", 0, "number of documents in the collection (for utility)")
	flags.StringVarP(&f.zscores, "zscores", "Z", "", "print z-scores against the means and deviations of this `FILE`")
	flags.BoolVarP(&f.noSummary, "no-summary", "n", false, "leave out the lines of all queries together")
	flags.StringVar(&f.baseline, "baseline", "", "compare every run with this `RUN`")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the randomisation test")
	return c
}

// measured is one run with its values.
type measured struct {
	path, label string
	result      *eval.Result
}

func (f *evalFlags) run(ctx context.Context, out, warn io.Writer, args []string) error {
	measures, err := f.prepare()
	if err != nil {
		return err
	}
	paths := args[1:]
	if f.baseline != "" {
		paths = append([]string{f.baseline}, slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return p == f.baseline })...)
	}
	if n := countOf(append(slices.Clone(paths), args[0]), "-"); n > 1 {
		return usagef("eval: standard input is given as %d files", n)
	}
	qrels, err := f.read(args)
	if err != nil {
		return err
	}
	if f.zscores != "" {
		if f.options.ZScores, err = eval.ReadZScores(f.zscores); err != nil {
			return err
		}
	}
	runs := make([]measured, len(paths))
	for i, path := range paths {
		r, err := qrels.measure(ctx, measures, path, f.options)
		if err != nil {
			return hintRun(err, path)
		}
		runs[i] = measured{path, runLabel(path, paths), r}
		f.warn(warn, runs[i])
	}
	var comparisons []comparison
	if f.baseline != "" {
		if comparisons, err = compareRuns(runs, f.seed); err != nil {
			return err
		}
	}
	switch {
	case f.asJSON:
		return f.writeJSON(out, args[0], runs, comparisons)
	case len(runs) == 1 && f.baseline == "":
		return eval.WriteTrec(out, runs[0].result, f.perQuery, !f.noSummary)
	}
	if err := f.writeTable(out, runs); err != nil {
		return err
	}
	return writeComparisons(out, comparisons)
}

// prepare checks the flags; everything wrong with them is a wrong use.
func (f *evalFlags) prepare() ([]eval.Measure, error) {
	var err error
	if f.form, err = eval.ParseForm(f.judgements); err != nil {
		return nil, usageError{err}
	}
	names := f.measures
	if len(names) == 0 {
		names = []string{f.form.Measures()}
	}
	measures, err := eval.ParseAll(names)
	if err != nil {
		return nil, usageError{err}
	}
	if err := f.form.Check(measures); err != nil {
		return nil, usageError{err}
	}
	if f.level < 1 {
		return nil, usagef("eval: -l %d: levels start at 1", f.level)
	}
	f.options.Level, f.options.Depth, f.options.Documents = f.level, f.depth, f.corpus
	if err := f.options.Validate(); err != nil {
		return nil, usageError{err}
	}
	return measures, nil
}

// warn says which queries the means of a run leave out.
func (f *evalFlags) warn(w io.Writer, r measured) {
	if n := len(r.result.Missing); n > 0 && f.options.Complete && n == len(r.result.Queries) {
		fmt.Fprintf(w, "labrador: %s: none of the %d judged queries has hits; all count as 0\n", r.path, n)
	} else if n > 0 && !f.options.Complete {
		fmt.Fprintf(w, "labrador: %s: %d of %d judged queries have no hits (first: %s) and are left out of its means; -c counts them as 0\n",
			r.path, n, n+len(r.result.Queries), r.result.Missing[0])
	}
}

func countOf(list []string, s string) int {
	n := 0
	for _, x := range list {
		if x == s {
			n++
		}
	}
	return n
}

// runLabel is the shortest name that tells the run apart: its file's name, or the path where another run has the same.
func runLabel(path string, all []string) string {
	base := filepath.Base(path)
	for _, other := range all {
		if other != path && filepath.Base(other) == base {
			return path
		}
	}
	return base
}

// writeTable prints several runs side by side: measure, query, then a column a run, separated by tabs.
func (f *evalFlags) writeTable(w io.Writer, runs []measured) error {
	t := newTextTable("%-22s", "%s", "%6s")
	head := []string{"measure", "query"}
	for _, r := range runs {
		head = append(head, r.label)
	}
	t.row(head...)
	if f.perQuery {
		f.queryRows(t, runs)
	}
	if !f.noSummary {
		for j := range runs[0].result.Measures {
			row := []string{runs[0].result.Label(j), "all"}
			ok := false
			for _, r := range runs {
				var v string
				v, ok = r.result.Summary(j)
				row = append(row, v)
			}
			if ok {
				t.row(row...)
			}
		}
	}
	return t.write(w)
}

// queryRows prints the values query by query; "-" where a run has none.
func (f *evalFlags) queryRows(t *textTable, runs []measured) {
	for _, q := range allQueries(runs) {
		for j := range runs[0].result.Measures {
			row := []string{runs[0].result.Label(j), q}
			printed := false
			for _, r := range runs {
				v := "-"
				if i, has := slices.BinarySearch(r.result.Queries, q); has {
					var ok bool
					v, ok = r.result.Value(j, i)
					printed = printed || ok
				}
				row = append(row, v)
			}
			if printed {
				t.row(row...)
			}
		}
	}
}

func allQueries(runs []measured) []string {
	var all []string
	for _, r := range runs {
		all = append(all, r.result.Queries...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
