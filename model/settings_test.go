package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/weights"
)

// TestDynamicRotary: the frequencies of a sequence of 64 and of 100 tokens, as transformers 5.23 (modeling_rope_utils.py,
// _compute_dynamic_ntk_parameters) gave them for this configuration: original_max_position_embeddings counts for nothing.
func TestDynamicRotary(t *testing.T) {
	c, err := parseConfig([]byte(`{"max_position_embeddings":32,"rope_parameters":{"rope_theta":10000,"rope_type":"dynamic","factor":2,"original_max_position_embeddings":16}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := c.rotary("full_attention", 8, 10000)
	if c.err != nil || r.Limit != 32 {
		t.Fatalf("limit %d, %v", r.Limit, c.err)
	}
	for length, want := range map[int][]float32{64: {1, 0.069336124, 0.0048074983, 0.00033333333}, 100: {1, 0.05753696, 0.0033105016, 0.00019047619}} {
		if d := relative(r.Longer(length), want); !(d <= 1e-6) {
			t.Errorf("%d tokens: got %v, want %v", length, r.Longer(length), want)
		}
	}
}

// TestStretch: a network whose positions stretch takes texts that are longer than what it was trained on, when asked to: as many tokens as vLLM
// (vllm/config/model.py, _get_and_verify_max_len) reckons with for linear scaling and YaRN.
func TestStretch(t *testing.T) {
	long := []labrador.Item{{Text: "which language model finds best which language model finds best which language model finds best"}}
	for _, c := range []struct {
		scaling string
		most    int
	}{
		{`null`, 16},
		{`{"rope_type":"llama3","factor":4,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8}`, 16},
		{`{"rope_type":"linear","factor":2.5}`, 40},
		{`{"type":"yarn","factor":4,"original_max_position_embeddings":10}`, 40},
		{`{"type":"yarn","factor":2,"original_max_position_embeddings":4}`, 16},
		{`{"rope_type":"dynamic","factor":4}`, math.MaxInt},
	} {
		dir := changed(t, "llama3", "max_position_embeddings", "16", "rope_scaling", c.scaling)
		if c.most < math.MaxInt {
			if _, err := Open(dir, Options{MaxTokens: c.most + 1}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("at most %d", c.most)) {
				t.Errorf("%s: %v", c.scaling, err)
			}
		}
		for limit, want := range map[int]int{0: 16, min(40, c.most): min(40, c.most)} {
			m := openModel(t, dir, Options{MaxTokens: limit})
			tokens, err := m.Tokenize(t.Context(), labrador.QuerySide, long)
			if err != nil || len(tokens[0].IDs) > want || len(tokens[0].IDs) < min(want, 17) {
				t.Fatalf("%s, limit %d: %d tokens, %v", c.scaling, limit, len(tokens[0].IDs), err)
			}
			if _, err := m.EncodeTokens(t.Context(), tokens); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDefaults: what a configuration leaves out is what transformers' classes say (5.23: configuration_gemma2.py, _gemma3.py,
// _modernbert.py, _eurobert.py).
func TestDefaults(t *testing.T) {
	config := func(s string) *config {
		c, err := parseConfig([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gemmaConfig := `{"hidden_size":64,"num_attention_heads":4,"head_dim":8,"max_position_embeddings":32}`
	if s := gemma(config(gemmaConfig)); s.scale != 1./16 {
		t.Errorf("Gemma's scale is %v, not 1/sqrt(256)", s.scale)
	}
	for _, c := range []struct {
		kind, fields string
		base         float64
	}{
		{"full_attention", `{}`, 160000},
		{"sliding_attention", `{}`, 10000},
		{"sliding_attention", `{"global_rope_theta":500,"local_rope_theta":null}`, 500},
		{"sliding_attention", `{"local_rope_theta":700}`, 700},
		{"full_attention", `{"rope_parameters":{"full_attention":{"rope_type":"default"}}}`, 160000},
	} {
		if got := config(c.fields).modernRope(c.kind, 4).Freqs[1]; math.Abs(got*math.Sqrt(c.base)-1) > 1e-12 {
			t.Errorf("ModernBERT, %s of %s: base %v, want %v", c.kind, c.fields, 1/(got*got), c.base)
		}
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := weights.WriteSafetensors(path, fuzzTensors(), nil); err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const sizes = `"hidden_size":4,"vocab_size":3,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":2}`
	for fields, want := range map[string][2]float64{`{"model_type":"gemma2",`: {50, 30}, `{"model_type":"gemma2","attn_logit_softcapping":null,"final_logit_softcapping":4,`: {0, 4}} {
		n, err := build(config(fields+sizes), file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.body.(*decoder).layers[0].attention.Softcap; got != want[0] || n.softcap != want[1] {
			t.Errorf("%s: caps %v and %v, want %v", fields, got, n.softcap, want)
		}
	}
	n := buildEuroBERT(config("{"+sizes), newLoader(file, func(s string) string { return s }))
	if d := n.body.(*decoder); d.eps != 1e-5 || d.layers[0].eps != 1e-5 || math.Abs(d.layers[0].rope.Freqs[1]-.01) > 1e-12 {
		t.Errorf("EuroBERT: eps %v, frequencies %v", d.eps, d.layers[0].rope.Freqs)
	}
}

// TestGGUFRotary: settings of positions as llama.cpp takes them (llama-cpp-python 0.3.36 gives vectors within 2e-4 of ours for each).
func TestGGUFRotary(t *testing.T) {
	for _, c := range []struct {
		settings map[string]any
		second   float64 // frequency, of base 10000 and heads of 4 dimensions: .01 without scaling
		scale    float64
	}{
		{map[string]any{}, .01, 1},
		{map[string]any{"rope.scaling.type": "linear", "rope.scaling.factor": float32(4)}, .0025, 1},
		{map[string]any{"rope.scale_linear": float32(4)}, .0025, 1},
		{map[string]any{"rope.scaling.factor": float32(4)}, .0025, 1},
		{map[string]any{"rope.scaling.type": "linear", "rope.scaling.factor": float32(0)}, .01, 1},
		{map[string]any{"rope.scaling.type": "none", "rope.scaling.factor": float32(4)}, .01, 1},
		{map[string]any{"rope.scaling.attn_factor": float32(0.5)}, .01, 0.5},
		{map[string]any{"rope.scaling.type": "yarn", "rope.scaling.factor": float32(4), "rope.scaling.original_context_length": uint32(8),
			"rope.scaling.attn_factor": float32(0.5)}, .0025, 0.5 * (1 + 0.1*math.Log(4))},
	} {
		got, err := ggufOf(t, c.settings)
		if err != nil {
			t.Fatal(err)
		}
		r := got.rotary("full_attention", 4, 10000)
		if got.err != nil || math.Abs(r.Freqs[1]/c.second-1) > 1e-6 || math.Abs(r.Scale/c.scale-1) > 1e-6 {
			t.Errorf("%v: frequencies %v, scale %v, %v; want %v and %v", c.settings, r.Freqs, r.Scale, got.err, c.second, c.scale)
		}
	}
	for _, key := range []string{"attention.value_length", "rope.dimension_count"} {
		if _, err := ggufOf(t, map[string]any{key: uint32(2)}); err == nil {
			t.Errorf("took %s 2 for heads of 4 dimensions", key)
		}
		if _, err := ggufOf(t, map[string]any{key: uint32(4)}); err != nil {
			t.Error(err)
		}
	}
	if err := ggufIDs(map[string]any{"tokenizer.ggml.bos_token_id": uint32(7)}, 7); err == nil {
		t.Error("took a token that the vocabulary does not have")
	}
	if err := ggufIDs(map[string]any{"tokenizer.ggml.bos_token_id": uint32(6), "tokenizer.ggml.eos_token_id": uint32(math.MaxUint32)}, 7); err != nil {
		t.Error(err) // -1: none
	}
}

// ggufOf is the configuration of a llama file with more settings.
func ggufOf(t *testing.T, settings map[string]any) (*config, error) {
	t.Helper()
	meta := map[string]any{"llama.embedding_length": uint32(8), "llama.block_count": uint32(1), "llama.attention.head_count": uint32(2), "llama.context_length": uint32(32)}
	for k, v := range settings {
		meta["llama."+k] = v
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	table := weights.FromFloat32s("token_embd.weight", []int{3, 8}, make([]float32, 24))
	if err := os.WriteFile(path, ggufFile(meta, []weights.Tensor{table}), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := weights.OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	arch := ggufArchs["llama"]
	return ggufConfig(file, "llama", &arch)
}

// TestFirstTokenBehindPrompt: pooling of the first token takes the first one that the prompt's mask leaves (sentence-transformers 6.2,
// sentence_transformer/modules/pooling.py, _exclude_prompt_from_mask).
func TestFirstTokenBehindPrompt(t *testing.T) {
	for _, c := range []struct {
		text Tokens
		want Span
	}{
		{Tokens{IDs: []int32{1, 2, 3, 4}}, Span{0, 1}},
		{Tokens{IDs: []int32{1, 2, 3, 4}, From: 2}, Span{2, 3}},
		{Tokens{IDs: []int32{1, 2, 3, 4}, From: 4}, Span{3, 4}},
	} {
		if got := c.text.keep(PoolCLS); got != c.want {
			t.Errorf("%v: got %v, want %v", c.text, got, c.want)
		}
	}
}

// TestRotaryOfBothStyles: frequencies and scale that transformers 5.23 makes of configurations that mix the older style with
// rope_parameters, or state a setting outside of its object (heads of 8 dimensions, Llama and ModernBERT).
func TestRotaryOfBothStyles(t *testing.T) {
	kinds := map[string]func(c *config) *Rotary{
		"llama":           func(c *config) *Rotary { return c.rotary("full_attention", 8, 10000) },
		"modern, full":    func(c *config) *Rotary { return c.modernRope("full_attention", 8) },
		"modern, sliding": func(c *config) *Rotary { return c.modernRope("sliding_attention", 8) },
	}
	for _, c := range []struct {
		kind, fields string
		want         []float64
		scale        float64
	}{
		{"llama", `{"rope_parameters":{"rope_type":"default","rope_theta":500000},"rope_scaling":{"rope_type":"linear","factor":2}}`,
			[]float64{0.5, 0.05, 0.005, 0.0005}, 1},
		{"llama", `{"rope_parameters":{"rope_type":"default"},"rope_theta":99,"rope_scaling":{}}`, []float64{1, 0.31702331, 0.10050379, 0.031862043}, 1},
		{"llama", `{"rope_theta":500000,"rope_scaling":{"rope_type":"default","rope_theta":123}}`, []float64{1, 0.30027813, 0.090166964, 0.027075168}, 1},
		{"llama", `{"rope_theta":500000,"original_max_position_embeddings":32,"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":64}}`,
			[]float64{1, 0.0094015077, 0.00035355336, 1.3295739e-05}, 1.138629436111989},
		{"modern, full", `{"rope_scaling":{"rope_type":"linear","factor":2}}`, []float64{0.5, 0.025, 0.00125, 0.0000625}, 1},
		{"modern, sliding", `{"rope_scaling":{"rope_type":"linear","factor":2}}`, []float64{0.5, 0.05, 0.005, 0.0005}, 1},
	} {
		f, err := parseConfig([]byte(c.fields))
		if err != nil {
			t.Fatal(err)
		}
		r := kinds[c.kind](f)
		worst := math.Abs(r.Scale/c.scale - 1)
		for i, want := range c.want {
			worst = max(worst, math.Abs(r.Freqs[i]/want-1))
		}
		if f.err != nil || !(worst < 1e-6) {
			t.Errorf("%s %s: %v, scale %v, %v; want %v, %v", c.kind, c.fields, r.Freqs, r.Scale, f.err, c.want, c.scale)
		}
	}
}

// TestUsualWindow: a window that is not stated is 4096 in transformers' classes (5.23: configuration_mistral.py, configuration_qwen2.py).
func TestUsualWindow(t *testing.T) {
	for fields, want := range map[string]int{`{}`: 4096, `{"sliding_window":null}`: 0, `{"sliding_window":16}`: 16} {
		c, err := parseConfig([]byte(fields))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.usualWindow(); got != want || c.err != nil {
			t.Errorf("%s: %d, %v; want %d", fields, got, c.err, want)
		}
	}
}

// TestMinistral: transformers 5.23 reads, and saves, a Mistral with layer_types as "ministral" (models/auto/configuration_auto.py,
// from_pretrained), which without layer_types is Mistral: the window is in every layer.
func TestMinistral(t *testing.T) {
	checkNetwork(t, openModel(t, changed(t, "mistral", "model_type", `"ministral"`), Options{}).net, tiny.Expected(t, "mistral"))
	kinds := `["full_attention","sliding_attention","full_attention"]`
	for _, arch := range []string{`"mistral"`, `"ministral"`} {
		n := openModel(t, changed(t, "mistral", "model_type", arch, "layer_types", kinds), Options{}).net
		for i, before := range []int{Unlimited, 15, Unlimited} {
			if got := n.body.(*decoder).layers[i].attention.Before; got != before {
				t.Errorf("%s: layer %d sees %d tokens before, want %d", arch, i, got, before)
			}
		}
	}
}

// TestWindowOfNoLayer: without causality a window that no layer has is none (Qwen2 with max_window_layers beyond its layers).
func TestWindowOfNoLayer(t *testing.T) {
	dir := changed(t, "qwen2-bidirectional", "use_sliding_window", "true", "sliding_window", "8", "max_window_layers", "3")
	checkNetwork(t, openModel(t, dir, Options{}).net, tiny.Expected(t, "qwen2-bidirectional"))
}

// TestModuleSettings: what sentence-transformers 6.2 does with these settings of its modules is other than plain tokens, states, pooling and
// maps of the vector; truncate_dim cuts.
func TestModuleSettings(t *testing.T) {
	for _, c := range []struct{ file, content, want string }{
		{"sentence_bert_config.json", `{"transformer_task":"feature-extraction","modality_config":{"text":{"method":"forward","method_output_name":"last_hidden_state"}},"module_output_name":"token_embeddings"}`, ""},
		{"sentence_bert_config.json", `{"modality_config":{"text":{"method":"forward","method_output_name":"last_hidden_state"},"message":{"method":"forward","method_output_name":"last_hidden_state","format":"flat"}},"module_output_name":"token_embeddings"}`, "no chat template"},
		{"sentence_bert_config.json", `{"modality_config":{"text":{"method":"forward","method_output_name":"pooler_output"}}}`, "pooler_output"},
		{"sentence_bert_config.json", `{"transformer_task":"fill-mask"}`, "fill-mask"},
		{"sentence_bert_config.json", `{"query_expansion":{"strategy":"fixed","length":32}}`, "query_expansion"},
		{"sentence_bert_config.json", `{"processing_kwargs":{"text":{"add_special_tokens":false}}}`, "processing_kwargs"},
		{"sentence_bert_config.json", `{"config_args":{"is_decoder":true}}`, "config_args"},
		{"sentence_bert_config.json", `{"config_kwargs":{"trust_remote_code":true},"processor_kwargs":{"padding_side":"left"}}`, ""},
		{"sentence_bert_config.json", `{"processor_kwargs":{"truncation_side":"left"}}`, "truncation_side"},
		{"1_Pooling/config.json", `{"pooling_mode":["cls","mean"]}`, "[cls mean]"},
		{"1_Pooling/config.json", `{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true}`, "[cls mean]"},
		{"1_Pooling/config.json", `{"pooling_mode":"median"}`, `"median"`},
		{"3_Normalize/config.json", `{"module_input_name":"sentence_embedding","module_output_name":"sentence_embedding"}`, ""},
		{"3_Normalize/config.json", `{"module_output_name":"other"}`, "Normalize module from sentence_embedding to other"},
		{"2_Dense/config.json", `{"in_features":64,"out_features":24,"activation_function":"torch.nn.Tanh"}`, ""},
		{"2_Dense/config.json", `{"in_features":64,"out_features":24,"activation_function":"own.Tanh"}`, "own.Tanh"},
		{"2_Dense/config.json", `{"in_features":64,"out_features":24,"use_residual":true}`, "use_residual"},
		{"2_Dense/config.json", `{"in_features":64,"out_features":24,"module_input_name":"token_embeddings"}`, "token_embeddings"},
		{"2_Dense/config.json", `{"in_features":64,"out_features":24,"module_output_name":"other"}`, "other"},
	} {
		from, dir := tiny.Model(t, "st-bert-dense"), t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, c.file)
		os.Chmod(path, 0o644)
		write(t, path, c.content)
		write(t, filepath.Join(dir, "config_sentence_transformers.json"), `{"truncate_dim":16}`)
		m, err := Open(dir, Options{Threads: 1})
		if err == nil {
			if got := m.Dimensions(); got != 16 {
				t.Errorf("%s: %d dimensions", c.content, got)
			}
			m.Close()
		}
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.content, err, c.want)
		}
	}
}

// stFolder is a copy of a folder that sentence-transformers saves, with one of its files changed.
func stFolder(t *testing.T, name, file, content string) string {
	t.Helper()
	dir := tiny.Model(t, name)
	write(t, filepath.Join(dir, file), content)
	return dir
}

// TestPoolingModes: sentence-transformers 6.2 reads pooling_mode before the older flags, a list of one as its name, and takes the mean where no flag is set.
func TestPoolingModes(t *testing.T) {
	for content, want := range map[string]Pooling{
		`{"pooling_mode":"mean","pooling_mode_cls_token":true}`:                      PoolMean,
		`{"pooling_mode":["lasttoken"]}`:                                             PoolLast,
		`{"pooling_mode_mean_tokens":false,"pooling_mode_weightedmean_tokens":true}`: PoolWeightedMean,
		`{"word_embedding_dimension":64,"pooling_mode_mean_tokens":false}`:           PoolMean,
	} {
		if m := openModel(t, stFolder(t, "st-bert-dense", "1_Pooling/config.json", content), Options{}); m.recipe.pooling != want {
			t.Errorf("%s: %s, want %s", content, m.recipe.pooling, want)
		}
	}
}

// TestTokenizerSettings: model_max_length of what a tokenizer is opened with counts before max_seq_length; do_lower_case leaves the special tokens in a
// text (sentence-transformers 6.2, base/modules/transformer.py); a table of token vectors has the length of its tokenizer.json.
func TestTokenizerSettings(t *testing.T) {
	tokens := func(dir, text string) []int32 {
		list, err := openModel(t, dir, Options{}).Tokenize(t.Context(), labrador.QuerySide, []labrador.Item{{Text: text}})
		if err != nil {
			t.Fatal(err)
		}
		return list[0].IDs
	}
	const settings, long = "sentence_bert_config.json", "one two three four five six seven eight nine ten eleven twelve"
	for content, want := range map[string]int{
		`{"max_seq_length":12}`: 12,
		`{"max_seq_length":12,"processor_kwargs":{"model_max_length":9,"use_fast":true}}`: 9,
		`{"max_seq_length":9,"tokenizer_args":{"model_max_length":12}}`:                   12,
	} {
		if got := tokens(stFolder(t, "st-bert-mean", settings, content), long); len(got) != want {
			t.Errorf("%s: %d tokens, want %d", content, len(got), want)
		}
	}
	dir := stFolder(t, "st-bert-mean", settings, `{}`) // says nothing, so that the next of the files counts
	write(t, filepath.Join(dir, "sentence_roberta_config.json"), `{"max_seq_length":9}`)
	write(t, filepath.Join(dir, "config_sentence_transformers.json"), `{"default_prompt_name":"document"}`) // a prompt of every folder, empty
	if got := tokens(dir, long); len(got) != 9 {
		t.Errorf("sentence_roberta_config.json: %d tokens, want 9", len(got))
	}
	write(t, filepath.Join(dir, "config_sentence_transformers.json"), `{"prompts":{"passage":"p: "},"default_prompt_name":"other"}`)
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), `"other" is none of the prompts`) {
		t.Errorf("a default prompt that is not there: %v", err)
	}
	for _, name := range []string{"st-bert-mean", "st-mpnet-mean-noprompt"} {
		special := map[string]string{"st-bert-mean": "[MASK]", "st-mpnet-mean-noprompt": "<mask>"}[name]
		lower := tokens(stFolder(t, name, settings, `{"do_lower_case":true}`), "Find The "+special+" INDEX")
		if plain := tokens(stFolder(t, name, settings, `{}`), "find the "+special+" index"); !slices.Equal(lower, plain) {
			t.Errorf("%s: %v, want %v", name, lower, plain)
		}
	}
	dir = tiny.Model(t, "st-static")
	path := filepath.Join(dir, "0_StaticEmbedding", "tokenizer.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	fields["truncation"] = map[string]any{"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0}
	if raw, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	write(t, path, string(raw))
	if got := tokens(dir, long); len(got) != 6 {
		t.Errorf("static: %d tokens, want 6", len(got))
	}
}

// TestEncoderSettings: transformers 5.23 takes dense_act_fn before the activation in feed_forward_proj (configuration_t5.py), and sliding_window, which is
// half of it, before local_attention (configuration_modernbert.py); DistilBERT has one epsilon, whatever its file says (modeling_distilbert.py).
func TestEncoderSettings(t *testing.T) {
	m := openModel(t, changed(t, "t5-encoder", "dense_act_fn", `"relu"`), Options{})
	if l := m.net.body.(*t5).layers[0]; l.gated == nil || l.gated.Act != ReLU {
		t.Errorf("T5: %v", l.gated)
	}
	if _, err := Open(changed(t, "t5-encoder", "is_gated_act", "false"), Options{}); err == nil || !strings.Contains(err.Error(), "DenseReluDense.wi.weight") {
		t.Errorf("T5 without gates: %v", err)
	}
	m = openModel(t, changed(t, "modernbert", "sliding_window", "4"), Options{})
	if a := m.net.body.(*modernBERT).layers[1].attention; a.Before != 4 || a.After != 4 {
		t.Errorf("ModernBERT sees %d before and %d behind", a.Before, a.After)
	}
	m = openModel(t, changed(t, "distilbert", "layer_norm_eps", "0.1"), Options{})
	if eps := m.net.body.(*bert).eps; eps != 1e-12 {
		t.Errorf("DistilBERT: epsilon %v", eps)
	}
}

// TestSplitGGUF: a model of several files is opened by its first, with the keys that gguf-py 0.19 and llama-gguf-split write; what is no such
// set of files is refused as one, not for a tensor that another has.
func TestSplitGGUF(t *testing.T) {
	dir := t.TempDir()
	part := func(i int) string { return filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", i+1)) }
	put := func(path string, no uint32, meta map[string]any, name string) {
		t.Helper()
		meta["split.no"], meta["split.count"] = no, uint32(3)
		if err := os.WriteFile(path, ggufFile(meta, []weights.Tensor{weights.FromFloat32s(name, []int{8}, []float32{float32(no), 1, 2, 3, 4, 5, 6, 7})}), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	whole := func() {
		for i, name := range []string{"token_embd.weight", "a", "b"} {
			put(part(i), uint32(i), map[string]any{"general.architecture": "llama", "split.tensors.count": uint32(3)}, name)
		}
	}
	whole()
	f, err := weights.OpenGGUF(part(0))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, err := f.Tensor("b")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := x.Float32s(); err != nil || v[0] != 2 || len(f.Names()) != 3 || !slices.Equal(f.Paths(), []string{part(0), part(1), part(2)}) {
		t.Errorf("%v, %v, %v, %v", v, err, f.Names(), f.Paths())
	}
	for _, c := range []struct {
		spoil func()
		open  string
		want  string
	}{
		{func() {}, part(1), "one of 3 files"},
		{func() { put(filepath.Join(dir, "m.gguf"), 0, map[string]any{}, "x") }, filepath.Join(dir, "m.gguf"), "one of 3 files"},
		{func() { put(part(0), 1, map[string]any{}, "x") }, part(0), "one of 3 files"},
		{func() { os.Remove(part(2)) }, part(0), "part 3 of 3"},
		{func() { put(part(2), 1, map[string]any{}, "b") }, part(0), "is not part 3 of 3"},
		{func() { put(part(2), 2, map[string]any{}, "a") }, part(0), "tensor a comes twice"},
		{func() { put(part(0), 0, map[string]any{"split.tensors.count": uint32(4)}, "x") }, part(0), "3 tensors in 3 parts"},
	} {
		whole()
		c.spoil()
		if _, err := Open(c.open, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q in it", err, c.want)
		}
	}
}

// TestOtherT5: mT5 is T5 1.1 whose settings have other defaults, and in UMT5 each layer has a relative bias of its own (transformers 5.23,
// configuration_mt5.py, modeling_umt5.py): the numbers are UMT5EncoderModel's in float64, of a mean over all tokens at unit length.
func TestOtherT5(t *testing.T) {
	const text = "the index finds one document and the search reads its text again"
	encode := func(dir string) []float32 {
		t.Helper()
		return encodeAll2(t, openModel(t, dir, Options{Pooling: "mean"}), []labrador.Item{{Text: text}}).Row(0)
	}
	t5 := encode(tiny.Model(t, "t5-encoder"))
	if mt5 := encode(changed(t, "t5-encoder", "model_type", `"mt5"`, "feed_forward_proj", "null", "dense_act_fn", "null", "is_gated_act", "null")); !slices.Equal(mt5, t5) {
		t.Errorf("mT5 differs by %.1e from T5", relative(mt5, t5))
	}
	dir := changed(t, "t5-encoder", "model_type", `"umt5"`)
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "block.1.layer.0.SelfAttention.relative_attention_bias") {
		t.Errorf("UMT5 with one bias: %v", err)
	}
	file, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []weights.Tensor
	for _, name := range file.Names() {
		tensor, _ := file.Tensor(name)
		list = append(list, tensor)
		if before, ok := strings.CutSuffix(name, "block.0.layer.0.SelfAttention.relative_attention_bias.weight"); ok {
			values, err := tensor.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			for layer, factor := range map[int]float32{1: 2, 2: -1} {
				other := slices.Clone(values)
				for i := range other {
					other[i] *= factor
				}
				list = append(list, weights.FromFloat32s(fmt.Sprintf("%sblock.%d.layer.0.SelfAttention.relative_attention_bias.weight", before, layer), tensor.Shape, other))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := weights.WriteSafetensors(path, list, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Close(), os.Remove(filepath.Join(dir, "model.safetensors")), os.Rename(path, filepath.Join(dir, "model.safetensors"))); err != nil {
		t.Fatal(err)
	}
	umt5 := encode(dir)
	for i, want := range []float32{0.00265328, 0.14480262, 0.05104604, 0.00587854} {
		if d := umt5[i] - want; d > 1e-5 || d < -1e-5 {
			t.Errorf("UMT5: number %d is %v, want %v", i, umt5[i], want)
		}
	}
}
