package prompt

import (
	"fmt"
	"maps"
	"strings"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/token"
)

// Chat makes of every text what sentence-transformers 6.2 makes of it where a folder's modality_config has "message" (base/modality.py,
// InputFormatter; base/modules/transformer.py, _process_chat_messages): the message of a user in the model's chat template, behind a system
// message where there is a prompt. It is tokenised without the tokenizer's special tokens: those that there are the template writes.
type Chat struct {
	template *Template
	opts     ChatOptions
}

// ChatOptions are what a folder says of its chat messages. The zero value is sentence-transformers' own.
type ChatOptions struct {
	Format Format
	Vars   map[string]any // further variables of the template's, such as add_generation_prompt
	// Cut leaves texts that are too long without what the template writes behind them: else that stays, in the place of the last tokens.
	Cut bool
}

// Format says how a template is given a message's content.
type Format string

// The formats of messages.
const (
	Flat       Format = "flat"       // a text
	Structured Format = "structured" // a list of parts
	AutoFormat Format = "auto"       // whichever the template looks made for
)

// NewChat is a Chat with the template; an error where the message of sentence-transformers is not known.
func NewChat(t *Template, o ChatOptions) (*Chat, error) {
	switch o.Format {
	case AutoFormat, "":
		o.Format = t.format()
	case Flat, Structured:
	default:
		return nil, fmt.Errorf("prompt: message format %q: flat, structured and auto are known", o.Format)
	}
	if t.unknown != "" {
		return nil, fmt.Errorf("prompt: the chat template writes %s, which tokenizer_config.json does not say: write it there, null where there is none", t.unknown)
	}
	return &Chat{t, o}, nil
}

// format is the one that the template looks made for (base/modality.py, InputFormatter._infer_format, for the model types that Labrador runs).
func (t *Template) format() Format {
	for _, word := range []string{"content[0]", ".type", "'type'", `"type"`, "message.content["} {
		if strings.Contains(t.source, word) {
			return Structured
		}
	}
	if t.several {
		return Structured
	}
	return Flat
}

// Dated says whether the template may write today's date, by which messages, and their vectors, differ from day to day.
func (c *Chat) Dated() bool { return c.template.Dated() }

// Text is the message of a text on a side, behind a system message of the prompt unless that is empty.
func (c *Chat) Text(side labrador.Side, prompt, text string) (string, error) {
	vars := map[string]any{"task": side.String()}
	maps.Copy(vars, c.opts.Vars)
	structured := c.opts.Format == Structured
	var messages []Message
	if prompt != "" {
		messages = append(messages, Message{"system", prompt, structured})
	}
	out, err := c.template.render(append(messages, Message{"user", text, structured}), vars)
	if err != nil && prompt != "" {
		return "", fmt.Errorf("%w (the prompt %q is the system message)", err, prompt)
	}
	return out, err
}

// End are the tokens that the template writes behind every text: those at the end of two messages of different texts
// (_chat_template_suffix_ids).
func (c *Chat) End(tok *token.Tokenizer, side labrador.Side, prompt string) []int32 {
	if c.opts.Cut {
		return nil
	}
	var ids [2][]int32
	for i, filler := range []string{"0", "1 2 3 4"} {
		text, err := c.Text(side, prompt, filler)
		if err != nil {
			return nil
		}
		ids[i] = tok.Encode(nil, text, false)
	}
	a, b := ids[0], ids[1]
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	if n == min(len(a), len(b)) {
		return nil
	}
	return a[len(a)-n:]
}
