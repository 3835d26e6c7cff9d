package token

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

func loadGGUF(g GGUF) (*Tokenizer, error) {
	t, err := g.load()
	if err != nil {
		return nil, fmt.Errorf("token: GGUF: %w", err)
	}
	return t, nil
}

func (g *GGUF) load() (*Tokenizer, error) {
	if len(g.Tokens) == 0 {
		return nil, errors.New("no tokenizer.ggml.tokens")
	}
	if len(g.Types) != 0 && len(g.Types) != len(g.Tokens) {
		return nil, fmt.Errorf("%d tokens but %d token types", len(g.Tokens), len(g.Types))
	}
	if len(g.Types) == 0 {
		g.Types = normalTypes(len(g.Tokens))
	}
	for _, id := range []*int32{&g.BOS, &g.EOS, &g.UNK, &g.SEP, &g.PAD, &g.CLS, &g.MASK} {
		if int(*id) >= len(g.Tokens) || *id < 0 {
			*id = -1
		}
	}
	var t *Tokenizer
	var err error
	switch g.Model {
	case "llama", "t5":
		t, err = g.sentencePiece()
	case "gpt2":
		t, err = g.bytePairs()
	case "bert":
		t, err = g.wordPiece()
	default:
		return nil, fmt.Errorf("tokenizer.ggml.model %q is not supported (supported: llama, gpt2, bert, t5)", g.Model)
	}
	if err != nil {
		return nil, err
	}
	t.added = newAdded(g.addedTokens(), func(s string) string { return s })
	t.special = Special{g.BOS, g.EOS, g.UNK, g.SEP, g.PAD, g.CLS, g.MASK}
	return t, nil
}

func normalTypes(n int) []int32 {
	types := make([]int32, n)
	for i := range types {
		types[i] = pieceNormal
	}
	return types
}

// addedTokens are the control tokens, the unknown one and the user-defined ones: they are found in texts as they are.
func (g *GGUF) addedTokens() []addedToken {
	var out []addedToken
	for id, kind := range g.Types {
		if kind == pieceControl || kind == pieceUnknown || kind == pieceUser {
			a := addedToken{id: int32(id), content: g.Tokens[id], special: kind != pieceUser}
			a.lstrip = a.content == "<mask>" && strings.HasPrefix(g.Pre, "jina-v2-") // as llama.cpp has it
			out = append(out, a)
		}
	}
	return out
}

func orElse(b *bool, def bool) bool {
	if b != nil {
		return *b
	}
	return def
}

// sentencePiece makes a tokenizer of "llama" (BPE by scores) and "t5" (unigram). llama.cpp puts a blank before every stretch
// of text, also after a special token.
func (g *GGUF) sentencePiece() (*Tokenizer, error) {
	if g.Model == "llama" && len(g.Tokens) > 2 { // what a file does not state (llama.cpp, llama-vocab.cpp, load)
		for id, special := range map[int32]*int32{1: &g.BOS, 2: &g.EOS} {
			if *special < 0 {
				*special = id
			}
		}
	}
	p := &pieces{tokens: g.Tokens, scores: g.Scores, types: g.Types, unk: g.UNK, fallback: true, modelType: 2}
	p.dummyPrefix, p.escape = orElse(g.AddSpacePrefix, true), true
	if g.Model == "t5" {
		p.modelType, p.fallback = 1, false
		p.squeeze = orElse(g.RemoveExtraWhitespaces, false)
	}
	t, err := p.tokenizer()
	if err != nil {
		return nil, err
	}
	norm := &sentence{dummyPrefix: p.dummyPrefix, squeeze: p.squeeze, escape: true}
	if len(g.CharsMap) > 0 && g.Model == "t5" {
		if norm.chars, err = newCharsMap(g.CharsMap); err != nil {
			return nil, err
		}
	}
	t.norm, t.dec = norm, p.decoder()
	t.post = beginEnd(g.BOS, g.EOS, orElse(g.AddBOS, g.Model == "llama"), orElse(g.AddEOS, g.Model == "t5"))
	return t, nil
}

// bytePairs makes a tokenizer of "gpt2": byte-level BPE.
func (g *GGUF) bytePairs() (*Tokenizer, error) {
	v, err := g.vocab(g.Tokens)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, dec: joined(decodeBytes)}
	m := &bpe{vocab: v, bytes: true, unk: -1}
	if err := t.preOfGGUF(m, g.Pre); err != nil {
		return nil, err
	}
	var merges mergeList
	for _, line := range g.Merges {
		a, b, ok := bytes.Cut([]byte(line), []byte(" "))
		if !ok {
			return nil, fmt.Errorf("merge %q is not two tokens", line)
		}
		if err := merges.add(m, a, b); err != nil {
			return nil, err
		}
	}
	merges.fill(m)
	t.model = m
	t.post = beginEnd(g.BOS, g.EOS, orElse(g.AddBOS, m.ignoreMerges), orElse(g.AddEOS, false)) // Llama 3's begin unless the file says otherwise
	return t, m.prepare()
}

func (g *GGUF) vocab(tokens []string) (*vocab, error) {
	b := &vocabBuilder{}
	for id, tok := range tokens {
		if err := b.add([]byte(tok), int64(id)); err != nil {
			return nil, err
		}
	}
	return b.build()
}

// preOfGGUF sets the pre-tokenizers that llama.cpp knows by a name (llama-vocab.cpp), as the models' own tokenizer.json
// files have them.
func (t *Tokenizer) preOfGGUF(m *bpe, name string) error {
	digits := &splitter{ofClass{classes(), isNumeric}, isolated, false}
	gpt2 := wholeText(splitGPT2)
	switch name {
	case "gpt-2", "gpt2", "phi-2", "roberta-bpe", "mpt", "olmo", "jais", "jina-v2-de", "jina-v2-es", "jina-v2-code", "modern-bert":
		t.pre = []preTokenizer{gpt2}
		if name == "mpt" || name == "olmo" || name == "modern-bert" {
			t.norm = newForm("NFC")
		}
	case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone":
		t.pre = []preTokenizer{digits, gpt2}
		if name == "command-r" {
			t.norm = newForm("NFC")
		}
	case "qwen2", "deepseek-r1-qwen", "stablelm2":
		t.norm, t.pre = newForm("NFC"), []preTokenizer{knownPattern(qwen2Pattern)}
	case "llama3", "llama-v3", "llama-bpe", "dbrx", "smaug-bpe":
		t.pre, m.ignoreMerges = []preTokenizer{knownPattern(llamaPattern)}, name != "dbrx" && name != "smaug-bpe"
	default:
		return fmt.Errorf("tokenizer.ggml.pre %q is not supported", name)
	}
	return nil
}

// wordPiece makes a tokenizer of "bert". GGUF writes tokens that begin a word with ▁ before them and those inside without ##.
func (g *GGUF) wordPiece() (*Tokenizer, error) {
	tokens := make([]string, len(g.Tokens))
	for id, tok := range g.Tokens {
		begin, ok := strings.CutPrefix(tok, "▁")
		switch {
		case ok:
			tokens[id] = begin
		case g.Types[id] == pieceNormal && !(len(tok) > 2 && tok[0] == '[' && tok[len(tok)-1] == ']'): // [unused1] stays
			tokens[id] = "##" + tok
		default:
			tokens[id] = tok
		}
	}
	v, err := g.vocab(tokens)
	if err != nil {
		return nil, err
	}
	for _, x := range []struct {
		id  *int32
		tok string
	}{{&g.UNK, "[UNK]"}, {&g.CLS, "[CLS]"}, {&g.SEP, "[SEP]"}, {&g.PAD, "[PAD]"}, {&g.MASK, "[MASK]"}} {
		if *x.id < 0 {
			*x.id = v.idOr(x.tok)
		}
	}
	if g.CLS < 0 && g.BOS >= 0 {
		g.CLS = g.BOS
	}
	if g.UNK < 0 || g.CLS < 0 || g.SEP < 0 {
		return nil, errors.New("no [UNK], [CLS] or [SEP]")
	}
	lower := orElse(g.Lowercase, true)
	t := &Tokenizer{vocab: v, norm: newBert(true, true, orElse(g.StripAccents, lower), lower), pre: []preTokenizer{wholeText(splitBert)},
		model: newWordPiece(v, g.UNK, "##", 100), post: around(g.CLS, g.SEP)}
	t.dec = eachToken(func(i int, tok string) string { return decodeWordPiece(i, tok, "##", true) })
	return t, nil
}
