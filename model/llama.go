package model

// buildLlama is Llama 1 to 3 and what is published as "llama" (SmolLM, ...).
func buildLlama(c *config, l *loader) *Network {
	s := plainDecoder(c)
	s.qkvBias, s.mlpBias = c.flag("attention_bias", false), c.flag("mlp_bias", false)
	s.oBias = s.qkvBias
	s.rope = c.rotary("full_attention", s.heads.dim, 10000)
	return buildDecoder(c, l, s)
}

// plainDecoder is what Llama, Mistral and Qwen share. It refuses checkpoints that bring code of their own without saying
// whether their attention is causal.
func plainDecoder(c *config) decoderShape {
	s := decoderShape{heads: c.headSizes(c.size("hidden_size")), act: c.activation("silu", "hidden_act")}
	s.bidirectional = !c.flag("is_causal", true)
	if m := c.object("auto_map"); m != nil && m.fields["AutoModel"] != nil && c.fields["is_causal"] == nil {
		c.fail("auto_map names code of the checkpoint's own (%v), which Labrador does not run, and is_causal does not say whether its attention is causal", m.fields["AutoModel"])
	}
	return s
}
