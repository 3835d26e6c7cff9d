package token

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/weights"
)

func openGGUF(t *testing.T, path string) *Tokenizer {
	t.Helper()
	f, err := weights.OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const p = "tokenizer.ggml."
	m := f.Metadata()
	id := func(name string) int32 {
		if v, ok := m[p+name].(uint32); ok {
			return int32(v)
		}
		return -1
	}
	g := GGUF{BOS: id("bos_token_id"), EOS: id("eos_token_id"), UNK: id("unknown_token_id"), SEP: id("seperator_token_id"),
		PAD: id("padding_token_id"), CLS: id("cls_token_id"), MASK: id("mask_token_id")}
	g.Model, _ = m[p+"model"].(string)
	g.Pre, _ = m[p+"pre"].(string)
	g.Tokens, _ = m[p+"tokens"].([]string)
	g.Scores, _ = m[p+"scores"].([]float32)
	g.Types, _ = m[p+"token_type"].([]int32)
	g.Merges, _ = m[p+"merges"].([]string)
	for i, tok := range g.Tokens { // as they would come from a file that is mapped and later closed
		g.Tokens[i] = strings.Clone(tok)
	}
	tok, err := FromGGUF(g)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestGGUF compares with llama.cpp's vectors for the vocabularies that are there.
func TestGGUF(t *testing.T) {
	for _, name := range []string{"llama-spm", "bert-bge"} {
		tok := openGGUF(t, outside.Data(t, "tokenizers/gguf-vocab/ggml-vocab-"+name+".gguf"))
		compareVectors(t, name, tok)
		if got := tok.Encode(nil, "hello", true); len(got) != map[string]int{"llama-spm": 2, "bert-bge": 3}[name] {
			t.Errorf("%s: special tokens: %v", name, got)
		}
	}
	if tok := openGGUF(t, outside.Data(t, "tokenizers/gguf-vocab/ggml-vocab-llama-spm.gguf")); tok != nil {
		compareVectors(t, "phi-3", tok) // the same vocabulary
	}
}

// TestRealGGUF compares with the ids of whole prompts, special tokens inside (recorded with transformers).
func TestRealGGUF(t *testing.T) {
	tok := openGGUF(t, outside.RealModel(t, "SmolLM2-135M-Instruct.Q4_1.gguf"))
	for _, r := range records(t, outside.Data(t, "models/smollm2-expected/inputs.jsonl")) {
		if got := tok.Encode(nil, r.Prompt, false); !slices.Equal(got, r.IDs) {
			t.Errorf("%q: got %v, want %v", r.Prompt, got, r.IDs)
		}
		if got := tok.Decode(r.IDs, false); got != r.Prompt {
			t.Errorf("decoded %q, want %q", got, r.Prompt)
		}
	}
}

func TestGGUFRefuses(t *testing.T) {
	for _, g := range []GGUF{{}, {Model: "rwkv", Tokens: []string{"a"}}, {Model: "gpt2", Pre: "nobody", Tokens: []string{"a"}},
		{Model: "llama", Tokens: []string{"a"}}, {Model: "bert", Tokens: []string{"a"}, Types: []int32{1, 2}},
		{Model: "gpt2", Pre: "gpt-2", Tokens: []string{"a"}, Merges: []string{"a b"}}, {Model: "llama", Tokens: []string{"a"}, Scores: []float32{1}, Types: []int32{1}, UNK: 7}} {
		if tok, err := FromGGUF(g); err == nil {
			t.Errorf("%+v: %v", g, tok)
		}
	}
}

// TestGGUFUsualIDs: a SentencePiece vocabulary whose file states no special ids has 1 and 2 for begin and end in llama.cpp (llama-cpp-python
// 0.3.36 gave these ids).
func TestGGUFUsualIDs(t *testing.T) {
	g := GGUF{Model: "llama", Tokens: []string{"<unk>", "<s>", "</s>"}, Types: []int32{2, 3, 3}, BOS: -1, EOS: -1, UNK: -1, SEP: -1, PAD: -1, CLS: -1, MASK: -1}
	for b := range 256 {
		g.Tokens, g.Types = append(g.Tokens, fmt.Sprintf("<0x%02X>", b)), append(g.Types, 6)
	}
	g.Tokens, g.Types = append(g.Tokens, "\u2581a", "b"), append(g.Types, 1, 1)
	g.Scores = make([]float32, len(g.Tokens))
	tok, err := FromGGUF(g)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{"ab": {1, 259, 260}, "b": {1, 229, 153, 132, 260}} {
		if got := tok.Encode(nil, text, true); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if s := tok.Special(); s.BOS != 1 || s.EOS != 2 {
		t.Errorf("special ids %+v", s)
	}
}

// TestGGUFSpecials: ids of llama-cpp-python 0.3.36 for the same vocabularies, special tokens parsed and added.
func TestGGUFSpecials(t *testing.T) {
	none := GGUF{BOS: -1, EOS: -1, UNK: -1, SEP: -1, PAD: -1, CLS: -1, MASK: -1}
	bert := none
	bert.Model = "bert"
	bert.Tokens = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]", "▁a", "▁[", "▁]", "[", "]", "a"}
	bert.Types = []int32{3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1}
	llama3 := none
	llama3.Model, llama3.Pre, llama3.BOS, llama3.EOS = "gpt2", "llama-bpe", 0, 1
	llama3.Tokens, llama3.Types = []string{"<s>", "</s>", "<unk>", "<mask>"}, []int32{3, 3, 2, 4}
	for b := range 256 {
		llama3.Tokens, llama3.Types = append(llama3.Tokens, string(byteRune[b])), append(llama3.Types, 1)
	}
	jina := llama3
	jina.Pre = "jina-v2-es"
	for _, c := range []struct {
		g    GGUF
		text string
		want []int32
	}{
		{bert, "a[a] []", []int32{2, 5, 6, 5, 7, 6, 7, 3}}, // each token that a word may begin with is also there for its inside
		{llama3, "a<unk> <mask>", []int32{0, 4 + 'a', 2, 4 + ' ', 3}},
		{jina, "a<unk> <mask>", []int32{4 + 'a', 2, 3}},
	} {
		tok, err := FromGGUF(c.g)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode(nil, c.text, true); !slices.Equal(got, c.want) {
			t.Errorf("%s %s, %q: %v, want %v", c.g.Model, c.g.Pre, c.text, got, c.want)
		}
	}
}

// TestGGUFNormalizer: WordPiece's treatment of letters, as the file states it (llama-cpp-python 0.3.36 gave these ids).
func TestGGUFNormalizer(t *testing.T) {
	yes, no := new(bool), new(bool)
	*yes = true
	for _, x := range []struct {
		lower, strip *bool
		want         int32
	}{{nil, nil, 7}, {no, nil, 4}, {nil, no, 6}, {no, yes, 5}} {
		tok, err := FromGGUF(GGUF{Model: "bert", Tokens: []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁É", "▁E", "▁é", "▁e"}, Types: []int32{3, 3, 3, 3, 1, 1, 1, 1},
			BOS: 2, EOS: -1, UNK: 1, SEP: 3, PAD: 0, CLS: -1, MASK: -1, Lowercase: x.lower, StripAccents: x.strip})
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode(nil, "É", true); !slices.Equal(got, []int32{2, x.want, 3}) {
			t.Errorf("%v, want %d between", got, x.want)
		}
	}
}

// TestGGUFBegin: where a file does not say whether texts begin with a token, those with Llama 3's pre-tokenizer do (llama-cpp-python 0.3.36 gave
// these ids).
func TestGGUFBegin(t *testing.T) {
	no := new(bool)
	for pre, want := range map[string][]int32{"llama-bpe": {1, 0}, "llama3": {1, 0}, "dbrx": {0}, "qwen2": {0}, "gpt-2": {0}, "smollm": {0}} {
		for _, add := range []*bool{nil, no} {
			tok, err := FromGGUF(GGUF{Model: "gpt2", Pre: pre, Tokens: []string{"a", "<s>", "</s>"}, Types: []int32{1, 3, 3},
				BOS: 1, EOS: 2, UNK: -1, SEP: -1, PAD: -1, CLS: -1, MASK: -1, AddBOS: add})
			if err != nil {
				t.Fatal(err)
			}
			if add != nil {
				want = []int32{0}
			}
			if got := tok.Encode(nil, "a", true); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", pre, got, want)
			}
		}
	}
}
