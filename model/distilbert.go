package model

// buildDistilBERT is DistilBERT (Sanh et al. 2019): BERT without token types, under names of its own.
func buildDistilBERT(c *config, l *loader) *Network {
	delete(c.fields, "layer_norm_eps") // modeling_distilbert.py fixes it
	return buildPlainBERT(c, l, &bert{pad: -1}, bertNames{
		embedNorm: "embeddings.LayerNorm", layer: "transformer.layer.%d.",
		q: "attention.q_lin", k: "attention.k_lin", v: "attention.v_lin", o: "attention.out_lin",
		attnNorm: "sa_layer_norm", up: "ffn.lin1", down: "ffn.lin2", mlpNorm: "output_layer_norm",
	}, false)
}
