package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder turns tokens back into parts of a text.
type decoder interface {
	decode(tokens []string) []string
}

type decoders []decoder

func (d decoders) decode(tokens []string) []string {
	for _, x := range d {
		tokens = x.decode(tokens)
	}
	return tokens
}

// eachToken is a decoder that changes tokens one by one.
type eachToken func(i int, token string) string

func (f eachToken) decode(tokens []string) []string {
	for i, t := range tokens {
		tokens[i] = f(i, t)
	}
	return tokens
}

// joined is a decoder of all tokens at once.
type joined func(tokens []string) string

func (f joined) decode(tokens []string) []string { return []string{f(tokens)} }

// spelling is the token of an id as decoders see it.
func (t *Tokenizer) spelling(id int32) (string, bool) {
	if a := t.added.byID[id]; a != nil {
		return a.spelling, true
	}
	return t.vocab.token(id)
}

func (t *Tokenizer) decode(ids []int32, skipSpecial bool) string {
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		tok, ok := t.spelling(id)
		if ok && !(skipSpecial && t.added.skip[tok]) {
			tokens = append(tokens, tok)
		}
	}
	if t.dec == nil {
		return strings.Join(tokens, " ")
	}
	return strings.Join(t.dec.decode(tokens), "")
}

// decoderFields are the fields of all decoders.
type decoderFields struct {
	Type                    string
	Decoders                []json.RawMessage
	Prefix, Content, Suffix string
	Cleanup                 bool
	Start, Stop             int
	Pattern                 *pattern
	Replacement             string
	Scheme                  string `json:"prepend_scheme"`
	AddPrefixSpace          *bool  `json:"add_prefix_space"`
	Split, TrimOffsets      *bool
	Trim                    *bool   `json:"trim_offsets"`
	UseRegex                *bool   `json:"use_regex"`
	StrRep                  *string `json:"str_rep"`
}

func buildDecoder(raw json.RawMessage, depth int) (decoder, error) {
	if isNull(raw) {
		return nil, nil
	}
	name, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	var v decoderFields
	if err := fields(raw, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if v.Type != "Sequence" {
		return v.build()
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	var all decoders
	for _, r := range v.Decoders {
		d, err := buildDecoder(r, depth+1)
		if err != nil {
			return nil, err
		}
		if d != nil {
			all = append(all, d)
		}
	}
	return all, nil
}

// build makes any decoder but a sequence.
func (v *decoderFields) build() (decoder, error) {
	switch v.Type {
	case "ByteLevel":
		return joined(decodeBytes), nil
	case "Fuse":
		return joined(func(t []string) string { return strings.Join(t, "") }), nil
	case "ByteFallback":
		return byteFallback{}, nil
	case "WordPiece":
		return eachToken(func(i int, t string) string { return decodeWordPiece(i, t, v.Prefix, v.Cleanup) }), nil
	case "Metaspace":
		drop := v.Scheme != prependNever && (v.AddPrefixSpace == nil || *v.AddPrefixSpace)
		return eachToken(func(i int, t string) string {
			if i == 0 && drop {
				return strings.ReplaceAll(t, v.Replacement, "")
			}
			return strings.ReplaceAll(t, v.Replacement, " ")
		}), nil
	case "BPEDecoder":
		return bpeDecoder(v.Suffix), nil
	case "Strip":
		if v.Start < 0 || v.Stop < 0 {
			return nil, errors.New("decoder Strip: a negative count")
		}
		return eachToken(func(_ int, t string) string { return stripToken(t, v.Content, v.Start, v.Stop) }), nil
	case "Replace":
		n, err := v.Pattern.replacement(v.Content)
		if err != nil {
			return nil, err
		}
		return eachToken(func(_ int, t string) string {
			s := &state{text: view(t), cur: -1}
			n.normalize(s)
			return string(s.text)
		}), nil
	}
	return nil, fmt.Errorf("type %q is not supported", v.Type)
}

// decodeBytes reads tokens as bytes, in GPT-2's spelling; a token with another character stands for itself.
func decodeBytes(tokens []string) string {
	var out []byte
	for _, t := range tokens {
		n := len(out)
		for _, r := range t {
			b, ok := runeByte[r]
			if !ok {
				out = append(out[:n], t...)
				break
			}
			out = append(out, b)
		}
	}
	return lossy(out)
}

// lossy is b as UTF-8, with U+FFFD in the place of each longest start of a character that is not continued, and of every
// other byte that is none (The Unicode Standard, section 3.9; Rust's from_utf8_lossy).
func lossy(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			for k := 2; k <= 3 && k <= len(b); k++ {
				if !utf8.FullRune(b[:k]) {
					n = k
				}
			}
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// byteFallback joins tokens like <0xE2> to the characters that their bytes are.
type byteFallback struct{}

func (byteFallback) decode(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			out = append(out, string(run))
		} else {
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, t := range tokens {
		if len(t) == 6 && strings.HasPrefix(t, "<0x") && t[5] == '>' {
			if v, err := strconv.ParseUint(strings.TrimPrefix(t[3:5], "+"), 16, 8); err == nil {
				run = append(run, byte(v))
				continue
			}
		}
		if len(run) > 0 {
			flush()
		}
		out = append(out, t)
	}
	if len(run) > 0 {
		flush()
	}
	return out
}

type bpeDecoder string

func (suffix bpeDecoder) decode(tokens []string) []string {
	for i, t := range tokens {
		to := " "
		if i == len(tokens)-1 {
			to = ""
		}
		tokens[i] = strings.ReplaceAll(t, string(suffix), to)
	}
	return tokens
}

// cleanups are what WordPiece's decoder does to each token, in this order (tokenizers, decoders/wordpiece.rs).
var cleanups = [][2]string{{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}}

func decodeWordPiece(i int, t, prefix string, cleanup bool) string {
	if i > 0 {
		if rest, ok := strings.CutPrefix(t, prefix); ok {
			t = rest
		} else {
			t = " " + t
		}
	}
	if cleanup {
		for _, c := range cleanups {
			t = strings.ReplaceAll(t, c[0], c[1])
		}
	}
	return t
}

// stripToken removes content from the ends of t, at most so often.
func stripToken(t, content string, start, stop int) string {
	for range start {
		rest, ok := strings.CutPrefix(t, content)
		if !ok || content == "" {
			break
		}
		t = rest
	}
	for range stop {
		rest, ok := strings.CutSuffix(t, content)
		if !ok || content == "" {
			break
		}
		t = rest
	}
	return t
}
