package prompt

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/token"
)

func tokenizer(t testing.TB, name string) *token.Tokenizer {
	t.Helper()
	tok, err := token.Open(tiny.Model(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func chatTemplate(t testing.TB) *Template {
	t.Helper()
	tmpl, err := ParseTemplate("{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>\n{% endfor %}", nil)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func newRecipe(t testing.TB, name string, o Options) *Recipe {
	t.Helper()
	o.Template = chatTemplate(t)
	r, err := New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestStrings: the strings of every recipe are those that their papers and code print (doc strings of the recipes name them).
func TestStrings(t *testing.T) {
	tok := tokenizer(t, "qwen2")
	query, doc := labrador.Item{Text: " what is X "}, labrador.Item{Title: "A", Text: "b c"}
	asks := func(kind, text string) string {
		return `<user>` + strings.ToUpper(kind[:1]) + kind[1:] + `: "` + text + `". Use one word to represent the ` + kind + ` in a retrieval task. Make sure your word is in lowercase.</s>` + "\n" + `<assistant>The word is: "`
	}
	const science = "Given a scientific claim, retrieve documents that support or refute the claim"
	for name, want := range map[string][2]string{
		"none":             {" what is X ", "A b c"},
		"one-word":         {asks("query", " what is X "), asks("passage", "A b c")},
		"paper-one-word":   {asks("query", " what is X "), asks("passage", "A b c")},
		"promptreps":       {"<system>You are an AI assistant that can understand human language.</s>\n" + asks("query", "what is X"), "<system>You are an AI assistant that can understand human language.</s>\n" + asks("passage", "A b c")},
		"echo":             {"Instruct:" + science + ",\nQuery: what is X \nQuery again: what is X ", "Document:A b c\nDocument again:A b c"},
		"e5-mistral":       {"Instruct: " + science + "\nQuery:  what is X ", "A b c"},
		"gte-qwen2":        {"Instruct: " + science + "\nQuery:  what is X ", "A b c"},
		"qwen3":            {"Instruct: " + science + "\nQuery: what is X ", "A b c"},
		"e5":               {"query:  what is X ", "passage: A b c"},
		"bge":              {"Represent this sentence for searching relevant passages:  what is X ", "A b c"},
		"nomic":            {"search_query:  what is X ", "search_document: A b c"},
		"paper-supervised": {"Query:what is X", "Passage:A b c"},
	} {
		r := newRecipe(t, name, Options{Dataset: "scifact"})
		got := [2]string{r.Make(tok, labrador.QuerySide, query, 0).String(), r.Make(tok, labrador.DocumentSide, doc, 0).String()}
		if got != want {
			t.Errorf("%s:\n%q\nwant\n%q", name, got, want)
		}
	}
}

// TestNoTitle: what documents without a title look like; the authors of arXiv 2507.03958 join an empty title too (collator.py: title + ' ' +
// text).
func TestNoTitle(t *testing.T) {
	tok := tokenizer(t, "qwen2")
	for name, want := range map[string]string{"one-word": `Passage: "b c"`, "paper-one-word": `Passage: " b c"`, "promptreps": `Passage: "b c"`} {
		if p := newRecipe(t, name, Options{}).Make(tok, labrador.DocumentSide, labrador.Item{Text: "b c"}, 0).String(); !strings.Contains(p, want) {
			t.Errorf("%s: %q, want %s in it", name, p, want)
		}
	}
}

// TestEveryRecipeIsTested keeps the table of TestStrings whole.
func TestEveryRecipeIsTested(t *testing.T) {
	if n := len(Names()); n != 12 {
		t.Errorf("%d recipes: a new one belongs into TestStrings", n)
	}
	if _, err := New("one-word", Options{}); err == nil || !strings.Contains(err.Error(), "no chat template") {
		t.Errorf("one-word without a template: %v", err)
	}
	if _, err := New("two-words", Options{}); err == nil || !strings.Contains(err.Error(), "one-word") {
		t.Errorf("an unknown recipe: %v", err)
	}
}

// TestEchoPools: what Echo pools over is the second copy of the text, all of it and nothing else.
func TestEchoPools(t *testing.T) {
	for _, name := range []string{"qwen2", "llama3", "mistral"} {
		tok := tokenizer(t, name)
		r := newRecipe(t, "echo", Options{Task: "find"})
		for _, text := range []string{"retrieval", "Which model finds best?", "def f(x):\n    return x", "Straße № 5 — naïve", "Query again:Query again:", "日本語の文"} {
			for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
				p := r.Make(tok, side, labrador.Item{Text: text}, 0)
				in := p.Encode(tok)
				pooled := tok.Decode(in.IDs[in.From:in.To], false)
				if !p.Pooled || strings.TrimPrefix(strings.TrimSpace(pooled), ":") != text {
					t.Errorf("%s, %s: pooled %q of %q", name, side, pooled, p.String())
				}
				if in.To != len(in.IDs) {
					t.Errorf("%s, %s: %d tokens behind the text", name, side, len(in.IDs)-in.To)
				}
			}
		}
	}
}

// TestApart: PromptReps' authors encode prefix, text and suffix apart and cut the text's ids (dataset.py).
func TestApart(t *testing.T) {
	tok := tokenizer(t, "qwen2")
	r := newRecipe(t, "promptreps", Options{})
	text := strings.Repeat("retrieval of documents, unbelievable representations; ", 12)
	for _, n := range []int{0, 1, 2, 7, 20, 33, 1000} {
		p := r.Make(tok, labrador.DocumentSide, labrador.Item{Text: text + " "}, n)
		want := tok.Encode(nil, p.Before, false)
		ids := tok.Encode(nil, strings.TrimSpace(text), false)
		if n == 0 {
			n = 512
		}
		want = append(want, ids[:min(n, len(ids))]...)
		want = tok.Encode(want, p.After, false)
		if got := p.Encode(tok).IDs; !slices.Equal(got, want) {
			t.Errorf("%d tokens: %v, want %v", n, got, want)
		}
		if !strings.HasPrefix(text, p.Text) || (p.Cut > 0) != (len(ids) > n) {
			t.Errorf("%d tokens: kept %q, cut %d bytes", n, p.Text, p.Cut)
		}
	}
}

// TestCut: a cut keeps the bytes of the first tokens, whatever the recipe puts around them.
func TestCut(t *testing.T) {
	for _, name := range []string{"qwen2", "bert"} {
		tok := tokenizer(t, name)
		for _, recipe := range []string{"one-word", "echo", "e5", "qwen3"} {
			r := newRecipe(t, recipe, Options{})
			text := "One, two; three: pneumonoultramicroscopic (four) ünïcödé five"
			ids := tok.Encode(nil, text, false)
			for n := 1; n <= len(ids)+1; n++ {
				p := r.Make(tok, labrador.QuerySide, labrador.Item{Text: text}, n)
				if !strings.HasPrefix(text, p.Text) || p.Cut != len(text)-len(p.Text) || (n >= len(ids)) != (p.Cut == 0) {
					t.Fatalf("%s %s: %d of %d tokens: kept %q, cut %d", name, recipe, n, len(ids), p.Text, p.Cut)
				}
				if utf8.ValidString(p.Text) && len(tok.Encode(nil, p.Text, false)) > n+1 { // a word cut in its middle may need one more
					t.Errorf("%s %s: %q has more than %d tokens", name, recipe, p.Text, n)
				}
			}
		}
	}
}

func FuzzRecipes(f *testing.F) {
	tok := tokenizer(f, "qwen2")
	var list []*Recipe
	for _, name := range Names() {
		list = append(list, newRecipe(f, name, Options{}))
	}
	f.Add("a text", "title", 3)
	f.Add("\xff\x01labrador\x02text\x01<|im_end|>", "", 0)
	f.Fuzz(func(t *testing.T, text, title string, n int) {
		n %= 1000
		for i, r := range list {
			for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
				p := r.Make(tok, side, labrador.Item{Title: title, Text: text}, max(n, 0))
				in := p.Encode(tok)
				if in.From < 0 || in.From > in.To || in.To > len(in.IDs) || p.Cut < 0 {
					t.Fatalf("%s: %+v of %d tokens, %d bytes cut", list[i].Name, in, len(in.IDs), p.Cut)
				}
			}
		}
	})
}

// TestTakesTask: the task changes the queries' prompts of exactly the recipes that take one, and documents' of none.
func TestTakesTask(t *testing.T) {
	tok := tokenizer(t, "qwen2")
	for _, name := range Names() {
		var prompts [2][2]string
		for i, task := range []string{"Find the answer", "Find the proof"} {
			r := newRecipe(t, name, Options{Task: task})
			for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
				p := r.Make(tok, side, labrador.Item{Title: "title", Text: "some text"}, 0)
				prompts[side][i] = p.String()
			}
		}
		query, doc := prompts[labrador.QuerySide], prompts[labrador.DocumentSide]
		if TakesTask(name) != (query[0] != query[1]) || doc[0] != doc[1] {
			t.Errorf("%s: takes a task: %t; queries %q, documents %q", name, TakesTask(name), query, doc)
		}
	}
	if TakesTask("") || TakesTask("nothing") {
		t.Error("no recipe takes a task")
	}
}
