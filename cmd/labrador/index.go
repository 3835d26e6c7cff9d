package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/progress"
)

// indexFlags are the flags of labrador index.
type indexFlags struct {
	out     string
	data    []string
	memory  int
	threads int
	noDocs  bool
	verify  bool
	change  indexChange
}

func indexCommand() *cobra.Command {
	var o indexFlags
	cmd := &cobra.Command{
		Use:   "index SYSTEM DATASET | index --add|--delete|--merge|--verify INDEX",
		Short: "Index a dataset's documents for a system, to be searched by labrador search; change such an index",
		Long: `Index a dataset's documents for a system, to be searched by labrador search.

SYSTEM is bm25, with settings behind a colon:

  analyzer  english (default: Lucene's, as Anserini runs it), whitespace, code, a language such as german, cjk
  variant   lucene (default), robertson, atire, bm25l, bm25+, tfidf, ql
  k1, b     0.9 and 0.4, Anserini's, unless given; delta for bm25l and bm25+; mu for ql
  title     weight of the title as a field of its own; without it title and text are one field
  lengths   byte (default: one byte a document, as Lucene has it) or exact

or dense:MODEL, a folder or a .gguf file, with settings behind commas: recipe, task, dtype (f32, bf16, int8, auto), pooling,
max_tokens, dimensions; search (flat, hnsw), format of the vectors (f32, bf16, int8, binary), keep (vectors for exact scores), recall
(hnsw's target, .98: the share of the 10 best that a search finds).

hnsw keeps its recall on the dataset's own queries: its ef is tuned on half of them, and the recall printed is that of the other half (at
most 400 each, of the split). With fewer than 200 queries it is no less than what made queries need, which are documents with noise; with
fewer than 20 these alone are there to tune on, and real ones may be harder. A changed index is tuned again on the same queries.

DATASET is a name or a path, as for labrador data, of which only the documents are needed: a folder with corpus.jsonl, or any file of
lines like {"_id": "1", "title": "may be empty", "text": "..."} or id<TAB>text. The index is the folder that --out names (SYSTEM-DATASET.index in the working
folder by default). Files are written under another name and renamed at the end: an interrupted run leaves what was there.

An index changes in place, bm25 and dense alike; an interrupted change leaves what was there:

  --add       indexes the documents of a DATASET too (- is a corpus on standard input, for bm25); one whose id is there takes the place of
              the old one. For a dense index they are encoded by its own model with its own settings
  --delete    deletes the documents whose ids a file has, one a line (- is standard input); before --add, where both are given
  --merge     makes one file of all parts of a bm25 index, which searches fastest

Hits and scores are those of an index built anew of the same documents (hnsw: of the same recall). For bm25 each --add makes a part
and each --delete a note of what is deleted; parts are merged by themselves when they get many, a part is written anew when a fifth of
it is deleted, so that --merge is never needed. A dense index is written anew at each change, without encoding what stays: add many
documents at once.

  labrador index bm25 ./scifact
  labrador index bm25 docs.jsonl && labrador search bm25-docs.index --query "how are keys rotated"
  labrador index --out idx bm25:analyzer=code,k1=1.2,b=0.75 gostd-small
  labrador index bm25:title=1 nfcorpus --data ~/data
  labrador index dense:all-MiniLM-L6-v2,dtype=int8,search=hnsw scifact --data ~/data
  labrador index --add more.jsonl scifact.index
  echo doc17 | labrador index --delete - scifact.index
  labrador index --verify idx                      compare an index with its checksums`,
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.Flags().StringVar(&o.out, "out", "", "folder of the index")
	cmd.Flags().IntVar(&o.memory, "memory", 256, "MiB for postings while indexing; what does not fit is sorted on disk")
	cmd.Flags().IntVar(&o.threads, "threads", 0, "threads (0: one per processor)")
	cmd.Flags().BoolVar(&o.noDocs, "no-documents", false, "do not keep titles and texts for display")
	cmd.Flags().StringVar(&o.change.add, "add", "", "add the documents of this dataset or corpus file to INDEX")
	cmd.Flags().StringVar(&o.change.delete, "delete", "", "delete the documents whose ids this file has from INDEX")
	cmd.Flags().BoolVar(&o.change.merge, "merge", false, "make one file of all parts of INDEX")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "compare INDEX with its checksums")
	addDataFlag(cmd, &o.data)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, args); err != nil {
			return err
		}
		switch {
		case o.verify:
			return verifyIndex(cmd, args[0])
		case o.change.asked():
			return changeIndex(cmd, args[0], o)
		}
		return runIndex(cmd, args[0], args[1], o)
	}
	return cmd
}

// check refuses flags and arguments that do not go together.
func (o *indexFlags) check(cmd *cobra.Command, args []string) error {
	one := o.verify || o.change.asked()
	switch {
	case one != (len(args) == 1):
		return usagef("labrador index takes SYSTEM DATASET, or INDEX with --add, --delete, --merge or --verify")
	case o.verify && o.change.asked():
		return usagef("--verify goes alone: it changes nothing")
	case one && (cmd.Flags().Changed("out") || o.noDocs):
		return usagef("--out and --no-documents are for a new index: a change keeps the index's own settings")
	case o.memory < 1 || o.threads < 0:
		return usagef("--memory is %d MiB and --threads %d: want at least 1 and 0", o.memory, o.threads)
	}
	return nil
}

func runIndex(cmd *cobra.Command, system, name string, o indexFlags) error {
	kind, settings, _ := strings.Cut(system, ":")
	switch kind {
	case "bm25":
		opts, err := index.ParseBM25Options(settings)
		if err != nil {
			return usageError{err}
		}
		opts.Memory, opts.Threads, opts.NoDocuments = int64(o.memory)<<20, o.threads, o.noDocs
		d, err := o.open(kind, name)
		if err != nil {
			return err
		}
		return indexBM25(cmd.Context(), cmd, d, o.out, opts)
	case "dense":
		dense, err := parseDense(settings)
		if err == nil {
			err = dense.check()
		}
		if err != nil {
			return usageError{err}
		}
		d, err := o.open(kind, name)
		if err != nil {
			return err
		}
		return indexDense(cmd, d, o.out, dense, o.threads)
	}
	return usagef("no system %q to index with (there are bm25 and dense)", kind)
}

// open opens the dataset to index, makes sure that it has a document, and names the index where --out does not.
func (o *indexFlags) open(kind, name string) (*dataset.Dataset, error) {
	d, err := openDocuments(name, o.data)
	if err != nil {
		return nil, err
	}
	if o.out == "" {
		o.out = kind + "-" + filepath.Base(d.Name) + ".index"
	}
	for _, err := range d.Documents() {
		return d, err
	}
	return nil, fmt.Errorf("dataset %s: no document in %s", d.Name, d.Dir)
}

// openDocuments opens a dataset, or a file of documents whatever it is called.
func openDocuments(name string, data []string) (*dataset.Dataset, error) {
	ref := dataset.ParseRef(name)
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		ref = dataset.Ref{Path: name}
	}
	ref.Folders = dataFolders(data)
	return dataset.Open(ref)
}

func indexBM25(ctx context.Context, cmd *cobra.Command, d *dataset.Dataset, dir string, opts index.BM25Options) error {
	if isDenseIndex(dir) {
		return fmt.Errorf("%s holds a dense index: name another folder with --out, or remove that one", dir)
	}
	bar := progress.New(cmd.ErrOrStderr(), "indexing "+d.Name, "documents", 0)
	defer bar.Done()
	opts.Progress = func(n int) { bar.Add(int64(n)) }
	if err := index.BuildBM25Set(ctx, dir, d.Documents(), opts); err != nil {
		return err
	}
	bar.Done()
	x, err := index.OpenBM25Set(dir)
	if err != nil {
		return err
	}
	defer x.Close()
	return describeBM25(cmd, dir, x)
}

// describeBM25 prints what an index holds.
func describeBM25(cmd *cobra.Command, dir string, x *index.BM25Set) error {
	size, err := folderSize(dir)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "index\t%s\noptions\t%s\ndocuments\t%d\nbytes\t%d\n", dir, x.Options(), x.Len(), size)
	if parts, deleted := x.Parts(); parts > 1 || deleted > 0 {
		fmt.Fprintf(w, "parts\t%d, %d deleted documents in them\n", parts, deleted)
	}
	for _, f := range x.Stats() {
		fmt.Fprintf(w, "%s\t%d documents, %d terms", f.Name, f.Documents, f.Tokens)
		if f.Terms > 0 {
			fmt.Fprintf(w, ", %d different", f.Terms)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// folderSize is the bytes of the files in a folder.
func folderSize(dir string) (sum int64, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum, err
}

// termIndex is an open index over terms: a folder's, or a single file's.
type termIndex interface {
	labrador.BatchSearcher
	SearchAll(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error)
	SearchTerms(ctx context.Context, terms []index.WeightedTerm, k int) ([]labrador.Hit, error)
	WeightedTerms(query string) ([]index.WeightedTerm, error)
	Document(id string) (labrador.Document, bool, error)
	RM3(o index.RM3Options) (*index.RM3, error)
	Verify() error
	Close() error
}

// openIndex opens the index of a folder, or of the file itself.
func openIndex(path string) (termIndex, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("no index %s (labrador index makes one): %w", path, err)
	case !info.IsDir():
		return index.OpenBM25(path)
	case !index.IsBM25Set(path):
		return nil, fmt.Errorf("%s holds no index (labrador index makes one)", path)
	}
	return index.OpenBM25Set(path)
}

func verifyIndex(cmd *cobra.Command, path string) error {
	if isDenseIndex(path) {
		return verifyDense(cmd, path)
	}
	x, err := openIndex(path)
	if err != nil {
		return err
	}
	defer x.Close()
	if err := x.Verify(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\tas it was written\n", path)
	return nil
}
