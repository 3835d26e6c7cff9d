package token

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// loadVocabMerges loads vocab.json and the merges.txt beside it: byte-level BPE. How texts are cut follows from
// tokenizer_class in tokenizer_config.json; without one as GPT-2 does.
func loadVocabMerges(path string, data []byte, conf *config) (*Tokenizer, error) {
	t := &Tokenizer{post: plainTemplate(), dec: joined(decodeBytes)}
	r, err := newJSONReader(data)
	if err == nil {
		t.vocab, err = readVocab(r.b)
	}
	if err != nil {
		return nil, err
	}
	text, err := readFile(filepath.Join(filepath.Dir(path), "merges.txt"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("no merges.txt beside it")
	} else if err != nil {
		return nil, err
	}
	m := &bpe{vocab: t.vocab, bytes: true, unk: -1}
	if err := m.readMergeText(text); err != nil {
		return nil, fmt.Errorf("merges.txt: %w", err)
	}
	if err := m.prepare(); err != nil {
		return nil, err
	}
	t.model = m
	tokens, err := conf.addedTokens(t.vocab)
	if err != nil {
		return nil, err
	}
	if err := t.classOf(conf); err != nil {
		return nil, err
	}
	roberta := conf.Class == "RobertaTokenizer" || conf.Class == "LongformerTokenizer" || conf.Class == "RobertaTokenizerFast"
	t.setAdded(tokens)
	t.finish(conf)
	if roberta {
		if t.special.CLS < 0 || t.special.SEP < 0 {
			return nil, fmt.Errorf("%s without cls_token or sep_token", conf.Class)
		}
		t.post = around(t.special.CLS, t.special.SEP)
	}
	return t, nil
}

// classOf sets how texts are cut for the class that the configuration names.
func (t *Tokenizer) classOf(conf *config) error {
	prefix := conf.AddPrefixSpace != nil && *conf.AddPrefixSpace
	switch conf.Class {
	case "Qwen2Tokenizer", "Qwen2TokenizerFast":
		t.norm = newForm("NFC")
		t.pre = []preTokenizer{knownPattern(qwen2Pattern)}
		if prefix { // before each word, as the class has it
			t.pre = append(t.pre, prefixSpace{})
		}
		return nil
	case "", "GPT2Tokenizer", "GPT2TokenizerFast", "RobertaTokenizer", "RobertaTokenizerFast", "LongformerTokenizer", "CodeGenTokenizer":
		t.pre = []preTokenizer{wholeText(splitGPT2)}
	default:
		return fmt.Errorf("tokenizer_class %q is not supported from vocab.json and merges.txt (supported: Qwen2Tokenizer, GPT2Tokenizer, RobertaTokenizer)", conf.Class)
	}
	if prefix {
		t.pre = append([]preTokenizer{prefixSpace{}}, t.pre...)
	}
	return nil
}

// readMergeText reads merges.txt: a merge a line, a comment at the top.
func (m *bpe) readMergeText(text []byte) error {
	var merges mergeList
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(line, []byte("#version")) || len(line) == 0 {
			continue
		}
		a, b, ok := bytes.Cut(line, []byte(" "))
		if !ok || bytes.IndexByte(b, ' ') >= 0 {
			return fmt.Errorf("merge %q is not two tokens", line)
		}
		if err := merges.add(m, a, b); err != nil {
			return err
		}
	}
	merges.fill(m)
	return nil
}

// loadVocabText loads vocab.txt: BERT's WordPiece, a token a line.
func loadVocabText(data []byte, conf *config) (*Tokenizer, error) {
	b := &vocabBuilder{}
	id := int64(0)
	for line := range bytes.Lines(data) {
		if err := b.add(bytes.TrimRight(line, "\r\n"), id); err != nil {
			return nil, err
		}
		id++
	}
	v, err := b.build()
	if err != nil {
		return nil, err
	}
	for _, d := range []struct {
		to   *named
		from named
	}{{&conf.UNK, "[UNK]"}, {&conf.SEP, "[SEP]"}, {&conf.PAD, "[PAD]"}, {&conf.CLS, "[CLS]"}, {&conf.MASK, "[MASK]"}} {
		if *d.to == "" {
			*d.to = d.from
		}
	}
	tokens, err := conf.addedTokens(v)
	if err != nil {
		return nil, err
	}
	isTrue := func(b *bool) bool { return b == nil || *b }
	lower := isTrue(conf.Lower)
	accents := lower
	if conf.StripAccents != nil {
		accents = *conf.StripAccents
	}
	unk, ok := v.id(string(conf.UNK))
	if !ok {
		return nil, fmt.Errorf("the unknown token %q is not in the vocabulary", conf.UNK)
	}
	t := &Tokenizer{vocab: v, norm: newBert(true, isTrue(conf.Chinese), accents, lower), pre: []preTokenizer{wholeText(splitBert)},
		model: newWordPiece(v, unk, "##", 100)}
	t.dec = eachToken(func(i int, tok string) string { return decodeWordPiece(i, tok, "##", true) })
	t.setAdded(tokens)
	t.finish(conf)
	if t.special.CLS < 0 || t.special.SEP < 0 {
		return nil, fmt.Errorf("%q or %q is not in the vocabulary", conf.CLS, conf.SEP)
	}
	t.post = around(t.special.CLS, t.special.SEP)
	return t, nil
}
