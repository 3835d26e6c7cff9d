package model

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/kernel"
	"github.com/labrador-lab/labrador/token"
)

// EngineVersion is part of every ID. It grows with each change of the engine that changes vectors by more than rounding.
const EngineVersion = 8

// Model is an opened model: a labrador.Encoder. It is safe for concurrent use.
type Model struct {
	*checkpoint
	opts    Options
	engine  *engine
	depth   int // layers to run
	dims    int
	batch   int          // tokens of a batch
	longest int          // tokens of a text behind the network's Context (mostStates); 0: any number
	tail    int32        // Options.Append; -1: none
	single  chan *worker // one thread each, as many as there are threads; closed by Close
	wideMu  sync.Mutex
	closing sync.Once
	wide    *worker // all threads, for work that is too little to share out; nil after Close
	threads int

	prefixMu sync.Mutex
	prefixes []*prefix // the last few that were computed, the newest last

	sumsMu   sync.Mutex
	fileSums string // of the files that the ID depends on, once they were read
}

// Model is an Encoder.
var _ labrador.Encoder = (*Model)(nil)

// Open opens a model: a folder of transformers (config.json), of sentence-transformers (modules.json), of a PEFT adapter, of
// static embeddings, or a .gguf file. An architecture or a variant that is not supported is an error that names it. Close
// gives the memory back.
func Open(path string, opts Options) (*Model, error) {
	return OpenContext(context.Background(), path, opts)
}

// OpenContext is Open that ends soon after ctx does, with its error: packing a large model, and comparing arithmetics for dtype "auto", take
// their time (see WithProgress).
func OpenContext(ctx context.Context, path string, opts Options) (*Model, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	c, err := openCheckpoint(path, opts)
	if err != nil {
		return nil, err
	}
	m, err := newModel(ctx, c, opts)
	if err != nil {
		c.close()
		return nil, within(path, err)
	}
	return m, nil
}

func newModel(ctx context.Context, c *checkpoint, opts Options) (*Model, error) {
	m := &Model{checkpoint: c, opts: opts, tail: -1, threads: opts.Threads}
	if m.threads == 0 {
		m.threads = runtime.GOMAXPROCS(0)
	}
	if err := m.apply(opts); err != nil {
		return nil, err
	}
	var err error
	if opts.DType == "auto" {
		if opts.DType, err = autoDType(ctx, c, opts); err != nil {
			return nil, err
		}
		m.opts.DType = opts.DType
	}
	if m.engine, err = newEngine(ctx, kernel.Current(), format(opts.DType), m.threads, c.net, c.recipe.denses(), m.sample()); err != nil {
		return nil, err
	}
	weights, _ := m.packed(m.engine.format)
	m.batch, m.engine.pieceTokens = tokensAtOnce(weights, m.engine.format)
	m.longest = m.longestText()
	for _, f := range c.files { // packed now; what is still read of them, small tables, comes back row by row
		f.Release()
	}
	debug.FreeOSMemory() // opening leaves several times what stays
	m.single = make(chan *worker, m.threads)
	for range m.threads {
		m.single <- newWorker(m.engine, 1)
	}
	m.wide = newWorker(m.engine, m.threads)
	return m, nil
}

// apply puts the options over what the folder says.
func (m *Model) apply(o Options) error {
	r := &m.recipe
	if o.Pooling != "" {
		r.pooling, _ = ParsePooling(o.Pooling)
		r.stated = true
	}
	if n := m.net.Context; n > 0 && (r.maxTokens == 0 || r.maxTokens > n) {
		r.maxTokens = n
	}
	if o.MaxTokens > 0 {
		if !m.net.takes(o.MaxTokens) {
			return fmt.Errorf("model: %d tokens: the model was made for at most %d", o.MaxTokens, max(m.net.Context, m.net.Stretch))
		}
		if r.maxRunes > 0 {
			r.maxRunes = r.maxRunes / r.maxTokens * o.MaxTokens
		}
		r.maxTokens = o.MaxTokens
	}
	if o.NoSpecial {
		r.special = false
	}
	depth, err := m.net.depth(o.Layer)
	if err != nil {
		return err
	}
	m.depth, m.dims = depth, r.width(m.net)
	if r.cut > 0 {
		m.dims = min(m.dims, r.cut)
	}
	if o.Dimensions > m.dims {
		return fmt.Errorf("model: %d dimensions: the model has %d", o.Dimensions, m.dims)
	}
	if o.Dimensions > 0 {
		m.dims = o.Dimensions
	}
	if err := m.applyAppend(o.Append); err != nil {
		return err
	}
	if err := m.checkChat(); err != nil {
		return err
	}
	return m.checkMax(o.MaxTokens)
}

// checkMax refuses a length that the tokens that are added to every text alone exceed.
func (m *Model) checkMax(limit int) error {
	added := len(m.tokenizer.Encode(nil, "", m.recipe.special))
	if m.recipe.chat != nil {
		for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
			if text, err := m.message(side, ""); err == nil {
				added = max(added, len(m.tokenizer.Encode(nil, text, false)))
			}
		}
	}
	if m.tail >= 0 {
		added++
	}
	if limit > 0 && limit < added {
		return fmt.Errorf("model: %d tokens: the model adds %d to every text", limit, added)
	}
	return nil
}

func (m *Model) applyAppend(name string) error {
	switch name {
	case "":
		return nil
	case "eos":
		m.tail = m.endToken()
	default:
		if id, ok := m.tokenizer.ID(name); ok {
			m.tail = id
		}
	}
	if m.tail < 0 || int(m.tail) >= m.net.Vocab {
		return fmt.Errorf("model: the vocabulary has no token %q to append", name)
	}
	return nil
}

// depth is how many layers a value of Options.Layer takes.
func (n *Network) depth(layer int) (int, error) {
	depth := layer
	switch {
	case layer == 0:
		return n.Layers, nil
	case layer < 0:
		depth += n.Layers
	}
	if depth <= 0 || depth > n.Layers {
		return 0, fmt.Errorf("model: layer %d: there are %d", layer, n.Layers)
	}
	return depth, nil
}

// endToken is the end-of-text token: the tokenizer's, else the configuration's, else the padding token, which Qwen's
// checkpoints use as one.
func (m *Model) endToken() int32 {
	s := m.tokenizer.Special()
	if s.EOS >= 0 {
		return s.EOS
	}
	if m.config != nil {
		if id := int32(m.config.number(-1, "eos_token_id")); id >= 0 && int(id) < m.net.Vocab {
			return id
		}
	}
	return s.PAD
}

// Close waits for the batches at hand, ends the model's threads, gives its memory back and unmaps its files; a second call does nothing. What encodes
// meanwhile or afterwards gets an error; Network's weights must not be read any more.
func (m *Model) Close() error {
	var err error
	m.closing.Do(func() {
		m.stop()
		err = m.checkpoint.close()
	})
	return err
}

// stop ends the threads and gives the weights' memory back.
func (m *Model) stop() {
	m.wideMu.Lock()
	defer m.wideMu.Unlock()
	m.wide.close()
	m.wide = nil
	for range m.threads {
		(<-m.single).close()
	}
	close(m.single)
	m.engine.free()
}

// DType is the arithmetic that the model runs in: "f32", "bf16" or "int8", also where the options said "auto".
func (m *Model) DType() string { return dtypeOf(m.engine.format) }

// Dimensions is the width of the vectors.
func (m *Model) Dimensions() int { return m.dims }

// Tokenizer is the model's tokenizer.
func (m *Model) Tokenizer() *token.Tokenizer { return m.tokenizer }

// Network is the model's architecture and weights, for other interpreters.
func (m *Model) Network() *Network { return m.net }

// Encode turns items into unit-length vectors, one row per item in their order: title and text (joined by a blank) behind
// the prompt of the side, cut to the model's length. A text without any token is encoded as the end-of-text token alone; in
// static models its row is zero.
func (m *Model) Encode(ctx context.Context, side labrador.Side, items []labrador.Item) (labrador.Matrix, error) {
	tokens, err := m.Tokenize(ctx, side, items)
	if err != nil {
		return labrador.Matrix{}, err
	}
	return m.EncodeTokens(ctx, tokens)
}

// Tokens is a text as the network sees it. Pooling reads the tokens From to To; To 0 means up to the end.
type Tokens struct {
	IDs      []int32
	From, To int
}

// Tokenize is what Encode does before the network: prompt or chat message, tokens, special tokens, cut.
func (m *Model) Tokenize(ctx context.Context, side labrador.Side, items []labrador.Item) ([]Tokens, error) {
	prompt, err := m.Prompt(side)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, it := range items {
		if it.Picture != "" {
			return nil, fmt.Errorf("model: item %d is a picture (%s): this model encodes text", i, it.Picture)
		}
		if texts[i], err = m.input(ctx, side, prompt, it); err != nil {
			return nil, err
		}
	}
	limit := m.recipe.maxTokens
	if m.tail >= 0 && limit > 0 {
		limit = max(1, limit-1)
	}
	ids, err := m.tokenizer.EncodeAll(ctx, texts, token.Options{NoSpecial: !m.recipe.special, Max: limit, Threads: m.threads})
	if err != nil {
		return nil, err
	}
	m.restoreEnds(side, prompt, ids, limit)
	from := m.promptTokens(prompt)
	out := make([]Tokens, len(ids))
	for i, list := range ids {
		list = m.finishTokens(list)
		out[i] = Tokens{IDs: list, From: max(0, min(from, len(list)-1))}
	}
	return out, nil
}

// text is an item behind its prompt.
func (m *Model) text(prompt string, it labrador.Item) string {
	text := prompt + labrador.Document{Title: it.Title, Text: it.Text}.Contents()
	if n := m.recipe.maxRunes; n > 0 && len(text) > n {
		text = firstRunes(text, n)
	}
	return text
}

// firstRunes are the first n characters of a text.
func firstRunes(text string, n int) string {
	for at := range text {
		if n == 0 {
			return text[:at]
		}
		n--
	}
	return text
}

// finishTokens drops unknown tokens and appends the end token, as the recipe says.
func (m *Model) finishTokens(ids []int32) []int32 {
	if m.recipe.drop >= 0 {
		ids = slices.DeleteFunc(ids, func(id int32) bool { return id == m.recipe.drop })
	}
	if m.tail >= 0 {
		ids = append(ids, m.tail)
	}
	if len(ids) == 0 && m.net.Layers > 0 {
		if end := m.endToken(); end >= 0 {
			ids = append(ids, end)
		} else {
			ids = append(ids, 0)
		}
	}
	return ids
}

// promptTokens is the number of tokens at the start of a text that pooling leaves out: those of the prompt with the special
// token before it (sentence-transformers, Transformer._get_prompt_length).
func (m *Model) promptTokens(prompt string) int {
	if prompt == "" || !m.recipe.excludePrompt || m.recipe.chat != nil {
		return 0
	}
	ids := m.tokenizer.Encode(nil, m.text(prompt, labrador.Item{}), m.recipe.special)
	if n := len(ids); n > 0 && m.tokenizer.IsSpecial(ids[n-1]) {
		return n - 1
	}
	return len(ids)
}

// Prompts are the folder's own prompts by name.
func (m *Model) Prompts() map[string]string { return m.recipe.prompts }

// sidePrompts are the names under which folders keep the prompts of a side (sentence-transformers, encode_query and
// encode_document).
var sidePrompts = map[labrador.Side][]string{
	labrador.QuerySide:    {"query"},
	labrador.DocumentSide: {"document", "passage", "corpus"},
}

// Prompt is the text that is put before items of a side; where texts become chat messages it is the system message before them.
func (m *Model) Prompt(side labrador.Side) (string, error) {
	if m.opts.Prompt != "" {
		if p, ok := m.recipe.prompts[m.opts.Prompt]; ok {
			return p, nil
		}
		return m.opts.Prompt, nil
	}
	if m.opts.NoPrompt {
		return "", nil
	}
	for _, name := range sidePrompts[side] {
		if p, ok := m.recipe.prompts[name]; ok {
			return p, nil
		}
	}
	return m.recipe.prompts[m.recipe.defaultPrompt], nil
}
