package model

import (
	"cmp"
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

var ggufModernSettings = map[string]string{
	"hidden_size": "embedding_length", "num_hidden_layers": "block_count", "num_attention_heads": "attention.head_count",
	"intermediate_size": "feed_forward_length", "norm_eps": "attention.layer_norm_epsilon", "max_position_embeddings": "context_length",
	"global_rope_theta": "rope.freq_base", "local_rope_theta": "rope.freq_base_swa", "local_attention": "attention.sliding_window",
	"hidden_activation": "hidden_activation",
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
	"modern-bert": {model: "modernbert", settings: ggufModernSettings, tensors: map[string]string{
		"embeddings.tok_embeddings": "token_embd", "embeddings.norm": "token_embd_norm", "final_norm": "output_norm",
	}, layers: "layers.", layer: map[string]string{
		"attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "attn_norm": "attn_norm", "mlp_norm": "ffn_norm", "mlp.Wi": "ffn_up", "mlp.Wo": "ffn_down",
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
	if err := c.ggufDense(file); err != nil {
		return within(path, err)
	}
	vocabulary := ggufTokenizer(meta)
	if err := ggufIDs(meta, len(vocabulary.Tokens)); err != nil {
		return within(path, err)
	}
	if c.tokenizer, err = token.FromGGUF(vocabulary); err != nil {
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
	if arch.layer["attn.Wqkv"] == "" {
		heads := c.headSizes(c.size("hidden_size"))
		file = unfused{file, [4]int{0, heads.heads * heads.dim, (heads.heads + heads.kv) * heads.dim, (heads.heads + 2*heads.kv) * heads.dim}}
	}
	return buildWith(c, file, arch.rename, permuted, nil)
}

// unfused is a checkpoint that has q, k and v in one tensor (convert_hf_to_gguf.py --fuse-qkv) or in three, as one that has three.
type unfused struct {
	weights.File
	rows [4]int // where q, k and v begin, and v ends
}

var ggufQKV = []string{".attn_q.", ".attn_k.", ".attn_v."}

func (u unfused) Names() []string {
	var list []string
	for _, name := range u.File.Names() {
		if !strings.Contains(name, ".attn_qkv.") {
			list = append(list, name)
			continue
		}
		for _, part := range ggufQKV {
			list = append(list, strings.Replace(name, ".attn_qkv.", part, 1))
		}
	}
	slices.Sort(list)
	return list
}

func (u unfused) Tensor(name string) (weights.Tensor, error) {
	t, err := u.File.Tensor(name)
	for i, part := range ggufQKV {
		if err == nil || !strings.Contains(name, part) {
			continue
		}
		all, e := u.File.Tensor(strings.Replace(name, part, ".attn_qkv.", 1))
		if e != nil {
			continue
		}
		if len(all.Shape) == 0 || all.Shape[0] != u.rows[3] {
			return t, fmt.Errorf("model: tensor %s has shape %v, the configuration asks for %d rows", all.Name, all.Shape, u.rows[3])
		}
		return all.Part(name, u.rows[i], u.rows[i+1])
	}
	return t, err
}

// ggufConfig translates the file's settings into a configuration.
func ggufConfig(file *weights.GGUF, name string, arch *ggufArch) (*config, error) {
	meta := file.Metadata()
	c := &config{fields: map[string]any{"model_type": arch.model}}
	for field, key := range arch.settings {
		if v, ok := meta[name+"."+key]; ok {
			c.fields[field] = ggufNumber(oneForAll(v))
		}
	}
	maps.Copy(c.fields, arch.fixed)
	for _, base := range []string{"rope_theta", "global_rope_theta"} { // as in llama.cpp for every architecture
		if c.fields[base] == nil {
			c.fields[base] = json.Number("10000")
		}
	}
	table, err := file.Tensor("token_embd.weight")
	if err != nil {
		return nil, err
	}
	if len(table.Shape) == 2 {
		c.fields["vocab_size"] = ggufNumber(table.Shape[0])
	}
	if types, err := file.Tensor("token_types.weight"); err == nil && len(types.Shape) > 0 {
		c.fields["type_vocab_size"] = ggufNumber(types.Rows())
	} else {
		c.fields["no_token_types"] = true
	}
	if n, ok := meta[name+".expert_count"]; ok && fmt.Sprint(n) != "0" {
		c.fail("%v experts (a mixture of experts) are not supported", n)
	}
	for _, bias := range []string{"blk.0.attn_q.bias", "blk.0.attn_qkv.bias"} {
		if _, err := file.Tensor(bias); err == nil {
			c.fields["attention_bias"] = true
		}
	}
	if arch.model == "llama" && c.fields["sliding_window"] == json.Number("0") {
		delete(c.fields, "sliding_window")
	}
	if arch.model == "llama" && c.fields["sliding_window"] != nil {
		c.fields["model_type"] = "mistral"
	}
	c.ggufHeads(file, name)
	c.ggufWindow(meta, name)
	c.ggufScale(arch.model)
	c.ggufRope(file, name, arch.model)
	if v := meta[name+".attention.causal"]; v != nil && arch.settings["rms_norm_eps"] != "" {
		c.fields["is_causal"] = v
	}
	c.fields["architectures"] = []any{"GGUFForCausalLM"}
	return c, c.err
}

// ggufHeads refuses heads whose values are of another dimension than their keys, or that turn in part.
func (c *config) ggufHeads(file *weights.GGUF, name string) {
	meta, dim := file.Metadata(), c.headSizes(c.size("hidden_size")).dim
	for _, key := range []string{"attention.value_length", "rope.dimension_count"} {
		if v := meta[name+"."+key]; v != nil && fmt.Sprint(v) != fmt.Sprint(dim) && (name != "bert" || key != "rope.dimension_count") {
			c.fail("%s.%s is %v for heads of %d dimensions: not supported", name, key, v, dim)
		}
	}
}

// ggufWindow says which layers of Gemma 3 and ModernBERT have the sliding window: none in a file without one, else those that the file lists, or
// all but each n-th (llama.cpp, src/models/gemma3.cpp, modern-bert.cpp).
func (c *config) ggufWindow(meta map[string]any, name string) {
	var window, every string // our fields
	switch c.fields["model_type"] {
	case "gemma3_text":
		window, every = "sliding_window", "sliding_window_pattern"
	case "modernbert":
		window, every = "local_attention", "global_attn_every_n_layers"
	default:
		return
	}
	pattern := meta[name+".attention.sliding_window_pattern"]
	if w := c.fields[window]; w == nil || w == json.Number("0") {
		delete(c.fields, window)
		pattern = 1
	}
	switch p := pattern.(type) {
	case nil:
	case []bool:
		types := make([]any, len(p))
		for i, slides := range p {
			if types[i] = "full_attention"; slides {
				types[i] = "sliding_attention"
			}
		}
		c.fields["layer_types"] = types
	default:
		c.fields[every] = ggufNumber(p)
	}
}

// ggufScale states the scale of the attention for the two models whose files leave it out and which do not take the
// dimension of their heads for it: Gemma 2 and 3 of 27 billion (llama.cpp, src/models/gemma2-iswa.cpp, gemma3.cpp).
func (c *config) ggufScale(model string) {
	layers := map[string]int{"gemma2": 46, "gemma3_text": 62}[model]
	if layers == 0 {
		return
	}
	dim := c.headSizes(c.size("hidden_size")).dim
	if c.sizeOr(0, "num_hidden_layers") == layers {
		dim = c.size("hidden_size") / c.size("num_attention_heads")
	}
	c.fields["query_pre_attn_scalar"] = ggufNumber(dim)
}

// ggufRope translates the scaling of positions: named, or as a factor for each frequency. As in llama.cpp (llama-model.cpp, load_hparams)
// a factor without a type is linear, older files have another key for it, and attn_factor multiplies whatever the type.
func (c *config) ggufRope(file *weights.GGUF, name, arch string) {
	meta := file.Metadata()
	kind, _ := meta[name+".rope.scaling.type"].(string)
	factor := meta[name+".rope.scaling.factor"]
	if factor == nil {
		factor = meta[name+".rope.scale_linear"]
	}
	if kind == "" || kind == "linear" {
		kind = "linear"
		if factor == nil || fmt.Sprint(factor) == "0" {
			kind = "none"
		}
	}
	if kind != "none" && arch == "modernbert" {
		c.fail("%s.rope.scaling.type %q is not supported", name, kind)
	}
	if kind != "none" {
		scaling := map[string]any{"rope_type": kind}
		if factor != nil {
			scaling["factor"] = ggufNumber(factor)
		}
		if v, ok := meta[name+".rope.scaling.original_context_length"]; ok {
			scaling["original_max_position_embeddings"] = ggufNumber(v)
		}
		c.fields["rope_scaling"] = scaling
	}
	if v, ok := meta[name+".rope.scaling.attn_factor"]; ok {
		o := &config{fields: map[string]any{"rope.scaling.attn_factor": ggufNumber(v)}}
		c.ropeScale = o.between(1e-6, 1e6, 0, "rope.scaling.attn_factor")
		c.err = cmp.Or(c.err, o.err)
	}
	if t, err := file.Tensor("rope_freqs.weight"); err == nil {
		if c.ropeDivisors, err = t.Float32s(); err != nil {
			c.fail("%v", err)
		}
	}
}

// oneForAll is the number of a list that says the same of every layer, such as head_count_kv; other values stay.
func oneForAll(v any) any {
	switch list := v.(type) {
	case []int32:
		return sameOfAll(list, v)
	case []uint32:
		return sameOfAll(list, v)
	}
	return v
}

func sameOfAll[T comparable](list []T, or any) any {
	if len(list) == 0 || slices.ContainsFunc(list, func(n T) bool { return n != list[0] }) {
		return or
	}
	return list[0]
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

// ggufDense loads the dense layers behind pooling that files of EmbeddingGemma can have (llama.cpp, src/llama-graph.cpp, build_dense_out).
func (c *checkpoint) ggufDense(file weights.File) error {
	for _, name := range []string{"dense_2", "dense_3"} {
		t, err := file.Tensor(name + ".weight")
		if err != nil {
			continue
		}
		l := newLoader(file, func(s string) string { return s })
		l.matrices = make([]*Matrix, len(c.net.Matrices)+len(c.recipe.steps)) // continue their numbers
		s := step{dense: l.linear(name, c.recipe.width(c.net), max(1, t.Rows()), l.has(name+".bias")), act: Identity}
		if l.err != nil {
			return l.err
		}
		c.recipe.steps = append(c.recipe.steps, s)
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
	g.Lowercase, g.StripAccents = ggufFlag(meta[p+"normalizer.lowercase"]), ggufFlag(meta[p+"normalizer.strip_accents"])
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

// ggufIDs refuses ids of special tokens that the vocabulary does not have.
func ggufIDs(meta map[string]any, size int) error {
	for _, name := range []string{"bos", "eos", "unknown", "seperator", "padding", "cls", "mask"} {
		key := "tokenizer.ggml." + name + "_token_id"
		if id := ggufID(meta[key]); int(id) >= size {
			return fmt.Errorf("model: %s is %d, the vocabulary has %d tokens", key, id, size)
		}
	}
	return nil
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
