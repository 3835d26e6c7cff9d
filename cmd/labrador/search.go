package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/progress"
)

// searchFlags are the flags of labrador search.
type searchFlags struct {
	k       int
	tag     string
	threads int
	qrels   string
	all     bool
	weights bool
	rm3     bool
	query   string
}

func searchCommand() *cobra.Command {
	o := searchFlags{k: 1000, tag: "labrador"}
	cmd := &cobra.Command{
		Use:   "search INDEX QUERIES | search INDEX --query TEXT",
		Short: "Search an index with a file of queries, a TREC run on stdout; or with one query",
		Long: `Search an index that labrador index made with a file of queries, and print a TREC run: query, Q0, document, rank, score, tag.

With --query, search it with this text, and print the ten best documents (or -k) for a reader: rank, score, id, and, of a bm25 index that
keeps its documents, how each begins.

QUERIES is a BEIR queries.jsonl, lines of id<TAB>text, or TREC topics, compressed or not. Queries go through the analyzer that the
index was made with. Documents of equal score come in ascending order of their ids, as Anserini has them, with scores that differ in
the last digit so that trec_eval keeps the order.

With a bm25 index one of these says how queries are read, instead of as bags of words:

  --all      only documents that hold every term of the query
  --weights  a word may have a weight behind ^, 1 where it has none: "neural^2.5 search"
  --rm3      expands each query by ten terms of the ten documents found first, as Anserini's -rm3 does

  labrador search bm25-docs.index --query "how are keys rotated"
  labrador search scifact.index ~/data/scifact/queries.jsonl > run
  labrador search -k 100 --tag bm25 --qrels qrels/test.tsv idx queries.tsv | labrador eval -m nDCG@10 qrels/test.tsv -`,
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.Flags().StringVar(&o.query, "query", "", "search with this text")
	cmd.Flags().IntVarP(&o.k, "hits", "k", o.k, "hits per query; 10 unless given with --query")
	cmd.Flags().StringVar(&o.tag, "tag", o.tag, "name of the run")
	cmd.Flags().IntVar(&o.threads, "threads", 0, "threads (0: one per processor)")
	cmd.Flags().StringVar(&o.qrels, "qrels", "", "search only the queries that this file judges")
	cmd.Flags().BoolVar(&o.all, "all", false, "only documents with every term of the query")
	cmd.Flags().BoolVar(&o.weights, "weights", false, "words with weights, as in neural^2.5 search")
	cmd.Flags().BoolVar(&o.rm3, "rm3", false, "expand queries by terms of the documents found first")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, args); err != nil {
			return err
		}
		x, closeIndex, err := o.openIndex(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		defer closeIndex()
		if o.threads > 0 {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.threads))
		}
		if len(args) == 1 {
			return printHits(cmd, x, o)
		}
		return runSearch(cmd, x, args[1], o)
	}
	return cmd
}

// check refuses flags and arguments that do not go together.
func (o *searchFlags) check(cmd *cobra.Command, args []string) error {
	one := cmd.Flags().Changed("query")
	switch {
	case one == (len(args) == 2):
		return usagef("labrador search takes INDEX and QUERIES, or INDEX with --query TEXT")
	case one && strings.TrimSpace(o.query) == "":
		return usagef("--query is empty")
	case one && (cmd.Flags().Changed("tag") || o.qrels != ""):
		return usagef("--tag and --qrels go with a file of queries, not with --query")
	case o.readings() > 1:
		return usagef("--all, --weights and --rm3 are three ways to read a query: give one")
	case o.k < 1 || o.threads < 0:
		return usagef("-k is %d and --threads %d: want at least 1 and 0", o.k, o.threads)
	case one && !cmd.Flags().Changed("hits"):
		o.k = 10
	}
	return checkTag(o.tag)
}

// checkTag refuses a name of a run that would spoil its last column.
func checkTag(tag string) error {
	if tag == "" || len(strings.Fields(tag)) != 1 || strings.TrimSpace(tag) != tag {
		return usagef("--tag %q: want a name without blanks, it is the run's last column", tag)
	}
	return nil
}

// searched is an open index, with queries read as the flags say.
type searched struct {
	labrador.BatchSearcher
	terms termIndex // nil for a dense index
}

// openIndex opens an index of either kind.
func (o searchFlags) openIndex(ctx context.Context, path string) (x searched, closeIndex func(), err error) {
	if isDenseIndex(path) {
		if o.readings() > 0 {
			return x, nil, usagef("%s is a dense index: --all, --weights and --rm3 are for bm25", path)
		}
		x.BatchSearcher, closeIndex, err = openDenseIndex(ctx, path, o.threads)
		return x, closeIndex, err
	}
	if x.terms, err = openIndex(path); err != nil {
		return x, nil, err
	}
	if x.BatchSearcher, err = o.read(x.terms); err != nil {
		x.terms.Close()
	}
	return x, func() { x.terms.Close() }, err
}

// printHits searches with the text of --query and prints the hits for a reader.
func printHits(cmd *cobra.Command, x searched, o searchFlags) error {
	hits, err := x.Search(cmd.Context(), labrador.Query{ID: "query", Text: o.query}, o.k)
	if err != nil {
		return err
	}
	if len(hits) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no document was found")
	}
	for rank, h := range hits {
		line := fmt.Sprintf("%d\t%.4f\t%s", rank+1, h.Score, h.ID)
		if x.terms != nil {
			doc, kept, err := x.terms.Document(h.ID)
			if err != nil {
				return err
			}
			if kept {
				line += "\t" + clipText(doc.Contents(), 120)
			}
		}
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
			return err
		}
	}
	return nil
}

// runSearch searches with the queries of a file and prints a run.
func runSearch(cmd *cobra.Command, x searched, queryPath string, o searchFlags) error {
	queries, err := readQueryFile(queryPath)
	if err != nil {
		return err
	}
	if o.qrels != "" {
		qrels, err := labrador.ReadQrels(o.qrels)
		if err != nil {
			return err
		}
		n := len(queries)
		queries = slices.DeleteFunc(queries, func(q labrador.Query) bool { return qrels[q.ID] == nil })
		if n > 0 && len(queries) == 0 {
			return fmt.Errorf("%s judges none of the %d queries of %s: do they belong together?", o.qrels, n, queryPath)
		}
	}
	if len(queries) == 0 {
		return fmt.Errorf("%s: no queries to search", queryPath)
	}
	return printRun(cmd.Context(), cmd, x, queries, o)
}

// readings is how many of the flags are given that say how queries are read.
func (o searchFlags) readings() (n int) {
	for _, given := range []bool{o.all, o.weights, o.rm3} {
		if given {
			n++
		}
	}
	return n
}

// read is x with queries read as the flags say.
func (o searchFlags) read(x termIndex) (labrador.BatchSearcher, error) {
	switch {
	case o.all:
		return eachQuery(x.SearchAll), nil
	case o.weights:
		return eachQuery(func(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
			terms, err := x.WeightedTerms(q.Text)
			if err != nil {
				return nil, err
			}
			return x.SearchTerms(ctx, terms, k)
		}), nil
	case o.rm3:
		r, err := x.RM3(index.RM3Options{})
		if err != nil {
			return nil, err
		}
		return eachQuery(r.Search), nil
	}
	return x, nil
}

// eachQuery is a BatchSearcher of a search of one query.
type eachQuery func(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error)

// Search implements labrador.Searcher.
func (f eachQuery) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	return f(ctx, q, k)
}

// SearchBatch implements labrador.BatchSearcher.
func (f eachQuery) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	return index.SearchEach(ctx, f, queries, k)
}

// searchBatch is how many queries are in memory with their hits.
const searchBatch = 1024

// printRun searches and prints batch by batch, so that a hundred thousand queries take little memory.
func printRun(ctx context.Context, cmd *cobra.Command, x labrador.BatchSearcher, queries []labrador.Query, o searchFlags) error {
	bar := progress.New(cmd.ErrOrStderr(), "searching", "queries", int64(len(queries)))
	defer bar.Done()
	for part := range slices.Chunk(queries, searchBatch) {
		hits, err := x.SearchBatch(ctx, part, o.k)
		if err != nil {
			return err
		}
		run, ids := labrador.Run{}, make([]string, len(part))
		for i, q := range part {
			run[q.ID], ids[i] = hits[i], q.ID
		}
		if err := labrador.WriteRun(cmd.OutOrStdout(), o.tag, ids, run); err != nil {
			return err
		}
		bar.Add(int64(len(part)))
	}
	return nil
}

// readQueryFile reads queries in any of the forms that labrador search takes. "-" is stdin, without TREC topics. An id that
// comes twice is an error.
func readQueryFile(path string) ([]labrador.Query, error) {
	var queries []labrador.Query
	topics, err := looksLikeTopics(path)
	if err != nil {
		return nil, err
	}
	if topics {
		if queries, err = labrador.ReadTopics(path); err != nil {
			return nil, err
		}
	} else {
		for q, err := range labrador.ReadQueries(path) {
			if err != nil {
				return nil, err
			}
			queries = append(queries, q)
		}
	}
	seen := map[string]bool{}
	for _, q := range queries {
		if seen[q.ID] {
			return nil, fmt.Errorf("%s: the query id %q comes twice", path, q.ID)
		}
		seen[q.ID] = true
	}
	return queries, nil
}

// looksLikeTopics says whether the first character that is not white space opens a tag.
func looksLikeTopics(path string) (bool, error) {
	if path == "-" {
		return false, nil
	}
	f, err := labrador.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%w; a text to search with is given as --query TEXT", err)
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return bytes.HasPrefix(bytes.TrimLeft(head[:n], " \t\r\n"), []byte("<")), nil
}
