package model

// buildMPNet is MPNet (Song et al. 2020): BERT with T5's relative bias in every layer, positions that begin behind the
// padding token's id, and no token types.
func buildMPNet(c *config, l *loader) *Network {
	m := &bert{offset: 2, pad: 1} // modeling_mpnet.py fixes the padding index
	n := buildPlainBERT(c, l, m, bertNames{
		embedNorm: "embeddings.LayerNorm", layer: "encoder.layer.%d.",
		q: "attention.attn.q", k: "attention.attn.k", v: "attention.attn.v", o: "attention.attn.o",
		attnNorm: "attention.LayerNorm", up: "intermediate.dense", down: "output.dense", mlpNorm: "output.LayerNorm",
	}, false)
	if n == nil || len(m.layers) == 0 {
		return n
	}
	a := m.layers[0].attention // shared by all layers
	buckets := c.sizeOr(32, "relative_attention_num_buckets")
	if buckets != 32 { // transformers' buckets are 32 whatever the table has
		c.fail("relative_attention_num_buckets %d is not supported (only 32)", buckets)
		return nil
	}
	a.Bias = c.relativeBias(l.matrix("encoder.relative_attention_bias.weight", buckets, a.Heads), 128)
	return n
}
