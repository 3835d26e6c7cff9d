package prompt

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTemplates renders templates that use what published chat templates use. The expectations were rendered by jinja2
// 3.1.6 set up and called as transformers 5.23 does (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks; tools and documents are None).
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

// TestHostileTemplates: a template that would not end, or fill the memory, is an error in little time.
func TestHostileTemplates(t *testing.T) {
	double := func(s string) string { return strings.Repeat(s, 60) }
	for source, want := range map[string]string{
		"{{ range(1000000000) }}":                   "range of more than",
		"{% for i in range(100000) %}x{% endfor %}": "range of more than",
		"{% include '/etc/passwd' %}":               `the tag "include" is not supported`,
		"{% include '/chat_template' %}":            `the tag "include" is not supported`,
		"{% block a %}{{ self.a() }}{% endblock %}": `the tag "block" is not supported`,
		"{{":       "",
		"{% if %}": "",
		"{{ messages[0]['role'] }}{{ raise_exception('no\nway') }}":                                                          "chat template: the template refuses: no way",
		strings.Repeat("x", maxTemplate+1):                                                                                   "more than 1048576",
		"{% for a in range(999) %}{% for b in range(999) %}" + strings.Repeat("x", 999) + "{% endfor %}{% endfor %}":         "more than 8388608 bytes",
		"{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}": "more than",
		"{% set x %}{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}{% endset %}":                "more than",
		"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}":                                                                    "more than",
		"{%- macro f() -%}{{ f() }}{{ f() }}{%- endmacro -%}{{ f() }}":                                                       "more than",
		"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}":                                                            "more than",
		"{% set s = 'xx' %}" + double("{% set s = s ~ s %}"):                                                                 "more than",
		"{% set n = namespace(s='xx') %}" + double("{%- set n.s = n.s + n.s -%}"):                                            "more than",
		"{% set s = ['xx'] %}" + double("{% set s = s + s %}"):                                                               "more than",
		"{% set s %}xx{% endset %}" + double("{% set s %}{{ s }}{{ s }}{% endset %}"):                                        "more than",
		"{% set n = namespace() %}{% set n.a = n %}{{ n }}":                                                                  "a namespace is written",
		"{% set l = [1] %}{% set x = l.append(l) %}{{ l }}":                                                                  "append",
		"{% set d = {} %}{% set x = d.update({'a': d}) %}{{ d }}":                                                            "update",
		"{{ 'abc' | random }}": `the filter "random" is not supported`,
		"{{ 'if' ~ " + strings.Repeat("(", 9999) + "1" + strings.Repeat(")", 9999) + " }}":                                        "more than 400 deep",
		"{{ ('if' ~ " + strings.Repeat("[", 99999) + "1" + strings.Repeat("]", 99999) + ") }}":                                    "a tag has",
		"{{ (" + strings.Repeat("1 if 1 else ", 9999) + "1) }}":                                                                   "a tag has",
		strings.Repeat("{% if 1 %}", 9999):                                                                                        "more than 400 deep",
		"{{ 'x' * 99999999999 }}":                                                                                                 "more than 67108864 bytes",
		"{{ ('x' ~ 'y') * 99999999999 }}":                                                                                         "more than 67108864 bytes",
		"{% for i in range(2 * 3) %}{{ messages[0]['role'] * 999999999 }}{% endfor %}":                                            "more than 67108864 bytes",
		"{% set s %}{% for a in range(9999) %}" + strings.Repeat("x", 99) + "{% endfor %}{% endset %}{{ s.replace('x', s, -1) }}": "more than 67108864 bytes",
		"{% set s %}{% for a in range(9999) %}" + strings.Repeat("x", 99) + "{% endfor %}{% endset %}{{ s | replace('x', s) }}":   "more than 67108864 bytes",
		"{% set s %}{% for a in range(9999) %}" + strings.Repeat("x", 99) + "{% endfor %}{% endset %}{{ s.join(range(9999)) }}":   "join of",
		"{% set s %}{% for a in range(9999) %}" + strings.Repeat("x", 99) + "{% endfor %}{% endset %}{{ range(9999) | join(s) }}": "more than 67108864 bytes",
		"{{ 'x'.ljust(99999999999) }}":                                                                                            "more than 67108864 bytes",
		"{{ 'x'.zfill(99999999999) }}":                                                                                            "more than 67108864 bytes",
		"{{ 'x' | center(99999999999) }}":                                                                                         "more than 67108864 bytes",
		"{{ 'x' | indent(99999999999, true) }}":                                                                                   "more than 67108864 bytes",
		"{{ '%999999d%999999d' | format(1, 2) }}":                                                                                 "is not supported",
		"{{ '{:>99999999999}'.format('x') }}":                                                                                     "is not supported",
		"{% set s %}{% for a in range(9999) %}" + strings.Repeat("x", 99) + "{% endfor %}{% endset %}{% set f = '{0}{0}{0}{0}{0}{0}{0}{0}{0}' %}{{ f.format(s) }}": "more than",
		"{{ [1] | slice(99999999999) | list }}":                                                                                  `the filter "slice" is not supported`,
		"{{ [1] | batch(99999999999, 'x') | list }}":                                                                             `the filter "batch" is not supported`,
		"{{ 1" + strings.Repeat(" + 1", 8000) + " }}":                                                                            "nested more than 5000 deep",
		"{% set x = [] %}" + strings.Repeat("{% set x = [x] %}", 999) + "{{ x }}":                                                "lists are nested more than 100 deep",
		"{% set x = [1] %}" + strings.Repeat("{% set x = [x, x] %}", 60) + "{{ x == x }}{{ x == [x[0], x[1]] }}{{ x | tojson }}": "more than 262144 steps",
		"{{ '" + strings.Repeat("ab", 9999) + "' " + strings.Repeat("| replace('a', 'aa')", 60) + " }}":                          "more than 67108864 bytes",
		"{{ " + strings.Repeat("-", 9999) + "1 }}":                                                                               "more than 400 deep",
		"{% if 0 %}" + strings.Repeat("{% elif 0 %}", 9999) + "{% endif %}":                                                      "more than 400 deep",
		strings.Repeat("{% set a %}", 9999):                                                                                      "more than 400 deep",
		"{% raw %}" + strings.Repeat("{%'", 300_000):                                                                             "",
		strings.Repeat("{% set a = 1 %}{% if a %}{% endif %}", 999) + "{# " + strings.Repeat("(", 99999) + " #}{{":               "",
	} {
		begin := time.Now()
		tmpl, err := ParseTemplate(source, nil)
		out := ""
		if err == nil {
			out, err = tmpl.Render([]Message{{Role: "user", Content: "hi"}}, true)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
			t.Errorf("%.60q rendered %.60q, %v; want an error with %q", source, out, err, want)
		}
		if d := time.Since(begin); d > 8*time.Second {
			t.Errorf("%.60q took %s", source, d)
		}
	}
}

// TestCalls: what stands in for the library's own gives what jinja2 3.1.6 gives.
func TestCalls(t *testing.T) {
	for source, want := range map[string]string{
		"{{ '{} and {:>5}'.format('x', 'y') }}":   "x and     y",
		"{{ '%s-%05d' | format('a', 3) }}":        "a-00003",
		"{{ 'a-b-c'.replace('-', '*') }}":         "a*b*c",
		"{{ 'a-b-c'.replace('-', '*', 1) }}":      "a*b-c",
		"{{ 'ab'.replace('', '-') }}":             "-a-b-",
		"{{ 'a-b' | replace('-', '+') }}":         "a+b",
		"{{ [1, 2] | join(', ') }}":               "1, 2",
		"{{ ','.join(['a', 'b']) }}":              "a,b",
		"{{ 2 * 3 }}{{ (1 + 2)*4 }}{{ 'a*b' }}":   "612a*b",
		"{% set n = 3 * 2 %}{{ n }}{# a * b #}":   "6",
		"{{ 'x'.center(5, '*') }}":                "**x**",
		"{{ 'x' | center(5) }}{{ '7'.zfill(3) }}": "  x  007",
		"{{ 'a\nb' | indent(2) }}":                "a\n  b",
	} {
		tmpl, err := ParseTemplate(source, nil)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if out, err := tmpl.Render(nil, false); out != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", source, out, err, want)
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
		if got, err := tmpl.Render([]Message{{Role: "user", Content: "hi"}}, false); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	check("<b>hi</b>")
	write("chat_template.jinja", "{{ messages[0].role }}{{ eos_token }}")
	check("user</b>")
	if err := os.Mkdir(filepath.Join(dir, "additional_chat_templates"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("additional_chat_templates/rag.jinja", "R")
	check("user</b>")
	if tmpl, err := OpenTemplate(dir); err != nil || tmpl.format() != Structured { // as one of several it looks made for parts
		t.Fatal(err)
	}
	os.Rename(filepath.Join(dir, "chat_template.jinja"), filepath.Join(dir, "additional_chat_templates", "default.jinja"))
	if _, err := OpenTemplate(dir); err == nil || !strings.Contains(err.Error(), "additional_chat_templates") {
		t.Fatalf("a default template among the others: %v", err)
	}
	os.RemoveAll(filepath.Join(dir, "additional_chat_templates"))
	write("tokenizer_config.json", `{"chat_template": "{{ eos_token }}"}`)
	write("special_tokens_map.json", `{"eos_token": {"content": "</old>"}}`)
	check("</old>")
	write("tokenizer_config.json", `{"chat_template": 3}`)
	if _, err := OpenTemplate(dir); err == nil || !strings.Contains(err.Error(), "tokenizer_config.json") {
		t.Fatalf("a number for a template: %v", err)
	}
}
