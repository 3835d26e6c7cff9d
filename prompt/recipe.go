package prompt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/token"
)

// Pooling says which hidden states make the vector.
type Pooling string

// The poolings a recipe asks for. ModelPooling leaves it to the checkpoint.
const (
	ModelPooling Pooling = ""
	LastToken    Pooling = "last" // the last token's state
	MeanOfText   Pooling = "mean" // the mean over the tokens of Prompt.Pooled
)

// Options are what a recipe can be told. The zero value is the recipe as published.
type Options struct {
	// Template is the checkpoint's chat template; recipes that speak to a chat model need it.
	Template *Template
	// SystemText replaces the system message of a chat recipe (equal for all models of a controlled study). Nil leaves the
	// recipe's own, or where it has none the template's default; an empty string is an empty system message.
	SystemText *string
	// Dataset picks the published task line of instruction recipes; Task overrides it.
	Dataset string
	Task    string
}

// Recipe makes prompts of texts. It is safe for concurrent use.
type Recipe struct {
	Name      string
	Pooling   Pooling
	MaxTokens int // tokens of the bare text that the recipe keeps; 0 keeps all
	side      [2]parts
}

// parts surround a text.
type parts struct {
	before, after string
	echo          string // Echo: stands between the first and the second copy of the text
	apart         bool   // prefix, text and suffix are tokenised apart and their ids joined
	special       bool   // the tokenizer adds its special tokens
	eos           bool   // an end-of-sequence token is appended where the tokenizer adds none
	strip         bool   // white space around the text is dropped
	join          bool   // a blank stands between title and text even where there is no title
}

// Names lists the recipes that New knows.
func Names() []string {
	names := make([]string, len(recipes))
	for i, r := range recipes {
		names[i] = r.name
	}
	return names
}

// TakesTask says whether the recipe of a name puts a task line before queries; none puts one before documents.
func TakesTask(name string) bool {
	i := slices.IndexFunc(recipes, func(r recipeDef) bool { return r.name == name })
	return i >= 0 && recipes[i].task
}

type recipeDef struct {
	name, help string
	build      func(o Options) (Recipe, error)
	task       bool // build asks for Options.task
}

// Help says in one line what a recipe of Names does; "" for an unknown name.
func Help(name string) string {
	if i := slices.IndexFunc(recipes, func(r recipeDef) bool { return r.name == name }); i >= 0 {
		return recipes[i].help
	}
	return ""
}

// New returns the named recipe.
func New(name string, o Options) (*Recipe, error) {
	i := slices.IndexFunc(recipes, func(r recipeDef) bool { return r.name == name })
	if i < 0 {
		return nil, fmt.Errorf("prompt: no recipe %q: there are %s", name, strings.Join(Names(), ", "))
	}
	r, err := recipes[i].build(o)
	if err != nil {
		return nil, fmt.Errorf("prompt: recipe %s: %w", name, err)
	}
	r.Name = name
	return &r, nil
}

// Prompt is what a model is given for one item.
type Prompt struct {
	Before, Text, After string // their concatenation is the string
	Apart               bool   // tokenised apart, ids joined
	Special             bool   // with the tokenizer's special tokens
	EOS                 bool   // with an end-of-sequence token appended where the tokenizer adds none
	Pooled              bool   // pool over Text alone
	Cut                 int    // bytes of the text that were cut away

	kept []int32 // the tokens of a cut text in the whole one
}

// String is the exact string, without the special tokens that the tokenizer adds.
func (p Prompt) String() string { return p.Before + p.Text + p.After }

// Input is a prompt as token ids. [From, To) are the tokens of the text where the prompt pools over it, else all of them.
type Input struct {
	IDs      []int32
	From, To int
}

// Make builds the prompt of one item for its side: title, a blank and text on the document side. The bare text is cut to
// maxTokens tokens of tok (0: to the recipe's own MaxTokens) before the recipe's words are put around it.
func (r *Recipe) Make(tok *token.Tokenizer, side labrador.Side, item labrador.Item, maxTokens int) Prompt {
	text := item.Text
	if side == labrador.DocumentSide {
		text = labrador.Document{Title: item.Title, Text: item.Text}.Contents()
	}
	s := r.side[side]
	if s.join {
		text = item.Title + " " + item.Text
	}
	if s.strip {
		text = strings.TrimSpace(text)
	}
	if maxTokens == 0 {
		maxTokens = r.MaxTokens
	}
	kept, ids := text, []int32(nil)
	if maxTokens > 0 {
		kept, ids = cut(tok, text, maxTokens)
	}
	p := Prompt{Before: s.before, Text: kept, After: s.after, Apart: s.apart, Special: s.special, EOS: s.eos, Cut: len(text) - len(kept), kept: ids}
	if s.echo != "" {
		p.Before, p.Pooled = s.before+kept+s.echo, true
	}
	return p
}

// cut keeps the beginning of text that its first n tokens stand for, and those tokens; no tokens where nothing is cut. What is kept may
// have other tokens by itself: the last word may be cut in its middle.
func cut(tok *token.Tokenizer, text string, n int) (string, []int32) {
	if len(text) <= n { // no token is shorter than a byte
		return text, nil
	}
	e := tok.EncodeFirst(text, n+1)
	if len(e.IDs) <= n {
		return text, nil
	}
	end := 0
	for _, span := range e.Spans[:n] {
		end = max(end, span.End)
	}
	return text[:end], e.IDs[:n]
}

// Encode gives the prompt's token ids.
func (p Prompt) Encode(tok *token.Tokenizer) Input {
	var in Input
	switch {
	case p.Apart:
		in.IDs = tok.Encode(nil, p.Before, false)
		if p.kept != nil {
			in.IDs = append(in.IDs, p.kept...)
		} else {
			in.IDs = tok.Encode(in.IDs, p.Text, false)
		}
		in.IDs = tok.Encode(in.IDs, p.After, false)
	case p.Pooled:
		e := tok.EncodeSpans(p.String(), p.Special, 0)
		in.IDs = e.IDs
		from, to := len(p.Before), len(p.Before)+len(p.Text)
		in.From = len(in.IDs)
		for i, span := range e.Spans {
			if !e.Added[i] && span.End > from && span.Start < to {
				in.From, in.To = min(in.From, i), i+1
			}
		}
	default:
		in.IDs = tok.Encode(nil, p.String(), p.Special)
	}
	if eos := tok.Special().EOS; p.EOS && eos >= 0 && (len(in.IDs) == 0 || in.IDs[len(in.IDs)-1] != eos) {
		in.IDs = append(in.IDs, eos)
	}
	if !p.Pooled || in.From >= in.To {
		in.From, in.To = 0, len(in.IDs)
	}
	return in
}
