package jinja

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

func conversation() map[string]any {
	return map[string]any{"bos_token": "<s>", "eos_token": "</s>", "tools": nil, "documents": nil, "add_generation_prompt": false, "messages": NewList(
		NewDict("role", "system", "content", ""),
		NewDict("role", "user", "content", "hello <|im_end|> {{ x }} a<b & c 漢字"),
		NewDict("role", "assistant", "content", "<think>\nhm\n</think>\n\nThe word is: \""))}
}

// refused are cases that are not rendered, by what the error must name. Jinja renders them.
var refused = map[string]string{
	"{{ messages[0].content is string }}|": "sameas", "{{ '<a>'|escape }}": `"escape"`, "{{ range(3)|list }}|": "a range is written",
	"{{ 'a b'|wordcount }}": `"truncate"`, "{{ messages|groupby": `"groupby"`, "{% set j = joiner": "joiner", "{% set c = cycler": "cycler",
	"{{ {'items': 1}.items }}": "a function is written",
}

// TestCases: each case is rendered as jinja2 3.1.6 renders it, set up and called as transformers 5.23 does, or is an error where that is one.
func TestCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Template, Want string
		Fails          bool
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for begin, name := range refused {
			if strings.HasPrefix(c.Template, begin) {
				if out, err := rendered(c.Template); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%q: %q, %v, want a refusal that names %s", c.Template, out, err, name)
				}
				c.Template = ""
			}
		}
		if c.Template == "" {
			continue
		}
		if out, err := rendered(c.Template); c.Fails != (err != nil) || out != c.Want {
			t.Errorf("%q\ngot  %q, %v\nwant %q, an error: %v", c.Template, out, err, c.Want, c.Fails)
		}
	}
}

func rendered(source string) (string, error) {
	t, err := Parse(source)
	if err != nil {
		return "", err
	}
	return t.Render(conversation(), time.Date(2026, 3, 5, 7, 8, 9, 0, time.UTC))
}

// TestDates: Python's strftime of the same moment, in the C locale.
func TestDates(t *testing.T) {
	for format, want := range map[string]string{
		"%d %b %Y": "05 Mar 2026", "%B %d, %Y": "March 05, 2026", "%Y-%m-%d": "2026-03-05", "%A, %-d.%-m.%y": "Thursday, 5.3.26", "%H:%M:%S %I%p": "07:08:09 07AM",
		"%j %e %a %%Y": "064  5 Thu %Y",
	} {
		if out, err := rendered("{{ strftime_now('" + format + "') }}"); out != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", format, out, err, want)
		}
	}
	for _, format := range []string{"%U", "%", "%-", "%Q", "%-Y"} {
		if out, err := rendered("{{ strftime_now('" + format + "') }}"); err == nil || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%s: %q, %v, want a refusal", format, out, err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{% for m in messages %}{{ m.role ~ loop.index }}{% else %}{% endfor %}{{- x | default('y') -}}")
	f.Add("{% macro f(a, b=1) %}{{ a[1:] }}{% endmacro %}{% set n = namespace(a=f('x')) %}{{ {'a': [n.a, none]} | tojson(indent=1) }}")
	f.Add("{# c -#} {%+ if 1 in (1, 2.5) %}{% raw %}{{{% endraw %}{% endif %}{{ 'a' if not 1 < 2 else '%s' % 3 }}")
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) < 2000 {
			rendered(source)
		}
	})
}
