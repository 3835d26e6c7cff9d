package model

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// chatFolder is a folder of testdata/chat.json, as sentence-transformers 6.2 saved it.
type chatFolder struct {
	Name, Model, Template, Where string
	Named                        []struct{ Name, Template, Known string }
	Transformer, Pooling         json.RawMessage
	Tokenizer                    map[string]any
	Prompts                      json.RawMessage // config_sentence_transformers.json
	Calls                        []struct {
		Side, Error string
		Prompt      string
		IDs         [][]int32
		Vectors     [][]float32
	}
}

type chatFolders struct {
	Templates map[string]string
	Texts     []string
	Folders   []chatFolder
}

func readChatFolders(t testing.TB) *chatFolders {
	t.Helper()
	var all chatFolders
	raw, err := os.ReadFile("testdata/chat.json")
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &all
}

// make writes the folder of a name.
func (c *chatFolders) make(t *testing.T, name string) string {
	t.Helper()
	f := c.Folders[slices.IndexFunc(c.Folders, func(f chatFolder) bool { return f.Name == name })]
	dir := t.TempDir()
	link(t, outside.Data(t, "models/"+f.Model), dir, "config.json", "model.safetensors", "tokenizer.json")
	write(t, filepath.Join(dir, "modules.json"), `[{"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
		{"path":"1_Pooling","type":"sentence_transformers.sentence_transformer.modules.pooling.Pooling"}]`)
	write(t, filepath.Join(dir, "1_Pooling", "config.json"), string(f.Pooling))
	write(t, filepath.Join(dir, "sentence_bert_config.json"), string(f.Transformer))
	write(t, filepath.Join(dir, "config_sentence_transformers.json"), string(f.Prompts))
	switch template := c.Templates[f.Template]; {
	case f.Named != nil:
		var list []map[string]string
		for _, n := range f.Named {
			list = append(list, map[string]string{"name": n.Name, "template": n.Template + c.Templates[n.Known]})
		}
		f.Tokenizer["chat_template"] = list
	case f.Where == "tokenizer_config.json":
		f.Tokenizer["chat_template"] = template
	default:
		write(t, filepath.Join(dir, f.Where), template)
	}
	raw, err := json.Marshal(f.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tokenizer_config.json"), string(raw))
	return dir
}

// sideOf is the side of a name.
func sideOf(name string) labrador.Side {
	if name == "query" {
		return labrador.QuerySide
	}
	return labrador.DocumentSide
}

// TestChat: texts become the tokens and the vectors that sentence-transformers 6.2 makes of them through the chat template, whatever the
// template, the prompt, the pooling and the length; where it refuses, so do we (testdata/chat.json says how it was made). One folder it encodes
// is refused: there Python's notation of a list would be encoded.
func TestChat(t *testing.T) {
	all := readChatFolders(t)
	items := make([]labrador.Item, len(all.Texts))
	for i, text := range all.Texts {
		items[i].Text = text
	}
	for _, f := range all.Folders {
		dir := all.make(t, f.Name)
		for _, c := range f.Calls {
			name := fmt.Sprintf("%s %s %q", f.Name, c.Side, c.Prompt)
			m, err := Open(dir, Options{Prompt: c.Prompt})
			var tokens []Tokens
			if err == nil {
				defer m.Close()
				tokens, err = m.Tokenize(t.Context(), sideOf(c.Side), items)
			}
			switch {
			case c.Error != "" || f.Name == "list-repr":
				if err == nil || !strings.Contains(err.Error(), filepath.Base(dir)) {
					t.Errorf("%s: %v, want an error that names the template's file", name, err)
				}
				continue
			case err != nil:
				t.Errorf("%s: %v", name, err)
				continue
			}
			vectors, err := m.EncodeTokens(t.Context(), tokens)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, want := range c.IDs {
				if !slices.Equal(tokens[i].IDs, want) || tokens[i].From != 0 || tokens[i].To != 0 {
					t.Errorf("%s %q: got %v from %d, want %v", name, all.Texts[i], tokens[i].IDs, tokens[i].From, want)
				}
				if d := relative(vectors.Row(i)[:4], c.Vectors[i]); !(d <= 3e-5) { // 1.1e-5 where sums are of 16 lanes
					t.Errorf("%s %q: the vector is off by %g", name, all.Texts[i], d)
				}
			}
		}
	}
}

// TestChatID: whatever changes the message of a text changes the ID.
func TestChatID(t *testing.T) {
	all := readChatFolders(t)
	dir := all.make(t, "qwen25")
	seen := map[string]string{}
	check := func(what string) {
		t.Helper()
		m := openModel(t, dir, Options{})
		if was, ok := seen[m.ID()]; ok {
			t.Errorf("%s: the ID is that of %s", what, was)
		}
		seen[m.ID()] = what
	}
	check("the folder")
	template := filepath.Join(dir, "chat_template.jinja")
	write(t, template, strings.Replace(all.Templates["Qwen2.5"], "a helpful", "an able", 1))
	check("another template")
	write(t, template, all.Templates["Qwen2.5"]+`{{ strftime_now("%d %H %M %S") }}`)
	check("a template with the time")
	settings := filepath.Join(dir, "sentence_bert_config.json")
	raw, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	write(t, template, all.Templates["Qwen2.5"])
	write(t, settings, strings.Replace(string(raw), `{`, `{"processing_kwargs":{"chat_template":{"add_generation_prompt":true}},`, 1))
	check("a generation prompt")
}

// TestChatPrefix: what the template writes before all texts is computed once, and the vectors stay what they are.
func TestChatPrefix(t *testing.T) {
	m := openModel(t, readChatFolders(t).make(t, "qwen25"), Options{})
	items := []labrador.Item{{Text: "one"}, {Text: "another text"}, {Title: "A", Text: "third"}}
	together, err := m.Encode(t.Context(), labrador.DocumentSide, items)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := m.Tokenize(t.Context(), labrador.DocumentSide, items)
	if err != nil {
		t.Fatal(err)
	}
	want := commonLength(commonLengthOf(tokens[0].IDs, tokens[1].IDs), tokens[2].IDs)
	if len(m.prefixes) != 1 || m.prefixes[0].length() != want || want < 30 {
		t.Fatalf("prefixes %v, want one of %d tokens", m.prefixes, want)
	}
	alone := openModel(t, m.path, Options{})
	for i, item := range items {
		v, err := alone.Encode(t.Context(), labrador.DocumentSide, []labrador.Item{item})
		if err != nil {
			t.Fatal(err)
		}
		if d := relative(v.Row(0), together.Row(i)); !(d <= 1e-5) {
			t.Errorf("text %d: off by %g", i, d)
		}
	}
}

func commonLengthOf(a, b []int32) []int32 { return a[:commonLength(a, b)] }

// TestChatRefusals: what cannot be computed as sentence-transformers does is refused by name, and a hostile template with its file's.
func TestChatRefusals(t *testing.T) {
	all := readChatFolders(t)
	settings := func(from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			raw, err := os.ReadFile(filepath.Join(dir, "sentence_bert_config.json"))
			if err != nil || !strings.Contains(string(raw), from) {
				t.Fatalf("no %s in the settings: %v", from, err)
			}
			write(t, filepath.Join(dir, "sentence_bert_config.json"), strings.Replace(string(raw), from, to, 1))
		}
	}
	file := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			os.Remove(filepath.Join(dir, name))
			write(t, filepath.Join(dir, name), content)
		}
	}
	kwargs := func(s string) func(t *testing.T, dir string) { return settings("{", `{"processing_kwargs":`+s+",") }
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		want   string
	}{
		{"format", settings(`"flat"`, `"round"`), `message format "round"`},
		{"method", settings(`"message":{"method":"forward"`, `"message":{"method":"get_text_features"`), "get_text_features"},
		{"pictures", settings(`"modality_config":{`, `"modality_config":{"image":{"method":"forward"},`), "message and image"},
		{"lower case", settings("{", `{"do_lower_case": true,`), "do_lower_case"},
		{"length", kwargs(`{"text": {"max_length": 9}}`), "processing_kwargs text"},
		{"list", kwargs(`{"chat_template": {"tools": []}}`), "tools"},
		{"argument", kwargs(`{"chat_template": {"continue_final_message": true}}`), "continue_final_message"},
		{"number", kwargs(`{"chat_template": {"depth": 3}}`), "depth"},
		{"processor", file("processor_config.json", "{}"), "processor_config.json"},
		{"no template", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "chat_template.jinja")) }, "no chat template"},
		{"named", file("additional_chat_templates/default.jinja", "x"), "additional_chat_templates"},
		{"token of the class", file("chat_template.jinja", "{{ cls_token }}{{ messages[0].content }}"), "cls_token"},
		{"endless", file("chat_template.jinja", strings.Repeat("{% for i in range(9999) %}", 5)+strings.Repeat("{% endfor %}", 5)), "chat_template.jinja: it takes more than"},
		{"huge", file("chat_template.jinja", strings.Repeat("{% for i in range(99) %}", 2)+strings.Repeat("x", 2000)+strings.Repeat("{% endfor %}", 2)), "chat_template.jinja: "},
		{"refusing", file("chat_template.jinja", "{{ raise_exception('not for vectors') }}"), "chat_template.jinja: the template refuses: not for vectors"},
		{"broken", file("chat_template.jinja", "{% for %}"), "chat_template.jinja: prompt: chat template"},
	} {
		dir := all.make(t, "qwen25")
		c.change(t, dir)
		if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
	if _, err := Open(all.make(t, "qwen25"), Options{MaxTokens: 20}); err == nil || !strings.Contains(err.Error(), "the model adds") {
		t.Errorf("fewer tokens than the template writes: %v", err)
	}
}

// TestChatNotes: Inspect says what becomes of a text, and what does not.
func TestChatNotes(t *testing.T) {
	all := readChatFolders(t)
	for name, want := range map[string][]string{
		"smol-mean-noprompt": {"Makes every text the message of a user", `On the side query TEXT becomes "<|im_start|>system\nInstruct: find passages\nQuery: <|im_end|>\n<|im_start|>user\nTEXT<|im_end|>\n".`,
			`On the side document TEXT becomes "<|im_start|>system\nYou are a helpful`, "Pools over the whole message", "Cuts texts to 70 tokens."},
		"gemma": {"Cannot encode with the prompt for the side query: ", "System role not supported", "TEXT becomes \"<s><start_of_turn>user\\nTEXT<end_of_turn>\\n\""},
	} {
		i, err := Inspect(all.make(t, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(i.Notes, "\n")
		for _, w := range want {
			if !strings.Contains(notes, w) {
				t.Errorf("%s: no %q in\n%s", name, w, notes)
			}
		}
		if strings.Contains(notes, "special tokens") || strings.Contains(notes, "out of pooling") {
			t.Errorf("%s: untrue: %s", name, notes)
		}
	}
}
