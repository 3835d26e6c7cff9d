package model

import (
	"fmt"
	"math"
)

// modernBERT is ModernBERT (Warner et al. 2024): norms before the sublayers, rotary positions, gated feed-forward layers, and
// attention that is global in every third layer and local in the others.
type modernBERT struct {
	words     *Matrix
	embedNorm bertNorm
	layers    []modernLayer
	norm      bertNorm
	eps       float64
}

type modernLayer struct {
	attnNorm   bertNorm // the first layer has none
	q, k, v, o *Linear
	rope       *Rotary
	attention  *Attention
	mlpNorm    bertNorm
	mlp        *GatedMLP
}

func forwardModernBERT[T any](ops Ops[T], m *modernBERT, b *Batch, depth int) T {
	x := ops.LayerNorm(ops.Embed(m.words, b.IDs), m.embedNorm.w, m.embedNorm.b, m.eps)
	for i := range m.layers[:depth] {
		x = ops.Layer(i, x, func(x T) T { return modernBlock(ops, m, &m.layers[i], x, i == depth-1) })
	}
	if depth == len(m.layers) {
		x = ops.LayerNorm(x, m.norm.w, m.norm.b, m.eps)
	}
	return x
}

func modernBlock[T any](ops Ops[T], m *modernBERT, l *modernLayer, x T, last bool) T {
	h := x
	if l.attnNorm.w != nil {
		h = ops.LayerNorm(x, l.attnNorm.w, l.attnNorm.b, m.eps)
	}
	qkv := ops.Linears(h, l.q, l.k, l.v)
	q, k, v := qkv[0], qkv[1], qkv[2]
	if last {
		q, x = ops.Keep(q), ops.Keep(x)
	}
	h = ops.Attention(ops.Rope(q, l.rope), ops.Rope(k, l.rope), v, l.attention)
	x = ops.Add(x, ops.Linear(h, l.o))
	return ops.Add(x, ops.GatedMLP(ops.LayerNorm(x, l.mlpNorm.w, l.mlpNorm.b, m.eps), l.mlp))
}

func buildModernBERT(c *config, l *loader) *Network {
	width, vocab, layers := c.size("hidden_size"), c.size("vocab_size"), c.size("num_hidden_layers")
	heads := c.equalHeads(width)
	every := c.sizeOr(3, "global_attn_every_n_layers")
	slides := c.slides(layers, func(i int) bool { return i%every != 0 })
	ropes := map[bool]*Rotary{false: c.modernRope("full_attention", heads.dim), true: c.modernRope("sliding_attention", heads.dim)}
	if c.err != nil {
		return nil
	}
	m := &modernBERT{eps: c.epsilon(1e-5, "norm_eps"), words: l.matrix("embeddings.tok_embeddings.weight", vocab, width)}
	bias := c.flag("norm_bias", false)
	m.embedNorm = l.modernNorm("embeddings.norm", width, bias)
	for i := 0; i < layers && l.err == nil; i++ {
		layer := buildModernLayer(c, l, i, width, bias)
		layer.rope = ropes[slides[i]]
		layer.attention = &Attention{Heads: heads.heads, KVHeads: heads.heads, Dim: heads.dim, Scale: 1 / math.Sqrt(float64(heads.dim)), Before: Unlimited, After: Unlimited}
		if slides[i] {
			reach := c.sizeOr(c.sizeOr(128, "local_attention")/2, "sliding_window") // the second where a file states both
			layer.attention.Before, layer.attention.After = reach, reach
		}
		m.layers = append(m.layers, layer)
	}
	m.norm = l.modernNorm("final_norm", width, bias)
	l.refuseUnused("layers.%d.")
	return &Network{Width: width, Vocab: vocab, Layers: layers, Context: c.sizeOr(0, "max_position_embeddings"), body: m}
}

func buildModernLayer(c *config, l *loader, i, width int, normBias bool) modernLayer {
	p, inner := fmt.Sprintf("layers.%d.", i), c.size("intermediate_size")
	attnBias, mlpBias := c.flag("attention_bias", false), c.flag("mlp_bias", false)
	part := func(k int) *Linear {
		return l.linearPart(p+"attn.Wqkv", width, 3*width, Span{k * width, (k + 1) * width}, attnBias)
	}
	layer := modernLayer{q: part(0), k: part(1), v: part(2), o: l.linear(p+"attn.Wo", width, width, attnBias),
		mlpNorm: l.modernNorm(p+"mlp_norm", width, normBias),
		mlp: &GatedMLP{
			Gate: l.linearPart(p+"mlp.Wi", width, 2*inner, Span{0, inner}, mlpBias),
			Up:   l.linearPart(p+"mlp.Wi", width, 2*inner, Span{inner, 2 * inner}, mlpBias),
			Down: l.linear(p+"mlp.Wo", inner, width, mlpBias),
			Act:  c.activation("gelu", "hidden_activation"),
		}}
	if i > 0 {
		layer.attnNorm = l.modernNorm(p+"attn_norm", width, normBias)
	}
	return layer
}

// modernRope is the rotation of the layers of a kind: the older configuration has a base for each, where null means that of all layers, and
// one scaling for all (transformers 5.23, configuration_modernbert.py).
func (c *config) modernRope(kind string, dim int) *Rotary {
	usual := map[string]float64{"full_attention": 160000, "sliding_attention": 10000}[kind]
	if c.fields["rope_parameters"] != nil {
		return c.rotary(kind, dim, usual)
	}
	theta := c.number(160000, "global_rope_theta")
	if local, stated := c.fields["local_rope_theta"]; kind == "sliding_attention" && (local != nil || !stated) {
		theta = c.number(usual, "local_rope_theta")
	}
	return c.rotaryOf(c.object("rope_scaling"), dim, theta)
}

func (l *loader) modernNorm(name string, n int, bias bool) bertNorm {
	if bias {
		return l.bertNorm(name, n)
	}
	return bertNorm{w: l.vector(name+".weight", n, 0)}
}
