package token

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
)

// record is a line of expected/inputs.jsonl, written with transformers 5.23 and tokenizers 0.23.
type record struct {
	Text   string
	Prompt string
	IDs    []int32
	Plain  []int32 `json:"ids_plain"`
	Tokens []string
}

func records(t testing.TB, path string) []record {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []record
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		var r record
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func open(t testing.TB, path string) *Tokenizer {
	t.Helper()
	tok, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestModels compares with the ids recorded for every model of the reference data.
func TestModels(t *testing.T) {
	base := outside.Data(t, "models")
	files, _ := filepath.Glob(filepath.Join(base, "*", "expected", "inputs.jsonl"))
	n := 0
	for _, f := range files {
		dir := filepath.Dir(filepath.Dir(f))
		if _, err := os.Stat(filepath.Join(dir, "tokenizer.json")); err != nil {
			continue
		}
		tok := open(t, dir)
		for _, r := range records(t, f) {
			n++
			if got := tok.EncodeMax(nil, r.Text, true, 120); !slices.Equal(got, r.IDs) {
				t.Errorf("%s: %q: got %v, want %v", filepath.Base(dir), r.Text, got, r.IDs)
			}
			if got := tok.Encode(nil, r.Text, false); !slices.Equal(got, r.Plain) {
				t.Errorf("%s: %q plain: got %v, want %v", filepath.Base(dir), r.Text, got, r.Plain)
			}
			e := tok.EncodeSpans(r.Text, true, 120)
			if !slices.Equal(e.IDs, r.IDs) {
				t.Errorf("%s: %q spans: got %v, want %v", filepath.Base(dir), r.Text, e.IDs, r.IDs)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d texts compared", n)
	}
}

// TestSentencePieceModels compares the pieces that the .model files beside tokenizer.json files give: their numbers differ.
func TestSentencePieceModels(t *testing.T) {
	base := outside.Data(t, "models")
	files, _ := filepath.Glob(filepath.Join(base, "*", "*.model"))
	if len(files) < 6 {
		t.Errorf("only %d .model files", len(files))
	}
	for _, f := range files {
		tok := open(t, f)
		full := open(t, filepath.Join(filepath.Dir(f), "tokenizer.json"))
		for _, r := range records(t, filepath.Join(filepath.Dir(f), "expected", "inputs.jsonl")) {
			var got, want []string
			for _, id := range tok.Encode(nil, r.Text, false) {
				s, _ := tok.Token(id)
				got = append(got, s)
			}
			for _, id := range r.Plain {
				s, _ := full.Token(id)
				want = append(want, s)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q:\n got %q\nwant %q", f, r.Text, got, want)
			}
		}
	}
}

// vectors reads a test of llama.cpp: texts between marks, and a line of ids for each (models/ggml-vocab-*.gguf.inp and .out).
func vectors(t *testing.T, name string) (texts []string, ids [][]int32) {
	base := outside.Data(t, "tokenizers/llama.cpp-vectors")
	inp, err := os.ReadFile(filepath.Join(base, "ggml-vocab-"+name+".gguf.inp"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(filepath.Join(base, "ggml-vocab-"+name+".gguf.out"))
	if err != nil {
		t.Fatal(err)
	}
	texts = strings.Split(string(inp), "\n__ggml_vocab_test__\n")
	for line := range strings.Lines(string(out)) {
		var row []int32
		for _, f := range strings.Fields(line) {
			v, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, int32(v))
		}
		ids = append(ids, row)
	}
	if n := len(texts); len(ids) < n {
		texts = texts[:len(ids)]
	}
	return texts, ids
}

func compareVectors(t *testing.T, name string, tok *Tokenizer) {
	t.Helper()
	texts, ids := vectors(t, name)
	for i, text := range texts {
		if got := tok.Encode(nil, text, false); !slices.Equal(got, ids[i]) {
			t.Errorf("%s: %q: got %v, want %v", name, text, got, ids[i])
		}
	}
	if len(texts) < 40 {
		t.Errorf("%s: only %d texts", name, len(texts))
	}
}

func TestLlamaCppVectors(t *testing.T) {
	qwen := open(t, outside.Data(t, "tokenizers/qwen2.5"))
	compareVectors(t, "qwen2", qwen)
	compareVectors(t, "deepseek-r1-qwen", qwen) // the same vocabulary
	for _, file := range []string{"tokenizer.json", "vocab.txt"} {
		compareVectors(t, "bert-bge", open(t, outside.Data(t, "tokenizers/bert-base-uncased/"+file)))
	}
}

// TestTransformersSettings: what tokenizer_config.json changes of a tokenizer.json, by the ids of transformers 5.23's AutoTokenizer.
func TestTransformersSettings(t *testing.T) {
	for _, c := range []struct {
		model, settings, text string
		limit                 int
		want                  []int32
	}{
		{"bert", `{"truncation_side":"left"}`, "Which language model finds things best?", 8, []int32{2, 249, 276, 176, 346, 433, 35, 3}},
		{"qwen2", `{"truncation_side":"left"}`, "Which language model finds things best?", 8, []int32{487, 82, 302, 293, 82, 289, 390, 30}},
		{"bert", `{"tokenizer_class":"BertTokenizer"}`, "Which Café 中文", 0, []int32{2, 482, 43, 919, 170, 1, 1, 3}},
		{"bert", `{"tokenizer_class":"BertTokenizerFast","do_lower_case":false}`, "Which Café 中文", 0, []int32{2, 1, 1, 1, 1, 3}},
		{"bert", `{"tokenizer_class":"BertTokenizer","strip_accents":false}`, "Which Café 中文", 0, []int32{2, 482, 1, 1, 1, 3}},
		{"bert", `{"tokenizer_class":"DistilBertTokenizer","tokenize_chinese_chars":false}`, "Which Café 中文", 0, []int32{2, 482, 43, 919, 170, 1, 3}},
		{"bert", `{"tokenizer_class":"TokenizersBackend","do_lower_case":false}`, "Which Café 中文", 0, []int32{2, 482, 43, 919, 170, 1, 1, 3}},
	} {
		dir := t.TempDir()
		data, err := os.ReadFile(filepath.Join(outside.Data(t, "models/"+c.model), "tokenizer.json"))
		if err == nil {
			err = errors.Join(os.WriteFile(filepath.Join(dir, "tokenizer.json"), data, 0o644),
				os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(c.settings), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
		tok, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		all, err := tok.EncodeAll(t.Context(), []string{c.text}, Options{Max: c.limit})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range [][]int32{tok.EncodeMax(nil, c.text, true, c.limit), all[0], tok.EncodeSpans(c.text, true, c.limit).IDs} {
			if !slices.Equal(got, c.want) {
				t.Errorf("%s %s: %v, want %v", c.model, c.settings, got, c.want)
			}
		}
	}
}
