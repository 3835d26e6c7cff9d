package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/token"
	"github.com/labrador-lab/labrador/weights"
)

// ggufArch says how llama.cpp's files name an architecture's settings and tensors (gguf-py/gguf/constants.py).
type ggufArch struct {
	model    string            // our model_type
	settings map[string]string // our field -> key below the architecture's name
	fixed    map[string]any    // our fields that the file does not state
	tensors  map[string]string // our name -> name in the file, outside the layers
	layers   string            // our prefix of the layers
	layer    map[string]string // the same inside a layer
	permuted bool              // rows of q and k are stored for pairs (2i, 2i+1)
}

var ggufDecoderSettings = map[string]string{
	"hidden_size": "embedding_length", "num_hidden_layers": "block_count", "num_attention_heads": "attention.head_count",
	"num_key_value_heads": "attention.head_count_kv", "head_dim": "attention.key_length", "intermediate_size": "feed_forward_length",
	"rms_norm_eps": "attention.layer_norm_rms_epsilon", "rope_theta": "rope.freq_base", "max_position_embeddings": "context_length",
	"sliding_window": "attention.sliding_window", "attn_logit_softcapping": "attn_logit_softcapping",
	"final_logit_softcapping": "final_logit_softcapping", "rope_local_base_freq": "rope.freq_base_swa",
}

var ggufDecoderTensors = map[string]string{"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output"}

var ggufDecoderLayer = map[string]string{
	"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
	"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
	"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}

var ggufGemmaLayer = with(ggufDecoderLayer, map[string]string{
	"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
})

var ggufBERTSettings = map[string]string{
	"hidden_size": "embedding_length", "num_hidden_layers": "block_count", "num_attention_heads": "attention.head_count",
	"intermediate_size": "feed_forward_length", "layer_norm_eps": "attention.layer_norm_epsilon", "max_position_embeddings": "context_length",
	"rope_theta": "rope.freq_base",
}

var ggufBERTTensors = map[string]string{
	"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
	"embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm", "emb_ln": "token_embd_norm",
}

// ggufArchs are the values of general.architecture that can run.
var ggufArchs = map[string]ggufArch{
	"llama":  {model: "llama", settings: ggufDecoderSettings, tensors: ggufDecoderTensors, layers: "layers.", layer: ggufDecoderLayer, permuted: true},
	"qwen2":  {model: "qwen2", settings: ggufDecoderSettings, tensors: ggufDecoderTensors, layers: "layers.", layer: ggufDecoderLayer},
	"qwen3":  {model: "qwen3", settings: ggufDecoderSettings, tensors: ggufDecoderTensors, layers: "layers.", layer: ggufDecoderLayer},
	"gemma2": {model: "gemma2", settings: ggufDecoderSettings, tensors: ggufDecoderTensors, layers: "layers.", layer: ggufGemmaLayer, fixed: map[string]any{"norms_hold_one": true}},
	"gemma3": {model: "gemma3_text", settings: ggufDecoderSettings, tensors: ggufDecoderTensors, layers: "layers.", layer: ggufGemmaLayer, fixed: map[string]any{"norms_hold_one": true}},
	"gemma-embedding": {model: "gemma3_text", settings: ggufDecoderSettings, tensors: ggufDecoderTensors, layers: "layers.", layer: ggufGemmaLayer,
		fixed: map[string]any{"norms_hold_one": true, "use_bidirectional_attention": true}},
	"bert": {model: "bert", settings: ggufBERTSettings, tensors: ggufBERTTensors, layers: "encoder.layer.", layer: map[string]string{
		"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
		"attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
	}},
	"nomic-bert": {model: "nomic_bert", settings: ggufBERTSettings, tensors: ggufBERTTensors, layers: "encoder.layers.", layer: map[string]string{
		"attn.Wqkv": "attn_qkv", "attn.out_proj": "attn_output", "norm1": "attn_output_norm", "mlp.fc11": "ffn_up", "mlp.fc12": "ffn_gate",
		"mlp.fc2": "ffn_down", "norm2": "layer_output_norm",
	}},
}

func with(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// rename is the file's name of a tensor; of a prefix of the layers too.
func (a *ggufArch) rename(name string) string {
	stem, kind := name, ""
	for _, k := range []string{".weight", ".bias"} {
		if s, ok := strings.CutSuffix(name, k); ok {
			stem, kind = s, k
		}
	}
	if to, ok := a.tensors[stem]; ok {
		return to + kind
	}
	rest, ok := strings.CutPrefix(stem, a.layers)
	if !ok {
		return name
	}
	number, part, _ := strings.Cut(rest, ".")
	if part == "" {
		return "blk."
	}
	to, ok := a.layer[part]
	if !ok {
		return name
	}
	return "blk." + number + "." + to + kind
}

// openGGUF opens a .gguf file, tokenizer included.
func (c *checkpoint) openGGUF(path string) error {
	c.layout = "GGUF file"
	file, err := weights.OpenGGUF(path)
	if err != nil {
		return err
	}
	c.files = append(c.files, file)
	meta := file.Metadata()
	name, _ := meta["general.architecture"].(string)
	arch, ok := ggufArchs[name]
	if !ok {
		return fmt.Errorf("model: %s: GGUF architecture %q is not supported (supported: %s)", path, name, strings.Join(slices.Sorted(maps.Keys(ggufArchs)), ", "))
	}
	if c.config, err = ggufConfig(file, name, &arch); err != nil {
		return within(path, err)
	}
	if c.net, err = buildGGUF(c.config, file, &arch); err != nil {
		return within(path, err)
	}
	if err := c.ggufPooling(meta[name+".pooling_type"]); err != nil {
		return within(path, err)
	}
	if c.tokenizer, err = token.FromGGUF(ggufTokenizer(meta)); err != nil {
		return fmt.Errorf("model: %s: %w", path, err)
	}
	maps.DeleteFunc(meta, func(key string, _ any) bool { return strings.HasPrefix(key, "tokenizer.") }) // megabytes of strings
	return c.checkVocabulary()
}

// buildGGUF is build for a GGUF file.
func buildGGUF(c *config, file weights.File, arch *ggufArch) (*Network, error) {
	var permuted func(string) int
	if arch.permuted {
		heads := c.headSizes(c.size("hidden_size"))
		permuted = func(name string) int {
			switch {
			case strings.Contains(name, ".q_proj."):
				return heads.heads
			case strings.Contains(name, ".k_proj."):
				return heads.kv
			}
			return 0
		}
	}
	return buildWith(c, file, arch.rename, permuted, nil)
}

// ggufConfig translates the file's settings into a configuration.
func ggufConfig(file *weights.GGUF, name string, arch *ggufArch) (*config, error) {
	meta := file.Metadata()
	c := &config{fields: map[string]any{"model_type": arch.model}}
	for field, key := range arch.settings {
		if v, ok := meta[name+"."+key]; ok {
			c.fields[field] = ggufNumber(v)
		}
	}
	maps.Copy(c.fields, arch.fixed)
	table, err := file.Tensor("token_embd.weight")
	if err != nil {
		return nil, err
	}
	if len(table.Shape) == 2 {
		c.fields["vocab_size"] = ggufNumber(table.Shape[0])
	}
	if types, err := file.Tensor("token_types.weight"); err == nil && len(types.Shape) > 0 {
		c.fields["type_vocab_size"] = ggufNumber(types.Rows())
	}
	if n, ok := meta[name+".expert_count"]; ok && fmt.Sprint(n) != "0" {
		c.fail("%v experts (a mixture of experts) are not supported", n)
	}
	if _, err := file.Tensor("blk.0.attn_q.bias"); err == nil {
		c.fields["attention_bias"] = true
	}
	if arch.model == "llama" && c.fields["sliding_window"] != nil {
		c.fields["model_type"] = "mistral"
	}
	c.ggufScale(arch.model)
	c.ggufRope(file, name)
	if v := meta[name+".attention.causal"]; v != nil && arch.settings["rms_norm_eps"] != "" {
		c.fields["is_causal"] = v
	}
	c.fields["architectures"] = []any{"GGUFForCausalLM"}
	return c, c.err
}

// ggufScale states the scale of the attention for the two models whose files leave it out and which do not take the
// dimension of their heads for it: Gemma 2 and 3 of 27 billion (llama.cpp, src/models/gemma2-iswa.cpp, gemma3.cpp).
func (c *config) ggufScale(model string) {
	layers := map[string]int{"gemma2": 46, "gemma3_text": 62}[model]
	if layers > 0 && c.sizeOr(0, "num_hidden_layers") == layers {
		c.fields["query_pre_attn_scalar"] = ggufNumber(c.size("hidden_size") / c.size("num_attention_heads"))
	}
}

// ggufRope translates the scaling of positions: named, or as a factor for each frequency.
func (c *config) ggufRope(file *weights.GGUF, name string) {
	meta := file.Metadata()
	if kind, _ := meta[name+".rope.scaling.type"].(string); kind != "" && kind != "none" {
		scaling := map[string]any{"rope_type": kind}
		for field, key := range map[string]string{"factor": "factor", "original_max_position_embeddings": "original_context_length", "attention_factor": "attn_factor"} {
			if v, ok := meta[name+".rope.scaling."+key]; ok {
				scaling[field] = ggufNumber(v)
			}
		}
		c.fields["rope_scaling"] = scaling
	}
	if t, err := file.Tensor("rope_freqs.weight"); err == nil {
		if c.ropeDivisors, err = t.Float32s(); err != nil {
			c.fail("%v", err)
		}
	}
}

// ggufNumber is a number of the metadata as JSON has it; other values stay.
func ggufNumber(v any) any {
	switch v.(type) {
	case bool, string:
		return v
	}
	return json.Number(fmt.Sprint(v))
}

// ggufPooling reads the pooling that a file states (llama.h, enum llama_pooling_type).
func (c *checkpoint) ggufPooling(v any) error {
	if c.net.decoding {
		c.recipe.pooling = PoolLast
	}
	if v == nil {
		return nil
	}
	c.recipe.stated = true
	switch s := fmt.Sprint(v); s {
	case "0":
		c.recipe.stated = false
	case "1":
		c.recipe.pooling = PoolMean
	case "2":
		c.recipe.pooling = PoolCLS
	case "3":
		c.recipe.pooling = PoolLast
	default:
		return fmt.Errorf("model: pooling_type %s is not supported", s)
	}
	return nil
}

// ggufTokenizer gathers what the metadata says of the tokenizer.
func ggufTokenizer(meta map[string]any) token.GGUF {
	const p = "tokenizer.ggml."
	g := token.GGUF{BOS: ggufID(meta[p+"bos_token_id"]), EOS: ggufID(meta[p+"eos_token_id"]), UNK: ggufID(meta[p+"unknown_token_id"]),
		SEP: ggufID(meta[p+"seperator_token_id"]), PAD: ggufID(meta[p+"padding_token_id"]), CLS: ggufID(meta[p+"cls_token_id"]), MASK: ggufID(meta[p+"mask_token_id"])}
	g.Model, _ = meta[p+"model"].(string)
	g.Pre, _ = meta[p+"pre"].(string)
	g.Tokens, _ = meta[p+"tokens"].([]string)
	g.Scores, _ = meta[p+"scores"].([]float32)
	g.Types, _ = meta[p+"token_type"].([]int32)
	g.Merges, _ = meta[p+"merges"].([]string)
	g.AddBOS, g.AddEOS, g.AddSEP = ggufFlag(meta[p+"add_bos_token"]), ggufFlag(meta[p+"add_eos_token"]), ggufFlag(meta[p+"add_sep_token"])
	g.AddSpacePrefix, g.RemoveExtraWhitespaces = ggufFlag(meta[p+"add_space_prefix"]), ggufFlag(meta[p+"remove_extra_whitespaces"])
	switch m := meta[p+"precompiled_charsmap"].(type) {
	case []byte:
		g.CharsMap = m
	case []int8:
		for _, b := range m {
			g.CharsMap = append(g.CharsMap, byte(b))
		}
	}
	return g
}

func ggufID(v any) int32 {
	switch n := v.(type) {
	case uint32:
		return int32(n)
	case int32:
		return n
	}
	return -1
}

func ggufFlag(v any) *bool {
	if b, ok := v.(bool); ok {
		return &b
	}
	return nil
}
