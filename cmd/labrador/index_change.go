package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/progress"
)

// indexChange is what to do with an index that is there.
type indexChange struct {
	add    string // dataset or corpus file
	delete string // file of ids
	merge  bool
}

func (c indexChange) asked() bool { return c.add != "" || c.delete != "" || c.merge }

// documents of a dataset or a corpus file.
type documents = func() iter.Seq2[labrador.Document, error]

// changeIndex deletes, adds and merges, in this order.
func changeIndex(cmd *cobra.Command, dir string, o indexFlags) error {
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("no index %s (labrador index makes one): %w", dir, err)
	} else if !info.IsDir() {
		return fmt.Errorf("%s is a file of an index: name its folder", dir)
	}
	var ids []string
	var docs documents
	var err error
	if o.change.delete != "" {
		if ids, err = readIDs(o.change.delete); err != nil {
			return err
		}
	}
	if o.change.add != "" {
		if docs, err = o.documents(); err != nil {
			return err
		}
	}
	switch {
	case isDenseIndex(dir) && o.change.merge:
		return usagef("%s is a dense index, which has no parts to merge", dir)
	case isDenseIndex(dir) && o.change.add == "-":
		return usagef("--add - is for bm25: documents to encode are read twice, so give a file")
	case isDenseIndex(dir):
		return changeDense(cmd, dir, ids, docs, o)
	case index.IsBM25Set(dir):
		return changeBM25(cmd, dir, ids, docs, o)
	}
	return fmt.Errorf("%s holds no index (labrador index makes one)", dir)
}

// documents are those that --add names: a file's or a dataset's.
func (o *indexFlags) documents() (documents, error) {
	if path := o.change.add; path == "-" {
		return func() iter.Seq2[labrador.Document, error] { return labrador.ReadDocuments(path) }, nil
	}
	d, err := openDocuments(o.change.add, o.data)
	if err != nil {
		return nil, err
	}
	return d.Documents, nil
}

// readIDs reads one id a line; "-" is standard input.
func readIDs(path string) ([]string, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		f, err := labrador.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--delete: %w; give a file of one id a line", err)
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	ids, n := []string{}, 0
	for lines.Scan() {
		n++
		if id := strings.TrimRight(lines.Text(), "\r"); id != "" {
			ids = append(ids, id)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", path, n+1, err)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func changeBM25(cmd *cobra.Command, dir string, ids []string, docs documents, o indexFlags) error {
	ctx, w := cmd.Context(), cmd.OutOrStdout()
	x, err := index.OpenBM25Set(dir)
	if err != nil {
		return err
	}
	defer x.Close()
	if ids != nil {
		n, err := x.Delete(ctx, ids...)
		if n > 0 || err == nil {
			printDeleted(w, n, len(ids))
		}
		if err != nil {
			return err
		}
	}
	if docs != nil {
		bar := progress.New(cmd.ErrOrStderr(), "adding to "+dir, "documents", 0)
		defer bar.Done()
		added, replaced, err := x.Add(ctx, docs(), index.BM25Options{Memory: int64(o.memory) << 20, Threads: o.threads, Progress: func(n int) { bar.Add(int64(n)) }})
		bar.Done()
		if added+replaced > 0 || err == nil {
			fmt.Fprintf(w, "added\t%d\nreplaced\t%d\n", added, replaced)
		}
		if err != nil {
			return err
		}
	}
	if o.change.merge {
		if err := x.Merge(ctx); err != nil {
			return err
		}
	}
	return describeBM25(cmd, dir, x)
}

func printDeleted(w io.Writer, n, asked int) {
	fmt.Fprintf(w, "deleted\t%d\n", n)
	if n < asked {
		fmt.Fprintf(w, "not there\t%d\n", asked-n)
	}
}

func changeDense(cmd *cobra.Command, dir string, ids []string, docs documents, o indexFlags) error {
	d, err := readDense(dir)
	if err != nil {
		return err
	}
	c := index.Changes{Remove: ids}
	if docs != nil {
		fresh, err := d.encode(cmd, dir, docs, o.threads)
		if err != nil {
			return err
		}
		c.IDs, c.Add = fresh.IDs, fresh.Matrix
		again := map[string]bool{}
		for _, id := range c.IDs {
			again[id] = true
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return again[id] }) // which are replaced
		c.Remove = ids
	}
	unlock, err := atomicfile.Lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	if now, err := readDense(dir); err != nil || now != d {
		return fmt.Errorf("%s was built anew meanwhile: try again", dir)
	}
	done, err := d.update(cmd.Context(), dir, c, o.threads)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if ids != nil {
		printDeleted(w, done.Removed, len(ids))
	}
	if docs != nil {
		fmt.Fprintf(w, "added\t%d\nreplaced\t%d\n", done.Added, done.Replaced)
	}
	return d.describe(cmd, dir)
}

// encode makes vectors of documents with the index's own model and settings.
func (d denseIndex) encode(cmd *cobra.Command, dir string, docs documents, threads int) (dense.Encoded, error) {
	e, err := d.encoder(cmd.Context(), dir, threads)
	if err != nil {
		return dense.Encoded{}, err
	}
	defer e.Close()
	kept, err := openVectorStore()
	if err != nil {
		return dense.Encoded{}, err
	}
	bar := progress.New(cmd.ErrOrStderr(), "encoding", "texts", 0)
	out, _, err := encoding{encoder: e, kept: kept}.dense(cmd.Context(), labrador.DocumentSide, dense.Documents(docs), bar)
	return out, err
}

// update applies changes to the file of the vectors.
func (d denseIndex) update(ctx context.Context, dir string, c index.Changes, threads int) (index.Changed, error) {
	if d.Search == "hnsw" {
		return index.UpdateHNSW(ctx, d.vectorsPath(dir), c, index.HNSWOptions{Threads: threads})
	}
	return index.UpdateFlat(ctx, d.vectorsPath(dir), c)
}
