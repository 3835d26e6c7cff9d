package prompt

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/labrador-lab/labrador/internal/jinja"
)

// Message is one turn of a conversation. Role is "system", "user" or "assistant".
type Message struct {
	Role    string
	Content string
	Parts   bool // the template is given the content as a list of one part, the text, as processors of several media want it
}

// printedParts is what is wrong with a template that writes the list which a message's content is: Python would write its own notation.
const printedParts = "it writes the list that a message's content is, not its text: it is made for contents that are texts (format flat)"

// Template is a chat template as checkpoints ship it: Jinja, rendered as transformers' apply_chat_template renders it
// (trim_blocks and lstrip_blocks on; raise_exception and strftime_now defined). Its clock stands still at the moment it was parsed. It
// is safe for concurrent use.
type Template struct {
	source  string
	tmpl    *jinja.Template
	now     time.Time
	vars    map[string]any
	file    string // where it was read from, for errors; ""
	several bool   // it is one of several with names
	unknown string // a special token that it may write and whose text is not known; ""
}

const maxTemplate = 1 << 20 // bytes of a template's source: the longest published ones have 20 kB

// ParseTemplate parses the Jinja source of a chat template. vars are the names it may use beside messages and
// add_generation_prompt: bos_token, eos_token and the other special tokens of the tokenizer.
func ParseTemplate(source string, vars map[string]any) (*Template, error) {
	if len(source) > maxTemplate {
		return nil, fmt.Errorf("prompt: chat template has %d bytes, more than %d", len(source), maxTemplate)
	}
	tmpl, err := jinja.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("prompt: chat template: %s", oneLine(err))
	}
	return &Template{source: source, tmpl: tmpl, now: time.Now(), vars: vars}, nil
}

// Dated says whether the template may write the date of the day.
func (t *Template) Dated() bool { return strings.Contains(t.source, "strftime_now") }

// Render renders the conversation. generate asks for the opening of the assistant's next turn (add_generation_prompt).
// Errors name what the template could not do, such as a system message that the model's template refuses.
func (t *Template) Render(messages []Message, generate bool) (string, error) {
	return t.render(messages, map[string]any{"add_generation_prompt": generate})
}

// render renders the conversation with further variables of the template's.
func (t *Template) render(messages []Message, vars map[string]any) (string, error) {
	list := make([]any, len(messages))
	for i, m := range messages {
		var content any = m.Content
		if m.Parts {
			parts := jinja.NewList(jinja.NewDict("type", "text", "text", m.Content))
			parts.Unwritable = printedParts
			content = parts
		}
		list[i] = jinja.NewDict("role", m.Role, "content", content)
	}
	data := map[string]any{"messages": jinja.NewList(list...), "add_generation_prompt": false, "tools": nil, "documents": nil}
	maps.Copy(data, t.vars)
	maps.Copy(data, vars)
	out, err := t.tmpl.Render(data, t.now)
	if err != nil {
		return "", fmt.Errorf("prompt: rendering the chat template%s: %s", t.of(), oneLine(err))
	}
	return out, nil
}

// oneLine is an error's text in one line: a template may say what it refuses in any words.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	const longest = 400
	return strings.ToValidUTF8(text[:min(len(text), longest)], "")
}

// of names the template's file.
func (t *Template) of() string {
	if t.file == "" {
		return ""
	}
	return " " + t.file
}
