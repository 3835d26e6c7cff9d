package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// modelFields are the fields of all models but vocab and merges.
type modelFields struct {
	Type, UnkToken *string
	Dropout        *float64
	Prefix         *string `json:"continuing_subword_prefix"`
	Suffix         *string `json:"end_of_word_suffix"`
	FuseUnk        bool    `json:"fuse_unk"`
	ByteFallback   bool    `json:"byte_fallback"`
	IgnoreMerges   bool    `json:"ignore_merges"`
	MaxChars       *int    `json:"max_input_chars_per_word"`
	UnkID          *int    `json:"unk_id"`
	vocab, merges  json.RawMessage
}

func readModelFields(raw json.RawMessage) (*modelFields, error) {
	v := &modelFields{}
	r := &jsonReader{b: raw}
	small := []byte{'{'}
	err := r.object(func(key []byte) error {
		name := string(key)
		part, err := r.raw()
		switch {
		case err != nil:
			return err
		case name == "vocab":
			v.vocab = part
		case name == "merges":
			v.merges = part
		default:
			if len(small) > 1 {
				small = append(small, ',')
			}
			if name == "unk_token" {
				name = "UnkToken"
			}
			small = append(fmt.Appendf(small, "%q:", name), part...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := fields(append(small, '}'), v); err != nil {
		return nil, err
	}
	if isNull(v.vocab) {
		return nil, errors.New("no vocab")
	}
	return v, nil
}

// kind is the model's type; files older than the field are told by what they hold.
func (v *modelFields) kind() string {
	switch {
	case v.Type != nil:
		return *v.Type
	case v.merges != nil:
		return "BPE"
	case bytes.HasPrefix(bytes.TrimSpace(v.vocab), []byte("[")):
		return "Unigram"
	case v.MaxChars != nil || v.Prefix != nil:
		return "WordPiece"
	}
	return "WordLevel"
}

func (t *Tokenizer) buildModel(raw json.RawMessage, bytes bool) error {
	v, err := readModelFields(raw)
	if err != nil {
		return err
	}
	kind := v.kind()
	if bytes && kind != "BPE" {
		return fmt.Errorf("%s after ByteLevel is not supported", kind)
	}
	var scores []float64
	if kind == "Unigram" {
		if t.vocab, scores, err = readPieces(v.vocab); err == nil {
			t.vocab.count = len(scores)
		}
	} else {
		t.vocab, err = readVocab(v.vocab)
	}
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	unk := int32(-1)
	if v.UnkToken != nil {
		unk = t.vocab.idOr(*v.UnkToken)
	}
	switch kind {
	case "BPE":
		return t.buildBPE(v, unk, bytes)
	case "Unigram":
		return t.buildUnigram(v, scores)
	case "WordPiece", "WordLevel":
		if unk < 0 {
			return fmt.Errorf("%s: unk_token is not in the vocabulary", kind)
		}
		t.model = &wordLevel{t.vocab, unk}
		if kind == "WordPiece" {
			maxChars, prefix := 100, "##"
			if v.MaxChars != nil {
				maxChars = *v.MaxChars
			}
			if v.Prefix != nil {
				prefix = *v.Prefix
			}
			t.model = newWordPiece(t.vocab, unk, prefix, maxChars)
		}
		return nil
	}
	return fmt.Errorf("type %q is not supported", kind)
}

func (t *Tokenizer) buildBPE(v *modelFields, unk int32, bytes bool) error {
	if v.Dropout != nil && *v.Dropout != 0 {
		return errors.New("BPE with dropout is not supported: its ids are random")
	}
	if v.UnkToken != nil && unk < 0 {
		return fmt.Errorf("BPE: unk_token %q is not in the vocabulary", *v.UnkToken)
	}
	m := &bpe{vocab: t.vocab, bytes: bytes, unk: unk, fuseUnk: v.FuseUnk, fallback: v.ByteFallback, ignoreMerges: v.IgnoreMerges}
	if v.Prefix != nil {
		m.prefix = *v.Prefix
	}
	if v.Suffix != nil {
		m.suffix = *v.Suffix
	}
	if err := m.readMerges(v.merges); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	if err := m.prepare(); err != nil {
		return err
	}
	m.findMeta("▁")
	t.model = m
	return nil
}

// readMerges reads ["a b", ...] or [["a", "b"], ...].
func (m *bpe) readMerges(raw json.RawMessage) error {
	if isNull(raw) {
		return errors.New("none")
	}
	var merges mergeList
	var pair [2][]byte
	r := &jsonReader{b: raw}
	err := r.array(func() error {
		if r.peek() == '"' {
			text, err := r.str()
			if err != nil {
				return err
			}
			a, b, ok := bytes.Cut(text, []byte(" "))
			if !ok || bytes.IndexByte(b, ' ') >= 0 {
				return fmt.Errorf("merge %q is not two tokens", text)
			}
			return merges.add(m, a, b)
		}
		n := 0
		err := r.array(func() error {
			text, err := r.str()
			if err == nil && n < 2 {
				pair[n] = append(pair[n][:0], text...)
			}
			n++
			return err
		})
		if err == nil && n != 2 {
			err = fmt.Errorf("merge %d is not two tokens", len(merges.items))
		}
		if err != nil {
			return err
		}
		return merges.add(m, pair[0], pair[1])
	})
	if err != nil {
		return err
	}
	merges.fill(m)
	return nil
}

// mergeList collects merges in the order of their ranks.
type mergeList struct {
	items []mergeItem
	buf   []byte
}

type mergeItem struct{ a, b, id int32 }

func (l *mergeList) add(m *bpe, a, b []byte) error {
	idA, okA := m.vocab.bytesID(a)
	idB, okB := m.vocab.bytesID(b)
	if !okA || !okB || len(b) < len(m.prefix) {
		return fmt.Errorf("merge %q %q: not in the vocabulary", a, b)
	}
	l.buf = append(append(l.buf[:0], a...), b[len(m.prefix):]...)
	id, ok := m.vocab.bytesID(l.buf)
	if !ok {
		return fmt.Errorf("merge %q %q: %q is not in the vocabulary", a, b, l.buf)
	}
	l.items = append(l.items, mergeItem{idA, idB, id})
	return nil
}

func (l *mergeList) fill(m *bpe) {
	m.pairs = newPairTable(len(l.items))
	for rank, it := range l.items {
		m.pairs.set(it.a, it.b, uint32(rank), it.id)
	}
}

func (t *Tokenizer) buildUnigram(v *modelFields, scores []float64) error {
	unk := int32(-1)
	if v.UnkID != nil && *v.UnkID >= 0 && *v.UnkID < len(scores) {
		unk = int32(*v.UnkID)
	}
	if unk < 0 {
		return errors.New("model Unigram without a valid unk_id is not supported")
	}
	t.model = newUnigram(t.vocab, scores, unk, v.ByteFallback)
	return nil
}

func newUnigram(v *vocab, scores []float64, unk int32, fallback bool) *unigram {
	m := &unigram{vocab: v, scores: scores, unk: unk, fallback: fallback, byteIDs: v.byteTokens()}
	least := math.Inf(1)
	keys, ids := make([]string, 0, len(scores)), make([]int32, 0, len(scores))
	for id := range int32(len(scores)) {
		least = min(least, scores[id])
		tok, _ := v.token(id)
		last, _ := v.id(tok) // of two equal pieces the later counts
		keys, ids = append(keys, tok), append(ids, last)
	}
	m.unkScore = least - unkPenalty
	m.trie = newByteTrie(keys, ids)
	return m
}

// readVocab reads {"token": id, ...}.
func readVocab(raw []byte) (*vocab, error) {
	r := &jsonReader{b: raw}
	b := &vocabBuilder{}
	err := r.object(func(key []byte) error {
		n := len(b.arena)
		b.arena = append(b.arena, key...)
		id, err := r.int()
		if err != nil {
			return err
		}
		token := b.arena[n:]
		b.arena = b.arena[:n]
		return b.add(token, id)
	})
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	return b.build()
}

// readPieces reads [["token", score], ...].
func readPieces(raw []byte) (*vocab, []float64, error) {
	r := &jsonReader{b: raw}
	b := &vocabBuilder{}
	var scores []float64
	err := r.array(func() error {
		n := 0
		err := r.array(func() error {
			n++
			switch n {
			case 1:
				token, err := r.str()
				if err != nil {
					return err
				}
				return b.add(token, int64(len(scores)))
			case 2:
				score, err := r.float()
				scores = append(scores, score)
				return err
			}
			return errors.New("a piece is a token and a score")
		})
		if err == nil && n != 2 {
			err = errors.New("a piece is a token and a score")
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	v, err := b.build()
	return v, scores, err
}

// specialPiece is how templates spell added tokens and texts.
type specialPiece struct {
	SpecialToken *struct {
		ID   string
		Type int32 `json:"type_id"`
	}
	Sequence *struct {
		ID   string
		Type int32 `json:"type_id"`
	}
}

type postFields struct {
	Type       string
	Processors []json.RawMessage
	Single     []specialPiece
	Pair       json.RawMessage // of two texts, which no encoder is given
	Special    map[string]struct {
		ID     string
		IDs    []int32
		Tokens []string
	} `json:"special_tokens"`
	Sep, Cls       *specialID
	TrimOffsets    *bool `json:"trim_offsets"`
	AddPrefixSpace *bool `json:"add_prefix_space"`
	UseRegex       *bool `json:"use_regex"`
}

// specialID is ["[SEP]", 102].
type specialID struct{ id int32 }

func (s *specialID) UnmarshalJSON(b []byte) error {
	var name string
	pair := [2]any{&name, &s.id}
	return json.Unmarshal(b, &pair)
}

func buildPost(raw json.RawMessage) (postProcessor, error) {
	p := plainTemplate()
	if isNull(raw) {
		return p, nil
	}
	var v postFields
	if err := fields(raw, &v); err != nil {
		return p, err
	}
	switch v.Type {
	case "ByteLevel":
		return p, nil
	case "TemplateProcessing":
		return v.template()
	case "BertProcessing", "RobertaProcessing":
		if v.Cls == nil || v.Sep == nil {
			return p, fmt.Errorf("%s without cls or sep", v.Type)
		}
		return around(v.Cls.id, v.Sep.id), nil
	case "Sequence":
		found := 0
		for _, r := range v.Processors {
			if kind, err := typeOf(r); err != nil || kind == "ByteLevel" {
				continue
			} else if kind == "Sequence" {
				return p, errors.New("a Sequence within a Sequence is not supported")
			}
			if found++; found > 1 {
				return p, errors.New("two processors that add tokens are not supported")
			}
			var err error
			if p, err = buildPost(r); err != nil {
				return p, err
			}
		}
		return p, nil
	}
	return p, fmt.Errorf("type %q is not supported", v.Type)
}

// around is BERT's [CLS] A [SEP], and RoBERTa's <s> A </s>.
func around(cls, sep int32) postProcessor {
	return postProcessor{{ids: []int32{cls}}, {}, {ids: []int32{sep}}}
}

func (v *postFields) template() (postProcessor, error) {
	var p postProcessor
	for _, x := range v.Single {
		switch {
		case x.Sequence != nil && x.Sequence.ID == "A":
			p = append(p, templatePart{kind: x.Sequence.Type})
		case x.SpecialToken != nil:
			s, ok := v.Special[x.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("single: special token %q is not defined", x.SpecialToken.ID)
			}
			p = append(p, templatePart{kind: x.SpecialToken.Type, ids: append([]int32{}, s.IDs...)})
		default:
			return nil, errors.New("single: a part is neither a sequence nor a special token")
		}
	}
	return p, nil
}

// specialText is how special tokens are found by their spelling where no file names them.
var specialText = map[string]func(s *Special) *int32{
	"[CLS]": func(s *Special) *int32 { return &s.CLS }, "[SEP]": func(s *Special) *int32 { return &s.SEP },
	"[PAD]": func(s *Special) *int32 { return &s.PAD }, "<pad>": func(s *Special) *int32 { return &s.PAD },
	"[UNK]": func(s *Special) *int32 { return &s.UNK }, "<unk>": func(s *Special) *int32 { return &s.UNK },
	"[MASK]": func(s *Special) *int32 { return &s.MASK }, "<mask>": func(s *Special) *int32 { return &s.MASK },
	"<s>": func(s *Special) *int32 { return &s.BOS }, "</s>": func(s *Special) *int32 { return &s.EOS },
}
