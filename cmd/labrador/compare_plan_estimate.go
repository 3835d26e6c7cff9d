package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/progress"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/store"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/study/cost"
	"github.com/labrador-lab/labrador/weights"
)

// planSample is a dataset's texts, drawn by the study's seed.
type planSample struct {
	documents []labrador.Document
	all       int // documents in the corpus
	queries   []labrador.Query
	digests   [2]string // of the items of each labrador.Side; "" for documents where nothing is kept anyway
}

// estimator makes the works of a plan.
type estimator struct {
	ctx      context.Context
	plan     *study.Plan
	flags    *planFlags
	progress io.Writer
	samples  map[*study.Data]*planSample
	kept     []store.Info // sets of vectors
	models   map[string]*planModel
	passes   map[string]*planPass
}

func (e *estimator) works() ([]cost.Work, error) {
	kept, err := openVectorStore()
	if err != nil {
		return nil, err
	}
	if e.kept, err = kept.List(); err != nil {
		return nil, err
	}
	prices, _ := namedNumbers(e.flags.prices)
	e.models, e.passes = map[string]*planModel{}, map[string]*planPass{}
	bar := progress.New(e.progress, "planning", "runs", int64(len(e.plan.Cells)))
	defer bar.Done()
	var list []cost.Work
	for _, c := range e.plan.Cells {
		if c.Helper {
			continue
		}
		w, err := e.work(c)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", c.System.Name, c.Data.Name, err)
		}
		for _, p := range prices {
			if p.name == w.System {
				w.PricePerMillion = p.value
			}
		}
		list = append(list, w)
		bar.Add(1)
	}
	for _, p := range prices {
		if !slices.ContainsFunc(list, func(w cost.Work) bool { return w.System == p.name }) {
			return nil, usagef("--price %s: the study has no such system", p.name)
		}
	}
	return list, nil
}

func (e *estimator) work(c *study.Cell) (cost.Work, error) {
	w := cost.Work{System: c.System.Name, Dataset: c.Data.Name, Corpus: c.Data.Corpus, Done: c.Done}
	s, err := e.sample(c.Data)
	if err != nil {
		return w, err
	}
	w.Documents.Texts, w.Queries.Texts = s.all, len(c.Data.Queries)
	switch system := c.System.System.(type) {
	case *bm25System:
		return w, e.lexical(&w, system, s)
	case *denseSystem:
		return w, e.encoding(&w, system, c.Data, s, false)
	case *sparseSystem:
		return w, e.encoding(&w, system.dense(), c.Data, s, true)
	}
	return w, nil // given vectors, runs and fusions of them: next to nothing
}

// sample draws a dataset's texts, once.
func (e *estimator) sample(d *study.Data) (*planSample, error) {
	if s := e.samples[d]; s != nil {
		return s, nil
	}
	seed := e.plan.Study.Seed
	documents, all, err := cost.Sample(e.ctx, d.Documents(), planTexts, seed)
	if err != nil {
		return nil, err
	}
	queries, _, err := cost.Sample(e.ctx, each(d.Queries), planTexts, seed)
	if err != nil {
		return nil, err
	}
	s := &planSample{documents: documents, all: all, queries: queries}
	texts, err := dense.Survey(e.ctx, dense.Queries(d.Queries))
	if err != nil {
		return nil, err
	}
	s.digests[labrador.QuerySide] = texts.Digest
	if len(e.kept) > 0 {
		if texts, err = dense.Survey(e.ctx, dense.Documents(d.Documents)); err != nil {
			return nil, err
		}
		s.digests[labrador.DocumentSide] = texts.Digest
	}
	e.samples[d] = s
	return s, nil
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// lexical measures BM25 on the sample: indexing grows with the documents, and so does searching.
func (e *estimator) lexical(w *cost.Work, system *bm25System, s *planSample) error {
	if e.flags.unmeasured || len(s.documents) == 0 || len(s.queries) == 0 {
		return nil
	}
	o, err := system.options()
	if err != nil {
		return err
	}
	o.NoDocuments = true
	w.Key = "bm25 " + o.String()
	dir, err := os.MkdirTemp("", "labrador-plan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bm25")
	start := time.Now()
	if err := index.BuildBM25(e.ctx, path, each(s.documents), o); err != nil {
		return err
	}
	w.DocumentSeconds = time.Since(start).Seconds() / float64(len(s.documents))
	if info, err := os.Stat(path); err == nil {
		w.DocumentBytes = float64(info.Size()) / float64(len(s.documents))
	}
	x, err := index.OpenBM25(path)
	if err != nil {
		return err
	}
	defer x.Close()
	start = time.Now()
	if _, err := x.SearchBatch(e.ctx, s.queries, e.plan.Study.Depth); err != nil {
		return err
	}
	w.QuerySeconds = time.Since(start).Seconds() / float64(len(s.queries)) * float64(s.all) / float64(len(s.documents))
	return nil
}

// planModel is what is known of a model with its settings, whatever the dataset.
type planModel struct {
	info  *model.Info
	shape cost.Model
	speed float64 // tokens a second; 0: not measured
	id    string  // the encoder's KeptID; "" where it was not opened
}

// encoding counts the sample's tokens as the system would encode it.
func (e *estimator) encoding(w *cost.Work, system *denseSystem, d *study.Data, s *planSample, sparse bool) error {
	o, err := system.options(d)
	if err != nil {
		return err
	}
	m, err := e.model(o, s, sparse)
	if err != nil {
		return err
	}
	w.Model, w.TokensPerSecond = &m.shape, m.speed
	counter, err := newTokenCounter(o, m.info)
	if err != nil {
		return err
	}
	documents, queries := planItems(s)
	if w.Documents, err = counter.count(e.ctx, labrador.DocumentSide, documents, s.all, m.shape.Causal); err != nil {
		return err
	}
	if w.Queries, err = counter.count(e.ctx, labrador.QuerySide, queries, len(d.Queries), m.shape.Causal); err != nil {
		return err
	}
	kind := ""
	if sparse {
		kind = sparseKind
	}
	w.Key, w.Pass, w.Asked = kind+keyOf(o), passKeyOf(o), s.digests[labrador.QuerySide]+o.TaskLine()
	if m.id != "" {
		w.Key = kind + m.id
		w.DocumentsDone = e.keptShare(store.Key{"encoder": m.id, "kind": kind, "side": labrador.DocumentSide.String(), "items": s.digests[labrador.DocumentSide]})
		w.QueriesDone = e.keptShare(store.Key{"encoder": m.id, "kind": kind, "side": labrador.QuerySide.String(), "items": s.digests[labrador.QuerySide], "task": o.TaskLine()})
	}
	return nil
}

// keyOf names everything that changes the kept vectors, but for the queries' task line.
func keyOf(o dense.Options) string {
	system := "template"
	if o.SystemText != nil {
		system = strconv.Quote(*o.SystemText)
	}
	o.SystemText, o.Threads, o.Dimensions = nil, 0, 0 // all dimensions are kept
	o.Dataset, o.Task = "", ""
	if o.DType == "" {
		o.DType = "f32"
	}
	return fmt.Sprintf("%+v %s", o, system)
}

// passKeyOf names everything that changes the pass over the texts, in which several layers' vectors and sparse ones are made together.
func passKeyOf(o dense.Options) string {
	o.Layer = 0
	return keyOf(o)
}

func planItems(s *planSample) (documents, queries []labrador.Item) {
	for _, d := range s.documents {
		documents = append(documents, labrador.Item{Title: d.Title, Text: d.Text, Picture: d.Picture})
	}
	for _, q := range s.queries {
		queries = append(queries, labrador.Item{Text: q.Text, Picture: q.Picture})
	}
	return documents, queries
}

// sparseKind is the kind of sparse vectors in the keys of the store.
const sparseKind = "sparse/1"

// keptShare is the share of the vectors that the store has of a set with such a key.
func (e *estimator) keptShare(want store.Key) float64 {
	most := 0.0
	for _, k := range e.kept {
		same := k.Shards > 0
		for name, value := range want {
			same = same && k.Key[name] == value
		}
		if same {
			most = max(most, float64(k.Done)/float64(k.Shards))
		}
	}
	return most
}

// model inspects a model, and measures the pass that makes its vectors once, on the first dataset's documents.
func (e *estimator) model(o dense.Options, s *planSample, sparse bool) (*planModel, error) {
	key := fmt.Sprint(sparse) + keyOf(o)
	if m := e.models[key]; m != nil {
		return m, nil
	}
	mo := model.Options{DType: o.DType, Layer: o.Layer, Pooling: o.Pooling, NoPrompt: o.Recipe != ""}
	if o.Recipe == "" {
		mo.MaxTokens, mo.Prompt = o.MaxTokens, o.Prompt
	}
	info, err := model.Inspect(o.Model, mo)
	if err != nil {
		return nil, err
	}
	m := &planModel{info: info, shape: shapeOf(info, o, sparse)}
	if !e.flags.unmeasured {
		p, err := e.pass(info, o, s)
		if err != nil {
			return nil, err
		}
		m.id, m.speed = p.ids[o.Layer], p.speed
		if m.shape.Parameters > 0 { // a token takes its time by the layers that it goes through
			m.speed *= float64(p.parameters) / float64(m.shape.Parameters)
		}
	}
	e.models[key] = m
	return m, nil
}

// planPass is a measured pass over texts.
type planPass struct {
	speed      float64 // tokens a second, as deep as any system of the study goes
	parameters int64   // that a token is multiplied with there
	ids        map[int]string
}

// pass measures the pass that makes the vectors of the options, with everything else that the study has made in it.
func (e *estimator) pass(info *model.Info, o dense.Options, s *planSample) (*planPass, error) {
	key := passKeyOf(o)
	if p := e.passes[key]; p != nil {
		return p, nil
	}
	p, sparse, deepest := &planPass{ids: map[int]string{}}, false, o
	for _, c := range e.plan.Cells {
		system, ok := c.System.System.(*denseSystem)
		if half, isSparse := c.System.System.(*sparseSystem); isSparse {
			system, ok = half.dense(), true
		}
		if !ok || c.Helper {
			continue
		}
		other, err := system.options(c.Data)
		if err != nil {
			return nil, err
		}
		if passKeyOf(other) != key {
			continue
		}
		p.ids[other.Layer] = ""
		_, isSparse := c.System.System.(*sparseSystem)
		sparse = sparse || isSparse
		if shapeOf(info, other, false).Parameters > shapeOf(info, deepest, false).Parameters {
			deepest = other
		}
	}
	p.parameters = shapeOf(info, deepest, false).Parameters
	e.passes[key] = p
	return p, e.measure(p, deepest, s, sparse)
}

// shapeOf leaves out what no token is multiplied with: the embeddings, layers that are not run, and the head unless it is used.
func shapeOf(info *model.Info, o dense.Options, sparse bool) cost.Model {
	table := int64(info.Vocabulary) * int64(info.Width)
	layers := info.Layers
	if o.Layer > 0 {
		layers = min(layers, o.Layer)
	} else if o.Layer < 0 {
		layers = max(0, layers+o.Layer)
	}
	parameters := info.Parameters - table
	if file, err := weights.Open(o.Model); err == nil {
		if names := file.Names(); slices.Contains(names, "lm_head.weight") || slices.Contains(names, "output.weight") {
			parameters -= table
		}
		file.Close()
	}
	if info.Layers > 0 {
		parameters = parameters * int64(layers) / int64(info.Layers)
	} else {
		parameters = 0 // a table of vectors: nothing is multiplied
	}
	m := cost.Model{Parameters: max(0, parameters), Layers: layers, Width: info.Width, Causal: info.Attention == "causal", Dimensions: info.Dimensions}
	if sparse {
		m.Dimensions, m.Bytes = 128, 8 // terms with weights
	}
	return m
}

// measure encodes documents of the sample for some seconds; the first round, which warms up, does not count where there is a second.
func (e *estimator) measure(p *planPass, o dense.Options, s *planSample, sparse bool) error {
	encoder, err := dense.Open(e.ctx, o)
	if err != nil {
		return err
	}
	defer encoder.Close()
	for layer := range p.ids {
		p.ids[layer] = encoder.KeptID(layer)
	}
	items, _ := planItems(s)
	started := time.Now()
	for n, at := 4, 0; at < len(items) && time.Since(started) < planTime; n, at = 2*n, at+n {
		part := items[at:min(at+n, len(items))]
		begin := time.Now()
		tokens, err := encoder.Tokenize(e.ctx, labrador.DocumentSide, part)
		if err != nil {
			return err
		}
		if sparse {
			_, err = encoder.Sparse(e.ctx, labrador.DocumentSide, part)
		} else {
			_, err = encoder.Encode(e.ctx, labrador.DocumentSide, part)
		}
		if err != nil {
			return err
		}
		count := 0
		for _, t := range tokens {
			count += len(t.IDs)
		}
		p.speed = float64(count) / max(time.Since(begin).Seconds(), 1e-9)
	}
	return nil
}

// tokenCounter makes the tokens of items without a model's weights.
type tokenCounter func(ctx context.Context, side labrador.Side, items []labrador.Item) ([]model.Tokens, error)

func newTokenCounter(o dense.Options, info *model.Info) (tokenCounter, error) {
	if o.Recipe == "" {
		return info.Tokenize, nil
	}
	tok, err := model.Tokenizer(o.Model)
	if err != nil {
		return nil, err
	}
	template, _ := dense.Template(o.Model) // a recipe that needs one says so
	recipe, err := prompt.New(o.Recipe, prompt.Options{Template: template, SystemText: o.SystemText, Dataset: o.Dataset, Task: o.Task})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, side labrador.Side, items []labrador.Item) ([]model.Tokens, error) {
		out := make([]model.Tokens, len(items))
		for i, item := range items {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p := recipe.Make(tok, side, item, o.MaxTokens)
			out[i] = model.Tokens{IDs: p.Encode(tok).IDs}
		}
		return out, nil
	}, nil
}

// count describes all texts by the items, with the tokens that they start with together where a causal model computes them once.
func (c tokenCounter) count(ctx context.Context, side labrador.Side, items []labrador.Item, all int, causal bool) (cost.Tokens, error) {
	var lengths []int
	var shared []int32
	texts, err := c(ctx, side, items)
	if err != nil {
		return cost.Tokens{}, err
	}
	for i, text := range texts {
		ids := text.IDs
		lengths = append(lengths, len(ids))
		if i == 0 {
			shared = ids
			continue
		}
		n := 0
		for n < min(len(shared), len(ids)) && shared[n] == ids[n] {
			n++
		}
		shared = shared[:n]
	}
	t := cost.Count(all, lengths)
	if causal && len(items) > 1 {
		t.Shared = len(shared)
	}
	return t, nil
}
