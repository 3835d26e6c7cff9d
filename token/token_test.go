package token

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
)

// small is a byte-level BPE with a few merges.
func small(t testing.TB) *Tokenizer {
	t.Helper()
	return open(t, "testdata/bytelevel.json")
}

func TestSmall(t *testing.T) {
	tok := small(t)
	e := tok.EncodeSpans("héllo<|end|> the", true, 0)
	var got []string
	for _, id := range e.IDs {
		s, _ := tok.Token(id)
		got = append(got, s)
	}
	want := []string{"<|end|>", "h", "Ã", "©", "l", "l", "o", "<|end|>", "Ġthe"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.Spans[2] != (Span{1, 3}) || e.Spans[7] != (Span{6, 13}) || e.Spans[8] != (Span{13, 17}) || !e.Added[0] || e.Added[1] {
		t.Errorf("%+v", e)
	}
	if id, ok := tok.ID("<|end|>"); !ok || !tok.IsSpecial(id) || tok.Size() != int(id)+1 {
		t.Errorf("id of <|end|>: %d, size %d", id, tok.Size())
	}
	if got := tok.Decode(e.IDs, true); got != "héllo the" {
		t.Errorf("decoded %q", got)
	}
	if got := tok.EncodeMax(nil, "abc", true, 2); len(got) != 2 || got[0] != e.IDs[0] {
		t.Errorf("cut to 2: %v", got)
	}
	if got := tok.Encode(nil, "a\xffb", false); !slices.Equal(got, tok.Encode(nil, "a\uFFFDb", false)) {
		t.Errorf("invalid UTF-8: %v", got)
	}
}

// TestVocabFiles: the ways to load one vocabulary give the same ids.
func TestVocabFiles(t *testing.T) {
	a, b := open(t, outside.Data(t, "tokenizers/bert-base-uncased")), open(t, outside.Data(t, "tokenizers/bert-base-uncased/vocab.txt"))
	if a.Special() != b.Special() || a.Size() != b.Size() || a.Limit() != 128 {
		t.Errorf("%+v %+v, %d %d", a.Special(), b.Special(), a.Size(), b.Size())
	}
	for _, text := range []string{"Hello, [MASK] World!", "naïve café 日本", ""} {
		if x, y := a.Encode(nil, text, true), b.Encode(nil, text, true); !slices.Equal(x, y) {
			t.Errorf("%q: %v and %v", text, x, y)
		}
	}
}

func TestEncodeAll(t *testing.T) {
	tok := small(t)
	texts := make([]string, 500)
	for i := range texts {
		texts[i] = strings.Repeat("the hello ", i%7) + string(rune('a'+i%26))
	}
	one, err := tok.EncodeAll(context.Background(), texts, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	many, err := tok.EncodeAll(context.Background(), texts, Options{Threads: 7})
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if !slices.Equal(one[i], many[i]) || !slices.Equal(one[i], tok.Encode(nil, texts[i], true)) {
			t.Fatalf("text %d: %v, %v", i, one[i], many[i])
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := tok.EncodeAll(ctx, texts, Options{}); err == nil {
		t.Error("a cancelled context gave no error")
	}
}

func TestConcurrent(t *testing.T) {
	tok := small(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				text := strings.Repeat("the ", i%5) + "hello" + string(rune('a'+i%26))
				if got := tok.Decode(tok.Encode(nil, text, false), false); got != text {
					t.Errorf("%q came back as %q", text, got)
				}
			}
		})
	}
	wg.Wait()
}

// TestNoAllocation: once the buffers have their size, encoding allocates nothing.
func TestNoAllocation(t *testing.T) {
	for _, path := range []string{"testdata/bytelevel.json", tiny.Model(t, "bert"), tiny.Model(t, "gemma2"), tiny.Model(t, "qwen2")} {
		tok := open(t, path)
		text := strings.Repeat("The quick brown fox, naïve, doesn't jump over 1234 lazy dogs. ", 50)
		dst := tok.Encode(nil, text, true)
		if n := testing.AllocsPerRun(20, func() { dst = tok.Encode(dst[:0], text, true) }); n > float64(len(dst)/20) { // a few, where the pool gave its state up
			t.Errorf("%s: %v allocations for %d tokens", path, n, len(dst))
		}
	}
}

// TestLongInputs: no text takes more than about linear time. The limit is far above what any takes.
func TestLongInputs(t *testing.T) {
	for _, name := range []string{"qwen2", "bert", "gemma2", "xlm-roberta", "modernbert", "st-qwen3-prompts"} {
		checkLongInputs(t, tiny.Model(t, name), 1<<18)
	}
}

// TestLongInputsSentencePiece is TestLongInputs for SentencePiece's own files.
func TestLongInputsSentencePiece(t *testing.T) {
	for _, file := range []string{"gemma2/tokenizer.model", "xlm-roberta/sentencepiece.bpe.model"} {
		checkLongInputs(t, outside.Data(t, "models/"+file), 1<<18)
	}
}

// TestLongInputsHostile: nor with patterns that make a backtracking matcher take its time, or with added tokens that take blanks which are
// added tokens themselves.
func TestLongInputsHostile(t *testing.T) {
	const model = `"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"vocab":{"<unk>":0,"a":1},"merges":[]}`
	file := filepath.Join(t.TempDir(), "tokenizer.json")
	check := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		checkLongInputs(t, file, 1<<16)
	}
	for _, pattern := range []string{`a*b`, `a*a*a*a*b`, `(?:a|aa){0,30}b`, `(?:a|ab)*c`, `a*b|a`, `a++b|a`, `(?>(?:a|b)*)c`, `(?=(?:a|b)*c).`, `(?=.*x).`, `(?=a*\\z)a`, `\\s?\\p{L}+|\\s+$`} {
		check(fmt.Sprintf(`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"%s"},"behavior":"Isolated","invert":false},%s}`, pattern, model))
	}
	check(`{"added_tokens":[{"id":2,"content":" ","lstrip":true},{"id":3,"content":"\n","rstrip":true}],` + model + `}`)
	for _, pattern := range []string{`(?:a{0,1000}){1000}b`, `(?:(?:(?:(?:){1000}){1000}){1000}){1000}b`} {
		if _, err := compileRegex(pattern); err == nil {
			t.Errorf("%s is not refused", pattern)
		}
	}
}

func checkLongInputs(t *testing.T, path string, size int) {
	t.Helper()
	if testing.Short() {
		size = 1 << 15
	}
	tok := open(t, path)
	for _, unit := range []string{"a", " ", "\n", "\u0301", "\u0316\u0301", "ab", "1", "'", "▁", "日", "\u1100", "<", "👩\u200d", "a\u0301 \t", "\x00"} {
		text := strings.Repeat(unit, size/len(unit)) + "x"
		start := time.Now()
		ids := tok.Encode(nil, text, false)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s: %q took %v for %d tokens", path, unit, d, len(ids))
		}
	}
}

func TestRefused(t *testing.T) {
	base, err := os.ReadFile("testdata/bytelevel.json")
	if err != nil {
		t.Fatal(err)
	}
	const double = `{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}`
	for _, change := range [][3]string{
		{`"dropout": null`, `"dropout": 0.1`, "dropout"},
		{`"type": "ByteLevel"`, `"type": "Wishful"`, "Wishful"},
		{`"normalizer": null`, `"normalizer": {"type": "Mystery"}`, "Mystery"},
		{`"normalizer": null`, `"normalizer": {"type": "Replace", "pattern": {"Regex": "(?<=a)b"}, "content": ""}`, "(?<="},
		{`"normalizer": null`, `"normalizer": {"type": "NFC", "novel": 1}`, "novel"},
		{`"normalizer": null`, `"normalizer": {"type": "Prepend", "prepend": ""}`, "Prepend of nothing"},
		{`"normalizer": null`, `"normalizer": {"type": "Sequence", "normalizers": [` + strings.Repeat(double+", ", 12) + double + `]}`, "4096 times"},
		{`"version": "1.0"`, `"version": "2.0"`, "2.0"},
		{`"truncation": null`, `"extra": null`, "extra"},
		{`"th",`, `"zz",`, "zz"},
		{`"a": 64`, `"a": 4000000000`, "4000000000"},
	} {
		text := strings.Replace(string(base), change[0], change[1], 1)
		if text == string(base) {
			t.Errorf("%q is not in the sample", change[0])
		}
		if _, err := loadJSON([]byte(text), &config{}); err == nil || !strings.Contains(err.Error(), change[2]) {
			t.Errorf("%s: error %v does not name %q", change[1], err, change[2])
		}
	}
	dir := t.TempDir()
	if _, err := Open(dir); err == nil {
		t.Error("an empty folder gave a tokenizer")
	}
	for name, text := range map[string]string{"tokenizer.json": "{}", "x.model": "\x0a\xff\xff\xff\xff\x0f", "vocab.txt": "a\nb\n", "vocab.json": `{"a": 0}`, "x.bin": ""} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// FuzzRoundTrip: a byte-level BPE gives any valid UTF-8 back.
func FuzzRoundTrip(f *testing.F) {
	tok := small(f)
	for _, s := range []string{"", "the hello", "<|end|> x", "\u0301\u0316", "日本\x00\t \n\r\n", "'ſ's 12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := tok.Encode(nil, text, false)
		e := tok.EncodeSpans(text, false, 0)
		if !slices.Equal(ids, e.IDs) {
			t.Fatalf("%q: %v with spans, %v without", text, e.IDs, ids)
		}
		for _, s := range e.Spans {
			if s.Start < 0 || s.End > len(text) || s.Start > s.End {
				t.Fatalf("%q: span %v", text, s)
			}
		}
		if got := tok.Decode(ids, false); utf8.ValidString(text) && got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}

// FuzzOpenJSON: no file makes the loader panic, and what loads encodes.
func FuzzOpenJSON(f *testing.F) {
	for _, name := range []string{"bytelevel.json", "unigram.json", "wordpiece.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := loadJSON(data, &config{})
		if err != nil {
			return
		}
		for _, text := range []string{"Hello, wörld! 123\n", "<s>▁a\u0301"} {
			ids := tok.Encode(nil, text, true)
			tok.EncodeSpans(text, true, 3)
			tok.Decode(ids, true)
		}
	})
}

// FuzzSentencePiece is FuzzOpenJSON for .model files.
func FuzzSentencePiece(f *testing.F) {
	piece := func(s string, kind byte) []byte {
		m := append([]byte{0x0A, byte(len(s))}, s...)
		m = append(m, 0x15, 0, 0, 0x80, 0xBF, 0x18, kind)
		return append([]byte{0x0A, byte(len(m))}, m...)
	}
	model := slices.Concat(piece("<unk>", 2), piece("<s>", 3), piece("a", 1), piece("▁", 1), piece("▁a", 1), piece("<0x41>", 6), piece("user", 4))
	f.Add(model)
	f.Add(append(slices.Clone(model), 0x12, 5, 0x18, 2, 0x98, 2, 1))
	f.Add(append(slices.Clone(model), 0x1A, 8, 0x12, 6, 4, 0, 0, 0, 1, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := loadSentencePiece(data, &config{})
		if err != nil {
			return
		}
		for _, text := range []string{" Hello,  wörld! 123\n", "<s>▁a\u0301 user", "a a"} {
			ids := tok.Encode(nil, text, true)
			tok.EncodeSpans(text, true, 3)
			tok.Decode(ids, true)
		}
	})
}

// FuzzRegex: a pattern is refused or matches within the text.
func FuzzRegex(f *testing.F) {
	f.Add(qwen2Pattern, "it's 12 x")
	f.Add(`[^\p{L}&&[^a]]++|(?:ab|c)*?$|\x{41}`, "abc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := compileRegex(pattern)
		if err != nil || len(text) > 200 {
			return
		}
		b := []byte(text)
		for lo, hi, ok := re.next(b, 0); ok; lo, hi, ok = re.next(b, after(b, lo, hi)) {
			if lo > hi || hi > len(b) {
				t.Fatalf("%q in %q: %d to %d", pattern, text, lo, hi)
			}
		}
	})
}

// FuzzPatterns: the hand-written splitters cut where the matcher for regular expressions does.
func FuzzPatterns(f *testing.F) {
	var res []*regex
	patterns := []string{gpt2Pattern, qwen2Pattern, llamaPattern}
	for _, p := range patterns {
		re, err := compileRegex(p)
		if err != nil {
			f.Fatal(err)
		}
		res = append(res, re)
	}
	f.Add("it's  12345\n\n x'LL 'ſ\u3000\u2028 日本\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || text == "" {
			return
		}
		for i, p := range patterns {
			a := &state{text: []byte(text), words: []piece{{0, len(text)}}}
			b := &state{text: []byte(text), words: []piece{{0, len(text)}}}
			knownPattern(p).split(a)
			(&splitter{res[i], isolated, false}).split(b)
			if !slices.Equal(a.words, b.words) {
				t.Fatalf("%q %s: %v, %v", text, p, a.words, b.words)
			}
		}
	})
}
