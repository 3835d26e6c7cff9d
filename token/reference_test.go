package token

import (
	"bufio"
	"encoding/json"
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
