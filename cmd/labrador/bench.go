package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/bench"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/token"
)

func benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure labrador's parts on this machine, and compare with other programs' figures",
		Long: `Measure labrador's parts on this machine. Every figure is one JSON line on standard output, with the fields that the
usual scripts around faiss, bm25s, Lucene, trec_eval and the encoder runtimes print. With --against FILE the lines of
such a script are compared with ours: one line per figure, with the ratio (above 1 is better for us).

  labrador bench flat --n 100000 --d 768            exact vector search: f32, bf16, int8, binary
  labrador bench hnsw --n 100000 --data clustered   approximate search: recall and speed by ef
  labrador bench bm25 DIR                           a BEIR folder: build, search at k 10 and 1000
  labrador bench eval QRELS RUN                     measures over a TREC run
  labrador bench stats                              significance tests
  labrador bench encode --shape minilm              a language model's body
  labrador bench peak                               what this machine can do at most
  labrador bench page FILE... > doc/benchmarks.md   a page of tables from collected lines`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	c.PersistentFlags().String("against", "", "file of other programs' JSON lines to compare with")
	c.AddCommand(benchFlat(), benchHNSW(), benchBM25(), benchEval(), benchStats(), benchToken(), benchEncode(), benchPeak(), benchPage())
	return c
}

// benchOut prints rows and, with --against, their ratios to peers' rows at the end.
type benchOut struct {
	cmd    *cobra.Command
	rows   []bench.Row
	theirs []bench.Row
}

func newBenchOut(cmd *cobra.Command) (*benchOut, error) {
	o := &benchOut{cmd: cmd}
	path, err := cmd.Flags().GetString("against")
	if err != nil || path == "" {
		return o, err
	}
	o.theirs, err = readRows(path)
	return o, err
}

func readRows(path string) ([]bench.Row, error) {
	f, err := labrador.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := bench.Read(f)
	if err == nil && len(rows) == 0 {
		err = errors.New("no line of it is a JSON object")
	}
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", path, err)
	}
	return rows, nil
}

// emit prints one row and remembers it as it reads back.
func (o *benchOut) emit(r bench.Row) {
	r.With(bench.Row{"cpu": bench.Processor()}).Write(o.cmd.OutOrStdout())
	b, _ := json.Marshal(r)
	var back bench.Row
	json.Unmarshal(b, &back)
	o.rows = append(o.rows, back)
}

// ratios prints the comparison.
func (o *benchOut) ratios() error {
	enc := json.NewEncoder(o.cmd.OutOrStdout())
	for _, r := range bench.Against(o.rows, o.theirs) {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func vectorFlags(c *cobra.Command, o *bench.VectorOptions) {
	f := c.Flags()
	f.IntVar(&o.N, "n", 100_000, "vectors")
	f.IntVar(&o.D, "d", 768, "dimensions")
	f.IntVar(&o.Q, "q", 1000, "queries")
	f.IntVar(&o.Threads, "threads", 1, "threads")
	f.IntVar(&o.Rounds, "rounds", 3, "timed rounds; the median counts")
	f.StringVar(&o.Data, "data", "random", "made vectors: random or clustered")
	f.StringVar(&o.Vectors, "vectors", "", "take these vectors (.npy) instead")
	f.StringVar(&o.Queries, "queries", "", "and these queries (.npy)")
}

func takeVectors(o *bench.VectorOptions) error {
	if o.N < 1 || o.D < 1 || o.Q < 1 || o.K < 1 || o.Threads < 1 || o.Rounds < 1 {
		return usagef("--n, --d, --q, --k, --threads and --rounds are at least 1")
	}
	if (o.Vectors == "") != (o.Queries == "") {
		return usagef("--vectors and --queries go together")
	}
	if o.Vectors == "" && o.Data != "random" && o.Data != "clustered" {
		return usagef("no data %q: there are random and clustered", o.Data)
	}
	if o.Vectors != "" {
		o.Data = filepath.Base(o.Vectors)
	}
	return nil
}

func benchFlat() *cobra.Command {
	var o bench.VectorOptions
	formats := []string{"f32", "bf16", "int8", "binary"}
	c := &cobra.Command{
		Use:   "flat",
		Short: "Exact vector search in each format",
		Long: `Measure exact search: qps_batch (all queries in one call), qps_single (one at a time), gflops (2 n d q over the batch's
seconds), gb_per_s (stored bytes over the single query's time), recall against f32. rss_mb is the resident memory after
searching: pages of the mapped index (index_mb, the file), the queries, and the process; not the vectors it was built from.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := takeVectors(&o); err != nil {
				return err
			}
			var list []index.Format
			for _, f := range formats {
				if err := (index.FlatOptions{Format: index.Format(f)}).Validate(); err != nil {
					return usageError{err}
				}
				list = append(list, index.Format(f))
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			if err := bench.Flat(cmd.Context(), o, list, out.emit); err != nil {
				return err
			}
			return out.ratios()
		},
	}
	vectorFlags(c, &o)
	c.Flags().IntVar(&o.K, "k", 100, "hits a query")
	c.Flags().StringSliceVar(&formats, "formats", formats, "formats to measure")
	return c
}

func benchHNSW() *cobra.Command {
	var o bench.VectorOptions
	var format string
	var efs []int
	c := &cobra.Command{
		Use:   "hnsw",
		Short: "Approximate vector search: recall and speed by ef",
		Long: `Build a graph and measure, for each --ef and the tuned one, qps_batch (all queries in one call), qps_single (one at a
time) and recall_10 against an exact scan. rss_mb is the resident memory after searching: pages of the mapped index
(index_mb, the file), the queries, and the process; not the vectors it was built from.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := takeVectors(&o); err != nil {
				return err
			}
			if err := (index.HNSWOptions{M: o.M, EfConstruction: o.Ef, Format: index.Format(format)}).Validate(); err != nil {
				return usageError{err}
			}
			if len(efs) > 0 && slices.Min(efs) < 1 {
				return usagef("--ef is %d, want 1 or more", slices.Min(efs))
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			if err := bench.HNSW(cmd.Context(), o, index.Format(format), efs, out.emit); err != nil {
				return err
			}
			return out.ratios()
		},
	}
	vectorFlags(c, &o)
	c.Flags().IntVar(&o.K, "k", 10, "hits a query")
	c.Flags().IntVar(&o.M, "m", 0, "neighbours on upper layers (default 16)")
	c.Flags().IntVar(&o.Ef, "ef-construction", 0, "candidates of an insertion (default 200)")
	c.Flags().IntSliceVar(&efs, "ef", []int{16, 32, 64, 128, 256}, "candidates of a search, each measured")
	c.Flags().StringVar(&format, "format", "int8", "vectors that the graph is walked by: f32, bf16, int8")
	return c
}

// benchChild runs a benchmark in a process of its own and returns its row.
func benchChild(cmd *cobra.Command, args ...string) (bench.Row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(cmd.Context(), self, append([]string{"bench"}, args...)...)
	b, err := child.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 { // it says itself what is wrong
		err = errors.New(strings.TrimPrefix(string(exit.Stderr), "labrador: "))
	}
	if err := cmp.Or(cmd.Context().Err(), err); err != nil {
		return nil, fmt.Errorf("bench %s: %w", args[0], err)
	}
	rows, err := bench.Read(strings.NewReader(string(b)))
	if err != nil || len(rows) != 1 {
		return nil, fmt.Errorf("bench: %s printed %d lines: %w", strings.Join(args, " "), len(rows), err)
	}
	return rows[0], nil
}

func benchEval() *cobra.Command {
	var threads, rounds int
	c := &cobra.Command{
		Use:   "eval QRELS RUN",
		Short: "Measures over a TREC run",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if threads < 1 || rounds < 1 {
				return usagef("--threads and --rounds are at least 1")
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			row, err := bench.Eval(cmd.Context(), args[0], args[1], threads, rounds)
			if err != nil {
				return err
			}
			out.emit(row)
			return out.ratios()
		},
	}
	c.Flags().IntVar(&threads, "threads", runtime.GOMAXPROCS(0), "threads")
	c.Flags().IntVar(&rounds, "rounds", 3, "timed rounds; the median counts")
	return c
}

func benchStats() *cobra.Command {
	var values, rounds int
	c := &cobra.Command{
		Use:   "stats",
		Short: "Significance tests",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if values < 2 || rounds < 1 {
				return usagef("--values is at least 2, --rounds at least 1")
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			if err := bench.Stats(values, rounds, out.emit); err != nil {
				return err
			}
			return out.ratios()
		},
	}
	c.Flags().IntVar(&values, "values", 6980, "paired values")
	c.Flags().IntVar(&rounds, "rounds", 100_000, "resamples")
	return c
}

func benchToken() *cobra.Command {
	var rounds int
	var name, text string
	c := &cobra.Command{
		Use:   "token TOKENIZER FILE...",
		Short: "A tokenizer over the texts of BEIR corpus files",
		Long: `Measure a tokenizer, given by its folder or file, on the texts of corpus.jsonl files (title, blank, text), one thread.

  labrador bench token bert-base-uncased/tokenizer.json scifact/corpus.jsonl --name bert-base-uncased --text english`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rounds < 1 {
				return usagef("--rounds is at least 1")
			}
			t, err := token.Open(args[0])
			if err != nil {
				return err
			}
			var texts []string
			for _, path := range args[1:] {
				for d, err := range labrador.ReadDocuments(path) {
					if err != nil {
						return err
					}
					texts = append(texts, d.Contents())
				}
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			row, err := bench.Tokens(cmd.Context(), cmp.Or(name, filepath.Base(args[0])), cmp.Or(text, filepath.Base(args[1])), t, texts, rounds)
			if err != nil {
				return err
			}
			out.emit(row)
			return out.ratios()
		},
	}
	c.Flags().IntVar(&rounds, "rounds", 3, "timed passes; the best counts")
	c.Flags().StringVar(&name, "name", "", "name of the tokenizer in the row")
	c.Flags().StringVar(&text, "text", "", "name of the texts in the row")
	return c
}

func benchPage() *cobra.Command {
	intro := ""
	c := &cobra.Command{
		Use:   "page FILE...",
		Short: "A page of tables from collected JSON lines, ours and other programs'",
		Long: `Write a Markdown page of tables from collected JSON lines, ours and other programs', a file for each machine. Rows that
were measured several times count by their medians.

  labrador bench page --intro doc/bench/intro.md doc/bench/*.jsonl > doc/benchmarks.md`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			head := "# Benchmarks\n"
			if intro != "" {
				b, err := os.ReadFile(intro)
				if err != nil {
					return fmt.Errorf("bench: %w", err)
				}
				head = string(b)
			}
			var machines [][]bench.Row
			for _, path := range args {
				rows, err := readRows(path)
				if err != nil {
					return err
				}
				machines = append(machines, rows)
			}
			_, err := io.WriteString(cmd.OutOrStdout(), bench.Page(head, machines...))
			return err
		},
	}
	c.Flags().StringVar(&intro, "intro", "", "Markdown file to begin the page with")
	return c
}
