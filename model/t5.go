package model

import (
	"fmt"
	"strings"
)

// t5 is the encoder of T5 (Raffel et al. 2020) and of version 1.1: norms without mean before the sublayers, a relative bias
// instead of positions, no scaling of the attention. mT5 (Xue et al. 2021) is version 1.1; in UMT5 (Chung et al. 2023) each layer has a bias of its own.
type t5 struct {
	words  *Matrix
	layers []t5Layer
	norm   *Vector
	eps    float64
}

type t5Layer struct {
	attnNorm, mlpNorm *Vector
	q, k, v, o        *Linear
	attention         *Attention
	mlp               *MLP
	gated             *GatedMLP // instead of mlp (version 1.1)
}

func forwardT5[T any](ops Ops[T], m *t5, b *Batch, depth int) T {
	x := ops.Embed(m.words, b.IDs)
	for i := range m.layers[:depth] {
		x = ops.Layer(i, x, func(x T) T { return t5Block(ops, m, &m.layers[i], x, i == depth-1) })
	}
	if depth == len(m.layers) {
		x = ops.RMSNorm(x, m.norm, m.eps)
	}
	return x
}

func t5Block[T any](ops Ops[T], m *t5, l *t5Layer, x T, last bool) T {
	qkv := ops.Linears(ops.RMSNorm(x, l.attnNorm, m.eps), l.q, l.k, l.v)
	q, k, v := qkv[0], qkv[1], qkv[2]
	if last {
		q, x = ops.Keep(q), ops.Keep(x)
	}
	x = ops.Add(x, ops.Linear(ops.Attention(q, k, v, l.attention), l.o))
	h := ops.RMSNorm(x, l.mlpNorm, m.eps)
	if l.gated != nil {
		return ops.Add(x, ops.GatedMLP(h, l.gated))
	}
	return ops.Add(x, ops.MLP(h, l.mlp))
}

func buildT5(c *config, l *loader) *Network {
	width, vocab, layers := c.size("d_model"), c.size("vocab_size"), c.size("num_layers")
	heads, inner, dim := c.size("num_heads"), c.size("d_ff"), c.size("d_kv")
	act, gated := c.t5Activation()
	if c.err != nil {
		return nil
	}
	words := "shared.weight"
	if !l.has(words) {
		words = "encoder.embed_tokens.weight"
	}
	m := &t5{words: l.matrix(words, vocab, width), eps: c.epsilon(1e-6, "layer_norm_epsilon")}
	var attention *Attention
	for i := 0; i < layers && l.err == nil; i++ {
		a, f := fmt.Sprintf("encoder.block.%d.layer.0.", i), fmt.Sprintf("encoder.block.%d.layer.1.", i)
		if i == 0 || c.text("", "model_type") == "umt5" {
			table := l.matrix(a+"SelfAttention.relative_attention_bias.weight", c.sizeOr(32, "relative_attention_num_buckets"), heads)
			attention = &Attention{Heads: heads, KVHeads: heads, Dim: dim, Scale: 1, Before: Unlimited, After: Unlimited,
				Bias: c.relativeBias(table, c.sizeOr(128, "relative_attention_max_distance"))}
		}
		layer := t5Layer{attention: attention, attnNorm: l.vector(a+"layer_norm.weight", width, 0), mlpNorm: l.vector(f+"layer_norm.weight", width, 0),
			q: l.linear(a+"SelfAttention.q", width, heads*dim, false), k: l.linear(a+"SelfAttention.k", width, heads*dim, false),
			v: l.linear(a+"SelfAttention.v", width, heads*dim, false), o: l.linear(a+"SelfAttention.o", heads*dim, width, false)}
		down := l.linear(f+"DenseReluDense.wo", inner, width, false)
		if gated {
			layer.gated = &GatedMLP{Gate: l.linear(f+"DenseReluDense.wi_0", width, inner, false), Up: l.linear(f+"DenseReluDense.wi_1", width, inner, false), Down: down, Act: act}
		} else {
			layer.mlp = &MLP{Up: l.linear(f+"DenseReluDense.wi", width, inner, false), Down: down, Act: act}
		}
		m.layers = append(m.layers, layer)
	}
	m.norm = l.vector("encoder.final_layer_norm.weight", width, 0)
	l.refuseUnused("encoder.block.%d.")
	return &Network{Width: width, Vocab: vocab, Layers: layers, body: m}
}

// t5Activation reads feed_forward_proj: "relu", or "gated-gelu" of version 1.1, which means the approximation by tanh. dense_act_fn and is_gated_act,
// which transformers writes beside it, count before it (5.23, configuration_t5.py).
func (c *config) t5Activation() (act Activation, gated bool) {
	otherwise := "gated-gelu"
	if c.text("", "model_type") == "t5" {
		otherwise = "relu"
	}
	name, gated := strings.CutPrefix(c.text(otherwise, "feed_forward_proj"), "gated-")
	if gated && name == "gelu" {
		name = "gelu_new"
	}
	name, gated = c.text(name, "dense_act_fn"), c.flag("is_gated_act", gated)
	act, ok := activationNames[name]
	if !ok {
		c.fail("activation %q of feed_forward_proj or dense_act_fn is not supported", name)
	}
	return act, gated
}
