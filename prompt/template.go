package prompt

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// Message is one turn of a conversation. Role is "system", "user" or "assistant".
type Message struct {
	Role    string
	Content string
	Parts   bool // the template is given the content as a list of one part, the text, as processors of several media want it
}

// mediaParts is a message's content as a list, mediaPart one of them. Where a template writes one of them, and not its text, Python would write its
// own notation: printedParts stands for that, and Render refuses it.
type (
	mediaParts []any
	mediaPart  map[string]any
)

const printedParts = "\x00the parts of a message\x00"

func (mediaParts) String() string { return printedParts }
func (mediaPart) String() string  { return printedParts }

// Template is a chat template as checkpoints ship it: Jinja, rendered as transformers' apply_chat_template renders it
// (trim_blocks and lstrip_blocks on; raise_exception and strftime_now defined). Its clock stands still at the moment it was parsed. It
// is safe for concurrent use.
type Template struct {
	source  string
	tmpl    *exec.Template
	vars    map[string]any
	file    string // where it was read from, for errors; ""
	several bool   // it is one of several with names
	unknown string // a special token that it may write and whose text is not known; ""
}

const maxTemplate = 1 << 20 // bytes of a template's source: the longest published ones have 20 kB

// ParseTemplate parses the Jinja source of a chat template. vars are the names it may use beside messages and
// add_generation_prompt: bos_token, eos_token and the other special tokens of the tokenizer.
func ParseTemplate(source string, vars map[string]any) (t *Template, err error) {
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("prompt: chat template: %v", r)
		}
	}()
	if len(source) > maxTemplate {
		return nil, fmt.Errorf("prompt: chat template has %d bytes, more than %d", len(source), maxTemplate)
	}
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	if err := checkNesting(source); err != nil {
		return nil, fmt.Errorf("prompt: chat template: %w", err)
	}
	const name = "/chat_template"
	loader, err := loaders.NewMemoryLoader(map[string]string{name: trimBlocks(source)})
	if err != nil {
		return nil, fmt.Errorf("prompt: chat template: %w", err)
	}
	tmpl, err := exec.NewTemplate(name, config.New(), loader, environment())
	if err != nil {
		return nil, fmt.Errorf("prompt: chat template: %s", reason(err))
	}
	return &Template{source: source, tmpl: tmpl, vars: vars}, nil
}

// Dated says whether the template may write the date of the day.
func (t *Template) Dated() bool { return strings.Contains(t.source, "strftime_now") }

// Render renders the conversation. generate asks for the opening of the assistant's next turn (add_generation_prompt).
// Errors name what the template could not do, such as a system message that the model's template refuses.
func (t *Template) Render(messages []Message, generate bool) (string, error) {
	return t.render(messages, map[string]any{"add_generation_prompt": generate})
}

// render renders the conversation with further variables of the template's.
func (t *Template) render(messages []Message, vars map[string]any) (out string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			out, err = "", fmt.Errorf("prompt: rendering the chat template%s: %w", t.of(), err)
		}
	}()
	list := make([]any, len(messages))
	for i, m := range messages {
		turn := map[string]any{"role": m.Role, "content": m.Content}
		if m.Parts {
			turn["content"] = mediaParts{mediaPart{"type": "text", "text": m.Content}}
		}
		list[i] = turn
	}
	data := map[string]any{"messages": list, "add_generation_prompt": false, "tools": nil, "documents": nil}
	maps.Copy(data, t.vars)
	maps.Copy(data, vars)
	b := newBudget()
	b.define(data)
	if err := t.tmpl.Execute(&b.out, exec.NewContext(data)); err != nil {
		return "", errors.New(reason(err))
	}
	if strings.Contains(b.out.String(), printedParts) {
		return "", fmt.Errorf("it writes the list that a message's content is, not its text: it is made for contents that are texts (format flat)")
	}
	return b.out.String(), nil
}

// reason is what the library says of a template in one line: without the template's source, and of a refusal the template's own words.
func reason(err error) string {
	text := err.Error()
	for _, mark := range []string{refusal, "': "} {
		if i := strings.LastIndex(text, mark); i >= 0 {
			text = strings.TrimPrefix(text[i:], "': ")
			break
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	const longest = 400
	return strings.ToValidUTF8(text[max(0, len(text)-longest):], "") // the cause is at its end
}

// refusal begins what raise_exception says.
const refusal = "the template refuses: "

// of names the template's file.
func (t *Template) of() string {
	if t.file == "" {
		return ""
	}
	return " " + t.file
}
