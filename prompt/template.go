package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// Message is one turn of a conversation. Role is "system", "user" or "assistant".
type Message struct {
	Role    string
	Content string
}

// Template is a chat template as checkpoints ship it: Jinja, rendered as transformers' apply_chat_template renders it
// (trim_blocks and lstrip_blocks on; raise_exception and strftime_now defined).
type Template struct {
	source string
	tmpl   *exec.Template
	vars   map[string]any
}

const (
	maxTemplate = 1 << 20 // bytes of a template's source: the longest published ones have 20 kB
	maxRange    = 10_000  // numbers of one range(): templates count messages, not more
	maxRendered = 8 << 20 // bytes of a rendered prompt
)

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
	const name = "/chat_template"
	loader, err := loaders.NewMemoryLoader(map[string]string{name: trimBlocks(source)})
	if err != nil {
		return nil, fmt.Errorf("prompt: chat template: %w", err)
	}
	tmpl, err := exec.NewTemplate(name, config.New(), loader, environment())
	if err != nil {
		return nil, fmt.Errorf("prompt: chat template: %w", err)
	}
	return &Template{source: source, tmpl: tmpl, vars: vars}, nil
}

// environment is Jinja's own, without access to files, plus the two functions that transformers defines.
func environment() *exec.Environment {
	context := exec.EmptyContext().Update(builtins.GlobalFunctions).Update(builtins.GlobalVariables)
	context.Set("raise_exception", func(message string) (string, error) {
		return "", fmt.Errorf("the template refuses: %s", message)
	})
	context.Set("strftime_now", func(format string) string { return strftime(time.Now(), format) })
	context.Set("range", limitedRange)
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	if err := filters.Replace("tojson", toJSON); err != nil {
		panic(err) // the library has always had it
	}
	return &exec.Environment{
		Context: context, Filters: filters, Tests: builtins.Tests,
		ControlStructures: builtins.ControlStructures, Methods: builtins.Methods,
	}
}

// toJSON is transformers' tojson: json.dumps with ensure_ascii off and nothing escaped for HTML.
func toJSON(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if n := params.GetKeywordArgument("indent", 0); n.IsInteger() && n.Integer() > 0 {
		enc.SetIndent("", strings.Repeat(" ", min(n.Integer(), 16)))
	}
	if err := enc.Encode(in.ToGoSimpleType(true)); err != nil {
		return exec.AsValue(err)
	}
	return exec.AsSafeValue(strings.TrimSuffix(b.String(), "\n"))
}

// limitedRange is Python's range with at most maxRange numbers, so that no template can keep the program busy.
func limitedRange(args ...int) ([]int, error) {
	from, to, step := 0, 0, 1
	switch len(args) {
	case 1:
		to = args[0]
	case 2:
		from, to = args[0], args[1]
	case 3:
		from, to, step = args[0], args[1], args[2]
	default:
		return nil, errors.New("range takes one to three numbers")
	}
	if step == 0 {
		return nil, errors.New("range: step 0")
	}
	numbers := []int{}
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); i += step {
		if len(numbers) == maxRange {
			return nil, fmt.Errorf("range of more than %d numbers", maxRange)
		}
		numbers = append(numbers, i)
	}
	return numbers, nil
}

// strftime formats the directives that published templates use.
func strftime(t time.Time, format string) string {
	return strings.NewReplacer("%d", t.Format("02"), "%b", t.Format("Jan"), "%B", t.Format("January"), "%Y", t.Format("2006"),
		"%m", t.Format("01"), "%y", t.Format("06"), "%H", t.Format("15"), "%M", t.Format("04"), "%S", t.Format("05"),
		"%A", t.Format("Monday"), "%a", t.Format("Mon"), "%%", "%").Replace(format)
}

// Render renders the conversation. generate asks for the opening of the assistant's next turn (add_generation_prompt).
// Errors name what the template could not do, such as a system message that the model's template refuses.
func (t *Template) Render(messages []Message, generate bool) (out string, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = "", fmt.Errorf("prompt: rendering the chat template: %v", r)
		}
	}()
	list := make([]any, len(messages))
	for i, m := range messages {
		list[i] = map[string]any{"role": m.Role, "content": m.Content}
	}
	data := map[string]any{}
	for k, v := range t.vars {
		data[k] = v
	}
	data["messages"], data["add_generation_prompt"] = list, generate
	w := &limitedWriter{left: maxRendered}
	if err := t.tmpl.Execute(w, exec.NewContext(data)); err != nil {
		return "", fmt.Errorf("prompt: rendering the chat template: %w", err)
	}
	return w.b.String(), nil
}

type limitedWriter struct {
	b    strings.Builder
	left int
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, fmt.Errorf("the rendered prompt has more than %d bytes", maxRendered)
	}
	w.left -= len(p)
	return w.b.Write(p)
}

func (w *limitedWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

var _ io.StringWriter = (*limitedWriter)(nil)
