package model

import (
	"encoding/json"
	"fmt"
	"math"
)

// buildNomicBERT is nomic-BERT (Nussbaum et al. 2024) as nomic-embed-text-v1 and v1.5 publish it: BERT with rotary positions, a
// gated feed-forward layer and no biases but those of the norms. What the published configuration can ask for beyond that is refused.
func buildNomicBERT(c *config, l *loader) *Network {
	width, vocab := c.size("hidden_size", "n_embd"), c.size("vocab_size")
	layers, inner := c.size("num_hidden_layers", "n_layer"), c.size("intermediate_size", "n_inner")
	heads := c.equalHeads(width)
	act := c.nomicActivation()
	for _, name := range []string{"qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "prenorm", "rotary_emb_interleaved", "parallel_block", "use_rms_norm"} {
		if c.flag(name, false) {
			c.fail("%s is not supported", name)
		}
	}
	if c.fields["num_experts"] != nil && c.number(0, "num_experts") > 0 || c.fields["moe_every_n_layers"] != nil && c.number(0, "moe_every_n_layers") > 0 {
		c.fail("nomic_bert with a mixture of experts is not supported")
	}
	if f := c.number(0, "rotary_scaling_factor"); f > 0 && c.fields["rope_parameters"] == nil {
		// modeling_hf_nomic_bert.py, NomicBertDynamicNTKRotaryEmbedding
		c.fields["rope_scaling"] = map[string]any{"rope_type": "dynamic", "factor": c.fields["rotary_scaling_factor"],
			"max_trained_positions": json.Number(fmt.Sprint(c.sizeOr(2048, "max_trained_positions")))}
	}
	rope := c.rotary("full_attention", heads.dim, 1000)
	if c.err != nil {
		return nil
	}
	m := &bert{pad: -1, eps: c.epsilon(1e-12, "layer_norm_eps", "layer_norm_epsilon")}
	m.words = l.matrix("embeddings.word_embeddings.weight", vocab, width)
	if types := int(c.number(2, "type_vocab_size")); types > 0 {
		m.types = l.matrix("embeddings.token_type_embeddings.weight", types, width)
	}
	m.norm = l.bertNorm("emb_ln", width)
	attention := &Attention{Heads: heads.heads, KVHeads: heads.heads, Dim: heads.dim, Scale: 1 / math.Sqrt(float64(heads.dim)), Before: Unlimited, After: Unlimited}
	for i := 0; i < layers && l.err == nil; i++ {
		p := fmt.Sprintf("encoder.layers.%d.", i)
		part := func(k int) *Linear {
			return l.linearPart(p+"attn.Wqkv", width, 3*width, Span{k * width, (k + 1) * width}, false)
		}
		m.layers = append(m.layers, bertLayer{
			q: part(0), k: part(1), v: part(2), o: l.linear(p+"attn.out_proj", width, width, false),
			rope: rope, attention: attention, attnNorm: l.bertNorm(p+"norm1", width), mlpNorm: l.bertNorm(p+"norm2", width),
			gated: &GatedMLP{Act: act, Up: l.linear(p+"mlp.fc11", width, inner, false), Gate: l.linear(p+"mlp.fc12", width, inner, false),
				Down: l.linear(p+"mlp.fc2", inner, width, false)},
		})
	}
	l.refuseUnused("encoder.layers.%d.")
	return &Network{Width: width, Vocab: vocab, Layers: layers, Context: c.sizeOr(0, "max_position_embeddings", "n_positions"), body: m}
}

// nomicActivation is the activation inside the gate: "swiglu" and "geglu" in the published style, a plain name in the newer.
func (c *config) nomicActivation() Activation {
	name := c.text("swiglu", "activation_function", "hidden_act")
	switch name {
	case "swiglu", "silu":
		return SiLU
	case "geglu":
		return GELU
	}
	c.fail("activation %q is not supported in nomic_bert", name)
	return Identity
}
