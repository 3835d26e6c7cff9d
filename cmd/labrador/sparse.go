package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/progress"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/study"
)

// sparseSystem is PromptReps' sparse half: the next-token logits of a language model as impacts of a text's own words. Its hybrid is
// a fuse of a dense system with the same recipe and this one (method convex, norm min-max).
type sparseSystem struct {
	leaf
	Model      string  `yaml:"model"`
	Recipe     string  `yaml:"recipe"` // default promptreps
	MaxTokens  int     `yaml:"max_tokens"`
	SystemText *string `yaml:"system_text"`
	DType      string  `yaml:"dtype"`
	files      systemKinds
}

// dense is the system of dense vectors with the same settings, which knows how to check, open and name them.
func (s *sparseSystem) dense() *denseSystem {
	return &denseSystem{Model: s.Model, Recipe: orElse(s.Recipe, "promptreps"), MaxTokens: s.MaxTokens, SystemText: s.SystemText, DType: s.DType, files: s.files}
}

func (s *sparseSystem) Validate() error {
	if r := orElse(s.Recipe, "promptreps"); r != "promptreps" && r != "one-word" {
		return fmt.Errorf("recipe %q does not end where the model is to say a word: a sparse system takes promptreps or one-word", r)
	}
	return s.dense().Validate()
}

func (s *sparseSystem) Settings() map[string]string {
	set := s.dense().Settings()
	for _, name := range []string{"metric", "pooling", "vectors"} {
		delete(set, name)
	}
	set["terms"] = "the text's own tokens, 128 at most, 100 log(1 + logit)"
	return set
}

func (s *sparseSystem) Key(ctx context.Context, d *study.Data) (string, error) {
	key, err := s.dense().Key(ctx, d)
	return "sparse/1 " + key, err
}

func (s *sparseSystem) Run(ctx context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	var cost study.Cost
	o, err := s.dense().options(job.Data)
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
	docs, tokens, err := e.sparse(ctx, labrador.DocumentSide, dense.Documents(job.Data.Documents), job.Progress("encoding documents", "texts", 0))
	if err != nil {
		return nil, cost, err
	}
	index, err := dense.NewImpacts(docs.IDs, docs.Vectors)
	if err != nil {
		return nil, cost, err
	}
	cost.IndexSeconds, cost.IndexBytes = time.Since(start).Seconds(), index.Bytes()
	cost.Note = e.note(tokens, cost.IndexSeconds)
	start = time.Now()
	queries, _, err := e.sparse(ctx, labrador.QuerySide, dense.Queries(job.Queries), job.Progress("encoding queries", "texts", len(job.Queries)))
	if err != nil {
		return nil, cost, err
	}
	encoded := time.Since(start).Seconds()
	searcher := &sparseSearcher{encoder: encoder, index: index, queries: make(map[string][]prompt.Weight, len(queries.IDs))}
	for i, id := range queries.IDs {
		searcher.queries[id] = queries.Vectors[i]
	}
	run, err := job.Search(ctx, searcher, &cost)
	cost.SearchSeconds += encoded
	cost.QueriesPerSecond = float64(len(job.Queries)) / max(cost.SearchSeconds, 1e-9)
	return run, cost, err
}

// passKey names the pass over a dataset's texts that makes a system's vectors, "" where none does: systems with the same key differ at most in
// the layer whose states they take, in what is made of the kept vectors (dimensions, format), and in being sparse.
func passKey(ctx context.Context, s study.System, d *study.Data) string {
	var same denseSystem
	switch s := s.(type) {
	case *denseSystem:
		same = *s
	case *sparseSystem:
		same = *s.dense()
	default:
		return ""
	}
	same.Layer, same.Dimensions, same.Format = 0, 0, ""
	key, err := same.Key(ctx, d)
	if err != nil {
		return ""
	}
	return key
}

// passOf is what the pass that makes a system's vectors is to make for it and the others.
func passOf(ctx context.Context, s study.System, d *study.Data, others []study.System) dense.Pass {
	var p dense.Pass
	key := passKey(ctx, s, d)
	for _, other := range others {
		if key == "" || passKey(ctx, other, d) != key {
			continue
		}
		if other, ok := other.(*denseSystem); ok {
			p.Layers = append(p.Layers, other.Layer)
		} else {
			p.Sparse = true
		}
	}
	slices.Sort(p.Layers)
	p.Layers = slices.Compact(p.Layers)
	return p
}

// sparse is dense for sparse vectors.
func (e encoding) sparse(ctx context.Context, side labrador.Side, items dense.Items, bar *progress.Bar) (out dense.EncodedSparse, tokens int, err error) {
	defer bar.Done()
	count := func(n, t int) {
		tokens += t
		bar.Add(int64(n))
	}
	if err = e.keep(ctx, side, items, count); err == nil {
		out, err = e.encoder.SparseVectors(ctx, e.kept, side, items, count)
	}
	return out, tokens, err
}

// sparseSearcher answers batches with vectors that are kept, and single queries as a service would: by encoding them.
type sparseSearcher struct {
	encoder *dense.Encoder
	index   *dense.Impacts
	queries map[string][]prompt.Weight
}

func (s *sparseSearcher) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	v, err := s.encoder.Sparse(ctx, labrador.QuerySide, []labrador.Item{{Text: q.Text}})
	if err != nil {
		return nil, err
	}
	return s.index.Search(ctx, v[0], k)
}

func (s *sparseSearcher) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	lists := make([][]labrador.Hit, len(queries))
	for i, q := range queries {
		v, ok := s.queries[q.ID]
		if !ok {
			return nil, fmt.Errorf("query %s was not encoded", q.ID)
		}
		var err error
		if lists[i], err = s.index.Search(ctx, v, k); err != nil {
			return nil, err
		}
	}
	return lists, nil
}
