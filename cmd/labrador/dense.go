package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/progress"
	"github.com/labrador-lab/labrador/kernel"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/store"
	"github.com/labrador-lab/labrador/study"
)

// denseSystem is exact search over the vectors of a language model.
type denseSystem struct {
	leaf
	Model      string  `yaml:"model"`       // folder or file
	Recipe     string  `yaml:"recipe"`      // of prompt.Names; none: the model's own prompts
	MaxTokens  int     `yaml:"max_tokens"`  // of the bare text under a recipe, of the whole input without
	SystemText *string `yaml:"system_text"` // instead of the template's system message
	Task       string  `yaml:"task"`        // instead of the dataset's published task line
	Prompt     string  `yaml:"prompt"`      // without a recipe: name of a model's prompt, or a text
	DType      string  `yaml:"dtype"`       // f32 (default), bf16, int8, auto
	Dimensions int     `yaml:"dimensions"`
	Layer      int     `yaml:"layer"`   // default: the last
	Pooling    string  `yaml:"pooling"` // default: the recipe's, else the model's
	Format     string  `yaml:"format"`  // of the kept vectors: f32 (default), bf16, int8, binary
	files      systemKinds
}

func (s *denseSystem) Validate() error {
	if s.Model == "" {
		return fmt.Errorf("a dense system needs model: a folder or a .gguf file")
	}
	if err := (index.FlatOptions{Format: index.Format(s.Format)}).Validate(); err != nil {
		return err
	}
	return checkEncoding(dense.Options{Recipe: s.Recipe, Prompt: s.Prompt, Task: s.Task, SystemText: s.SystemText, DType: s.DType, Dimensions: s.Dimensions,
		MaxTokens: s.MaxTokens, Pooling: s.Pooling})
}

func (s *denseSystem) Settings() map[string]string {
	set := map[string]string{"model": filepath.Base(s.Model), "metric": "cosine", "search": "exact", "dtype": orElse(s.DType, "f32"),
		"recipe": orElse(s.Recipe, "the model's own"), "pooling": orElse(s.Pooling, "the recipe's or the model's"), "vectors": orElse(s.Format, "f32")}
	switch {
	case s.MaxTokens > 0:
		set["max_tokens"] = fmt.Sprint(s.MaxTokens)
	case s.Recipe == "promptreps":
		set["max_tokens"] = "512"
	case s.Recipe == "":
		set["max_tokens"] = "the model's"
	default:
		set["max_tokens"] = "whole texts"
	}
	switch {
	case s.SystemText != nil:
		set["system text"] = fmt.Sprintf("%q", *s.SystemText)
	case s.Recipe == "one-word", s.Recipe == "paper-one-word":
		set["system text"] = "the template's of " + filepath.Base(s.Model)
	case s.Recipe == "promptreps":
		set["system text"] = "the recipe's"
	}
	if s.Dimensions > 0 {
		set["dimensions"] = fmt.Sprint(s.Dimensions)
	}
	if s.Layer != 0 {
		set["layer"] = fmt.Sprint(s.Layer)
	}
	if s.Prompt != "" {
		set["prompt"] = fmt.Sprintf("%q", s.Prompt)
	}
	if s.Task != "" {
		set["task"] = fmt.Sprintf("%q", s.Task)
	}
	return set
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (s *denseSystem) options(d *study.Data) (dense.Options, error) {
	path, err := s.files.findModel(s.Model, d)
	return dense.Options{Model: path, Recipe: s.Recipe, MaxTokens: s.MaxTokens, SystemText: s.SystemText, Dataset: d.Dataset, Task: s.Task,
		Prompt: s.Prompt, DType: s.DType, Dimensions: s.Dimensions, Layer: s.Layer, Pooling: s.Pooling}, err
}

func (s *denseSystem) Key(ctx context.Context, d *study.Data) (string, error) {
	o, err := s.options(d)
	if err != nil {
		return "", err
	}
	digest, err := digestOfModel(ctx, o.Model)
	if err != nil {
		return "", err
	}
	base, err := model.BaseFolder(o.Model)
	if err != nil {
		return "", err
	}
	if base != "" {
		below, err := digestOfModel(ctx, base)
		if err != nil {
			return "", err
		}
		digest += "+" + below
	}
	if err := s.fits(o); err != nil {
		return "", err
	}
	system := "-"
	if o.SystemText != nil {
		system = *o.SystemText
	}
	task := o.Task
	if task == "" {
		task = prompt.Task(o.Dataset)
	}
	dtype := o.DType
	if dtype != "" && dtype != "f32" { // tiers round otherwise, and auto may be another
		dtype += " on " + kernel.Current().Tier().String()
	}
	return fmt.Sprintf("dense/1 engine %d %s %s %d %q %q %q %s %d %d %s %s", model.EngineVersion, digest, o.Recipe, o.MaxTokens, system, task, o.Prompt, dtype, o.Dimensions, o.Layer, o.Pooling, s.Format), nil
}

// fits says, before anything is encoded, whether the model has the layer, dimensions and length that the system asks for.
func (s *denseSystem) fits(o dense.Options) error {
	limits := model.Options{Layer: o.Layer, Dimensions: o.Dimensions}
	if o.Recipe == "" { // else the recipe's words are put around the cut text, and what is too long then is cut again
		limits.MaxTokens = o.MaxTokens
	}
	if limits.Layer == 0 && limits.Dimensions == 0 && limits.MaxTokens == 0 {
		return nil
	}
	_, err := model.Inspect(o.Model, limits)
	return err
}

func (s *denseSystem) Run(ctx context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	var cost study.Cost
	o, err := s.options(job.Data)
	if err != nil {
		return nil, cost, err
	}
	o.Threads = job.Threads
	encoder, err := dense.Open(ctx, o)
	if err != nil {
		return nil, cost, err
	}
	defer encoder.Close()
	kept, err := openVectorStore()
	if err != nil {
		return nil, cost, err
	}
	e := encoding{encoder, kept, passOf(ctx, s, job.Data, job.Others)}
	start := time.Now()
	docs, tokens, err := e.dense(ctx, labrador.DocumentSide, dense.Documents(job.Data.Documents), job.Progress("encoding documents", "texts", 0))
	if err != nil {
		return nil, cost, err
	}
	cost.IndexSeconds, cost.IndexBytes = time.Since(start).Seconds(), int64(len(docs.Matrix.Data))*4
	cost.Note = e.note(tokens, cost.IndexSeconds)
	start = time.Now()
	queries, _, err := e.dense(ctx, labrador.QuerySide, dense.Queries(job.Queries), job.Progress("encoding queries", "texts", len(job.Queries)))
	if err != nil {
		return nil, cost, err
	}
	encoded := time.Since(start).Seconds()
	searcher, closeIndex, err := s.searcher(ctx, encoder, docs, queries)
	if err != nil {
		return nil, cost, err
	}
	defer closeIndex()
	run, err := job.Search(ctx, searcher, &cost)
	cost.SearchSeconds += encoded
	cost.QueriesPerSecond = float64(len(job.Queries)) / max(cost.SearchSeconds, 1e-9)
	return run, cost, err
}

// encoding is an encoder with the store that keeps its vectors.
type encoding struct {
	encoder *dense.Encoder
	kept    *store.Store
	pass    dense.Pass // what one pass over the texts is to make
}

// note says what encoding the documents took.
func (e encoding) note(tokens int, seconds float64) string {
	if tokens == 0 {
		return "document vectors were kept from an earlier run"
	}
	note := fmt.Sprintf("%d tokens of documents encoded, %.0f a second", tokens, float64(tokens)/seconds)
	if n := len(e.pass.Layers); n > 1 {
		note += fmt.Sprintf(", for %d layers at once", n)
	}
	if n := e.encoder.Cut(); n > 0 {
		note += fmt.Sprintf("; %d texts were cut to the %d tokens that the model takes", n, e.encoder.Model().Network().Context)
	}
	return note
}

// dense encodes items into the store with a progress bar, and counts the tokens that were not there yet.
func (e encoding) dense(ctx context.Context, side labrador.Side, items dense.Items, bar *progress.Bar) (out dense.Encoded, tokens int, err error) {
	defer bar.Done()
	count := func(n, t int) {
		tokens += t
		bar.Add(int64(n))
	}
	if err = e.keep(ctx, side, items, count); err == nil {
		out, err = e.encoder.Vectors(ctx, e.kept, side, items, count)
	}
	return out, tokens, err
}

// keep makes what other systems of the study need of the same pass over the items.
func (e encoding) keep(ctx context.Context, side labrador.Side, items dense.Items, count dense.Progress) error {
	p := e.pass
	if p.Sparse && !e.encoder.OnePass() {
		p.Sparse = false
	}
	if len(p.Layers) == 0 || len(p.Layers) == 1 && !p.Sparse {
		return nil
	}
	return e.encoder.Keep(ctx, e.kept, side, items, p, count)
}

func (s *denseSystem) searcher(ctx context.Context, e *dense.Encoder, docs, queries dense.Encoded) (*denseSearcher, func(), error) {
	d := &denseSearcher{encoder: e, queries: queries.Matrix, row: make(map[string]int, len(queries.IDs))}
	for i, id := range queries.IDs {
		d.row[id] = i
	}
	if s.Format == "" || s.Format == string(index.F32) {
		flat, err := index.NewFlat(docs.IDs, docs.Matrix, index.Cosine)
		d.flat = flat
		return d, func() {}, err
	}
	dir, err := os.MkdirTemp("", "labrador-flat-")
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "flat")
	err = index.BuildFlat(ctx, path, docs.IDs, index.MatrixSource(docs.Matrix), index.FlatOptions{Format: index.Format(s.Format)})
	if err == nil {
		d.flat, err = index.OpenFlat(path)
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, nil, err
	}
	return d, func() { d.flat.Close(); os.RemoveAll(dir) }, nil
}

// denseSearcher answers batches with vectors that are kept, and single queries as a service would: by encoding them.
type denseSearcher struct {
	encoder *dense.Encoder
	flat    *index.Flat
	queries labrador.Matrix
	row     map[string]int
}

func (d *denseSearcher) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	m, err := d.encoder.Encode(ctx, labrador.QuerySide, []labrador.Item{{Text: q.Text, Picture: q.Picture}})
	if err != nil {
		return nil, err
	}
	hits, err := d.flat.Search(ctx, m, k, nil)
	if err != nil {
		return nil, err
	}
	return hits[0], nil
}

func (d *denseSearcher) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	m := labrador.NewMatrix(len(queries), d.queries.Cols)
	for i, q := range queries {
		row, ok := d.row[q.ID]
		if !ok {
			return nil, fmt.Errorf("query %s was not encoded", q.ID)
		}
		copy(m.Row(i), d.queries.Row(row))
	}
	return d.flat.Search(ctx, m, k, nil)
}

// openVectorStore is the store of encoded vectors in the cache folder. Where LABRADOR_CACHE_SIZE gives a budget, the least recently
// used sets beyond it are removed first.
func openVectorStore() (*store.Store, error) {
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(filepath.Join(cache, "vectors"))
	budget := os.Getenv("LABRADOR_CACHE_SIZE")
	if err != nil || budget == "" {
		return s, err
	}
	size, err := parseSize(budget)
	if err != nil {
		return nil, usagef("LABRADOR_CACHE_SIZE: %v", err)
	}
	_, _, err = s.Prune(size) // what cannot go now stays until it can
	return s, err
}

// addModelsFlag adds --models, read by modelFolders.
func addModelsFlag(cmd *cobra.Command, folders *[]string) {
	cmd.Flags().StringArrayVar(folders, "models", nil, "folder that models are looked up in by name, as NAME or NAME.gguf; may be repeated (default: LABRADOR_MODELS)")
}

// modelFolders are the folders in which names of models are looked up: those of --models, else those of LABRADOR_MODELS; several in one
// value are separated as in PATH.
func modelFolders(flags []string) []string {
	if len(flags) == 0 {
		flags = []string{os.Getenv("LABRADOR_MODELS")}
	}
	var folders []string
	for _, f := range flags {
		folders = append(folders, filepath.SplitList(f)...)
	}
	return folders
}

// findModel resolves a model: a path as find does, or a name in the model folders, where NAME and NAME.gguf are looked for.
func (k systemKinds) findModel(name string, d *study.Data) (string, error) {
	folders := modelFolders(k.models)
	if !filepath.IsAbs(name) {
		for _, folder := range folders {
			for _, full := range []string{filepath.Join(folder, name), filepath.Join(folder, name) + ".gguf"} {
				if _, err := os.Stat(full); err == nil {
					return full, nil
				}
			}
		}
	}
	path, err := k.find(name, d)
	switch {
	case err == nil:
		return path, nil
	case len(folders) == 0:
		return "", fmt.Errorf("model %s: %w; name the folder that models lie in with --models DIR or LABRADOR_MODELS", name, err)
	}
	return "", fmt.Errorf("model %s is not in %s, neither as a folder nor as %s.gguf", name, strings.Join(folders, ", "), name)
}
