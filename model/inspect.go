package model

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/kernel"
)

// Info describes a model without loading it.
type Info struct {
	Path         string            `json:"path"`
	Layout       string            `json:"layout"`       // what kind of folder or file it is
	Architecture string            `json:"architecture"` // model_type
	Layers       int               `json:"layers"`
	Width        int               `json:"width"`      // of the states
	Dimensions   int               `json:"dimensions"` // of the vectors
	Parameters   int64             `json:"parameters"`
	Types        map[string]int64  `json:"types"` // parameters of the file by element type
	FileBytes    int64             `json:"file_bytes"`
	Vocabulary   int               `json:"vocabulary"`
	Tokenizer    int               `json:"tokenizer_tokens"` // ids that the tokenizer can give
	Context      int               `json:"context"`          // tokens that it was made for; 0: any number
	MaxTokens    int               `json:"max_tokens"`       // to which texts are cut; 0: they are not
	Attention    string            `json:"attention"`        // "causal", "bidirectional" or "none"
	Pooling      string            `json:"pooling"`
	Head         bool              `json:"language_model_head"`
	Special      bool              `json:"special_tokens"` // whether the tokenizer's are added
	Prompts      map[string]string `json:"prompts,omitempty"`
	QueryPrompt  string            `json:"query_prompt"`
	DocPrompt    string            `json:"document_prompt"`
	Memory       map[string]int64  `json:"memory_bytes"` // by dtype: packed weights and activations, beside the mapped file
	Auto         string            `json:"auto_dtype"`   // what dtype "auto" takes here
	Tier         string            `json:"processor_tier"`
	Threads      int               `json:"threads"`
	Notes        []string          `json:"notes"` // what Labrador will do, in sentences

	model *Model // without weights
}

// Tokenize is Model.Tokenize, for which no weights are read.
func (i *Info) Tokenize(ctx context.Context, side labrador.Side, items []labrador.Item) ([]Tokens, error) {
	return i.model.Tokenize(ctx, side, items)
}

// Inspect opens a model as Open does, checks all of it, and says what it is and what Labrador will do with it, without
// packing its weights.
func Inspect(path string, opts Options) (*Info, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	c, err := openCheckpoint(path, opts)
	if err != nil {
		return nil, err
	}
	defer c.close()
	m := &Model{checkpoint: c, opts: opts, tail: -1, threads: opts.Threads}
	if m.threads == 0 {
		m.threads = runtime.GOMAXPROCS(0)
	}
	if err := m.apply(opts); err != nil {
		return nil, within(path, err)
	}
	return m.info()
}

func (m *Model) info() (*Info, error) {
	n, r := m.net, m.recipe
	i := &Info{Path: m.path, Layout: m.layout, Architecture: n.Arch, Layers: n.Layers, Width: n.Width, Dimensions: m.dims, Types: map[string]int64{},
		Vocabulary: n.Vocab, Tokenizer: m.tokenizer.Size(), Context: n.Context, MaxTokens: r.maxTokens, Attention: n.attention(),
		Pooling: r.pooling.String(), Head: n.head != nil, Special: r.special, Prompts: maps.Clone(r.prompts),
		Auto: autoInfo(n), Tier: kernel.Current().Tier().String(), Threads: m.threads, model: m}
	if err := m.countFiles(i); err != nil {
		return nil, err
	}
	var err error
	if i.QueryPrompt, err = m.Prompt(labrador.QuerySide); err != nil {
		return nil, err
	}
	if i.DocPrompt, err = m.Prompt(labrador.DocumentSide); err != nil {
		return nil, err
	}
	i.Memory = map[string]int64{}
	for _, f := range []kernel.Format{kernel.FormatF32, kernel.FormatBF16, kernel.FormatInt8} {
		i.Memory[f.String()] = m.memory(f)
	}
	i.Notes = m.notes()
	return i, nil
}

// autoInfo says what dtype "auto" is here.
func autoInfo(n *Network) string {
	near, fastest := autoFormats()
	if fastest == near || n.Layers == 0 {
		return dtypeOf(near)
	}
	return fmt.Sprintf("%s if its vectors keep a cosine of %g, else %s", dtypeOf(fastest), AutoCosine, dtypeOf(near))
}

// countFiles counts parameters by type, and bytes.
func (m *Model) countFiles(i *Info) error {
	for _, f := range m.files {
		for _, name := range f.Names() {
			t, err := f.Tensor(name)
			if err != nil {
				return err
			}
			if t.DType.Float() {
				i.Types[t.DType.String()] += int64(t.Len())
				i.Parameters += int64(t.Len())
			}
		}
		for _, p := range f.Paths() {
			info, err := os.Stat(p)
			if err != nil {
				return fmt.Errorf("model: %w", err)
			}
			i.FileBytes += info.Size()
		}
	}
	return nil
}

func (n *Network) attention() string {
	switch {
	case n.Layers == 0:
		return "none"
	case n.Causal:
		return "causal"
	}
	return "bidirectional"
}

// memory is about what the engine allocates in a format: packed weights, and activations of a full batch on every thread.
func (m *Model) memory(f kernel.Format) int64 {
	k := kernel.Current()
	weights, widest := m.packed(f)
	// The states of a batch with what they are made of, or, in a layer, with about seven results of their width for a piece, or for the longest text
	// that is usual; the inner layer of the feed-forward layer is bounded.
	batch, piece := tokensAtOnce(weights, f)
	inner := widest * int64(mlpBlock(max(1, int(widest)), k.RowsAtOnce(), k.CombinedRows(f)*m.threads))
	width, longest := int64(m.net.Width), int64(max(piece, min(batch, m.recipe.maxTokens)))
	states := int64(batch) * width
	return weights + int64(m.threads)*4*max(3*states, states+longest*(7*width+min(widest, 4*width))+inner)
}

// packed is the size in bytes of the packed weights in a format, and the outputs of the widest product.
func (m *Model) packed(f kernel.Format) (bytes, widest int64) {
	p := &packer{engine: &engine{net: m.net, format: f, ropes: map[*Rotary]*turns{}, bias: map[*RelativeBias]*biasTable{}}}
	Forward(p, m.net, &Batch{Offsets: []int{0}}, m.net.Layers) // as newEngine does, whatever Options.Layer is
	per := int64(f.ValueBytes())
	for _, g := range p.groups {
		out := int64(g.outputs())
		bytes += per * out * int64(g.maps[0].W.Cols)
		widest = max(widest, out)
	}
	return bytes, widest
}

// notes say what Labrador will do.
func (m *Model) notes() []string {
	var notes []string
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	r := &m.recipe
	switch {
	case m.net.Layers == 0:
		add("Looks up each token's vector and takes their mean.")
	case m.opts.Layer != 0:
		add("Runs %d of %d layers and takes their states without the final norm.", m.depth, m.net.Layers)
	case m.net.Causal:
		add("Runs all layers with causal attention; a beginning that texts share is computed once.")
	default:
		add("Runs all layers with every token seeing every other.")
	}
	if r.chat != nil {
		notes = append(notes, m.chatNotes()...)
	}
	if r.maxTokens > 0 {
		add("Cuts texts to %d tokens.", r.maxTokens)
	} else if n := m.longestText(); n > 0 {
		add("Refuses a text of more than %d tokens, whose states would take %d GiB.", n, mostStates>>30)
	}
	if r.special {
		add("Adds the tokenizer's special tokens.")
	}
	if !r.stated {
		add("The checkpoint does not say how to pool; %s is the default for its kind.", r.pooling)
	}
	if len(m.unread) > 0 {
		add("Leaves out what the adapter adds to %s: no vector is made of it.", strings.Join(m.unread, ", "))
	}
	if r.excludePrompt && r.chat == nil {
		add("Leaves the prompt's tokens out of pooling.")
	}
	for _, s := range r.steps {
		if s.dense != nil {
			add("Applies a dense layer from %d to %d dimensions.", s.dense.W.Cols, s.dense.W.Rows)
		}
	}
	if m.dims < r.width(m.net) {
		add("Keeps the first %d of %d dimensions.", m.dims, r.width(m.net))
	}
	add("Makes every vector unit length.")
	return notes
}

// TypeNames are the element types of the file, the most frequent first.
func (i *Info) TypeNames() []string {
	names := slices.Collect(maps.Keys(i.Types))
	slices.SortFunc(names, func(a, b string) int {
		if i.Types[a] != i.Types[b] {
			return int(min(1, max(-1, i.Types[b]-i.Types[a])))
		}
		if a < b {
			return -1
		}
		return 1
	})
	return names
}
