package model

import (
	"fmt"
	"math"
	"slices"
)

// decoder is the network of Llama and its descendants: blocks of attention with rotary positions and a gated feed-forward
// layer, each behind a root-mean-square norm (Touvron et al. 2023, section 2.2). Options are nil or zero where a family
// does not have them.
type decoder struct {
	embed  *Matrix
	scale  float64 // of the embeddings; 0: none (Gemma)
	layers []decoderLayer
	norm   *Vector
	eps    float64
}

type decoderLayer struct {
	attnNorm, mlpNorm *Vector
	q, k, v, o        *Linear
	qNorm, kNorm      *Vector // of heads; nil: none (Qwen3, Gemma 3)
	postAttn, postMLP *Vector // norms behind the sublayers; nil: none (Gemma)
	rope              *Rotary
	attention         *Attention
	mlp               *GatedMLP
	eps               float64
}

func forwardDecoder[T any](ops Ops[T], d *decoder, b *Batch, depth int) T {
	x := ops.Embed(d.embed, b.IDs)
	if d.scale != 0 {
		x = ops.Scale(x, d.scale)
	}
	for i := range d.layers[:depth] {
		x = ops.Layer(i, x, func(x T) T { return decoderBlock(ops, &d.layers[i], x, i == depth-1) })
	}
	if depth == len(d.layers) {
		x = ops.RMSNorm(x, d.norm, d.eps)
	}
	return x
}

// decoderBlock is one layer. In the last one only the rows that pooling reads go on behind the keys and values.
func decoderBlock[T any](ops Ops[T], l *decoderLayer, x T, last bool) T {
	qkv := ops.Linears(ops.RMSNorm(x, l.attnNorm, l.eps), l.q, l.k, l.v)
	q, k, v := qkv[0], qkv[1], qkv[2]
	if last {
		q, x = ops.Keep(q), ops.Keep(x)
	}
	if l.qNorm != nil {
		q, k = ops.RMSNorm(q, l.qNorm, l.eps), ops.RMSNorm(k, l.kNorm, l.eps)
	}
	h := ops.Attention(ops.Rope(q, l.rope), ops.Rope(k, l.rope), v, l.attention)
	h = ops.Linear(h, l.o)
	if l.postAttn != nil {
		h = ops.RMSNorm(h, l.postAttn, l.eps)
	}
	x = ops.Add(x, h)
	h = ops.GatedMLP(ops.RMSNorm(x, l.mlpNorm, l.eps), l.mlp)
	if l.postMLP != nil {
		h = ops.RMSNorm(h, l.postMLP, l.eps)
	}
	return ops.Add(x, h)
}

// decoderShape is what the families of decoders state differently.
type decoderShape struct {
	heads               headSizes
	qkvBias, oBias      bool
	mlpBias             bool
	headNorms           bool // norms of q and k
	sandwich            bool // norms behind the sublayers too
	normAdd             float32
	act                 Activation
	scale               float64 // of the attention; 0: 1/sqrt(dim)
	embedScale, softcap float64
	bidirectional       bool
	window              int    // 0: none
	slides              []bool // layers with the window
	rope, slidingRope   *Rotary
	headCap             float64 // softcap of the logits
}

// buildDecoder loads a decoder of the shape.
func buildDecoder(c *config, l *loader, s decoderShape) *Network {
	width, vocab := c.size("hidden_size"), c.size("vocab_size")
	layers := c.size("num_hidden_layers")
	if s.bidirectional && s.window > 0 && slices.Contains(s.slides, true) && !s.sandwich { // Gemma alone says what it means
		c.fail("is_causal false together with a sliding window is not supported")
	}
	if c.err != nil {
		return nil
	}
	d := &decoder{embed: l.matrix("embed_tokens.weight", vocab, width), scale: s.embedScale, eps: c.epsilon(1e-6, "rms_norm_eps")}
	for i := 0; i < layers && l.err == nil; i++ {
		d.layers = append(d.layers, buildDecoderLayer(c, l, &s, i, width))
	}
	d.norm = l.vector("norm.weight", width, s.normAdd)
	n := &Network{Width: width, Vocab: vocab, Layers: layers, Context: c.sizeOr(0, "max_position_embeddings"), Causal: !s.bidirectional,
		Stretch: s.rope.Reach,
		body:    d, softcap: s.headCap, decoding: true}
	l.refuseUnused("layers.%d.")
	switch {
	case l.has("lm_head.weight"):
		n.head = &Linear{W: l.matrix("lm_head.weight", vocab, width)}
	case c.flag("tie_word_embeddings", true) && !isHeadless(c.architecture()):
		n.head = &Linear{W: d.embed}
	}
	return n
}

func buildDecoderLayer(c *config, l *loader, s *decoderShape, i, width int) decoderLayer {
	p, h := fmt.Sprintf("layers.%d.", i), s.heads
	inner := c.size("intermediate_size")
	layer := decoderLayer{
		eps:      c.epsilon(1e-6, "rms_norm_eps"),
		attnNorm: l.vector(p+"input_layernorm.weight", width, s.normAdd),
		q:        l.linear(p+"self_attn.q_proj", width, h.heads*h.dim, s.qkvBias),
		k:        l.linear(p+"self_attn.k_proj", width, h.kv*h.dim, s.qkvBias),
		v:        l.linear(p+"self_attn.v_proj", width, h.kv*h.dim, s.qkvBias),
		o:        l.linear(p+"self_attn.o_proj", h.heads*h.dim, width, s.oBias),
		rope:     s.rope,
		mlp: &GatedMLP{
			Gate: l.linear(p+"mlp.gate_proj", width, inner, s.mlpBias),
			Up:   l.linear(p+"mlp.up_proj", width, inner, s.mlpBias),
			Down: l.linear(p+"mlp.down_proj", inner, width, s.mlpBias),
			Act:  s.act,
		},
		attention: s.attention(i),
	}
	if s.slides != nil && s.slides[i] && s.slidingRope != nil {
		layer.rope = s.slidingRope
	}
	if s.headNorms {
		layer.qNorm = l.vector(p+"self_attn.q_norm.weight", h.dim, s.normAdd)
		layer.kNorm = l.vector(p+"self_attn.k_norm.weight", h.dim, s.normAdd)
	}
	if !s.sandwich {
		layer.mlpNorm = l.vector(p+"post_attention_layernorm.weight", width, s.normAdd)
		return layer
	}
	layer.postAttn = l.vector(p+"post_attention_layernorm.weight", width, s.normAdd)
	layer.mlpNorm = l.vector(p+"pre_feedforward_layernorm.weight", width, s.normAdd)
	layer.postMLP = l.vector(p+"post_feedforward_layernorm.weight", width, s.normAdd)
	return layer
}

// attention is layer i's. A window of W lets a token see W tokens up to itself; without causality W/2 on either side.
func (s *decoderShape) attention(i int) *Attention {
	a := &Attention{Heads: s.heads.heads, KVHeads: s.heads.kv, Dim: s.heads.dim, Scale: s.scale, Softcap: s.softcap, Before: Unlimited, After: 0}
	if a.Scale == 0 {
		a.Scale = 1 / math.Sqrt(float64(a.Dim))
	}
	slides := s.window > 0 && s.slides[i]
	switch {
	case s.bidirectional && slides:
		a.Before, a.After = s.window/2, s.window/2
	case s.bidirectional:
		a.After = Unlimited
	case slides:
		a.Before = s.window - 1
	}
	return a
}
