package model

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
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
		"gemma3": "gemma3", "gemma3-bidirectional": "gemma-embedding", "bert": "bert", "nomic-bert": "nomic-bert"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "model.gguf")
			writeGGUF(t, path, tiny.Model(t, name), arch)
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
			if strings.HasPrefix(name, "gemma3") { // a real file has Gemma 3's fixed pattern of six
				c.fields["sliding_window_pattern"] = json.Number("2")
			}
			n, err := buildGGUF(c, file, &a)
			if err != nil {
				t.Fatal(err)
			}
			checkNetwork(t, n, tiny.Expected(t, name))
		})
	}
}

// writeGGUF writes a fixture's folder as a GGUF file of F32 tensors.
func writeGGUF(t *testing.T, path, dir, arch string) {
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
		tensors = append(tensors, weights.FromFloat32s(a.rename(strings.TrimPrefix(name, "model.")), x.Shape, convertedRows(c, arch, name, v, x.Shape)))
	}
	if c.object("rope_scaling") != nil {
		tensors = append(tensors, ropeFreqs(c))
	}
	if err := os.WriteFile(path, ggufFile(ggufMetadata(t, c, arch), tensors), 0o644); err != nil {
		t.Fatal(err)
	}
}

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
	for field, key := range ggufArchs[arch].settings {
		if field == "num_key_value_heads" && c.fields[field] == nil {
			continue
		}
		names := map[string][]string{"hidden_size": {field, "n_embd"}, "num_hidden_layers": {field, "n_layer"}, "num_attention_heads": {field, "n_head"},
			"intermediate_size": {field, "n_inner"}, "max_position_embeddings": {field, "n_positions"}, "layer_norm_eps": {field, "layer_norm_epsilon"},
			"rope_theta": {field, "rotary_emb_base"}}[field]
		if names == nil {
			names = []string{field}
		}
		if _, v := c.find(names...); v != nil {
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
