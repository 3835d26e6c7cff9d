package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

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
}

func indexCommand() *cobra.Command {
	var o indexFlags
	cmd := &cobra.Command{
		Use:   "index SYSTEM DATASET",
		Short: "Index a dataset's documents for a system, to be searched by labrador search",
		Long: `Index a dataset's documents for a system, to be searched by labrador search.

SYSTEM is bm25, with settings behind a colon:

  analyzer  english (default: Lucene's, as Anserini runs it), whitespace, code, a language such as german, cjk
  variant   lucene (default), robertson, atire, bm25l, bm25+, tfidf, ql
  k1, b     0.9 and 0.4, Anserini's, unless given; delta for bm25l and bm25+; mu for ql
  title     weight of the title as a field of its own; without it title and text are one field
  lengths   byte (default: one byte a document, as Lucene has it) or exact

or dense:MODEL, a folder or a .gguf file, with settings behind commas: recipe, task, dtype (f32, bf16, int8, auto), pooling,
max_tokens, dimensions; search (flat, hnsw), format of the vectors (f32, bf16, int8, binary), keep (vectors for exact scores), recall
(hnsw's target, .98).

DATASET is a name or a path, as for labrador data. The index is one file in the folder that --out names (SYSTEM-DATASET.index in the
working folder by default), written under another name and renamed at the end: an interrupted run leaves what was there.

  labrador index bm25 ./scifact
  labrador index --out idx bm25:analyzer=code,k1=1.2,b=0.75 gostd-small
  labrador index bm25:title=1 nfcorpus --data ~/data
  labrador index dense:all-MiniLM-L6-v2,dtype=int8,search=hnsw scifact --data ~/data
  labrador index --verify idx                      compare an index with its checksums`,
		Args: cobra.RangeArgs(1, 2),
	}
	verify := false
	cmd.Flags().StringVar(&o.out, "out", "", "folder of the index")
	cmd.Flags().IntVar(&o.memory, "memory", 256, "MiB for postings while indexing; what does not fit is sorted on disk")
	cmd.Flags().IntVar(&o.threads, "threads", 0, "threads (0: one per processor)")
	cmd.Flags().BoolVar(&o.noDocs, "no-documents", false, "do not keep titles and texts for display")
	cmd.Flags().BoolVar(&verify, "verify", false, "check the index named by the only argument")
	addDataFlag(cmd, &o.data)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if verify != (len(args) == 1) {
			return usagef("labrador index takes SYSTEM DATASET, or --verify INDEX")
		}
		if verify {
			return verifyIndex(cmd, args[0])
		}
		return runIndex(cmd, args[0], args[1], o)
	}
	return cmd
}

func runIndex(cmd *cobra.Command, system, name string, o indexFlags) error {
	kind, settings, _ := strings.Cut(system, ":")
	ref := dataset.ParseRef(name)
	ref.Folders = dataFolders(o.data)
	if o.memory < 1 || o.threads < 0 {
		return usagef("--memory is %d MiB and --threads %d: want at least 1 and 0", o.memory, o.threads)
	}
	switch kind {
	case "bm25":
		opts, err := index.ParseBM25Options(settings)
		if err != nil {
			return usageError{err}
		}
		opts.Memory, opts.Threads, opts.NoDocuments = int64(o.memory)<<20, o.threads, o.noDocs
		d, err := dataset.Open(ref)
		if err != nil {
			return err
		}
		if o.out == "" {
			o.out = kind + "-" + filepath.Base(d.Name) + ".index"
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
		d, err := dataset.Open(ref)
		if err != nil {
			return err
		}
		if o.out == "" {
			o.out = kind + "-" + filepath.Base(d.Name) + ".index"
		}
		return indexDense(cmd, d, o.out, dense, o.threads)
	}
	return usagef("no system %q to index with (there are bm25 and dense)", kind)
}

// bm25File is the name of a BM25 index in its folder.
const bm25File = "bm25"

func indexBM25(ctx context.Context, cmd *cobra.Command, d *dataset.Dataset, dir string, opts index.BM25Options) error {
	_, err := os.Stat(dir)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	bar := progress.New(cmd.ErrOrStderr(), "indexing "+d.Name, "documents", 0)
	defer bar.Done()
	opts.Progress = func(n int) { bar.Add(int64(n)) }
	path := filepath.Join(dir, bm25File)
	if err := index.BuildBM25(ctx, path, d.Documents(), opts); err != nil {
		if made {
			os.Remove(dir)
		}
		return err
	}
	bar.Done()
	x, err := index.OpenBM25(path)
	if err != nil {
		return err
	}
	defer x.Close()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "index\t%s\noptions\t%s\ndocuments\t%d\nbytes\t%d\n", dir, x.Options(), x.Len(), info.Size())
	for _, f := range x.Stats() {
		fmt.Fprintf(w, "%s\t%d documents, %d terms, %d different\n", f.Name, f.Documents, f.Tokens, f.Terms)
	}
	return nil
}

// openIndex opens the index of a folder, or of the file itself.
func openIndex(path string) (*index.BM25, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("no index %s (labrador index makes one): %w", path, err)
	}
	if info.IsDir() {
		path = filepath.Join(path, bm25File)
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%s holds no index (labrador index makes one): %w", filepath.Dir(path), err)
		}
	}
	return index.OpenBM25(path)
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
