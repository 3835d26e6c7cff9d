package model

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/weights"
)

// TestGGUFArchitectures writes random checkpoints as GGUF files, as llama.cpp's converter would, and compares the vectors of what is
// read back with transformers'. The converter's names (checked against TensorNameMap of the gguf package 0.19), its order of
// rows for llama's q and k, the 1 that it adds to Gemma's norms and its rope_freqs are what is tested; the settings come from
// each checkpoint's config.json.
func TestGGUFArchitectures(t *testing.T) {
	for name, arch := range map[string]string{"llama3": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2",
		"gemma3": "gemma3", "gemma3-bidirectional": "gemma-embedding", "bert": "bert", "distilbert": "bert", "nomic-bert": "nomic-bert",
		"modernbert": "modern-bert", "llama3 fused": "llama", "qwen2 fused": "qwen2", "bert fused": "bert"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "model.gguf")
			name, fused := strings.CutSuffix(name, " fused")
			writeGGUF(t, path, tiny.Model(t, name), arch, fused)
			file, err := weights.OpenGGUF(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			a := ggufArchs[arch]
			c, err := ggufConfig(file, arch, &a)
			if err != nil {
				t.Fatal(err)
			}
			n, err := buildGGUF(c, file, &a)
			if err != nil {
				t.Fatal(err)
			}
			checkNetwork(t, n, tiny.Expected(t, name))
		})
	}
}

// writeGGUF writes a fixture's folder as a GGUF file of F32 tensors; fused: with q, k and v in one.
func writeGGUF(t *testing.T, path, dir, arch string, fused bool) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a := ggufArchs[arch]
	var tensors []weights.Tensor
	for _, name := range file.Names() {
		if strings.HasPrefix(name, "pooler.") {
			continue
		}
		x, err := file.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, weights.FromFloat32s(a.rename(distilNames.Replace(strings.TrimPrefix(name, "model."))), x.Shape, convertedRows(c, arch, name, v, x.Shape)))
	}
	if c.object("rope_scaling") != nil {
		tensors = append(tensors, ropeFreqs(c))
	}
	if fused {
		tensors = fuseQKV(tensors)
	}
	if err := os.WriteFile(path, ggufFile(ggufMetadata(t, c, arch), tensors), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fuseQKV puts k and v behind q, as convert_hf_to_gguf.py --fuse-qkv does.
func fuseQKV(tensors []weights.Tensor) []weights.Tensor {
	byName := map[string]weights.Tensor{}
	for _, x := range tensors {
		byName[x.Name] = x
	}
	var out []weights.Tensor
	for _, x := range tensors {
		switch {
		case strings.Contains(x.Name, ".attn_q."):
			for _, part := range ggufQKV[1:] {
				next := byName[strings.Replace(x.Name, ".attn_q.", part, 1)]
				x.Data, x.Shape[0] = append(x.Data, next.Data...), x.Shape[0]+next.Shape[0]
			}
			x.Name = strings.Replace(x.Name, ".attn_q.", ".attn_qkv.", 1)
		case strings.Contains(x.Name, ".attn_k."), strings.Contains(x.Name, ".attn_v."):
			continue
		}
		out = append(out, x)
	}
	return out
}

// distilNames turn DistilBERT's names into BERT's, which a file has under the same names.
var distilNames = strings.NewReplacer("transformer.layer.", "encoder.layer.", "attention.q_lin", "attention.self.query", "attention.k_lin", "attention.self.key",
	"attention.v_lin", "attention.self.value", "attention.out_lin", "attention.output.dense", "sa_layer_norm", "attention.output.LayerNorm",
	"ffn.lin1", "intermediate.dense", "ffn.lin2", "output.dense", "output_layer_norm", "output.LayerNorm")

// convertedRows are a tensor's values as the converter writes them.
func convertedRows(c *config, arch, name string, v []float32, shape []int) []float32 {
	switch {
	case strings.HasPrefix(arch, "gemma") && strings.HasSuffix(name, "norm.weight"):
		for i := range v {
			v[i]++
		}
	case arch == "llama" && strings.Contains(name, "q_proj"), arch == "llama" && strings.Contains(name, "k_proj"):
		// LlamaModel.permute: (heads, 2, dim/2, cols) with the middle two swapped
		dim, cols := headSize(c), shape[1]
		out := make([]float32, len(v))
		for r := range shape[0] {
			head, half, i := r/dim, r%dim/(dim/2), r%(dim/2)
			copy(out[(head*dim+2*i+half)*cols:][:cols], v[r*cols:])
		}
		return out
	}
	return v
}

// ropeFreqs is the tensor that carries llama3's scaling (LlamaModel.generate_extra_tensors).
func ropeFreqs(c *config) weights.Tensor {
	s, dim := c.object("rope_scaling"), headSize(c)
	factor, low, high, old := s.number(0, "factor"), s.number(0, "low_freq_factor"), s.number(0, "high_freq_factor"), s.number(0, "original_max_position_embeddings")
	var out []float32
	for i := 0; i < dim; i += 2 {
		length := 2 * math.Pi * math.Pow(c.number(0, "rope_theta"), float64(i)/float64(dim))
		switch {
		case length < old/high:
			out = append(out, 1)
		case length > old/low:
			out = append(out, float32(factor))
		default:
			smooth := (old/length - low) / (high - low)
			out = append(out, float32(1/((1-smooth)/factor+smooth)))
		}
	}
	return weights.FromFloat32s("rope_freqs.weight", []int{len(out)}, out)
}

// ggufMetadata are the settings of a configuration under llama.cpp's keys: whole numbers as uint32, others as float32.
func ggufMetadata(t *testing.T, c *config, arch string) map[string]any {
	meta := map[string]any{}
	if strings.HasPrefix(arch, "gemma3") || arch == "gemma-embedding" { // six is what a file without the key means
		meta[arch+".attention.sliding_window_pattern"] = uint32(c.size("sliding_window_pattern"))
	}
	if arch == "modern-bert" {
		meta[arch+".attention.sliding_window_pattern"] = uint32(c.size("global_attn_every_n_layers"))
	}
	for field, key := range ggufArchs[arch].settings {
		if field == "num_key_value_heads" && c.fields[field] == nil {
			continue
		}
		names := map[string][]string{"hidden_size": {field, "n_embd", "dim"}, "num_hidden_layers": {field, "n_layer", "n_layers"},
			"num_attention_heads": {field, "n_head", "n_heads"}, "intermediate_size": {field, "n_inner", "hidden_dim"}, "max_position_embeddings": {field, "n_positions"}, "layer_norm_eps": {field, "layer_norm_epsilon"},
			"rope_theta": {field, "rotary_emb_base"}}[field]
		if names == nil {
			names = []string{field}
		}
		if _, v := c.find(names...); v != nil {
			if s, ok := v.(string); ok {
				meta[arch+"."+key] = s
				continue
			}
			n, ok := v.(json.Number)
			if !ok {
				t.Fatalf("%s is %v", field, v)
			}
			if i, err := n.Int64(); err == nil && !strings.Contains(field, "rope") {
				meta[arch+"."+key] = uint32(i)
			} else {
				x, _ := n.Float64()
				meta[arch+"."+key] = float32(x)
			}
		}
	}
	return meta
}

// ggufFile lays out a file of version 3.
func ggufFile(meta map[string]any, tensors []weights.Tensor) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("GGUF"), 3)
	b = le.AppendUint64(le.AppendUint64(b, uint64(len(tensors))), uint64(len(meta)))
	str := func(s string) { b = append(le.AppendUint64(b, uint64(len(s))), s...) }
	for k, v := range meta {
		str(k)
		switch x := v.(type) {
		case uint32:
			b = le.AppendUint32(le.AppendUint32(b, 4), x)
		case float32:
			b = le.AppendUint32(le.AppendUint32(b, 6), math.Float32bits(x))
		case string:
			b = le.AppendUint32(b, 8)
			str(x)
		case []int32:
			b = le.AppendUint64(le.AppendUint32(le.AppendUint32(b, 9), 5), uint64(len(x)))
			for _, n := range x {
				b = le.AppendUint32(b, uint32(n))
			}
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	var data []byte
	for _, x := range tensors {
		str(x.Name)
		b = le.AppendUint32(b, uint32(len(x.Shape)))
		for i := range x.Shape {
			b = le.AppendUint64(b, uint64(x.Shape[len(x.Shape)-1-i]))
		}
		b = le.AppendUint64(le.AppendUint32(b, 0), uint64(len(data)))
		data = append(data, x.Data...)
		for len(data)%32 != 0 {
			data = append(data, 0)
		}
	}
	for len(b)%32 != 0 {
		b = append(b, 0)
	}
	return append(b, data...)
}

// headSize is the size of a head of attention.
func headSize(c *config) int {
	return c.sizeOr(c.size("hidden_size")/c.size("num_attention_heads"), "head_dim")
}

// TestGGUFWindow: which layers of Gemma 3 have the window (llama-cpp-python 0.3.36: vectors within 7e-5 of its own with each of these files).
func TestGGUFWindow(t *testing.T) {
	const window, pattern = "gemma3.attention.sliding_window", "gemma3.attention.sliding_window_pattern"
	for _, x := range []struct {
		meta map[string]any
		want string // layers, s: with the window
	}{
		{map[string]any{window: uint32(16)}, "sssssf"}, {map[string]any{}, "ffffff"}, {map[string]any{window: uint32(0)}, "ffffff"},
		{map[string]any{window: uint32(16), pattern: uint32(2)}, "sfsfsf"},
		{map[string]any{window: uint32(16), pattern: []bool{true, true, false, false, true, false}}, "ssffsf"},
	} {
		c := &config{fields: map[string]any{"model_type": "gemma3_text"}}
		if v := x.meta[window]; v != nil {
			c.fields["sliding_window"] = ggufNumber(v)
		}
		c.ggufWindow(x.meta, "gemma3")
		every, got := c.sizeOr(6, "sliding_window_pattern"), ""
		for _, slides := range c.slides(6, func(i int) bool { return (i+1)%every != 0 }) {
			got += map[bool]string{true: "s", false: "f"}[slides]
		}
		if got != x.want || c.err != nil {
			t.Errorf("%v: %s, %v, want %s", x.meta, got, c.err, x.want)
		}
	}
}

// TestGGUFModernBERT: which layers have the window, and the bases of their positions (llama-cpp-python 0.3.36: vectors within 7e-5 of its own
// with each of these files).
func TestGGUFModernBERT(t *testing.T) {
	const window, pattern = "modern-bert.attention.sliding_window", "modern-bert.attention.sliding_window_pattern"
	for _, x := range []struct {
		meta map[string]any
		want string
	}{
		{map[string]any{window: uint32(16)}, "fssf"}, {map[string]any{}, "ffff"}, {map[string]any{window: uint32(0)}, "ffff"},
		{map[string]any{window: uint32(16), pattern: uint32(2)}, "fsfs"},
		{map[string]any{window: uint32(16), pattern: []bool{true, false, true, true}}, "sfss"},
	} {
		c := &config{fields: map[string]any{"model_type": "modernbert"}}
		if v := x.meta[window]; v != nil {
			c.fields["local_attention"] = ggufNumber(v)
		}
		c.ggufWindow(x.meta, "modern-bert")
		every, got := c.sizeOr(3, "global_attn_every_n_layers"), ""
		for _, slides := range c.slides(4, func(i int) bool { return i%every != 0 }) {
			got += map[bool]string{true: "s", false: "f"}[slides]
		}
		if got != x.want || c.err != nil {
			t.Errorf("%v: %s, %v, want %s", x.meta, got, c.err, x.want)
		}
	}
}

// TestGGUFSettings: one number for every layer in a list, a window of 0, and what is refused.
func TestGGUFSettings(t *testing.T) {
	open := func(arch string, meta map[string]any) (*config, error) {
		path := filepath.Join(t.TempDir(), "model.gguf")
		sizes := map[string]any{arch + ".embedding_length": uint32(4), arch + ".attention.head_count": uint32(2)}
		maps.Copy(sizes, meta)
		if err := os.WriteFile(path, ggufFile(sizes, []weights.Tensor{weights.FromFloat32s("token_embd.weight", []int{1, 4}, make([]float32, 4))}), 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := weights.OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		a := ggufArchs[arch]
		return ggufConfig(file, arch, &a)
	}
	c, err := open("llama", map[string]any{"llama.attention.head_count_kv": []int32{1, 1, 1}, "llama.attention.sliding_window": uint32(0)})
	if err != nil || c.headSizes(4).kv != 1 || c.text("", "model_type") != "llama" {
		t.Errorf("%v, %v", c.fields, err)
	}
	if c, err := open("modern-bert", nil); err != nil || math.Abs(c.modernRope("full_attention", 4).Freqs[1]-.01) > 1e-12 {
		t.Errorf("modern-bert without a base: %v, %v", c.fields, err)
	}
	for arch, meta := range map[string]map[string]any{"llama": {"llama.attention.head_count_kv": []int32{1, 2, 1}}, "modern-bert": {"modern-bert.rope.scaling.type": "yarn"}} {
		if _, err := open(arch, meta); err == nil {
			t.Errorf("%v: no error", meta)
		}
	}
}

// TestGGUFDense: the dense layers of EmbeddingGemma's files come behind pooling, in their order.
func TestGGUFDense(t *testing.T) {
	open := func(shapes ...[]int) (*checkpoint, error) {
		var tensors []weights.Tensor
		for i, shape := range shapes {
			n := 1
			for _, d := range shape {
				n *= d
			}
			tensors = append(tensors, weights.FromFloat32s(fmt.Sprintf("dense_%d.weight", i+2), shape, make([]float32, n)))
		}
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := os.WriteFile(path, ggufFile(nil, tensors), 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := weights.OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		c := &checkpoint{net: &Network{Width: 4}}
		return c, c.ggufDense(file)
	}
	c, err := open([]int{6, 4}, []int{3, 6})
	if err != nil || len(c.recipe.steps) != 2 || c.recipe.width(c.net) != 3 || c.recipe.steps[0].act != Identity || c.recipe.steps[1].dense.W.Slot != 1 {
		t.Errorf("%+v, %v", c.recipe.steps, err)
	}
	if c, err := open(); err != nil || c.recipe.width(c.net) != 4 {
		t.Errorf("without: %d dimensions, %v", c.recipe.width(c.net), err)
	}
	for _, shapes := range [][][]int{{{6, 5}}, {{6, 4}, {4, 3}}, {{0, 4}}, {{4}}, {{2, 2, 4}}} {
		if _, err := open(shapes...); err == nil || !strings.Contains(err.Error(), "dense_") {
			t.Errorf("%v: %v", shapes, err)
		}
	}
}
