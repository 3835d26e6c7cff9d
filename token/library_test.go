package token

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLibrary: ids and texts are those of tokenizers 0.23.3 for the same file, where a plain reading of the file would give others.
func TestLibrary(t *testing.T) {
	const (
		bpe     = `{"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"x":3," ":4,"½":5,"²":6,"[S]":7,"A":8},"merges":[]}`
		unigram = `{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["a",-2],["b",-3]]}`
		twice   = `{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["[S]",-1],["[S]",-2],["a",-3]]}`
		added   = `{"id":%d,"content":%q,"single_word":false,"lstrip":false,"rstrip":false,"normalized":%t,"special":%t}`
	)
	regex := func(re, to string) string {
		return fmt.Sprintf(`{"type":"Replace","pattern":{"Regex":%q},"content":%q}`, re, to)
	}
	for _, c := range []struct {
		name, norm, model, added, text string
		ids                            []int32
		decoded                        string // without special tokens
	}{
		{"an empty match right behind a match is none", regex("x*", " "), bpe, "", "axxbx", []int32{4, 1, 4, 2, 4}, "  a   b  "},
		{"an empty string is found everywhere", `{"type":"Replace","pattern":{"String":""},"content":"x"}`, bpe, "", "ab", []int32{3, 1, 3, 2, 3}, "x a x b x"},
		{"but not in an empty text", `{"type":"Sequence","normalizers":[{"type":"Strip","strip_left":true,"strip_right":true},{"type":"Replace","pattern":{"String":""},"content":"x"}]}`, bpe, "", " ", nil, ""},
		{"½ is no word character in a set", regex(`[^\w]`, "x"), bpe, "", "a½²b", []int32{1, 3, 3, 2}, "a x x b"},
		{"½ is a word character", regex(`\W`, "x"), bpe, "", "a½²b", []int32{1, 5, 6, 2}, "a ½ ² b"},
		{"equal pieces count for the ids of added tokens", "null", unigram, fmt.Sprintf(added, 4, "X", false, false), "aXb", []int32{2, 4, 3}, "a X b"},
		{"what normalisation changed is not skipped", `{"type":"Lowercase"}`, bpe, fmt.Sprintf(added, 7, "[S]", true, true), "[S]A", []int32{7, 1}, "[s] a"},
		{"what is spelled as a special token is skipped", "null", twice, fmt.Sprintf(added, 2, "[S]", false, true), "a[S]", []int32{3, 2}, "a"},
	} {
		file := fmt.Sprintf(`{"added_tokens":[%s],"normalizer":%s,"model":%s}`, c.added, c.norm, c.model)
		tok, err := loadJSON([]byte(file), &config{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if ids := tok.Encode(nil, c.text, false); !slices.Equal(ids, c.ids) {
			t.Errorf("%s: ids %v, want %v", c.name, ids, c.ids)
		}
		if text := tok.Decode(c.ids, true); text != c.decoded {
			t.Errorf("%s: decoded %q, want %q", c.name, text, c.decoded)
		}
		if c.model == twice {
			if text := tok.Decode([]int32{1, 3, 2}, true); text != "a" {
				t.Errorf("%s: decoded %q", c.name, text)
			}
		}
	}
}

// TestAddedNothing: a token that normalisation leaves nothing of is refused; the library finds it between all characters.
func TestAddedNothing(t *testing.T) {
	file := `{"added_tokens":[{"id":1,"content":"x","normalized":true}],"normalizer":{"type":"Replace","pattern":{"String":"x"},"content":""},
		"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}}`
	if _, err := loadJSON([]byte(file), &config{}); err == nil || !strings.Contains(err.Error(), `token "x" is nothing after normalisation`) {
		t.Error(err)
	}
}

// TestScores: the numbers that tokenizers 0.23.3 has of these scores, as it writes them when it saves the file again. Some are not the nearest
// float64.
func TestScores(t *testing.T) {
	for text, want := range map[string]float64{
		"-6.9446581772650084": -6.944658177265008, "-7.7482073432744905": -7.748207343274491, "-9.105996954897595": -9.105996954897597,
		"-9.106796954897595": -9.106796954897597, "-12345678901234567890123.5": -1.2345678901234568e+22, "-1e-5": -1e-05, "-0.1": -0.1,
		"-3.4640655517578125": -3.4640655517578125, "-123456789012345678.901e-3": -123456789012345.67, "-1.7976931348623157e+300": -1.7976931348623156e+300,
		"-0.000000000000000000000012345678901234567890123": -1.2345678901234566e-23, "-5e-324": -5e-324, "-12": -12, "0": 0, "-0.0": 0,
	} {
		r, err := newJSONReader([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.float(); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
}

// TestUserPieces: a piece of the user's own is taken whatever its score, and blanks at a text's beginning go as sentencepiece 0.2.3, whose ids and
// texts these are, has it.
func TestUserPieces(t *testing.T) {
	var model []byte
	for _, p := range []struct {
		text  string
		score float32
		kind  byte
	}{{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"▁", -1, 1}, {"x", -2, 1}, {"▁x", -2.5, 1}, {"▁▁", 0, 4}} {
		m := append([]byte{0x0A, byte(len(p.text))}, p.text...)
		m = binary.LittleEndian.AppendUint32(append(m, 0x15), math.Float32bits(p.score))
		m = append(m, 0x18, p.kind)
		model = append(append(model, 0x0A, byte(len(m))), m...)
	}
	for _, c := range []struct {
		dummy, squeeze byte
		text           string
		ids            []int32
		decoded        string
	}{
		{0, 0, "x  x", []int32{4, 6, 4}, "x  x"}, {0, 0, "▁▁x", []int32{6, 4}, "  x"}, {0, 0, "  x", []int32{6, 4}, "  x"}, {0, 0, "▁", []int32{3}, " "},
		{0, 1, "x  x", []int32{4, 5}, "x x"}, {0, 1, "▁▁x", []int32{6, 4}, " x"}, {0, 1, "  x", []int32{4}, "x"}, {0, 1, "▁", nil, ""},
		{1, 0, "x  x", []int32{5, 6, 4}, "x  x"}, {1, 0, "▁▁x", []int32{6, 5}, "  x"}, {1, 0, "  x", []int32{6, 5}, "  x"}, {1, 0, "▁", []int32{6}, " "},
		{1, 1, "x  x", []int32{5, 5}, "x x"}, {1, 1, "▁▁x", []int32{6, 5}, "  x"}, {1, 1, "  x", []int32{5}, "x"}, {1, 1, "▁", nil, ""},
	} {
		tok, err := loadSentencePiece(append(slices.Clone(model), 0x1A, 4, 0x18, c.dummy, 0x20, c.squeeze), &config{})
		if err != nil {
			t.Fatal(err)
		}
		if ids := tok.Encode(nil, c.text, false); !slices.Equal(ids, c.ids) {
			t.Errorf("dummy %d, squeeze %d, %q: ids %v, want %v", c.dummy, c.squeeze, c.text, ids, c.ids)
		}
		if text := tok.Decode(c.ids, true); text != c.decoded {
			t.Errorf("dummy %d, squeeze %d, %q: decoded %q, want %q", c.dummy, c.squeeze, c.text, text, c.decoded)
		}
	}
}

// TestRegexes: what tokenizers 0.23.3 makes of a text with a Split by these patterns (behavior Removed, inverted: the matches).
func TestRegexes(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          []string
	}{
		{`\d{1,3}(?=(?:\d{3})*\b)`, "a1234567 89 1234x", []string{"1", "234", "567", "89"}},
		{`\b\w`, "a½b \"c\" é", []string{"a", "c", "é"}},
		{`\B.`, "ab c½", []string{"b", "½"}},
		{`(?:\r\n|\n)+`, "a\r\n\n\rb\n", []string{"\r\n\n", "\n"}},
		{"(?:a|ab)(?:c|bcd)(?:d*)", "abcd acd", []string{"abcd", "acd"}},
		{"(?>a|ab)c", "abc ac", []string{"ac"}},
		{"(?:a+|b)*?c", "aabc bbac", []string{"aabc", "bbac"}},
		{"(?:a(?!a*b))+", "aaab aac", []string{"aa"}},
		{"a++b|a", "aaab aac", []string{"aaab", "a", "a"}},
		{"(?>(?:a|b)+)c|.", "abbac ab", []string{"abbac", " ", "a", "b"}},
		{"(?:a?){3}b", "aaaab b", []string{"aaab", "b"}},
		{"(?:ab?){2,}?a", "abaaba aaa", []string{"abaa", "aaa"}},
		{"x*?y?", "xxy", []string{"y"}},
	} {
		re, err := compileRegex(c.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		s := &state{text: []byte(c.text), words: []piece{{0, len(c.text)}}}
		(&splitter{re, removed, true}).split(s)
		var got []string
		for _, w := range s.words {
			got = append(got, c.text[w.lo:w.hi])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s in %q: %q, want %q", c.pattern, c.text, got, c.want)
		}
	}
}

// TestDirection: a text loses the end that tokenizer_config.json says, else the one that tokenizer.json says (transformers 5.23, AutoTokenizer).
func TestDirection(t *testing.T) {
	for _, c := range []struct {
		direction, side string
		want            []int32
	}{{"Right", "", []int32{1, 2}}, {"Right", "left", []int32{3, 4}}, {"Left", "", []int32{3, 4}}, {"Left", "right", []int32{1, 2}}} {
		file := fmt.Sprintf(`{"truncation":{"direction":%q,"max_length":2,"strategy":"LongestFirst","stride":0},"pre_tokenizer":{"type":"Whitespace"},
			"model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"a":1,"b":2,"c":3,"d":4}}}`, c.direction)
		tok, err := loadJSON([]byte(file), &config{TruncationSide: c.side})
		if err != nil {
			t.Fatal(err)
		}
		if ids := tok.EncodeMax(nil, "a b c d", true, tok.Limit()); !slices.Equal(ids, c.want) {
			t.Errorf("%s, %q: %v, want %v", c.direction, c.side, ids, c.want)
		}
	}
}

// TestMergeClasses: ids of transformers 5.23's AutoTokenizer for vocab.json with merges.txt.
func TestMergeClasses(t *testing.T) {
	const roberta = `{"tokenizer_class":"RobertaTokenizer","cls_token":"<s>","sep_token":"</s>","mask_token":`
	for _, c := range []struct {
		settings, text string
		want           []int32
	}{
		{roberta + `"<mask>"}`, "a <mask> b", []int32{0, 3, 6, 2, 6, 4, 1}},
		{roberta + `{"content":"<mask>","lstrip":true,"rstrip":false,"normalized":false,"single_word":false,"__type":"AddedToken"}}`, "a <mask> b", []int32{0, 3, 2, 6, 4, 1}},
		{roberta + `"<mask>","add_prefix_space":true}`, "a!b", []int32{0, 6, 3, 5, 4, 1}},
		{`{"tokenizer_class":"Qwen2Tokenizer","add_prefix_space":true}`, "a!b", []int32{6, 3, 6, 5, 4}},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"vocab.json": `{"<s>":0,"</s>":1,"<mask>":2,"a":3,"b":4,"!":5,"Ġ":6,"<unk>":7,"<pad>":8}`,
			"merges.txt": "#version: 0.2\n", "tokenizer_config.json": c.settings} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		tok, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Encode(nil, c.text, true); !slices.Equal(got, c.want) {
			t.Errorf("%s, %q: %v, want %v", c.settings, c.text, got, c.want)
		}
	}
}
