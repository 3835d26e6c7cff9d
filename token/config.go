package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// config is what tokenizer_config.json, special_tokens_map.json and added_tokens.json say.
type config struct {
	Class          string                 `json:"tokenizer_class"`
	TruncationSide string                 `json:"truncation_side"`
	AddBOS         *bool                  `json:"add_bos_token"`
	AddEOS         *bool                  `json:"add_eos_token"`
	AddPrefixSpace *bool                  `json:"add_prefix_space"`
	Lower          *bool                  `json:"do_lower_case"`
	StripAccents   *bool                  `json:"strip_accents"`
	Chinese        *bool                  `json:"tokenize_chinese_chars"`
	BOS            named                  `json:"bos_token"`
	EOS            named                  `json:"eos_token"`
	UNK            named                  `json:"unk_token"`
	SEP            named                  `json:"sep_token"`
	PAD            named                  `json:"pad_token"`
	CLS            named                  `json:"cls_token"`
	MASK           named                  `json:"mask_token"`
	AddedDecoder   map[string]configToken `json:"added_tokens_decoder"`
	added          map[string]int64
	specials       specialMap
	objects        map[string]configToken // special tokens that are given as objects
}

type specialMap struct {
	BOS  named   `json:"bos_token"`
	EOS  named   `json:"eos_token"`
	UNK  named   `json:"unk_token"`
	SEP  named   `json:"sep_token"`
	PAD  named   `json:"pad_token"`
	CLS  named   `json:"cls_token"`
	MASK named   `json:"mask_token"`
	More []named `json:"additional_special_tokens"`
}

type configToken struct {
	Content                             string
	Lstrip, Rstrip, Normalized, Special bool
	SingleWord                          bool `json:"single_word"`
}

// named is a token given as a string or as an object with its content.
type named string

func (n *named) UnmarshalJSON(b []byte) error {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s != nil {
			*n = named(*s)
		}
		return nil
	}
	var v configToken
	if err := json.Unmarshal(b, &v); err != nil {
		return nil // false, or a list: no token
	}
	*n = named(v.Content)
	return nil
}

// readConfig reads the files beside a tokenizer that complete it; those that are missing say nothing.
func readConfig(dir string) (*config, error) {
	c := &config{}
	for _, file := range []struct {
		name string
		to   any
	}{{"special_tokens_map.json", &c.specials}, {"added_tokens.json", &c.added}, {"tokenizer_config.json", c}} {
		path := filepath.Join(dir, file.name)
		data, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(data, file.to)
			c.keepObjects(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return c, nil
}

// keepObjects keeps the special tokens that a file gives as objects, as "mask_token" of RoBERTa, which takes the blank before it.
func (c *config) keepObjects(data []byte) {
	var values map[string]json.RawMessage
	if json.Unmarshal(data, &values) != nil {
		return
	}
	if c.objects == nil {
		c.objects = map[string]configToken{}
	}
	for name, raw := range values {
		var a configToken
		if strings.HasSuffix(name, "_token") && json.Unmarshal(raw, &a) == nil && a.Content != "" {
			c.objects[a.Content] = a
		}
	}
}

// bertNormalizer is the normalizer that transformers makes for its BERT classes: what tokenizer_config.json says goes before tokenizer.json,
// and so do the defaults of what it does not say (5.23, tokenization_bert.py; 4 is the same).
func (c *config) bertNormalizer(n normalizer) normalizer {
	b, ok := n.(*bert)
	if !ok || !slices.Contains([]string{"BertTokenizer", "DistilBertTokenizer"}, strings.TrimSuffix(c.Class, "Fast")) {
		return n
	}
	lower, chinese := c.Lower == nil || *c.Lower, c.Chinese == nil || *c.Chinese
	accents := lower
	if c.StripAccents != nil {
		accents = *c.StripAccents
	}
	if b.lower == lower && b.chinese == chinese && b.strip == accents {
		return n
	}
	return newBert(b.clean, chinese, accents, lower)
}

// special finds the ids of the special tokens: those that the files name, else the usual spellings among the special
// added tokens.
func (c *config) special(t *Tokenizer) Special {
	s := Special{-1, -1, -1, -1, -1, -1, -1}
	for id, a := range t.added.byID {
		if at := specialText[a.content]; at != nil && a.special {
			*at(&s) = id
		}
	}
	m := &c.specials
	for _, x := range []struct {
		to    *int32
		names [2]named
	}{{&s.BOS, [2]named{c.BOS, m.BOS}}, {&s.EOS, [2]named{c.EOS, m.EOS}}, {&s.UNK, [2]named{c.UNK, m.UNK}},
		{&s.SEP, [2]named{c.SEP, m.SEP}}, {&s.PAD, [2]named{c.PAD, m.PAD}}, {&s.CLS, [2]named{c.CLS, m.CLS}},
		{&s.MASK, [2]named{c.MASK, m.MASK}}} {
		for _, name := range x.names {
			if id, ok := t.ID(string(name)); ok && name != "" {
				*x.to = id
				break
			}
		}
	}
	return s
}

// addedTokens are the added tokens that the files name, by id. Those in the vocabulary have its ids.
func (c *config) addedTokens(v *vocab) ([]addedToken, error) {
	special := map[named]bool{}
	m := &c.specials
	for _, n := range append([]named{c.BOS, c.EOS, c.UNK, c.SEP, c.PAD, c.CLS, c.MASK, m.BOS, m.EOS, m.UNK, m.SEP, m.PAD, m.CLS, m.MASK}, m.More...) {
		if n != "" {
			special[n] = true
		}
	}
	byName := map[string]addedToken{}
	add := func(id int64, a addedToken) error {
		if old, ok := v.id(a.content); ok {
			id = int64(old)
		}
		if id < 0 || id > int64(v.size())+maxSparse {
			return fmt.Errorf("added token %q has the impossible id %d", a.content, id)
		}
		a.id = int32(id)
		byName[a.content] = a
		return nil
	}
	for name, id := range c.added {
		if err := add(id, addedToken{content: name, special: special[named(name)], normalized: !special[named(name)]}); err != nil {
			return nil, err
		}
	}
	for text, d := range c.AddedDecoder {
		id, err := strconv.ParseInt(text, 10, 32)
		if err == nil {
			err = add(id, addedToken{content: d.Content, single: d.SingleWord, lstrip: d.Lstrip, rstrip: d.Rstrip, normalized: d.Normalized, special: d.Special})
		}
		if err != nil {
			return nil, err
		}
	}
	for name := range special {
		if id, ok := v.id(string(name)); ok && byName[string(name)].content == "" {
			o := c.objects[string(name)]
			byName[string(name)] = addedToken{id: id, content: string(name), single: o.SingleWord, lstrip: o.Lstrip, rstrip: o.Rstrip, normalized: o.Normalized, special: true}
		}
	}
	out := make([]addedToken, 0, len(byName))
	for _, a := range byName {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b addedToken) int { return int(a.id) - int(b.id) })
	return out, nil
}
