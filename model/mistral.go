package model

// buildMistral is Mistral 7B (Jiang et al. 2023): Llama with a sliding window in every layer where the configuration has one.
func buildMistral(c *config, l *loader) *Network {
	s := plainDecoder(c)
	s.rope = c.rotary("full_attention", s.heads.dim, 10000)
	s.window = c.sizeOr(0, "sliding_window")
	s.slides = c.slides(c.size("num_hidden_layers"), func(int) bool { return true })
	return buildDecoder(c, l, s)
}
