package model

// buildMistral is Mistral 7B (Jiang et al. 2023): Llama with a sliding window in every layer where the configuration has one.
func buildMistral(c *config, l *loader) *Network {
	s := plainDecoder(c)
	s.rope = c.rotary("full_attention", s.heads.dim, 10000)
	s.window = c.usualWindow()
	s.slides = c.slides(c.size("num_hidden_layers"), func(int) bool { return true })
	return buildDecoder(c, l, s)
}

// usualWindow is sliding_window, which null leaves out; a configuration that does not state it means 4096 (transformers 5.23,
// configuration_mistral.py, _qwen2.py, _qwen3.py).
func (c *config) usualWindow() int {
	if _, stated := c.fields["sliding_window"]; !stated {
		return 4096
	}
	return c.sizeOr(0, "sliding_window")
}
