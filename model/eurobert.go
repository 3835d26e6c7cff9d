package model

import "encoding/json"

// buildEuroBERT is EuroBERT (Boizard et al. 2025): Llama with full attention.
func buildEuroBERT(c *config, l *loader) *Network {
	if c.fields["rms_norm_eps"] == nil {
		c.fields["rms_norm_eps"] = json.Number("1e-5")
	}
	s := decoderShape{heads: c.headSizes(c.size("hidden_size")), act: c.activation("silu", "hidden_act"), bidirectional: true}
	s.qkvBias, s.mlpBias = c.flag("attention_bias", false), c.flag("mlp_bias", false)
	s.oBias = s.qkvBias
	s.rope = c.rotary("full_attention", s.heads.dim, 10000)
	n := buildDecoder(c, l, s)
	if n != nil {
		n.decoding = false
	}
	return n
}
