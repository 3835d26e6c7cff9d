package model

import (
	"fmt"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/token"
)

// Options say how a model is to be used. The zero value uses it as its makers publish it, in f32.
type Options struct {
	// DType is the arithmetic: "f32" (exact; the default), "bf16", "int8", or "auto", the fastest on this machine of those that
	// keep the vectors near f32's (see AutoCosine), for which Open runs the model on a few texts.
	DType string
	// Threads is how many threads to use; 0: as many as Go may run at once.
	Threads int
	// MaxTokens cuts texts to so many tokens, special ones included; 0: what the model was made for.
	MaxTokens int
	// Pooling is "mean", "cls", "last", "weightedmean", "meansqrt" or "max"; empty: what the folder says, else last for
	// language models and mean for encoders.
	Pooling string
	// Prompt is the name of one of the folder's prompts, or a text, put before every item, or the system message before it where the folder
	// makes chat messages of texts; empty: the folder's prompt for the side.
	Prompt string
	// NoPrompt leaves the folder's own prompts out.
	NoPrompt bool
	// Dimensions keeps the first so many dimensions (Matryoshka models); 0: all.
	Dimensions int
	// Layer takes the states behind so many layers instead of the last, without the final norm; negative counts from the
	// end: -1 is the last but one. 0: the last.
	Layer int
	// NoSpecial leaves out the special tokens that the tokenizer adds to a text.
	NoSpecial bool
	// Append is a token put behind every text, as trainers of decoders do: "eos" for the tokenizer's end-of-text token, or a
	// token as the vocabulary spells it, such as "<|endoftext|>".
	Append string
	// Base is the folder of an adapter's base model; empty: the one that the adapter names.
	Base string
	// Tokens makes a document's tokens as the caller will, where EncodeTokens is to be given others than Tokenize makes: DType "auto"
	// compares vectors of those. nil: Tokenize's.
	Tokens func(tok *token.Tokenizer, item labrador.Item) Tokens `json:"-"`
}

// Validate says what is wrong.
func (o Options) Validate() error {
	if o.DType != "" && !slices.Contains([]string{"auto", "f32", "bf16", "int8"}, o.DType) {
		return fmt.Errorf("model: dtype %q: f32, bf16, int8 and auto are known", o.DType)
	}
	if o.Pooling != "" {
		if _, err := ParsePooling(o.Pooling); err != nil {
			return err
		}
	}
	for name, v := range map[string]int{"threads": o.Threads, "max tokens": o.MaxTokens, "dimensions": o.Dimensions} {
		if v < 0 {
			return fmt.Errorf("model: %s: %d is negative", name, v)
		}
	}
	return nil
}

// ParsePooling is the pooling of a name.
func ParsePooling(name string) (Pooling, error) {
	if i := slices.Index(poolingNames[:], name); i >= 0 {
		return Pooling(i), nil
	}
	return 0, fmt.Errorf("model: pooling %q: %v are known", name, poolingNames)
}
