package analysis

import (
	"slices"
	"strings"
	"testing"
)

func terms(t *testing.T, name, text string) string {
	t.Helper()
	a, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	if a.Name() != name {
		t.Fatalf("%s calls itself %s", name, a.Name())
	}
	var tokens Tokens
	a.Analyze(text, &tokens)
	return strings.Join(tokens.Strings(), " ")
}

func TestCode(t *testing.T) {
	for text, want := range map[string]string{
		"def parse_url(self):":        "def parse_url pars url self",
		"getHTTPResponseCode2":        "gethttpresponsecode2 get http respons code 2",
		"__init__ _private x":         "init privat x",
		"for i in range(len(xs)): if": "i rang len xs",
		"utf8_to_latin1":              "utf8_to_latin1 utf 8 latin 1",
		"ÜberGröße naïve":             "übergröße über größe naïv",
		"AB aB Ab":                    "ab ab b ab", // a is a stop word
	} {
		if got := terms(t, "code", text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWhitespace(t *testing.T) {
	if got, want := terms(t, "whitespace", " Ünder\tthe  C++\u00a0tree.\n"), "ünder the c++ tree."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCJK: what Lucene 9.9.1's CJKAnalyzer makes of the texts.
func TestCJK(t *testing.T) {
	for text, want := range map[string]string{
		"東京タワーへ行く":      "東京 京タ タワ ワー ーへ へ行 行く",
		"a 中 b":         "中 b",
		"ｶﾞｷﾞ Ａｂｃ １２":   "ガギ abc 12",
		"한국어 the Tokyo": "한국 국어 tokyo",
	} {
		if got := terms(t, "cjk", text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestLanguages: what Lucene 9.9.1's SnowballFilter makes of words in lower case.
func TestLanguages(t *testing.T) {
	for name, c := range map[string][2]string{
		"german":  {"Die Häuser wurden aufgebaut Möglichkeiten", "die haus wurd aufgebaut moglich"},
		"french":  {"les maisons étaient magnifiques", "le maison étaient magnif"},
		"spanish": {"las casas estaban hablando rápidamente", "las cas estab habl rapid"},
		"russian": {"дома были построены возможностями", "дом был постро возможн"},
	} {
		if got := terms(t, name, c[0]); got != c[1] {
			t.Errorf("%s: got %q, want %q", name, got, c[1])
		}
	}
}

func TestUnknownName(t *testing.T) {
	if _, err := New("klingon"); err == nil || !strings.Contains(err.Error(), "english, whitespace, code") {
		t.Fatal(err)
	}
	if !slices.Contains(Names(), "german") {
		t.Fatal(Names())
	}
}

// TestNoAllocation: once the arrays have grown, analysing allocates nothing.
func TestNoAllocation(t *testing.T) {
	for _, name := range []string{"english", "whitespace", "code", "cjk"} {
		a, _ := New(name)
		var tokens Tokens
		if n := testing.AllocsPerRun(20, func() {
			tokens.Reset()
			a.Analyze("The dogs' houses, getHTTPResponse and naïve résumés", &tokens)
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
