package token

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Types of sentencepiece's pieces (sentencepiece_model.proto); GGUF has the same numbers.
const (
	pieceNormal  = 1
	pieceUnknown = 2
	pieceControl = 3
	pieceUser    = 4
	pieceUnused  = 5
	pieceByte    = 6
)

// pieces is what a sentencepiece model says, from its own file or from GGUF.
type pieces struct {
	tokens      []string
	scores      []float32
	types       []int32
	modelType   uint64 // 1 unigram, 2 BPE
	fallback    bool
	suffix      bool
	charsMap    []byte
	dummyPrefix bool
	squeeze     bool
	escape      bool
	unk         int32
	bos, eos    int32
	pad         int32
}

// maxPiece bounds a piece's length, because merges are found by trying every cut of it; the longest published ones have about
// 200 bytes.
const maxPiece = 1 << 12

var errProto = errors.New("not a sentencepiece model: broken protocol buffer")

// protoFields calls field for each field of a protocol buffer message: v is its number (varint and fixed), b its bytes.
func protoFields(data []byte, field func(num int, v uint64, b []byte) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29 {
			return errProto
		}
		data = data[n:]
		var v uint64
		var b []byte
		switch tag & 7 {
		case 0:
			v, n = binary.Uvarint(data)
			if n <= 0 {
				return errProto
			}
		case 1:
			n = 8
			if len(data) < n {
				return errProto
			}
			v = binary.LittleEndian.Uint64(data)
		case 2:
			size, k := binary.Uvarint(data)
			if k <= 0 || size > uint64(len(data)-k) {
				return errProto
			}
			n = k + int(size)
			b = data[k:n]
		case 5:
			n = 4
			if len(data) < n {
				return errProto
			}
			v = uint64(binary.LittleEndian.Uint32(data))
		default:
			return errProto
		}
		data = data[n:]
		if err := field(int(tag>>3), v, b); err != nil {
			return err
		}
	}
	return nil
}

// parsePieces reads a ModelProto.
func parsePieces(data []byte) (*pieces, error) {
	p := &pieces{modelType: 1, dummyPrefix: true, squeeze: true, escape: true, unk: 0, bos: 1, eos: 2, pad: -1}
	err := protoFields(data, func(num int, _ uint64, b []byte) error {
		switch num {
		case 1:
			return p.piece(b)
		case 2:
			return protoFields(b, p.trainerField)
		case 3:
			return protoFields(b, p.normalizerField)
		}
		return nil
	})
	if err == nil && len(p.tokens) == 0 {
		err = errors.New("not a sentencepiece model: no pieces")
	}
	return p, err
}

func (p *pieces) piece(b []byte) error {
	tok, score, kind := "", float32(0), int32(pieceNormal)
	err := protoFields(b, func(num int, v uint64, b []byte) error {
		switch num {
		case 1:
			tok = string(b)
		case 2:
			score = math.Float32frombits(uint32(v))
		case 3:
			kind = int32(min(v, 100))
		}
		return nil
	})
	if err == nil && (kind < pieceNormal || kind > pieceByte) {
		err = fmt.Errorf("piece %q has the unknown type %d", tok, kind)
	}
	if err == nil && (tok == "" || !utf8.ValidString(tok)) {
		err = fmt.Errorf("piece %d is %q", len(p.tokens), tok)
	}
	p.tokens, p.scores, p.types = append(p.tokens, tok), append(p.scores, score), append(p.types, kind)
	return err
}

func (p *pieces) trainerField(num int, v uint64, _ []byte) error {
	switch num {
	case 3:
		p.modelType = v
	case 24:
		p.suffix = v != 0
	case 35:
		p.fallback = v != 0
	case 40:
		p.unk = int32(v)
	case 41:
		p.bos = int32(v)
	case 42:
		p.eos = int32(v)
	case 43:
		p.pad = int32(v)
	}
	return nil
}

func (p *pieces) normalizerField(num int, v uint64, b []byte) error {
	switch num {
	case 2:
		p.charsMap = b
	case 3:
		p.dummyPrefix = v != 0
	case 4:
		p.squeeze = v != 0
	case 5:
		p.escape = v != 0
	}
	return nil
}

// loadSentencePiece loads a sentencepiece model: its ids are the numbers of its own pieces, as sentencepiece gives them, and
// text is treated as sentencepiece treats it. Tokens are added to a text where the configuration asks for them
// (add_bos_token, add_eos_token); where it says nothing, <s> before it for BPE, as Llama has it, and </s> after it for
// unigram models, as T5 has it. Control pieces (<s>, </s>, <unk>) inside a text are recognised, as transformers does and
// sentencepiece does not.
func loadSentencePiece(data []byte, conf *config) (*Tokenizer, error) {
	p, err := parsePieces(data)
	if err != nil {
		return nil, err
	}
	if p.modelType != 1 && p.modelType != 2 {
		return nil, fmt.Errorf("sentencepiece model type %d is not supported (supported: unigram, BPE)", p.modelType)
	}
	if p.suffix {
		return nil, errors.New("treat_whitespace_as_suffix is not supported")
	}
	t, err := p.tokenizer()
	if err != nil {
		return nil, err
	}
	norm := &sentence{dummyPrefix: p.dummyPrefix, squeeze: p.squeeze, escape: p.escape}
	if len(p.charsMap) > 0 {
		if norm.chars, err = newCharsMap(p.charsMap); err != nil {
			return nil, err
		}
	}
	t.norm = norm
	t.dec = p.decoder()
	t.added = newAdded(p.added(norm), func(s string) string { return s })
	t.special = p.special()
	bos, eos := p.modelType == 2, p.modelType == 1
	if conf.AddBOS != nil {
		bos = *conf.AddBOS
	}
	if conf.AddEOS != nil {
		eos = *conf.AddEOS
	}
	t.post = beginEnd(t.special.BOS, t.special.EOS, bos, eos)
	return t, nil
}

// added are the pieces that are found in a text before the model reads it; the user's own also pass norm as they are.
func (p *pieces) added(norm *sentence) []addedToken {
	var added []addedToken
	for id, kind := range p.types {
		if kind == pieceControl || kind == pieceUnknown {
			added = append(added, addedToken{id: int32(id), content: p.tokens[id], special: true})
		}
		if kind != pieceUser {
			continue
		}
		norm.user.add(p.tokens[id], &addedToken{id: int32(id)})
		if p.modelType == 2 { // what the model must not merge with its neighbours
			added = append(added, addedToken{id: int32(id), content: p.tokens[id], normalized: true})
		}
	}
	return added
}

// special are the special ids; those that are no piece are -1.
func (p *pieces) special() Special {
	s := Special{p.bos, p.eos, p.unk, -1, p.pad, -1, -1}
	for _, id := range []*int32{&s.BOS, &s.EOS, &s.PAD} {
		if *id < 0 || int(*id) >= len(p.tokens) {
			*id = -1
		}
	}
	return s
}

// beginEnd puts bos before and eos after a text.
func beginEnd(bosID, eosID int32, bos, eos bool) postProcessor {
	p := plainTemplate()
	if bos && bosID >= 0 {
		p = append(postProcessor{{ids: []int32{bosID}}}, p...)
	}
	if eos && eosID >= 0 {
		p = append(p, templatePart{ids: []int32{eosID}})
	}
	return p
}

// tokenizer makes the vocabulary and the model.
func (p *pieces) tokenizer() (*Tokenizer, error) {
	if len(p.scores) != len(p.tokens) || len(p.types) != len(p.tokens) {
		return nil, fmt.Errorf("%d pieces, %d scores, %d types", len(p.tokens), len(p.scores), len(p.types))
	}
	b := &vocabBuilder{}
	for id, tok := range p.tokens {
		if len(tok) > maxPiece {
			return nil, fmt.Errorf("piece %d has %d bytes; more than %d are not supported", id, len(tok), maxPiece)
		}
		if err := b.add([]byte(tok), int64(id)); err != nil {
			return nil, err
		}
		if p.types[id] == pieceUnknown {
			p.unk = int32(id)
		}
	}
	v, err := b.build()
	if err != nil {
		return nil, err
	}
	if p.unk < 0 || int(p.unk) >= len(p.tokens) {
		return nil, errors.New("no unknown piece")
	}
	t := &Tokenizer{vocab: v}
	if p.modelType == 2 {
		t.model, err = p.bpe(v)
	} else {
		t.model = p.unigram(v)
	}
	return t, err
}

// mergeable says whether a piece can come of text.
func (p *pieces) mergeable(id int32) bool { return p.types[id] == pieceNormal }

func (p *pieces) unigram(v *vocab) model {
	m := &unigram{vocab: v, unk: p.unk, fallback: p.fallback, single: true, byteIDs: v.byteTokens()}
	m.scores = make([]float64, len(p.scores))
	least := float32(math.Inf(1))
	for id, s := range p.scores {
		if p.types[id] == pieceNormal {
			least = min(least, s)
		}
		m.scores[id] = float64(s)
	}
	var keys []string
	var ids []int32
	for id, tok := range p.tokens {
		switch p.types[id] {
		case pieceUser: // better than any other, whatever the file says; up to 0.2.1 sentencepiece had -0.1, and cut runs of them otherwise
			m.scores[id] = 0
		case pieceNormal:
		default:
			continue
		}
		keys, ids = append(keys, tok), append(ids, int32(id))
	}
	m.unkScore = float64(least - unkPenalty)
	m.trie = newByteTrie(keys, ids)
	return m
}

// bpe makes merges of the scores: two neighbours merge if together they are a piece, those of the highest score first.
func (p *pieces) bpe(v *vocab) (*bpe, error) {
	m := &bpe{vocab: v, unk: p.unk, fuseUnk: true, fallback: p.fallback, chars: map[rune]int32{}, virtual: map[int32]rune{}}
	p.numberChars(m)
	list := p.merges(m)
	m.pairs = newPairTable(len(list))
	for _, x := range list {
		m.pairs.set(x.a, x.b, x.rank, x.id)
	}
	if err := m.prepareChars(); err != nil {
		return nil, err
	}
	m.findMeta("▁")
	return m, nil
}

// numberChars gives the characters of the pieces their ids; one that is only a part of pieces gets a number below zero.
func (p *pieces) numberChars(m *bpe) {
	for id, tok := range p.tokens {
		if !p.mergeable(int32(id)) {
			continue
		}
		for _, r := range tok {
			if c, ok := m.vocab.id(string(r)); ok && p.mergeable(c) {
				m.chars[r] = c
			} else if _, ok := m.chars[r]; !ok {
				c := int32(-2 - len(m.virtual))
				m.chars[r], m.virtual[c] = c, r
			}
		}
	}
}

// merges are the cuts of all pieces into two that may merge, with the ranks of the pieces.
func (p *pieces) merges(m *bpe) []scoredMerge {
	part := func(s string) (int32, bool) {
		if r, n := utf8.DecodeRuneInString(s); n == len(s) {
			id, ok := m.chars[r]
			return id, ok
		}
		id, ok := m.vocab.id(s)
		return id, ok && p.mergeable(id)
	}
	var list []scoredMerge
	rank := p.ranks()
	for id, tok := range p.tokens {
		if !p.mergeable(int32(id)) {
			continue
		}
		for i := range tok {
			a, okA := part(tok[:i])
			b, okB := part(tok[i:])
			if i > 0 && okA && okB {
				list = append(list, scoredMerge{a, b, int32(id), rank[id]})
			}
		}
	}
	return list
}

// scoredMerge is a merge of a and b to the piece id.
type scoredMerge struct {
	a, b, id int32
	rank     uint32
}

// ranks numbers the scores, the highest first; equal scores have one rank.
func (p *pieces) ranks() []uint32 {
	order := make([]int, len(p.scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p.scores[a] > p.scores[b]:
			return -1
		case p.scores[a] < p.scores[b]:
			return 1
		}
		return 0
	})
	ranks := make([]uint32, len(order))
	for i, id := range order {
		if i > 0 {
			ranks[id] = ranks[order[i-1]]
			if p.scores[id] != p.scores[order[i-1]] {
				ranks[id]++
			}
		}
	}
	return ranks
}

// decoder is that of sentencepiece: blanks at the beginning go, ▁ becomes a blank, bytes become characters.
func (p *pieces) decoder() decoder {
	blanks := eachToken(func(_ int, t string) string { return strings.ReplaceAll(t, "▁", " ") })
	all := decoders{blanks, byteFallback{}}
	if p.dummyPrefix || p.squeeze {
		all = append(decoders{leadingBlanks{p.squeeze}}, all...)
	}
	return all
}

// leadingBlanks drops the blank that was put before a text or, where runs of them were squeezed, one of each piece up to the first that holds
// something else (sentencepiece_processor.cc, Decode).
type leadingBlanks struct{ all bool }

func (l leadingBlanks) decode(tokens []string) []string {
	for i, t := range tokens {
		rest, ok := strings.CutPrefix(t, "▁")
		tokens[i] = rest
		if rest != "" || ok && !l.all {
			break
		}
	}
	return tokens
}
