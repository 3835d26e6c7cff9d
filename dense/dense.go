// Package dense makes retrievers of language models: a model, the recipe that turns items into its prompts, and a store
// that keeps the vectors.
//
// It computes nothing itself: package model runs the network, package prompt makes the strings, package store keeps the
// shards.
package dense

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/token"
	"github.com/labrador-lab/labrador/weights"
)

// Options say which model encodes, and how. The zero value but for Model uses the model as its makers publish it.
type Options struct {
	Model string // folder or file
	// Recipe is one of prompt.Names; "" leaves prompts to the checkpoint (sentence-transformers' prompts, else none).
	Recipe string
	// MaxTokens cuts the bare text to so many tokens before the recipe's words are put around it; without a recipe it is
	// the length of the whole input. 0: what the recipe or the model says.
	MaxTokens int
	// SystemText replaces the system message of chat recipes; nil leaves it.
	SystemText *string
	Dataset    string // picks the task line (TaskLine)
	Task       string // overrides it
	DType      string // f32, bf16, int8, auto
	Dimensions int    // 0: all
	Layer      int    // 0: the last; negative from the end
	Pooling    string // "": the recipe's, else the model's
	Prompt     string // without a recipe: name of a prompt of the model's, or a text put before items
	Threads    int
}

// Encoder is a model with its recipe. It is a labrador.Encoder and safe for concurrent use.
type Encoder struct {
	model  *model.Model
	recipe *prompt.Recipe // nil: the model's own prompts
	dated  string         // digest of what the recipe writes around a document, where its template may write the date; ""
	opts   Options
	dims   int          // of the vectors
	cut    atomic.Int64 // texts cut to the model's context
}

// Open opens the model, prepares the recipe and reads what the ID depends on. It ends soon after ctx does.
func Open(ctx context.Context, o Options) (*Encoder, error) {
	e, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := e.model.Identify(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// open is Open for whoever needs no ID.
func open(ctx context.Context, o Options) (*Encoder, error) {
	mo := model.Options{DType: o.DType, Threads: o.Threads, Layer: o.Layer, Pooling: o.Pooling}
	if mo.DType == "f32" { // the default, which has one ID
		mo.DType = ""
	}
	e := &Encoder{opts: o}
	dated := false
	if o.Recipe == "" {
		mo.MaxTokens, mo.Prompt = o.MaxTokens, o.Prompt
	} else {
		if _, err := os.Stat(o.Model); err != nil { // which else would be said to have no template
			return nil, fmt.Errorf("dense: %w; give a model's folder or .gguf file", err)
		}
		template, err := Template(o.Model)
		if err != nil && !errors.Is(err, prompt.ErrNoTemplate) {
			return nil, err
		}
		recipe, err := o.recipe(template)
		if err != nil {
			return nil, err
		}
		_, without := o.recipe(nil)
		e.recipe, dated = recipe, without != nil && template.Dated()
		if mo.Pooling == "" {
			mo.Pooling = string(recipe.Pooling)
		}
		mo.NoPrompt = true
		mo.Tokens = func(tok *token.Tokenizer, item labrador.Item) model.Tokens {
			p := recipe.Make(tok, labrador.DocumentSide, item, o.MaxTokens)
			return tokensOf(p, p.Encode(tok))
		}
	}
	m, err := model.OpenContext(ctx, o.Model, mo)
	if err != nil {
		return nil, err
	}
	e.model, e.dims = m, m.Dimensions()
	if dated {
		around := e.recipe.Make(m.Tokenizer(), labrador.DocumentSide, labrador.Item{}, 0)
		e.dated = fmt.Sprintf("%x", sha256.Sum256([]byte(around.String())))[:16]
	}
	if o.Dimensions < 0 || o.Dimensions > e.dims {
		m.Close()
		return nil, fmt.Errorf("dense: %d dimensions: the model has %d", o.Dimensions, e.dims)
	}
	if o.Dimensions > 0 {
		e.dims = o.Dimensions
	}
	return e, nil
}

// recipe makes the options' recipe, with the model's chat template, nil for none.
func (o Options) recipe(template *prompt.Template) (*prompt.Recipe, error) {
	if o.Prompt != "" {
		return nil, fmt.Errorf("dense: recipe %s and prompt %q: give one of them", o.Recipe, o.Prompt)
	}
	return prompt.New(o.Recipe, prompt.Options{Template: template, SystemText: o.SystemText, Dataset: o.Dataset, Task: o.Task})
}

// Template reads the chat template of a model: of its folder's files, or of a GGUF file's metadata.
func Template(path string) (*prompt.Template, error) {
	if !strings.EqualFold(filepath.Ext(path), ".gguf") {
		folder, err := model.TextFolder(path)
		if err != nil {
			return nil, err
		}
		return prompt.OpenTemplate(folder)
	}
	g, err := weights.OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	meta := g.Metadata()
	source, _ := meta["tokenizer.chat_template"].(string)
	if source == "" {
		return nil, fmt.Errorf("%w: %s", prompt.ErrNoTemplate, path)
	}
	vars := map[string]any{}
	tokens, _ := meta["tokenizer.ggml.tokens"].([]string)
	for name, key := range map[string]string{"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"} {
		if id, err := strconv.Atoi(fmt.Sprint(meta["tokenizer.ggml."+key+"_token_id"])); err == nil && id >= 0 && id < len(tokens) {
			vars[name] = tokens[id]
		}
	}
	return prompt.ParseTemplate(source, vars)
}

// Close ends the model.
func (e *Encoder) Close() error { return e.model.Close() }

// Model is the model behind the encoder.
func (e *Encoder) Model() *model.Model { return e.model }

// Tokenizer is the model's.
func (e *Encoder) Tokenizer() *token.Tokenizer { return e.model.Tokenizer() }

// Dimensions implements labrador.Encoder.
func (e *Encoder) Dimensions() int { return e.dims }

// ID implements labrador.Encoder.
func (e *Encoder) ID() string {
	if e.opts.Dimensions == 0 {
		return e.LayerID(e.opts.Layer)
	}
	return fmt.Sprintf("%s dimensions=%d", e.LayerID(e.opts.Layer), e.dims)
}

// TaskLine is what the options put before queries: nothing unless they have a recipe that takes a task. Documents have none.
func (o Options) TaskLine() string {
	switch {
	case !prompt.TakesTask(o.Recipe):
		return ""
	case o.Task != "":
		return o.Task
	}
	return prompt.Task(o.Dataset)
}

// LayerID is the ID of the same encoder with another Options.Layer and all dimensions.
func (e *Encoder) LayerID(layer int) string {
	o := e.opts
	task := ""
	if e.recipe != nil {
		task = strconv.Quote(o.Task)
		if o.Task == "" {
			task = strconv.Quote(prompt.Task(o.Dataset))
		}
	}
	return e.KeptID(layer) + " task=" + task
}

// KeptID is LayerID without the task: the store keeps vectors under it, those of queries under TaskLine too.
func (e *Encoder) KeptID(layer int) string {
	system := "template"
	if e.opts.SystemText != nil {
		system = strconv.Quote(*e.opts.SystemText)
	}
	id := fmt.Sprintf("dense/1 %s recipe=%s max_tokens=%d system=%s", e.model.LayerID(layer), e.opts.Recipe, e.opts.MaxTokens, system)
	if e.dated != "" {
		id += " dated=" + e.dated
	}
	return id
}

// Dated says that prompts may have the date of the day, by a chat template: vectors of different days do not match, and their IDs differ.
func (e *Encoder) Dated() bool { return e.dated != "" || e.recipe == nil && e.model.Dated() }

// Prompt is the prompt of one item, and whether the encoder has a recipe at all. A text that is too long for the model even
// so is cut until the prompt fits.
func (e *Encoder) Prompt(side labrador.Side, item labrador.Item) (prompt.Prompt, bool) {
	if e.recipe == nil {
		return prompt.Prompt{}, false
	}
	p, _ := e.input(side, item)
	return p, true
}

// input is an item's prompt and its tokens, at most as many as the model was made for.
func (e *Encoder) input(side labrador.Side, item labrador.Item) (prompt.Prompt, prompt.Input) {
	tok, limit, most := e.Tokenizer(), e.model.Network().Context, cmp.Or(e.opts.MaxTokens, e.recipe.MaxTokens)
	if limit > 0 && (most == 0 || most > limit) {
		most = limit + 1 // what is behind them is cut anyway
	}
	p := e.recipe.Make(tok, side, item, most)
	in := p.Encode(tok)
	if limit == 0 || len(in.IDs) <= limit {
		return p, in
	}
	e.cut.Add(1)
	keep := len(tok.Encode(nil, p.Text, false))
	for len(in.IDs) > limit && keep > 1 {
		over := len(in.IDs) - limit
		if p.Pooled { // the text stands there twice
			over = (over + 1) / 2
		}
		keep = max(1, keep-over)
		p = e.recipe.Make(tok, side, item, keep)
		in = p.Encode(tok)
	}
	return p, in
}

// Cut is how many of the texts encoded so far were cut because the model takes no longer ones; those that options or recipe cut
// do not count.
func (e *Encoder) Cut() int { return int(e.cut.Load()) }

// Tokenize turns items into the tokens that the network is given.
func (e *Encoder) Tokenize(ctx context.Context, side labrador.Side, items []labrador.Item) ([]model.Tokens, error) {
	if e.recipe == nil {
		return e.model.Tokenize(ctx, side, items)
	}
	out := make([]model.Tokens, len(items))
	for i, item := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = tokensOf(e.input(side, item))
	}
	return out, nil
}

// tokensOf are the tokens of a prompt, with the part of them that is pooled.
func tokensOf(p prompt.Prompt, in prompt.Input) model.Tokens {
	t := model.Tokens{IDs: in.IDs}
	if p.Pooled {
		t.From, t.To = in.From, in.To
	}
	return t
}

// Encode implements labrador.Encoder.
func (e *Encoder) Encode(ctx context.Context, side labrador.Side, items []labrador.Item) (labrador.Matrix, error) {
	tokens, err := e.Tokenize(ctx, side, items)
	if err != nil {
		return labrador.Matrix{}, err
	}
	m, err := e.model.EncodeTokens(ctx, tokens)
	if err != nil {
		return labrador.Matrix{}, err
	}
	return e.Truncate(m), nil
}

// Truncate keeps the encoder's dimensions of whole vectors and makes them unit length again. m stays as it is.
func (e *Encoder) Truncate(m labrador.Matrix) labrador.Matrix {
	if e.dims == m.Cols {
		return m
	}
	out := labrador.NewMatrix(m.Rows, e.dims)
	for i := range out.Rows {
		row := out.Row(i)
		copy(row, m.Row(i))
		sum := 0.0
		for _, x := range row {
			sum += float64(x) * float64(x)
		}
		if sum == 0 {
			continue
		}
		for j, x := range row {
			row[j] = float32(float64(x) / math.Sqrt(sum))
		}
	}
	return out
}
