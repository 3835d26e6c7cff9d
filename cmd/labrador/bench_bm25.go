package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/bench"
	"github.com/labrador-lab/labrador/index"
)

// bm25Bench is one command line of benchBM25.
type bm25Bench struct {
	build  index.BM25Options
	search bench.BM25Searching
	phase  string
}

func benchBM25() *cobra.Command {
	var b bm25Bench
	c := &cobra.Command{
		Use:   "bm25 DIR",
		Short: "BM25 over a BEIR folder: build and search",
		Long: `Measure BM25 over the corpus.jsonl and queries.jsonl of a BEIR folder. Building and searching run in processes of their
own, so that their memory is their own. qps are queries a second at each -k, with documents as numbers; qps_ids with their ids.
recip_rank and recall are trec_eval's for the queries that qrels/test.tsv judges, at the greatest -k.

  labrador bench bm25 scifact --analyzer english
  labrador bench bm25 passages --k 10,1000 --threads 2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.search.Dir, b.build.Threads = args[0], b.search.Threads
			if err := b.validate(); err != nil {
				return err
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			row, err := b.run(cmd)
			if err != nil {
				return err
			}
			out.emit(row)
			return out.ratios()
		},
	}
	f := c.Flags()
	f.StringVar(&b.build.Analyzer, "analyzer", "whitespace", "analyzer")
	f.BoolVar(&b.build.ExactLengths, "lengths-exact", false, "keep exact lengths")
	f.BoolVar(&b.build.NoDocuments, "no-documents", true, "keep ids only, as the peers do")
	f.IntVar(&b.search.Threads, "threads", 1, "threads")
	f.IntVar(&b.search.Warm, "warm", 3, "passes over the queries before timing")
	f.StringVar(&b.search.Index, "index", "", "keep the index here")
	f.StringVar(&b.search.Queries, "queries", "queries.jsonl", "query file of the folder")
	f.StringVar(&b.phase, "phase", "", "index or search alone, in this process")
	f.IntSliceVar(&b.search.Ks, "k", []int{10, 1000}, "cut-offs")
	return c
}

// validate refuses what cannot be meant.
func (b *bm25Bench) validate() error {
	switch {
	case !slices.Contains([]string{"", "index", "search"}, b.phase):
		return usagef("no phase %q: there are index and search", b.phase)
	case b.phase != "" && b.search.Index == "":
		return usagef("--phase %s asks for --index", b.phase)
	case b.search.Threads < 1 || b.search.Warm < 1:
		return usagef("--threads and --warm are at least 1")
	case len(b.search.Ks) == 0 || slices.Min(b.search.Ks) < 1:
		return usagef("--k is one cut-off or more, each at least 1")
	}
	if err := b.build.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}

// run measures the phase, or both, each in a process of its own.
func (b *bm25Bench) run(cmd *cobra.Command) (bench.Row, error) {
	switch b.phase {
	case "index":
		return bench.BM25Index(cmd.Context(), b.search.Dir, b.search.Index, b.build)
	case "search":
		return bench.BM25Search(cmd.Context(), b.search)
	}
	path := b.search.Index
	if path == "" {
		dir, err := os.MkdirTemp("", "labrador-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "bm25")
	}
	both := bench.Row{}
	for _, phase := range []string{"index", "search"} {
		row, err := benchChild(cmd, b.args(phase, path)...)
		if err != nil {
			return nil, err
		}
		both.With(row)
	}
	return both, nil
}

// args is the command line of a phase over the index at path.
func (b *bm25Bench) args(phase, path string) []string {
	ks := make([]string, len(b.search.Ks))
	for i, k := range b.search.Ks {
		ks[i] = strconv.Itoa(k)
	}
	return []string{"bm25", b.search.Dir, "--phase", phase, "--index", path, "--threads", strconv.Itoa(b.search.Threads), "--warm", strconv.Itoa(b.search.Warm),
		"--k", strings.Join(ks, ","), "--analyzer", b.build.Analyzer, "--queries", b.search.Queries,
		"--lengths-exact=" + strconv.FormatBool(b.build.ExactLengths), "--no-documents=" + strconv.FormatBool(b.build.NoDocuments)}
}
