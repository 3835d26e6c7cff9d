package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// rawFile is a tokenizer.json cut into its parts.
type rawFile struct {
	truncation, added, normalizer, pre, post, decoder, model json.RawMessage
}

func readParts(data []byte) (*rawFile, error) {
	r, err := newJSONReader(data)
	if err != nil {
		return nil, err
	}
	var f rawFile
	var version, padding json.RawMessage
	parts := map[string]*json.RawMessage{"version": &version, "truncation": &f.truncation, "padding": &padding,
		"added_tokens": &f.added, "normalizer": &f.normalizer, "pre_tokenizer": &f.pre, "post_processor": &f.post,
		"decoder": &f.decoder, "model": &f.model}
	err = r.object(func(key []byte) (err error) {
		part, ok := parts[string(key)]
		if !ok {
			return fmt.Errorf("unknown field %q", key)
		}
		*part, err = r.raw()
		return err
	})
	if err == nil {
		err = r.end()
	}
	if err == nil && !isNull(version) && string(version) != `"1.0"` {
		err = fmt.Errorf("version %s is not known (known: \"1.0\")", version)
	}
	if err == nil && isNull(f.model) {
		err = errors.New("no model: not a tokenizer.json of Hugging Face's tokenizers")
	}
	return &f, err
}

func loadJSON(data []byte, conf *config) (*Tokenizer, error) {
	f, err := readParts(data)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{}
	step := func(name string, f func() error) {
		if err == nil {
			if err = f(); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	var bytes bool
	step("normalizer", func() (err error) {
		if t.norm, err = buildNormalizer(f.normalizer, 0); err == nil && growth(t.norm) > maxGrowth {
			err = fmt.Errorf("it can make a text more than %d times as long, which is not supported", maxGrowth)
		}
		return err
	})
	step("pre_tokenizer", func() (err error) { t.pre, bytes, err = buildPre(f.pre, 0, false); return })
	step("model", func() error { return t.buildModel(f.model, bytes) })
	step("added_tokens", func() error { return t.buildAdded(f.added) })
	step("post_processor", func() (err error) { t.post, err = buildPost(f.post); return })
	step("decoder", func() (err error) { t.dec, err = buildDecoder(f.decoder, 0); return })
	step("truncation", func() error { return t.readLimit(f.truncation) })
	if err != nil {
		return nil, err
	}
	t.norm = conf.bertNormalizer(t.norm)
	t.finish(conf)
	return t, nil
}

// finish sets what follows from the rest.
func (t *Tokenizer) finish(conf *config) {
	for i, p := range t.pre {
		if m, ok := p.(*metaspace); ok && m.scheme == prependFirst && (t.norm != nil || i > 0) {
			t.track = true
		}
	}
	t.special = conf.special(t)
	if conf.TruncationSide != "" {
		t.left = conf.TruncationSide == "left"
	}
}

// readLimit reads the length to which texts are to be cut, and the side, which tokenizer_config.json may overrule.
func (t *Tokenizer) readLimit(raw json.RawMessage) error {
	if isNull(raw) {
		return nil
	}
	var v struct {
		Direction string
		MaxLength int `json:"max_length"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if v.MaxLength < 0 || v.Direction != "" && v.Direction != "Left" && v.Direction != "Right" {
		return fmt.Errorf("truncation to %d tokens in direction %q is not supported", v.MaxLength, v.Direction)
	}
	t.limit, t.left = v.MaxLength, v.Direction == "Left"
	return nil
}

const maxDepth = 20 // of parts within parts

var errDepth = errors.New("sequences nested too deeply")

// normalizerFields are the fields of all normalisers.
type normalizerFields struct {
	Type             string
	Normalizers      []json.RawMessage
	Prepend, Content string
	Pattern          *pattern
	StripLeft        bool   `json:"strip_left"`
	StripRight       bool   `json:"strip_right"`
	CharsMap         []byte `json:"precompiled_charsmap"`
	CleanText        *bool  `json:"clean_text"`
	Chinese          *bool  `json:"handle_chinese_chars"`
	StripAccents     *bool  `json:"strip_accents"`
	Lowercase        *bool
}

func buildNormalizer(raw json.RawMessage, depth int) (normalizer, error) {
	if isNull(raw) {
		return nil, nil
	}
	name, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	var v normalizerFields
	if err := fields(raw, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if name != "Sequence" {
		return v.build(name)
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	var all normalizers
	for _, r := range v.Normalizers {
		n, err := buildNormalizer(r, depth+1)
		if err != nil {
			return nil, err
		}
		if n != nil {
			all = append(all, n)
		}
	}
	return all, nil
}

// build makes any normaliser but a sequence.
func (v *normalizerFields) build(name string) (normalizer, error) {
	switch name {
	case "NFC", "NFD", "NFKC", "NFKD":
		return newForm(name), nil
	case "Lowercase":
		return newLowercase(), nil
	case "StripAccents":
		return newFilter(isCombining), nil
	case "Nmt":
		return newNmt(), nil
	case "Strip":
		return strip{v.StripLeft, v.StripRight}, nil
	case "Prepend":
		if v.Prepend == "" { // the library's word cuts and bytes go astray with it
			return nil, errors.New("a Prepend of nothing is not supported")
		}
		return prepend(v.Prepend), nil
	case "Replace":
		return v.Pattern.replacement(v.Content)
	case "ByteLevel":
		return byteChars{}, nil
	case "Precompiled":
		m, err := newCharsMap(v.CharsMap)
		return (*graphemes)(m), err
	case "BertNormalizer", "Bert":
		if v.CleanText == nil || v.Chinese == nil || v.Lowercase == nil {
			return nil, errors.New("BertNormalizer without clean_text, handle_chinese_chars or lowercase")
		}
		accents := *v.Lowercase
		if v.StripAccents != nil {
			accents = *v.StripAccents
		}
		return newBert(*v.CleanText, *v.Chinese, accents, *v.Lowercase), nil
	}
	return nil, fmt.Errorf("type %q is not supported", name)
}

// pattern is a plain string or a regular expression.
type pattern struct{ String, Regex *string }

func (p *pattern) finder() (finder, error) {
	switch {
	case p == nil || p.String == nil && p.Regex == nil:
		return nil, errors.New("no pattern")
	case p.String != nil && *p.String != "":
		return literal(*p.String), nil
	case p.String != nil: // an empty string is found between all characters
		return compileRegex("")
	}
	return compileRegex(*p.Regex)
}

func (p *pattern) replacement(content string) (normalizer, error) {
	if p != nil && p.String != nil && *p.String != "" {
		return metaReplace(*p.String, content), nil
	}
	f, err := p.finder()
	if err != nil {
		return nil, err
	}
	return &replace{f, content}, nil
}

// buildPre returns the pre-tokenizers in order, and whether ByteLevel is among them: then words are bytes. after says
// whether ByteLevel came before.
func buildPre(raw json.RawMessage, depth int, after bool) ([]preTokenizer, bool, error) {
	if isNull(raw) {
		return nil, after, nil
	}
	name, err := typeOf(raw)
	if err != nil {
		return nil, false, err
	}
	var v preFields
	if err := fields(raw, &v); err != nil {
		return nil, false, fmt.Errorf("%s: %w", name, err)
	}
	switch name {
	case "Sequence":
		if depth > maxDepth {
			return nil, false, errDepth
		}
		var all []preTokenizer
		for _, r := range v.PreTokenizers {
			var some []preTokenizer
			some, after, err = buildPre(r, depth+1, after)
			if err != nil {
				return nil, false, err
			}
			all = append(all, some...)
		}
		return all, after, nil
	case "ByteLevel":
		if after {
			return nil, false, errors.New("ByteLevel after ByteLevel is not supported")
		}
		return v.byteLevel(), true, nil
	}
	p, err := v.build(name)
	if err != nil {
		return nil, false, err
	}
	if after {
		if _, rewrites := p.(*metaspace); rewrites {
			return nil, false, errors.New("pre-tokenizer Metaspace after ByteLevel is not supported")
		}
		p = onByteChars{p}
	}
	return []preTokenizer{p}, after, nil
}

// preFields are the fields of all pre-tokenizers.
type preFields struct {
	Type           string
	PreTokenizers  []json.RawMessage `json:"pretokenizers"`
	AddPrefixSpace *bool             `json:"add_prefix_space"`
	TrimOffsets    *bool             `json:"trim_offsets"`
	UseRegex       *bool             `json:"use_regex"`
	Digits         bool              `json:"individual_digits"`
	Behavior       string
	Invert         bool
	Pattern        *pattern
	Replacement    string
	Scheme         string  `json:"prepend_scheme"`
	StrRep         *string `json:"str_rep"`
	Split          *bool
	Delimiter      string
	Length         *int
}

// byteLevel is what ByteLevel does before words become bytes.
func (v *preFields) byteLevel() []preTokenizer {
	var all []preTokenizer
	if v.AddPrefixSpace == nil || *v.AddPrefixSpace {
		all = append(all, prefixSpace{})
	}
	if v.UseRegex == nil || *v.UseRegex {
		all = append(all, wholeText(splitGPT2))
	}
	return all
}

// build makes any pre-tokenizer but a sequence and ByteLevel.
func (v *preFields) build(name string) (preTokenizer, error) {
	switch name {
	case "BertPreTokenizer":
		return wholeText(splitBert), nil
	case "WhitespaceSplit":
		return wholeText(splitSpace), nil
	case "Whitespace":
		return wholeText(splitWhitespace), nil
	case "Digits":
		how := contiguous
		if v.Digits {
			how = isolated
		}
		return &splitter{ofClass{classes(), isNumeric}, how, false}, nil
	case "Punctuation":
		if v.Behavior == "" {
			v.Behavior = "Isolated"
		}
		how, ok := behaviours[v.Behavior]
		if !ok {
			return nil, fmt.Errorf("pre-tokenizer Punctuation: unknown behavior %q", v.Behavior)
		}
		return &splitter{ofClass{classes(), isPunct}, how, false}, nil
	case "CharDelimiterSplit", "Delimiter":
		if utf8.RuneCountInString(v.Delimiter) != 1 {
			return nil, fmt.Errorf("pre-tokenizer CharDelimiterSplit: delimiter %q is not one character", v.Delimiter)
		}
		return &splitter{literal(v.Delimiter), removed, false}, nil
	case "FixedLength":
		n := 5
		if v.Length != nil {
			n = *v.Length
		}
		if n < 1 {
			return nil, fmt.Errorf("FixedLength: length %d", n)
		}
		return fixedLength(n), nil
	case "Split":
		return v.buildSplit()
	case "Metaspace":
		return v.buildMetaspace()
	}
	return nil, fmt.Errorf("type %q is not supported", name)
}

func (v *preFields) buildSplit() (preTokenizer, error) {
	if v.Pattern != nil && v.Pattern.Regex != nil {
		return newSplit(*v.Pattern.Regex, v.Behavior, v.Invert)
	}
	f, err := v.Pattern.finder()
	if err != nil {
		return nil, fmt.Errorf("pre-tokenizer Split: %w", err)
	}
	how, ok := behaviours[v.Behavior]
	if !ok {
		return nil, fmt.Errorf("pre-tokenizer Split: unknown behavior %q", v.Behavior)
	}
	return &splitter{f, how, v.Invert}, nil
}

func (v *preFields) buildMetaspace() (preTokenizer, error) {
	m := &metaspace{meta: v.Replacement, scheme: v.Scheme, cut: v.Split == nil || *v.Split}
	if m.scheme == "" {
		m.scheme = prependAlways
	}
	if v.AddPrefixSpace != nil && !*v.AddPrefixSpace {
		if v.Scheme != "" && v.Scheme != prependNever {
			return nil, fmt.Errorf("pre-tokenizer Metaspace: add_prefix_space false contradicts prepend_scheme %q", v.Scheme)
		}
		m.scheme = prependNever
	}
	if m.scheme != prependAlways && m.scheme != prependFirst && m.scheme != prependNever {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: prepend_scheme %q is not supported", m.scheme)
	}
	if len([]rune(m.meta)) != 1 {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: replacement %q is not one character", m.meta)
	}
	return m, nil
}

// buildAdded reads the added tokens. Their ids are those of the model's vocabulary, or the next free ones.
func (t *Tokenizer) buildAdded(raw json.RawMessage) error {
	var list []struct {
		ID                                  int64
		Content                             string
		SingleWord                          bool `json:"single_word"`
		Lstrip, Rstrip, Normalized, Special bool
	}
	if !isNull(raw) {
		if err := fields(raw, &list); err != nil {
			return err
		}
	}
	var tokens []addedToken
	next := int32(t.vocab.count)
	seen := map[string]int32{}
	for _, a := range list {
		if len(a.Content) > maxPiece {
			return fmt.Errorf("a token of %d bytes; more than %d are not supported", len(a.Content), maxPiece)
		}
		if a.Normalized && a.Content != "" && t.normalised(a.Content) == "" {
			return fmt.Errorf("token %q is nothing after normalisation, which is not supported", a.Content)
		}
		id, ok := seen[a.Content]
		if !ok {
			id, ok = t.vocab.id(a.Content)
		}
		if !ok {
			id = next
			next++
		}
		seen[a.Content] = id
		tokens = append(tokens, addedToken{id: id, content: a.Content, single: a.SingleWord, lstrip: a.Lstrip, rstrip: a.Rstrip,
			normalized: a.Normalized, special: a.Special})
	}
	t.setAdded(tokens)
	return nil
}

func (t *Tokenizer) setAdded(tokens []addedToken) {
	t.added = newAdded(tokens, t.normalised)
}

// normalised is content as the normaliser writes it.
func (t *Tokenizer) normalised(content string) string {
	if t.norm == nil {
		return content
	}
	s := &state{text: view(content), cur: -1}
	t.norm.normalize(s)
	return strings.Clone(viewString(s.text))
}
