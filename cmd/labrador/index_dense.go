package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/progress"
)

// denseIndex is dense.json of an index folder: what its queries must be encoded with, and how its vectors are searched.
type denseIndex struct {
	Model      string       `json:"model"`
	Encoder    string       `json:"encoder"` // the encoder's ID: another model gives other vectors
	Recipe     string       `json:"recipe,omitempty"`
	Task       string       `json:"task,omitempty"`
	Dataset    string       `json:"dataset"`
	MaxTokens  int          `json:"max_tokens,omitempty"`
	DType      string       `json:"dtype,omitempty"`
	Dimensions int          `json:"dimensions,omitempty"`
	Pooling    string       `json:"pooling,omitempty"`
	Search     string       `json:"search"` // flat or hnsw
	Format     index.Format `json:"format"`
	Keep       index.Format `json:"keep,omitempty"`
	Recall     float64      `json:"recall,omitempty"`  // hnsw's target
	Vectors    string       `json:"vectors,omitempty"` // file of the vectors; empty is vectorsFile
}

// The files of a dense index folder. An index that takes the place of another has its vectors in a file of another name, vectors-2 and so
// on, so that replacing dense.json replaces both at once.
const (
	denseFile   = "dense.json"
	vectorsFile = "vectors"
)

// vectorsPath is the file of the vectors.
func (d denseIndex) vectorsPath(dir string) string {
	return filepath.Join(dir, cmp.Or(d.Vectors, vectorsFile))
}

// readDense reads the settings of an index folder.
func readDense(dir string) (denseIndex, error) {
	var d denseIndex
	path := filepath.Join(dir, denseFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	if d.Vectors != filepath.Base(d.Vectors) && d.Vectors != "" {
		return d, fmt.Errorf("%s: file %q is not in the folder", path, d.Vectors)
	}
	return d, nil
}

// write makes d the settings of an index folder, and removes the vectors that others had.
func (d denseIndex) write(dir string) error {
	err := atomicfile.Write(filepath.Join(dir, denseFile), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(d)
	})
	if err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if path := filepath.Join(dir, f.Name()); vectorsFiles.MatchString(f.Name()) && path != d.vectorsPath(dir) {
			os.Remove(path)
		}
	}
	return err
}

// vectorsFiles matches the names that newVectors makes; all other files of the folder are the user's own.
var vectorsFiles = regexp.MustCompile("^" + vectorsFile + "(-[0-9]+)?$")

// newVectors is a name for the vectors of a new index in dir.
func newVectors(dir string) string {
	name := vectorsFile
	for n := 2; ; n++ {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return name
		}
		name = fmt.Sprint(vectorsFile, "-", n)
	}
}

// parseDense reads MODEL,recipe=one-word,dtype=int8,search=hnsw,...
func parseDense(text string) (denseIndex, error) {
	parts := strings.Split(text, ",")
	d := denseIndex{Model: parts[0], Search: "flat", Format: index.F32}
	if d.Model == "" {
		return d, fmt.Errorf("dense needs a model: dense:FOLDER or dense:FILE.gguf")
	}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		var err error
		switch name {
		case "recipe":
			d.Recipe = value
		case "task":
			d.Task = value
		case "dtype":
			d.DType = value
		case "pooling":
			d.Pooling = value
		case "max_tokens":
			d.MaxTokens, err = strconv.Atoi(value)
		case "dimensions":
			d.Dimensions, err = strconv.Atoi(value)
		case "search":
			d.Search = value
		case "format":
			d.Format = index.Format(value)
		case "keep":
			d.Keep = index.Format(value)
		case "recall":
			d.Recall, err = strconv.ParseFloat(value, 64)
		default:
			err = fmt.Errorf("there are recipe, task, dtype, pooling, max_tokens, dimensions, search, format, keep, recall")
		}
		if errors.As(err, new(*strconv.NumError)) {
			err = errors.New("want a number")
		}
		if err != nil {
			return d, fmt.Errorf("dense: setting %q: %w", p, err)
		}
	}
	switch d.Search {
	case "flat":
		return d, index.FlatOptions{Format: d.Format, Keep: d.Keep}.Validate()
	case "hnsw":
		if !strings.Contains(text, "format=") {
			d.Format = ""
		}
		return d, index.HNSWOptions{Format: d.Format, Keep: d.Keep, Recall: d.Recall}.Validate()
	}
	return d, fmt.Errorf("dense: search=%s: there are flat and hnsw", d.Search)
}

func (d denseIndex) options(threads int) dense.Options {
	return dense.Options{Model: d.Model, Recipe: d.Recipe, Task: d.Task, Dataset: d.Dataset, MaxTokens: d.MaxTokens, DType: d.DType, Dimensions: d.Dimensions,
		Pooling: d.Pooling, Threads: threads}
}

// indexDense encodes a corpus, by way of the cache of vectors, and indexes it in dir.
func indexDense(cmd *cobra.Command, set *dataset.Dataset, dir string, d denseIndex, threads int) error {
	ctx := cmd.Context()
	if index.IsBM25Set(dir) {
		return fmt.Errorf("%s holds a bm25 index: name another folder with --out, or remove that one", dir)
	}
	d.Dataset = set.Name
	abs, err := filepath.Abs(d.Model)
	if err != nil {
		return err
	}
	d.Model = abs
	if err := checkIDs(set); err != nil {
		return err
	}
	docs, queries, err := d.encodeDataset(cmd, set, threads)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := atomicfile.Lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	d.Vectors = newVectors(dir)
	path, src := d.vectorsPath(dir), index.MatrixSource(docs.Matrix)
	if d.Search == "flat" {
		err = index.BuildFlat(ctx, path, docs.IDs, src, index.FlatOptions{Format: d.Format, Keep: d.Keep})
	} else {
		bar := progress.New(cmd.ErrOrStderr(), "linking", "vectors", int64(docs.Matrix.Rows))
		err = index.BuildHNSW(ctx, path, docs.IDs, src, index.HNSWOptions{Format: d.Format, Keep: d.Keep, Recall: d.Recall, Queries: queries,
			Threads: threads, Progress: func(n int) { bar.Add(int64(n)) }})
		bar.Done()
	}
	if err == nil {
		err = d.write(dir)
	}
	if err != nil {
		return err
	}
	return d.describe(cmd, dir)
}

// encodeDataset makes vectors of a dataset's documents, and for hnsw of queries to tune it with, if it has any that can be read. It sets
// d.Encoder and makes d.DType definite.
func (d *denseIndex) encodeDataset(cmd *cobra.Command, set *dataset.Dataset, threads int) (docs dense.Encoded, queries labrador.Matrix, err error) {
	var ask []labrador.Query
	if d.Search == "hnsw" {
		if ask, err = knownQueries(set); err != nil { // the documents are what is indexed: they do not need queries
			fmt.Fprintf(cmd.ErrOrStderr(), "tuning without the dataset's queries: %v\n", err)
		}
		ask = spread(ask, 2*tuneQueries)
	}
	e, err := dense.Open(cmd.Context(), d.options(threads))
	if err != nil {
		return docs, queries, err
	}
	defer e.Close()
	d.Encoder = e.ID()
	if d.DType == "auto" { // it stays what it is, whatever is fastest when the index is searched
		d.DType = e.Model().DType()
	}
	if e.Dated() {
		fmt.Fprintf(cmd.ErrOrStderr(), "the chat template of %s writes the date: this index answers queries today only, unless the template gets a fixed one\n", d.Model)
	}
	kept, err := openVectorStore()
	if err != nil {
		return docs, queries, err
	}
	enc, ctx := encoding{encoder: e, kept: kept}, cmd.Context()
	if len(ask) > 0 {
		bar := progress.New(cmd.ErrOrStderr(), "encoding queries", "texts", int64(len(ask)))
		vectors, _, err := enc.dense(ctx, labrador.QuerySide, dense.Queries(ask), bar)
		if err != nil {
			return docs, queries, err
		}
		queries = vectors.Matrix
	}
	docs, _, err = enc.dense(ctx, labrador.DocumentSide, dense.Documents(set.Documents), progress.New(cmd.ErrOrStderr(), "encoding "+set.Name, "texts", 0))
	return docs, queries, err
}

// checkIDs finds a document id that comes twice before anything is encoded.
func checkIDs(set *dataset.Dataset) error {
	seen := map[string]bool{}
	for doc, err := range set.Documents() {
		if err != nil {
			return err
		}
		if seen[doc.ID] {
			return fmt.Errorf("dataset %s: two documents have the id %q", set.Name, doc.ID)
		}
		seen[doc.ID] = true
	}
	return nil
}

// tuneQueries is how many queries hnsw is tuned on at most, and measured on.
const tuneQueries = 400

// spread is at most n of the queries, from all parts of the list.
func spread(queries []labrador.Query, n int) []labrador.Query {
	if len(queries) <= n {
		return queries
	}
	some := make([]labrador.Query, n)
	for i := range some {
		some[i] = queries[i*len(queries)/n]
	}
	return some
}

// describe prints what an index holds.
func (d denseIndex) describe(cmd *cobra.Command, dir string) error {
	path := d.vectorsPath(dir)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	var rows, dims int
	recall := ""
	if d.Search == "hnsw" {
		h, err := index.OpenHNSW(path)
		if err != nil {
			return err
		}
		defer h.Close()
		rows, dims, recall = h.Len(), h.Dimensions(), recallLine(h.Tuned())
	} else {
		f, err := index.OpenFlat(path)
		if err != nil {
			return err
		}
		defer f.Close()
		rows, dims = f.Len(), f.Dimensions()
	}
	fmt.Fprintf(cmd.OutOrStdout(), "index\t%s\nmodel\t%s\ndocuments\t%d\ndimensions\t%d\nbytes\t%d\n%s", dir, d.Model, rows, dims, info.Size(), recall)
	return nil
}

// recallLine says what recall hnsw has, and how that is known.
func recallLine(t index.HNSWTuning) string {
	switch {
	case math.IsNaN(t.Recall):
		return fmt.Sprintf("recall\tnot measured, too few documents: ef %d\n", t.Ef)
	case t.Queries > 0:
		return fmt.Sprintf("recall\t%.4f of the 10 best with ef %d, on %d queries it was not tuned on (target %.4g)\n", t.Recall, t.Ef, t.Queries, t.Target)
	}
	return fmt.Sprintf("recall\t%.4f of the 10 best with ef %d, on queries made of documents (target %.4g)\n", t.Recall, t.Ef, t.Target)
}

// isDenseIndex reports whether dir is a folder that indexDense made.
func isDenseIndex(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, denseFile))
	return err == nil && info.Mode().IsRegular()
}

// openDenseIndex opens such a folder with its model.
func openDenseIndex(ctx context.Context, dir string, threads int) (labrador.BatchSearcher, func(), error) {
	d, err := readDense(dir)
	if err != nil {
		return nil, nil, err
	}
	e, err := d.encoder(ctx, dir, threads)
	if err != nil {
		return nil, nil, err
	}
	s := &encodedSearcher{encoder: e}
	path := d.vectorsPath(dir)
	var closeIndex func() error
	if d.Search == "hnsw" {
		h, err := index.OpenHNSW(path)
		if err != nil {
			e.Close()
			return nil, nil, err
		}
		h.SetThreads(threads)
		closeIndex = h.Close
		s.dims, s.find = h.Dimensions(), func(ctx context.Context, m labrador.Matrix, k int) ([][]labrador.Hit, error) {
			return h.Search(ctx, m, k, index.HNSWQuery{})
		}
	} else {
		f, err := index.OpenFlat(path)
		if err != nil {
			e.Close()
			return nil, nil, err
		}
		f.SetThreads(threads)
		closeIndex = f.Close
		s.dims, s.find = f.Dimensions(), func(ctx context.Context, m labrador.Matrix, k int) ([][]labrador.Hit, error) {
			return f.Search(ctx, m, k, nil)
		}
	}
	closeAll := func() { closeIndex(); e.Close() }
	if s.dims != e.Dimensions() {
		closeAll()
		return nil, nil, fmt.Errorf("%s: the index has %d dimensions, the model %d", dir, s.dims, e.Dimensions())
	}
	return s, closeAll, nil
}

// encoder opens the index's model and refuses another than the one that the index was made with.
func (d denseIndex) encoder(ctx context.Context, dir string, threads int) (*dense.Encoder, error) {
	path := filepath.Join(dir, denseFile)
	e, err := dense.Open(ctx, d.options(threads))
	if err != nil {
		return nil, fmt.Errorf("%s: the model that the index was made with: %w", path, err)
	}
	if e.ID() != d.Encoder {
		e.Close()
		if e.Dated() {
			return nil, fmt.Errorf("%s: the chat template of %s writes the date, and the index was made on another day (or with another model): put a fixed date into the template and index again", path, d.Model)
		}
		return nil, fmt.Errorf("%s: the model %s is not the one that the index was made with, or its settings changed: index again", path, d.Model)
	}
	return e, nil
}

// encodedSearcher encodes queries and searches with their vectors.
type encodedSearcher struct {
	encoder *dense.Encoder
	dims    int
	find    func(ctx context.Context, queries labrador.Matrix, k int) ([][]labrador.Hit, error)
}

func (s *encodedSearcher) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	items := make([]labrador.Item, len(queries))
	for i, q := range queries {
		items[i] = labrador.Item{Text: q.Text, Picture: q.Picture}
	}
	m, err := s.encoder.Encode(ctx, labrador.QuerySide, items)
	if err != nil {
		return nil, err
	}
	return s.find(ctx, m, k)
}

func (s *encodedSearcher) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	hits, err := s.SearchBatch(ctx, []labrador.Query{q}, k)
	if err != nil {
		return nil, err
	}
	return hits[0], nil
}

// check says at once what is wrong with a model's settings, before a corpus is read.
func (d denseIndex) check() error {
	return checkEncoding(d.options(0))
}

// verifyDense compares a dense index with its checksums.
func verifyDense(cmd *cobra.Command, dir string) error {
	d, err := readDense(dir)
	if err != nil {
		return err
	}
	path := d.vectorsPath(dir)
	var verify func() error
	if d.Search == "hnsw" {
		h, err := index.OpenHNSW(path)
		if err != nil {
			return err
		}
		defer h.Close()
		verify = h.Verify
	} else {
		f, err := index.OpenFlat(path)
		if err != nil {
			return err
		}
		defer f.Close()
		verify = f.Verify
	}
	if err := verify(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\tas it was written\n", dir)
	return nil
}
