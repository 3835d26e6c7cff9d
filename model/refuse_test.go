package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/weights"
)

// TestRefusals changes one field of a good configuration at a time into something that Labrador cannot compute rightly: each
// must be refused with an error that names it.
func TestRefusals(t *testing.T) {
	cases := []struct{ model, field, value, want string }{
		{"qwen2", "model_type", `"qwen2_moe"`, `model_type "qwen2_moe" is not supported`},
		{"qwen2", "model_type", `null`, `model_type ""`},
		{"qwen2", "hidden_size", `0`, "hidden_size is 0"},
		{"qwen2", "hidden_size", `128`, "shape [1100 64]"},
		{"qwen2", "hidden_size", `"wide"`, "hidden_size is wide"},
		{"qwen2", "hidden_size", `null`, "no hidden_size"},
		{"qwen2", "num_hidden_layers", `4`, "no tensor model.layers.3"},
		{"qwen2", "num_hidden_layers", `2`, "tensor model.layers.2"},
		{"qwen2", "num_hidden_layers", `2000000000`, "layers"},
		{"qwen2", "num_attention_heads", `3`, "not a multiple"},
		{"qwen2", "num_key_value_heads", `3`, "num_key_value_heads 3"},
		{"qwen2", "head_dim", `2000000000`, "heads of 2000000000 dimensions"},
		{"modernbert", "hidden_size", `2000000000`, "heads of 500000000 dimensions"},
		{"qwen2", "hidden_act", `"mish"`, `activation "mish"`},
		{"qwen2", "rope_scaling", `{"rope_type":"longrope","factor":2}`, `rope type "longrope"`},
		{"qwen2", "rope_scaling", `{"type":"linear","factor":0}`, "factor 0"},
		{"qwen2", "rope_theta", `-1`, "base -1"},
		{"qwen2", "auto_map", `{"AutoModel":"modeling_x.BiModel"}`, "modeling_x.BiModel"},
		{"qwen2", "quantization_config", `{"quant_method":"gptq"}`, "gptq"},
		{"qwen2", "layer_types", `["full_attention","linear_attention","full_attention"]`, `"linear_attention"`},
		{"qwen2", "layer_types", `["full_attention"]`, "layer_types has 1"},
		{"mistral", "is_causal", `false`, "sliding window"},
		{"llama3", "rope_scaling", `{"rope_type":"llama3","factor":8}`, "llama3"},
		{"llama3", "attention_bias", `true`, "q_proj.bias"},
		{"bert", "position_embedding_type", `"relative_key"`, `"relative_key"`},
		{"bert", "hidden_act", `"xielu"`, `"xielu"`},
		{"bert", "is_decoder", `true`, "is_decoder"},
		{"roberta", "pad_token_id", `-5`, "pad_token_id"},
		{"nomic-bert", "num_experts", `8`, "experts"},
		{"nomic-bert", "activation_function", `"gelu"`, `"gelu"`},
		{"nomic-bert", "rotary_emb_interleaved", `true`, "rotary_emb_interleaved"},
		{"t5-encoder", "feed_forward_proj", `"gated-silly"`, `"silly"`},
		{"t5-encoder", "relative_attention_num_buckets", `16`, "[32 4]"},
		{"modernbert", "global_attn_every_n_layers", `"often"`, "often"},
	}
	for _, c := range cases {
		t.Run(c.model+"/"+c.field+"="+c.value, func(t *testing.T) {
			dir := changed(t, c.model, c.field, c.value)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Open(dir, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20 {
				t.Errorf("%d MB were allocated before the refusal", (after.TotalAlloc-before.TotalAlloc)>>20)
			}
		})
	}
}

// changed is a copy of a fixture's folder with one field of its configuration changed.
func changed(t *testing.T, name, field, value string) string {
	t.Helper()
	from, to := outside.Data(t, "models/"+name), t.TempDir()
	for _, f := range []string{"model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
		if err := os.Symlink(filepath.Join(from, f), filepath.Join(to, f)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(from, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	config[field] = json.RawMessage(value)
	raw, err = json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "config.json"), string(raw))
	return to
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBadFolders(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, file, content, want string }{
		{"nothing", "", "", "not a model's folder"},
		{"other file", "model.bin", "x", "not a folder and not a .gguf"},
		{"config no JSON", "config.json", "{", "configuration"},
		{"config no object", "config.json", "null", "not a JSON object"},
		{"no weights", "config.json", `{"model_type":"bert"}`, "no model.safetensors"},
		{"modules empty", "modules.json", "[]", "no modules"},
		{"modules outside", "modules.json", `[{"path":"../x","type":"sentence_transformers.models.Transformer"}]`, "leaves the folder"},
		{"modules own code", "modules.json", `[{"path":"","type":"custom_st.Transformer"}]`, `"custom_st.Transformer"`},
		{"modules order", "modules.json", `[{"path":"","type":"sentence_transformers.models.Pooling"}]`, "module 0 is Pooling"},
		{"adapter", "adapter_config.json", `{"r":4,"peft_type":"IA3"}`, `"IA3"`},
		{"adapter DoRA", "adapter_config.json", `{"r":4,"peft_type":"LORA","use_dora":true}`, "use_dora"},
	} {
		folder := filepath.Join(dir, c.name)
		path, file := folder, c.file
		if file == "" {
			file = "README.md"
		}
		write(t, filepath.Join(folder, file), c.content)
		if c.file == "model.bin" {
			path = filepath.Join(folder, c.file)
		}
		if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
	if _, err := Open(filepath.Join(dir, "none"), Options{}); err == nil {
		t.Error("opened what is not there")
	}
}

// FuzzConfig builds every architecture from arbitrary configurations over a small file of weights: an error or a network,
// never a panic or memory without bound.
func FuzzConfig(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	if err := weights.WriteSafetensors(path, fuzzTensors(), nil); err != nil {
		f.Fatal(err)
	}
	file, err := weights.Open(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { file.Close() })
	f.Add([]byte(`{"model_type":"llama","hidden_size":4,"vocab_size":3,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":2,"rope_scaling":{"rope_type":"yarn","factor":2}}`))
	f.Add([]byte(`{"model_type":"gemma3_text","hidden_size":4,"vocab_size":3,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":2,"rope_parameters":{"full_attention":{"rope_theta":1e6}},"layer_types":["sliding_attention"]}`))
	f.Add([]byte(`{"model_type":"bert","hidden_size":4,"vocab_size":3,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":2,"max_position_embeddings":8}`))
	f.Add([]byte(`{"model_type":"t5","d_model":4,"vocab_size":3,"num_layers":1,"num_heads":2,"d_ff":2,"d_kv":2}`))
	f.Add([]byte(`{"model_type":"modernbert","hidden_size":4,"vocab_size":3,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":2}`))
	f.Add([]byte(`{"model_type":"nomic_bert","n_embd":4,"vocab_size":3,"n_layer":1,"n_head":2,"n_inner":2,"rotary_emb_fraction":0.5}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseConfig(raw)
		if err != nil {
			return
		}
		n, err := build(c, file, nil)
		if err != nil {
			return
		}
		b := &Batch{IDs: []int32{0, 1}, Offsets: []int{0, 2}}
		Forward(NewReference(b), n, b, n.Layers)
	})
}

// fuzzTensors are the tensors of a llama of one layer of width 4.
func fuzzTensors() []weights.Tensor {
	var out []weights.Tensor
	add := func(name string, shape ...int) {
		n := shape[0]
		if len(shape) > 1 {
			n *= shape[1]
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%5) - 2
		}
		out = append(out, weights.FromFloat32s(name, shape, v))
	}
	add("embed_tokens.weight", 3, 4)
	add("norm.weight", 4)
	for _, name := range []string{"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"} {
		add("layers.0."+name+".weight", 4)
	}
	for _, name := range []string{"q", "k", "v", "o"} {
		add("layers.0.self_attn."+name+"_proj.weight", 4, 4)
	}
	add("layers.0.mlp.gate_proj.weight", 2, 4)
	add("layers.0.mlp.up_proj.weight", 2, 4)
	add("layers.0.mlp.down_proj.weight", 4, 2)
	return out
}
