package model

// buildQwen2 is Qwen2 and Qwen2.5 (with Coder, Math and the models distilled into them): Llama with biases on q, k and v.
func buildQwen2(c *config, l *loader) *Network {
	s := plainDecoder(c)
	s.qkvBias = true
	s.qwenWindow(c)
	return buildDecoder(c, l, s)
}

// buildQwen3 is Qwen3 and Qwen3-Embedding: norms on the heads of q and k instead of biases.
func buildQwen3(c *config, l *loader) *Network {
	s := plainDecoder(c)
	s.headNorms = true
	s.qkvBias = c.flag("attention_bias", false)
	s.oBias = s.qkvBias
	s.qwenWindow(c)
	return buildDecoder(c, l, s)
}

// qwenWindow reads the sliding window, which the layers from max_window_layers on have when use_sliding_window is set.
func (s *decoderShape) qwenWindow(c *config) {
	s.rope = c.rotary("full_attention", s.heads.dim, 10000)
	first := int(c.number(28, "max_window_layers"))
	s.slides = c.slides(c.size("num_hidden_layers"), func(i int) bool { return i >= first })
	if c.flag("use_sliding_window", false) {
		s.window = c.usualWindow()
	}
}
