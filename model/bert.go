package model

import (
	"fmt"
	"math"
)

// bert is the encoder of BERT (Devlin et al. 2019) and its descendants: learned positions, full attention, norms behind the
// sublayers. Options are nil where a family does not have them.
type bert struct {
	words, positions, types *Matrix // positions or types nil: none
	offset                  int     // of the first position's row
	pad                     int32   // RoBERTa: this token gets the row offset-1 and does not count; -1: every token counts
	norm                    bertNorm
	eps                     float64
	layers                  []bertLayer
}

type bertNorm struct{ w, b *Vector }

type bertLayer struct {
	q, k, v, o        *Linear
	rope              *Rotary // nil: none (nomic-BERT)
	attention         *Attention
	attnNorm, mlpNorm bertNorm
	mlp               *MLP
	gated             *GatedMLP // instead of mlp (nomic-BERT)
}

func forwardBERT[T any](ops Ops[T], m *bert, b *Batch, depth int) T {
	x := ops.Embed(m.words, b.IDs)
	if m.types != nil {
		x = ops.Add(x, ops.Embed(m.types, make([]int32, len(b.IDs))))
	}
	if m.positions != nil {
		x = ops.Add(x, ops.Embed(m.positions, m.positionRows(b)))
	}
	x = ops.LayerNorm(x, m.norm.w, m.norm.b, m.eps)
	for i := range m.layers[:depth] {
		x = ops.Layer(i, x, func(x T) T { return bertBlock(ops, m, &m.layers[i], x, i == depth-1) })
	}
	return x
}

func bertBlock[T any](ops Ops[T], m *bert, l *bertLayer, x T, last bool) T {
	qkv := ops.Linears(x, l.q, l.k, l.v)
	q, k, v := qkv[0], qkv[1], qkv[2]
	if last {
		q, x = ops.Keep(q), ops.Keep(x)
	}
	if l.rope != nil {
		q, k = ops.Rope(q, l.rope), ops.Rope(k, l.rope)
	}
	h := ops.Linear(ops.Attention(q, k, v, l.attention), l.o)
	x = ops.LayerNorm(ops.Add(x, h), l.attnNorm.w, l.attnNorm.b, m.eps)
	if l.gated != nil {
		h = ops.GatedMLP(x, l.gated)
	} else {
		h = ops.MLP(x, l.mlp)
	}
	return ops.LayerNorm(ops.Add(x, h), l.mlpNorm.w, l.mlpNorm.b, m.eps)
}

// positionRows are the rows of the position table for every token of the batch.
func (m *bert) positionRows(b *Batch) []int32 {
	rows := b.Positions(m.offset)
	if m.pad < 0 {
		return rows
	}
	for s := range b.Sequences() {
		next := int32(m.offset)
		for i := b.Offsets[s]; i < b.Offsets[s+1]; i++ {
			if rows[i] = int32(m.offset) - 1; b.IDs[i] != m.pad {
				rows[i] = next
				next++
			}
		}
	}
	return rows
}

// bertNames are the names of a family's tensors; layer's have %d for the number of the layer.
type bertNames struct {
	embedNorm, layer            string
	q, k, v, o                  string
	attnNorm, up, down, mlpNorm string
}

var plainBERTNames = bertNames{
	embedNorm: "embeddings.LayerNorm", layer: "encoder.layer.%d.",
	q: "attention.self.query", k: "attention.self.key", v: "attention.self.value", o: "attention.output.dense",
	attnNorm: "attention.output.LayerNorm", up: "intermediate.dense", down: "output.dense", mlpNorm: "output.LayerNorm",
}

// buildBERT is BERT as published: MiniLM, BGE, E5, GTE and many more have this architecture.
func buildBERT(c *config, l *loader) *Network {
	return buildPlainBERT(c, l, &bert{pad: -1}, plainBERTNames, !c.flag("no_token_types", false)) // GGUF: DistilBERT
}

// buildRoBERTa is RoBERTa (Liu et al. 2019) and XLM-R: positions begin behind the padding token's id.
func buildRoBERTa(c *config, l *loader) *Network {
	pad := int(c.number(1, "pad_token_id"))
	if pad < 0 || pad > math.MaxInt32-1 {
		c.fail("pad_token_id is %d", pad)
	}
	return buildPlainBERT(c, l, &bert{offset: pad + 1, pad: int32(pad)}, plainBERTNames, true)
}

// buildPlainBERT loads what BERT, RoBERTa, DistilBERT and MPNet share into m.
func buildPlainBERT(c *config, l *loader, m *bert, names bertNames, types bool) *Network {
	width, vocab, layers := c.size("hidden_size", "dim"), c.size("vocab_size"), c.size("num_hidden_layers", "n_layers")
	inner, rows := c.size("intermediate_size", "hidden_dim"), c.size("max_position_embeddings")
	heads, act := c.equalHeads(width), c.activation("gelu", "hidden_act", "activation")
	c.mustBe("position_embedding_type", "absolute")
	if c.flag("is_decoder", false) || rows <= m.offset {
		c.fail("is_decoder, or %d positions, of which the first %d are not used: not supported", rows, m.offset)
	}
	if c.err != nil {
		return nil
	}
	m.eps = c.epsilon(1e-12, "layer_norm_eps")
	m.words = l.matrix("embeddings.word_embeddings.weight", vocab, width)
	m.positions = l.matrix("embeddings.position_embeddings.weight", rows, width)
	if types {
		m.types = l.matrix("embeddings.token_type_embeddings.weight", c.sizeOr(2, "type_vocab_size"), width)
	}
	m.norm = l.bertNorm(names.embedNorm, width)
	attention := &Attention{Heads: heads.heads, KVHeads: heads.heads, Dim: heads.dim, Scale: 1 / math.Sqrt(float64(heads.dim)), Before: Unlimited, After: Unlimited}
	for i := 0; i < layers && l.err == nil; i++ {
		p := fmt.Sprintf(names.layer, i)
		m.layers = append(m.layers, bertLayer{
			q: l.linear(p+names.q, width, width, true), k: l.linear(p+names.k, width, width, true),
			v: l.linear(p+names.v, width, width, true), o: l.linear(p+names.o, width, width, true),
			attention: attention, attnNorm: l.bertNorm(p+names.attnNorm, width), mlpNorm: l.bertNorm(p+names.mlpNorm, width),
			mlp: &MLP{Up: l.linear(p+names.up, width, inner, true), Down: l.linear(p+names.down, inner, width, true), Act: act},
		})
	}
	l.refuseUnused(names.layer)
	return &Network{Width: width, Vocab: vocab, Layers: layers, Context: rows - m.offset, body: m}
}

// equalHeads are the heads of an encoder whose matrices are as wide as its states.
func (c *config) equalHeads(width int) headSizes {
	s := c.headSizes(width)
	if s.heads*s.dim != width {
		c.fail("head_dim %d with %d heads of width %d is not supported in this architecture", s.dim, s.heads, width)
	}
	return s
}

// bertNorm is a LayerNorm's weight and bias.
func (l *loader) bertNorm(name string, n int) bertNorm {
	return bertNorm{l.vector(name+".weight", n, 0), l.vector(name+".bias", n, 0)}
}
