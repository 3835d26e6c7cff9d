package tiny

import (
	"encoding/json"
	"fmt"
)

// checkpoint is a kind of model as it is published: settings (but for the vocabulary's size), tokenizer and tensors.
type checkpoint struct {
	config    string
	tokenizer func() (tokenizer any, vocab int)
	tensors   func(w *tensors, s sizes)
}

// sizes reads sizes from settings.
type sizes struct{ config map[string]any }

func (s sizes) of(name string) int {
	n, err := s.config[name].(json.Number).Int64()
	if err != nil {
		panic(err)
	}
	return int(n)
}

func (s sizes) vocab() int { return s.config["vocab_size"].(int) }

var checkpoints = map[string]checkpoint{
	"qwen2": {`{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 80, "intermediate_size": 176, "num_hidden_layers": 3,
		"num_attention_heads": 5, "num_key_value_heads": 1, "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
		"sliding_window": null, "use_sliding_window": false, "tie_word_embeddings": false, "torch_dtype": "float32"}`, qwenTokens, decoder{bias: true}.tensors},
	"qwen2-tied": {`{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
		"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e4,
		"use_sliding_window": false, "tie_word_embeddings": true, "torch_dtype": "float32"}`, qwenTokens, decoder{bias: true}.tensors},
	"qwen2-bidirectional": {`{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
		"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "is_causal": false,
		"use_sliding_window": false, "tie_word_embeddings": false, "torch_dtype": "float32"}`, qwenTokens, decoder{bias: true}.tensors},
	"qwen3": {`{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": false, "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 152,
		"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 512, "rms_norm_eps": 1e-6,
		"rope_theta": 1e6, "use_sliding_window": false, "tie_word_embeddings": true, "torch_dtype": "float32"}`, qwenTokens, decoder{headNorm: true}.tensors},
	"llama3": {`{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": false, "mlp_bias": false, "hidden_act": "silu", "hidden_size": 72,
		"intermediate_size": 200, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 12, "max_position_embeddings": 2048,
		"rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "float32", "bos_token_id": 1, "eos_token_id": 2,
		"rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64, "rope_type": "llama3"}}`,
		llamaTokens, decoder{}.tensors},
	"mistral": {`{"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
		"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 1e4,
		"sliding_window": 16, "tie_word_embeddings": false, "torch_dtype": "float32"}`, sentencePieceTokens, decoder{}.tensors},
	"gemma2": {`{"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "attention_bias": false, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 64,
		"intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24, "max_position_embeddings": 512,
		"rms_norm_eps": 1e-6, "rope_theta": 1e4, "sliding_window": 16, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
		"query_pre_attn_scalar": 24, "tie_word_embeddings": true, "torch_dtype": "float32"}`, sentencePieceTokens, decoder{gemma: true}.tensors},
	"gemma3":               {fmt.Sprintf(gemma3, false), sentencePieceTokens, decoder{gemma: true, headNorm: true}.tensors},
	"gemma3-bidirectional": {fmt.Sprintf(gemma3, true), sentencePieceTokens, decoder{gemma: true, headNorm: true}.tensors},
	"eurobert": {`{"architectures": ["EuroBertModel"], "model_type": "eurobert", "attention_bias": false, "mlp_bias": false, "hidden_act": "silu", "hidden_size": 64,
		"intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512,
		"rms_norm_eps": 1e-5, "rope_theta": 250000.0, "tie_word_embeddings": false, "torch_dtype": "float32", "pad_token_id": 0, "bos_token_id": 1,
		"eos_token_id": 2, "mask_token_id": 3}`, llamaTokens, decoder{bare: true}.tensors},
	"bert": {`{"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
		"num_attention_heads": 4, "max_position_embeddings": 256, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0, "torch_dtype": "float32"}`,
		bertTokens, bertTensors},
	"roberta":     {fmt.Sprintf(roberta, "RobertaModel", "roberta"), robertaTokens, bertTensors},
	"xlm-roberta": {fmt.Sprintf(roberta, "XLMRobertaModel", "xlm-roberta"), xlmTokens, bertTensors},
	"distilbert": {`{"architectures": ["DistilBertModel"], "model_type": "distilbert", "activation": "gelu", "dim": 72, "hidden_dim": 168, "n_layers": 3, "n_heads": 6,
		"max_position_embeddings": 256, "pad_token_id": 0, "torch_dtype": "float32"}`, bertTokens, distilTensors},
	"mpnet": {`{"architectures": ["MPNetModel"], "model_type": "mpnet", "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
		"num_attention_heads": 4, "max_position_embeddings": 258, "relative_attention_num_buckets": 32, "layer_norm_eps": 1e-5, "pad_token_id": 1,
		"torch_dtype": "float32"}`, mpnetTokens, mpnetTensors},
	"modernbert": {`{"architectures": ["ModernBertModel"], "model_type": "modernbert", "hidden_activation": "gelu", "hidden_size": 64, "intermediate_size": 152,
		"num_hidden_layers": 4, "num_attention_heads": 4, "max_position_embeddings": 256, "attention_bias": false, "mlp_bias": false, "norm_bias": false,
		"norm_eps": 1e-5, "global_attn_every_n_layers": 3, "local_attention": 16, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0,
		"torch_dtype": "float32", "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}`, modernTokens, modernTensors},
	"nomic-bert": {`{"architectures": ["NomicBertModel"], "model_type": "nomic_bert", "activation_function": "swiglu", "n_embd": 64, "n_head": 4, "n_inner": 160,
		"n_layer": 3, "n_positions": 512, "layer_norm_epsilon": 1e-12, "qkv_proj_bias": false, "mlp_fc1_bias": false, "mlp_fc2_bias": false,
		"rotary_emb_base": 1000.0, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": false, "prenorm": false, "type_vocab_size": 2,
		"torch_dtype": "float32"}`, bertTokens, nomicTensors},
	"t5-encoder": {`{"architectures": ["T5EncoderModel"], "model_type": "t5", "d_model": 64, "d_ff": 160, "d_kv": 16, "num_heads": 4, "num_layers": 3,
		"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": true, "relative_attention_num_buckets": 32,
		"relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6, "is_encoder_decoder": false, "tie_word_embeddings": true, "pad_token_id": 0,
		"eos_token_id": 1, "torch_dtype": "float32"}`, t5Tokens, t5Tensors},
}

const gemma3 = `{"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "attention_bias": false, "hidden_activation": "gelu_pytorch_tanh",
	"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24,
	"max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_local_base_freq": 1e4, "sliding_window": 16, "sliding_window_pattern": 2,
	"_sliding_window_pattern": 2, "attn_logit_softcapping": null, "final_logit_softcapping": null, "query_pre_attn_scalar": 24,
	"use_bidirectional_attention": %t, "tie_word_embeddings": true, "torch_dtype": "float32"}`

const roberta = `{"architectures": [%q], "model_type": %q, "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
	"num_attention_heads": 4, "max_position_embeddings": 258, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0,
	"eos_token_id": 2, "torch_dtype": "float32"}`

// decoder is the tensors of Llama's family: Qwen's have biases, Qwen3's and Gemma 3's norms of heads, Gemma's norms about 0 and around both halves of a
// layer; EuroBERT's names begin without "model.".
type decoder struct{ bias, headNorm, gemma, bare bool }

func (d decoder) tensors(w *tensors, s sizes) {
	hidden, inner, head := s.of("hidden_size"), s.of("intermediate_size"), s.of("hidden_size")/s.of("num_attention_heads")
	if s.config["head_dim"] != nil {
		head = s.of("head_dim")
	}
	q, kv := s.of("num_attention_heads")*head, s.of("num_key_value_heads")*head
	prefix, centre, embeddings := "model.", 1.0, 1.0
	if d.bare {
		prefix = ""
	}
	if d.gemma { // its embeddings are multiplied by the square root of hidden
		centre, embeddings = 0, .125
	}
	norm := func(name string, n int) { w.add(name+".weight", centre, .3, n) }
	w.add(prefix+"embed_tokens.weight", 0, embeddings, s.vocab(), hidden)
	for l := range s.of("num_hidden_layers") {
		at := fmt.Sprintf("%slayers.%d.", prefix, l)
		w.linear(at+"self_attn.q_proj", q, hidden, d.bias)
		w.linear(at+"self_attn.k_proj", kv, hidden, d.bias)
		w.linear(at+"self_attn.v_proj", kv, hidden, d.bias)
		w.linear(at+"self_attn.o_proj", hidden, q, false)
		w.linear(at+"mlp.gate_proj", inner, hidden, false)
		w.linear(at+"mlp.up_proj", inner, hidden, false)
		w.linear(at+"mlp.down_proj", hidden, inner, false)
		norm(at+"input_layernorm", hidden)
		norm(at+"post_attention_layernorm", hidden)
		if d.headNorm {
			norm(at+"self_attn.q_norm", head)
			norm(at+"self_attn.k_norm", head)
		}
		if d.gemma {
			norm(at+"pre_feedforward_layernorm", hidden)
			norm(at+"post_feedforward_layernorm", hidden)
		}
	}
	norm(prefix+"norm", hidden)
	if tied, _ := s.config["tie_word_embeddings"].(bool); !tied && !d.bare {
		w.linear("lm_head", s.vocab(), hidden, false)
	}
}

// embeddings adds the tables of BERT's family that have rows, and their norm.
func (w *tensors) embeddings(hidden, words, positions, types int) {
	for _, table := range []struct {
		name   string
		spread float64
		rows   int
	}{{"word", .8, words}, {"position", .4, positions}, {"token_type", .4, types}} {
		if table.rows > 0 {
			w.add("embeddings."+table.name+"_embeddings.weight", 0, table.spread, table.rows, hidden)
		}
	}
	w.norm("embeddings.LayerNorm", hidden)
}

// block adds a layer of BERT's family: maps is queries', keys', values' and outputs' names, what goes up to the inner layer and down again; norms the
// names of those behind attention and behind the inner layer.
func (w *tensors) block(at string, hidden, inner int, maps [6]string, norms [2]string) {
	for _, name := range maps[:4] {
		w.linear(at+name, hidden, hidden, true)
	}
	w.linear(at+maps[4], inner, hidden, true)
	w.linear(at+maps[5], hidden, inner, true)
	for _, name := range norms {
		w.norm(at+name, hidden)
	}
}

// bertTensors are those of BERT and RoBERTa.
func bertTensors(w *tensors, s sizes) {
	hidden := s.of("hidden_size")
	w.embeddings(hidden, s.vocab(), s.of("max_position_embeddings"), s.of("type_vocab_size"))
	for l := range s.of("num_hidden_layers") {
		w.block(fmt.Sprintf("encoder.layer.%d.", l), hidden, s.of("intermediate_size"),
			[6]string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"},
			[2]string{"attention.output.LayerNorm", "output.LayerNorm"})
	}
	w.linear("pooler.dense", hidden, hidden, true)
}

func distilTensors(w *tensors, s sizes) {
	hidden := s.of("dim")
	w.embeddings(hidden, s.vocab(), s.of("max_position_embeddings"), 0)
	for l := range s.of("n_layers") {
		w.block(fmt.Sprintf("transformer.layer.%d.", l), hidden, s.of("hidden_dim"),
			[6]string{"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "ffn.lin1", "ffn.lin2"},
			[2]string{"sa_layer_norm", "output_layer_norm"})
	}
}

func mpnetTensors(w *tensors, s sizes) {
	hidden := s.of("hidden_size")
	w.embeddings(hidden, s.vocab(), s.of("max_position_embeddings"), 0)
	w.add("encoder.relative_attention_bias.weight", 0, .7, s.of("relative_attention_num_buckets"), s.of("num_attention_heads"))
	for l := range s.of("num_hidden_layers") {
		w.block(fmt.Sprintf("encoder.layer.%d.", l), hidden, s.of("intermediate_size"),
			[6]string{"attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "intermediate.dense", "output.dense"},
			[2]string{"attention.LayerNorm", "output.LayerNorm"})
	}
	w.linear("pooler.dense", hidden, hidden, true)
}

func modernTensors(w *tensors, s sizes) {
	hidden, inner := s.of("hidden_size"), s.of("intermediate_size")
	norm := func(name string) { w.add(name+".weight", 1, .3, hidden) }
	w.add("embeddings.tok_embeddings.weight", 0, .8, s.vocab(), hidden)
	norm("embeddings.norm")
	for l := range s.of("num_hidden_layers") {
		at := fmt.Sprintf("layers.%d.", l)
		if l > 0 { // the first layer's input is normed already
			norm(at + "attn_norm")
		}
		w.linear(at+"attn.Wqkv", 3*hidden, hidden, false)
		w.linear(at+"attn.Wo", hidden, hidden, false)
		norm(at + "mlp_norm")
		w.linear(at+"mlp.Wi", 2*inner, hidden, false)
		w.linear(at+"mlp.Wo", hidden, inner, false)
	}
	norm("final_norm")
}

func nomicTensors(w *tensors, s sizes) {
	hidden, inner := s.of("n_embd"), s.of("n_inner")
	w.add("embeddings.word_embeddings.weight", 0, .8, s.vocab(), hidden)
	w.add("embeddings.token_type_embeddings.weight", 0, .4, s.of("type_vocab_size"), hidden)
	w.norm("emb_ln", hidden)
	for l := range s.of("n_layer") {
		at := fmt.Sprintf("encoder.layers.%d.", l)
		w.linear(at+"attn.Wqkv", 3*hidden, hidden, false)
		w.linear(at+"attn.out_proj", hidden, hidden, false)
		w.linear(at+"mlp.fc11", inner, hidden, false)
		w.linear(at+"mlp.fc12", inner, hidden, false)
		w.linear(at+"mlp.fc2", hidden, inner, false)
		w.norm(at+"norm1", hidden)
		w.norm(at+"norm2", hidden)
	}
}

func t5Tensors(w *tensors, s sizes) {
	hidden, inner, heads := s.of("d_model"), s.of("d_ff"), s.of("num_heads")*s.of("d_kv")
	norm := func(name string) { w.add(name+".weight", 1, .3, hidden) }
	w.add("shared.weight", 0, 1, s.vocab(), hidden)
	for l := range s.of("num_layers") {
		at := fmt.Sprintf("encoder.block.%d.layer.", l)
		w.add(at+"0.SelfAttention.q.weight", 0, .06, heads, hidden) // T5 does not divide scores by the square root of a head's size
		w.linear(at+"0.SelfAttention.k", heads, hidden, false)
		w.linear(at+"0.SelfAttention.v", heads, hidden, false)
		w.linear(at+"0.SelfAttention.o", hidden, heads, false)
		norm(at + "0.layer_norm")
		if l == 0 {
			w.add(at+"0.SelfAttention.relative_attention_bias.weight", 0, .7, s.of("relative_attention_num_buckets"), s.of("num_heads"))
		}
		w.linear(at+"1.DenseReluDense.wi_0", inner, hidden, false)
		w.linear(at+"1.DenseReluDense.wi_1", inner, hidden, false)
		w.linear(at+"1.DenseReluDense.wo", hidden, inner, false)
		norm(at + "1.layer_norm")
	}
	norm("encoder.final_layer_norm")
}
