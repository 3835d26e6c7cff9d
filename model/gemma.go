package model

import (
	"encoding/json"
	"math"
)

// buildGemma2 is Gemma 2 (Gemma Team 2024): norms before and behind every sublayer, tanh caps on scores and logits, a sliding
// window in every other layer.
func buildGemma2(c *config, l *loader) *Network {
	s := gemma(c)
	for name, usual := range map[string]json.Number{"attn_logit_softcapping": "50", "final_logit_softcapping": "30"} {
		if _, stated := c.fields[name]; !stated { // null: none
			c.fields[name] = usual
		}
	}
	if s.bidirectional { // in transformers 5.23 it depends on the implementation of attention what that does
		c.fail("use_bidirectional_attention is not supported in Gemma 2")
	}
	s.softcap = c.softcap("attn_logit_softcapping")
	s.headCap = c.softcap("final_logit_softcapping")
	s.rope = c.rotary("full_attention", s.heads.dim, 10000)
	s.slidingRope = c.rotary("sliding_attention", s.heads.dim, 10000)
	s.slides = c.slides(c.size("num_hidden_layers"), func(i int) bool { return i%2 == 0 })
	return buildDecoder(c, l, s)
}

// buildGemma3 is Gemma 3's text model (Gemma Team 2025) and, with use_bidirectional_attention, EmbeddingGemma: norms on q and
// k, a full layer after every five with the window, and different bases of rotation for the two.
func buildGemma3(c *config, l *loader) *Network {
	s := gemma(c)
	s.headCap = c.softcap("final_logit_softcapping") // transformers 5.23 reads attn_logit_softcapping too, and does not use it
	s.headNorms = true
	if c.fields["rope_local_base_freq"] == nil {
		c.fields["rope_local_base_freq"] = json.Number("10000")
	}
	s.rope = c.rotary("full_attention", s.heads.dim, 1e6)
	s.slidingRope = c.rotary("sliding_attention", s.heads.dim, 1e4)
	every := c.sizeOr(6, "sliding_window_pattern", "_sliding_window_pattern")
	s.slides = c.slides(c.size("num_hidden_layers"), func(i int) bool { return (i+1)%every != 0 })
	return buildDecoder(c, l, s)
}

// gemma is what Gemma 2 and 3 share: weights of norms are stored less one, embeddings are scaled by the root of their width.
func gemma(c *config) decoderShape {
	s := plainDecoder(c)
	causal := !s.bidirectional
	s.bidirectional = c.flag("use_bidirectional_attention", false)
	if !causal && !s.bidirectional { // its windows would be others than those of use_bidirectional_attention
		c.fail("is_causal false without use_bidirectional_attention is not supported in Gemma")
	}
	s.qkvBias = c.flag("attention_bias", false)
	s.oBias = s.qkvBias
	s.sandwich, s.normAdd = true, 1
	if c.flag("norms_hold_one", false) { // GGUF
		s.normAdd = 0
	}
	s.act = c.activation("gelu_pytorch_tanh", "hidden_activation")
	s.scale = 1 / math.Sqrt(c.between(1e-6, 1e6, 256, "query_pre_attn_scalar"))
	s.embedScale = math.Sqrt(float64(c.size("hidden_size")))
	s.window = c.sizeOr(4096, "sliding_window")
	return s
}
