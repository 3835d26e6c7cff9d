package prompt

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplates renders templates that use what published chat templates use. The expectations were rendered by jinja2
// 3.1.6 set up as transformers does (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks).
func TestTemplates(t *testing.T) {
	data, err := os.ReadFile("testdata/templates.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Template string
		Messages       []Message
		Generate       bool
		Want, Refused  *string
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		tmpl, err := ParseTemplate(c.Template, map[string]any{"bos_token": "<s>", "eos_token": "</s>"})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got, err := tmpl.Render(c.Messages, c.Generate)
		switch {
		case c.Refused != nil && (err == nil || !strings.Contains(err.Error(), *c.Refused)):
			t.Errorf("%s: got %q, %v; want a refusal: %s", c.Name, got, err, *c.Refused)
		case c.Want != nil && (err != nil || got != *c.Want):
			t.Errorf("%s: got %q, %v\nwant %q", c.Name, got, err, *c.Want)
		}
	}
}

func TestHostileTemplates(t *testing.T) {
	for _, source := range []string{
		"{{ range(1000000000) }}", "{% for i in range(100000) %}x{% endfor %}", "{% include '/etc/passwd' %}", "{{", "{% if %}",
		"{{ messages[99]['role'] }}{{ raise_exception('no') }}", "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
		strings.Repeat("x", maxTemplate+1),
	} {
		tmpl, err := ParseTemplate(source, nil)
		if err != nil {
			continue
		}
		if out, err := tmpl.Render([]Message{{"user", "hi"}}, true); err == nil {
			t.Errorf("%.60q rendered %.60q", source, out)
		}
	}
}

func TestOpenTemplate(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenTemplate(dir); err == nil || !strings.Contains(err.Error(), "no chat template") {
		t.Fatalf("empty folder: %v", err)
	}
	write("tokenizer_config.json", `{"bos_token": {"content": "<b>"}, "eos_token": "</b>", "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}]}`)
	check := func(want string) {
		t.Helper()
		tmpl, err := OpenTemplate(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render([]Message{{"user", "hi"}}, false); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	check("<b>hi</b>")
	write("chat_template.jinja", "{{ messages[0].role }}{{ eos_token }}")
	check("user</b>")
	write("tokenizer_config.json", `{"chat_template": 3}`)
	if _, err := OpenTemplate(dir); err == nil || !strings.Contains(err.Error(), "tokenizer_config.json") {
		t.Fatalf("a number for a template: %v", err)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{% for m in messages %}{{ m.role }}{% endfor %}")
	f.Add("{{- bos_token }}{%- set x = messages[1:] %}{{ x | length }}")
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 200 || strings.Contains(source, "for") { // nested loops over long lists are bounded but slow
			return
		}
		tmpl, err := ParseTemplate(source, map[string]any{"bos_token": "<s>"})
		if err == nil {
			tmpl.Render([]Message{{"user", "hi"}}, true)
		}
	})
}
