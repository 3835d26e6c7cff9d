package token

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
)

// checkFirst: the first tokens of a text, of which only a beginning may be encoded, are those of the whole text, which other tests compare with the
// reference's. It returns how many texts were not encoded to their end.
func checkFirst(t *testing.T, tok *Tokenizer, text string) (short int) {
	t.Helper()
	all := tok.EncodeSpans(text, false, 0)
	for _, n := range []int{1, 7, 100, 700} {
		if n > len(all.IDs) {
			break
		}
		if got := tok.EncodeFirst(text, n); !slices.Equal(got.IDs, all.IDs[:n]) || !slices.Equal(got.Spans, all.Spans[:n]) {
			t.Fatalf("the first %d tokens of %.60q, %d bytes: %v at %v, want %v at %v", n, text, len(text), got.IDs, got.Spans, all.IDs[:n], all.Spans[:n])
		}
		s := tok.state(false)
		ids := slices.Clone(tok.encodeFirst(s, text, n))
		if tok.pool.Put(s); !slices.Equal(ids[:n], all.IDs[:n]) {
			t.Fatalf("the first %d tokens of %.60q, %d bytes: %v, want %v", n, text, len(text), ids[:n], all.IDs[:n])
		}
		if len(ids) < len(all.IDs) {
			short++
		}
		if want := tok.Encode(nil, text, true); !tok.left && len(want) > n {
			got := tok.EncodeMax(nil, text, true, n)
			if most := len(all.IDs) + tok.post.added(); len(got) != min(max(n, tok.post.added()), most) {
				t.Fatalf("%d tokens of a text of %d were asked for: got %d", n, most, len(got))
			}
		}
	}
	return short
}

// longTexts are made of what tokenizers treat unlike: scripts, blanks of all kinds, digits, marks, words without an end.
func longTexts() []string {
	units := []string{"The quick brown fox doesn't jump over 1234567 lazy dogs. ", "naïve  café\u0301 \u00a0 日本語のテキスト、とても長い。\n\n", "\t\tif (x == 0x1F) { return \"a b\"; }\r\n",
		"<|end|> [MASK] <mask>   </s> ", "👩\u200d💻 🇩🇪\u2003x ", "ΣΑΣ Σ ﬁ Å ", strings.Repeat("a", 3000) + " ", strings.Repeat("7", 500) + " ", strings.Repeat(" ", 700), strings.Repeat("日本", 400), "\xff\xc3 \x00 "}
	texts := []string{strings.Join(units, ""), strings.Join(units[:6], strings.Repeat("word ", 300))}
	for i, u := range units {
		texts = append(texts, strings.Repeat(u, 1+6000/len(u)), strings.Repeat("x y", i)+strings.Repeat(u+units[(i+3)%len(units)], 1+6000/len(u)))
	}
	return texts
}

func TestEncodeFirst(t *testing.T) {
	for _, name := range []string{"bytelevel", "wordpiece", "unigram"} {
		tok, short := open(t, "testdata/"+name+".json"), 0
		for _, text := range longTexts() {
			short += checkFirst(t, tok, text)
		}
		if short == 0 {
			t.Errorf("%s: every text was encoded to its end", name)
		}
	}
}

// TestEncodeFirstModels does that with the tokenizers of the reference data.
func TestEncodeFirstModels(t *testing.T) {
	base := outside.Data(t, "models")
	texts := longTexts()
	for i, r := range records(t, filepath.Join(base, "qwen2/expected/inputs.jsonl")) {
		if i%8 == 0 {
			texts = append(texts, strings.Repeat(r.Text+" ", 1+4000/(len(r.Text)+1)))
		}
	}
	if testing.Short() {
		texts = texts[:8]
	}
	for _, c := range []struct {
		file string
		some bool // whether beginnings have words
	}{{"bert/tokenizer.json", true}, {"gemma2/tokenizer.json", true}, {"gemma2/tokenizer.model", true}, {"llama3/tokenizer.json", true}, {"mistral/tokenizer.model", true}, {"modernbert/tokenizer.json", true},
		{"mpnet/tokenizer.json", true}, {"qwen2/tokenizer.json", true}, {"roberta/tokenizer.json", true}, {"xlm-roberta/tokenizer.json", true}, {"xlm-roberta/sentencepiece.bpe.model", false}} {
		tok, short := open(t, filepath.Join(base, c.file)), 0
		for _, text := range texts {
			short += checkFirst(t, tok, text)
		}
		if short > 0 != c.some {
			t.Errorf("%s: %d texts were not encoded to their end", c.file, short)
		}
	}
}

// FuzzEncodeFirst: whatever is repeated, the first tokens are those of the whole text.
func FuzzEncodeFirst(f *testing.F) {
	toks := []*Tokenizer{small(f), open(f, "testdata/wordpiece.json"), open(f, "testdata/unigram.json"), open(f, tiny.Model(f, "qwen2")), open(f, tiny.Model(f, "gemma2"))}
	for _, s := range []string{"the hello ", "<|end|> x", "a\u0301 \u0316 ", "日本\x00\t \n\r\n", "'ſ's 12 "} {
		f.Add(s, "x y", uint8(3))
	}
	f.Fuzz(func(t *testing.T, unit, other string, n uint8) {
		if len(unit)+len(other) == 0 || len(unit)+len(other) > 2000 {
			return
		}
		text := strings.Repeat(unit+strings.Repeat(other, int(n)%5), 1+4000/(len(unit)+len(other)))
		if len(text) > 1<<15 {
			return
		}
		for _, tok := range toks {
			all := tok.Encode(nil, text, false)
			s := tok.state(false)
			got := tok.encodeFirst(s, text, 1+int(n))
			if want := min(1+int(n), len(all)); len(got) < want || !slices.Equal(got[:want], all[:want]) {
				t.Fatalf("%q: %v, want %v", text, got[:min(len(got), want)], all[:want])
			}
			tok.pool.Put(s)
		}
	})
}
