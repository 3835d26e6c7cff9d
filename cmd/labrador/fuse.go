package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/index"
	"github.com/spf13/cobra"
)

// fuseFlags are the flags of `labrador fuse`.
type fuseFlags struct {
	method, norm  string
	opts          index.FuseOptions
	tag           string
	tune, measure string
	steps         int
}

func fuseCommand() *cobra.Command {
	var f fuseFlags
	c := &cobra.Command{
		Use:   "fuse [--method METHOD] RUN RUN...",
		Short: "Fuse TREC runs into one",
		Long: `Fuses the TREC runs of several systems into one run, on standard output. Values are ranx's.

  labrador fuse bm25.run dense.run > both.run               reciprocal rank fusion: no labels, no scales needed
  labrador fuse --k 10 bm25.run dense.run                   a steeper one: top ranks count for more
  labrador fuse --method convex --weights 0.3,0.7 bm25.run dense.run
                                                            a weighted sum of scores brought to 0..1 (min-max)
  labrador fuse --method convex --norm tmm --minima 0,-1 bm25.run dense.run
                                                            the same by the smallest possible scores: BM25's 0, cosine's -1
  labrador fuse --method convex --tune train.qrels bm25.run dense.run > test.run
                                                            weights learned on the queries of train.qrels

Methods that look at ranks: rrf (weights allowed), isr, log-isr. Methods that look at scores: convex (weights allowed), combsum, combmnz,
combanz, combmax, combmin, combmed; they take --norm min-max (the default), z-score, max, sum, rank, tmm or none.

Which? Without judgements rrf. With some 50 judged queries convex, its weight tuned: it beats rrf in and out of domain (Bruch, Gai
and Ingber, TOIS 2023).

--tune tries all weights in steps of 1/--steps on the queries judged in QRELS and leaves these queries out of the output, so that weights are
never tested where they were tuned; the weights go to standard error. Runs that hold only such queries give weights and no output.

Runs may be compressed; "-" is standard input. A query that one run lacks is fused from the others. Hits are ordered by score, ties by
document id, both descending, as trec_eval reads them.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.method, "method", string(index.FuseRRF), "how lists become one; see above")
	flags.StringVar(&f.norm, "norm", "", "how scores are made comparable; see above (default min-max for methods that look at scores)")
	flags.Float64Var(&f.opts.K, "k", 60, "constant of rrf: 1/(k+rank)")
	flags.Float64SliceVar(&f.opts.Weights, "weights", nil, "a weight for each run, in their order (rrf, convex)")
	flags.Float64SliceVar(&f.opts.Minima, "minima", nil, "smallest score that each run's system could give (--norm tmm)")
	flags.IntVar(&f.opts.Depth, "depth", 1000, "how many hits of each run count, and how many are written (0: all)")
	flags.StringVar(&f.tag, "tag", "", "run tag, the last column (default fuse-METHOD)")
	flags.StringVar(&f.tune, "tune", "", "tune the weights on the queries judged in this `QRELS` file")
	flags.StringVar(&f.measure, "measure", "nDCG@10", "what --tune maximises")
	flags.IntVar(&f.steps, "steps", 10, "weights that --tune tries are multiples of 1/steps")
	return c
}

func (f *fuseFlags) run(ctx context.Context, out, warn io.Writer, args []string) error {
	measures, err := f.prepare(args)
	if err != nil {
		return err
	}
	runs := make([]labrador.Run, len(args))
	for i, path := range args {
		if runs[i], err = labrador.ReadRun(path); err != nil {
			return err
		}
		if len(runs[i]) == 0 {
			return fmt.Errorf("%s: holds no hits: nothing to fuse", path)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	warnOfMissing(warn, args, runs)
	if f.tune != "" {
		if err := f.tuneWeights(ctx, warn, runs, measures); err != nil {
			return err
		}
	}
	return f.write(ctx, out, runs)
}

// prepare checks the flags; everything wrong with them is a wrong use.
func (f *fuseFlags) prepare(args []string) ([]eval.Measure, error) {
	if n := countOf(args, "-"); n > 1 {
		return nil, usagef("fuse: standard input is given as %d runs", n)
	}
	f.opts.Method, f.opts.Norm = index.FuseMethod(f.method), index.FuseNorm(f.norm)
	if f.opts.K == 0 {
		return nil, usagef("fuse: --k 0: k must be above 0")
	}
	if err := f.opts.Validate(len(args)); err != nil {
		return nil, usagef("fuse: %s", strings.TrimPrefix(err.Error(), "index: "))
	}
	if f.tag == "" {
		f.tag = "fuse-" + f.method
	}
	if err := checkTag(f.tag); err != nil {
		return nil, err
	}
	if f.tune == "" {
		return nil, nil
	}
	if f.opts.Weights != nil {
		return nil, usagef("fuse: give --weights or --tune, not both")
	}
	if f.opts.Method != index.FuseRRF && f.opts.Method != index.FuseConvex {
		return nil, usagef("fuse: %s knows no weights to tune: --method convex or rrf does", f.method)
	}
	measures, err := eval.Parse(f.measure)
	if err == nil && len(measures) != 1 {
		err = fmt.Errorf("%d measures; tuning takes one", len(measures))
	}
	if err != nil {
		return nil, usagef("fuse: --measure %s: %v", f.measure, err)
	}
	return measures, nil
}

// warnOfMissing names runs that do not answer every query of the others.
func warnOfMissing(warn io.Writer, paths []string, runs []labrador.Run) {
	all := map[string]bool{}
	for _, r := range runs {
		for id := range r {
			all[id] = true
		}
	}
	for i, r := range runs {
		if missing := len(all) - len(r); missing > 0 {
			fmt.Fprintf(warn, "warning: %s lacks %d of %d queries; they are fused from the other runs\n", paths[i], missing, len(all))
		}
	}
}

// tuneWeights sets the weights by the judged queries and takes these out of the runs.
func (f *fuseFlags) tuneWeights(ctx context.Context, warn io.Writer, runs []labrador.Run, measures []eval.Measure) error {
	qrels, err := labrador.ReadQrels(f.tune)
	if err != nil {
		return err
	}
	split := make([]labrador.Run, len(runs))
	for i, r := range runs {
		split[i] = labrador.Run{}
		for id, hits := range r {
			if _, judged := qrels[id]; judged {
				split[i][id] = hits
				delete(r, id)
			}
		}
	}
	best, _, err := index.TuneFuse(ctx, split, f.opts, f.steps, func(r labrador.Run) (float64, error) {
		result, err := eval.PerQuery(measures, qrels, r, eval.Options{Complete: true})
		if err != nil {
			return 0, err
		}
		return result.Overall[0], nil
	})
	if err != nil {
		return fmt.Errorf("tuning on %s: %w", f.tune, err)
	}
	f.opts.Weights = best.Weights
	text := make([]string, len(best.Weights))
	for i, w := range best.Weights {
		text[i] = strconv.FormatFloat(w, 'g', -1, 64)
	}
	fmt.Fprintf(warn, "weights %s: %s %.4f on the queries of %s\n", strings.Join(text, ","), f.measure, best.Value, f.tune)
	return nil
}

// fuseBlock is how many queries are fused before they are written and let go.
const fuseBlock = 1000

func (f *fuseFlags) write(ctx context.Context, out io.Writer, runs []labrador.Run) error {
	all := labrador.Run{}
	for _, r := range runs {
		for id := range r {
			all[id] = nil
		}
	}
	w := bufio.NewWriterSize(out, 1<<16)
	for ids := range slices.Chunk(all.QueryIDs(), fuseBlock) {
		if err := ctx.Err(); err != nil {
			return err
		}
		fused, err := index.FuseQueries(runs, ids, f.opts)
		if err != nil {
			return err
		}
		if err := labrador.WriteRun(w, f.tag, ids, fused); err != nil {
			return err
		}
		for _, r := range runs {
			for _, id := range ids {
				delete(r, id)
			}
		}
	}
	return w.Flush()
}
