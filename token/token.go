// Package token turns text into token ids and back, exactly as Hugging Face's tokenizers library does: byte-level BPE,
// SentencePiece BPE and Unigram, WordPiece and WordLevel, from tokenizer.json, SentencePiece .model files, vocab.json with
// merges.txt, vocab.txt and GGUF metadata.
//
// What a file asks for and this package does not know is refused by name when the file is opened; nothing is skipped. The
// package is not for training tokenizers, for chat templates or for padding.
package token

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Span is a range of bytes of the text that was encoded: text[Start:End].
type Span struct{ Start, End int }

// Special holds the ids of the tokens that models give a meaning to; -1 where the tokenizer has none.
type Special struct{ BOS, EOS, UNK, SEP, PAD, CLS, MASK int32 }

// Encoding is a text with everything that is known of its tokens. The slices have the same length.
type Encoding struct {
	IDs   []int32
	Types []int32 // segment of each token, as the post-processor assigns it
	Spans []Span  // bytes of the text that each token was made of; empty for added specials
	Added []bool  // whether the post-processor added the token
}

// Options say how EncodeAll encodes.
type Options struct {
	NoSpecial bool // leave out the tokens that the post-processor adds
	Max       int  // at most so many tokens a text, the added ones included; 0: no limit
	Threads   int  // 0: GOMAXPROCS
}

// Tokenizer is a loaded tokenizer. It is safe for concurrent use and never changes.
type Tokenizer struct {
	vocab   *vocab
	added   addedTokens
	norm    normalizer // nil: none
	pre     []preTokenizer
	model   model
	post    postProcessor
	dec     decoder // nil: tokens joined by a blank
	special Special
	limit   int  // the file's own truncation, 0: none
	left    bool // what is too long loses its beginning
	track   bool // spans are needed to encode rightly (Metaspace's prepend_scheme "first")
	pool    sync.Pool

	nearOnce sync.Once
	isNear   bool // what near says
}

// Size is the number of ids: one more than the highest id that Encode can return.
func (t *Tokenizer) Size() int { return max(t.vocab.size(), t.added.size) }

// Special returns the ids of the special tokens.
func (t *Tokenizer) Special() Special { return t.special }

// Limit is the length to which the tokenizer's own file asks texts to be cut, special tokens included; 0 where it asks
// for none. Encode does not cut; EncodeMax and EncodeAll cut to the length that they are given.
func (t *Tokenizer) Limit() int { return t.limit }

// Token returns the token of an id as the vocabulary spells it, and whether there is one.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if a := t.added.byID[id]; a != nil {
		return a.content, true
	}
	return t.vocab.token(id)
}

// ID returns the id of a token as the vocabulary spells it, and whether there is one.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.added.ids[token]; ok {
		return id, true
	}
	return t.vocab.id(token)
}

// Lowered is the tokenizer with lower case before its own normalisation: added tokens that it finds in a text as it stands keep their case
// there.
func (t *Tokenizer) Lowered() *Tokenizer {
	low := &Tokenizer{vocab: t.vocab, added: t.added, norm: newLowercase(), pre: t.pre, model: t.model, post: t.post, dec: t.dec, special: t.special,
		limit: t.limit, left: t.left, track: t.track}
	if t.norm != nil {
		low.norm = normalizers{low.norm, t.norm}
	}
	return low
}

// IsSpecial says whether id is a token that Decode leaves out when asked to skip special tokens.
func (t *Tokenizer) IsSpecial(id int32) bool {
	tok, ok := t.spelling(id)
	return ok && t.added.skip[tok]
}

// Encode appends the ids of text to dst and returns it. Added and special tokens inside the text are recognised. With
// addSpecial the post-processor's tokens ([CLS], <s>, ...) are added. Invalid UTF-8 counts as U+FFFD.
func (t *Tokenizer) Encode(dst []int32, text string, addSpecial bool) []int32 {
	return t.EncodeMax(dst, text, addSpecial, 0)
}

// EncodeMax is Encode cut to at most limit tokens; limit <= 0 does not cut. Tokens that the post-processor adds are kept:
// the text loses tokens at its end to make room for them, as Hugging Face's truncation on the right does, or at its beginning where
// tokenizer_config.json has truncation_side "left", or says nothing and tokenizer.json has the direction "Left".
func (t *Tokenizer) EncodeMax(dst []int32, text string, addSpecial bool, limit int) []int32 {
	s := t.state(false)
	ids := t.encodeLimited(s, text, limit)
	dst = t.post.single(dst, ids[t.first(len(ids), addSpecial, limit):], addSpecial, limit)
	t.pool.Put(s)
	return dst
}

// EncodeSpans is EncodeMax with the types and byte spans of the tokens. A character that normalisation changed belongs to
// the bytes that it came from.
func (t *Tokenizer) EncodeSpans(text string, addSpecial bool, limit int) Encoding {
	s := t.state(true)
	defer t.pool.Put(s)
	ids := t.encodeLimited(s, text, limit)
	first := t.first(len(ids), addSpecial, limit)
	return t.post.spans(ids[first:], s.spans[first:], addSpecial, limit)
}

// EncodeFirst is EncodeSpans of the first n tokens of the text, above 0, without tokens that the post-processor adds, on whichever side texts are cut.
func (t *Tokenizer) EncodeFirst(text string, n int) Encoding {
	s := t.state(true)
	defer t.pool.Put(s)
	ids := t.encodeFirst(s, text, n)
	return t.post.spans(ids, s.spans[:len(ids)], false, n)
}

// encodeLimited is encode where limit tokens are left of a text.
func (t *Tokenizer) encodeLimited(s *state, text string, limit int) []int32 {
	if t.left {
		limit = 0
	}
	return t.encodeFirst(s, text, limit)
}

// first is the first of n tokens of a text that stays where limit ones are left.
func (t *Tokenizer) first(n int, addSpecial bool, limit int) int {
	if !t.left {
		return 0
	}
	return n - t.post.keep(n, addSpecial, limit)
}

// EncodeAll encodes many texts in parallel; result i belongs to texts[i] whatever the number of threads. It stops with
// ctx's error when ctx ends.
func (t *Tokenizer) EncodeAll(ctx context.Context, texts []string, o Options) ([][]int32, error) {
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	out := make([][]int32, len(texts))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, max(1, len(texts))) {
		wg.Go(func() {
			s := t.state(false)
			defer t.pool.Put(s)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(texts) {
					return
				}
				s.plain = t.encodeLimited(s, texts[i], o.Max)
				n, first := len(s.plain)+t.post.added(), t.first(len(s.plain), !o.NoSpecial, o.Max)
				out[i] = t.post.single(make([]int32, 0, n), s.plain[first:], !o.NoSpecial, o.Max)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("token: encode %d texts: %w", len(texts), err)
	}
	return out, nil
}

// Decode turns ids back into text. Ids without a token are left out, and special tokens too where skipSpecial is set.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	return t.decode(ids, skipSpecial)
}
