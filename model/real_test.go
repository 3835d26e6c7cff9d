package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/token"
	"github.com/labrador-lab/labrador/weights"
)

// TestSmolLM2 runs the real SmolLM2-135M-Instruct from its Q4_1 GGUF on whole prompts and compares the last token's state with
// transformers' on the dequantised weights.
func TestSmolLM2(t *testing.T) {
	path := outside.RealModel(t, "SmolLM2-135M-Instruct.Q4_1.gguf")
	if testing.Short() {
		t.Skip("packs 135 million weights")
	}
	f := openFixture(t, "smollm2-expected")
	m := openModel(t, path, Options{NoSpecial: true})
	var items []labrador.Item
	for _, in := range f.inputs {
		items = append(items, labrador.Item{Text: in.Prompt})
	}
	tokens, err := m.Tokenize(context.Background(), labrador.QuerySide, items)
	if err != nil {
		t.Fatal(err)
	}
	for j, in := range f.inputs {
		if !slices.Equal(tokens[j].IDs, in.IDs) {
			t.Errorf("prompt %d: got  %v\nwant %v", j, tokens[j].IDs, in.IDs)
		}
	}
	got, err := m.EncodeTokens(context.Background(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	for j, in := range f.inputs {
		for layers, name := range map[int]string{1: "hidden.1.last", m.Layers(): "last"} {
			x, err := m.States(context.Background(), in.IDs, layers)
			if err != nil {
				t.Fatal(err)
			}
			if d := relative(x.Row(x.Rows-1), f.expect(t, "%d.%s", j, name)); !(d <= 1e-3) {
				t.Errorf("prompt %d: %s: relative difference %.2e", j, name, d)
			} else {
				t.Logf("prompt %d: %s: %.1e", j, name, d)
			}
		}
		want := f.expect(t, "%d.last", j)
		unit(want)
		if d := relative(got.Row(j), want); !(d <= 1e-3) {
			t.Errorf("prompt %d with a shared beginning: relative difference %.2e", j, d)
		}
	}
}

// TestStories runs a real llama of 260 thousand parameters and follows the text that llama2.c prints greedily with it.
func TestStories(t *testing.T) {
	dir := outside.Data(t, "weights/stories260k")
	folder := convertStories(t, dir)
	m := openModel(t, folder, Options{})
	tok, err := token.Open(filepath.Join(dir, "tok512.model"))
	if err != nil {
		t.Fatal(err)
	}
	ids := append([]int32{1}, tok.Encode(nil, storiesText(t, dir), false)...)
	wrong := 0
	prefixes := make([]Tokens, 0, len(ids))
	for n := 1; n < len(ids); n++ {
		prefixes = append(prefixes, Tokens{IDs: ids[:n]})
	}
	err = m.Logits(context.Background(), prefixes, nil, func(i int, _ [][]float32, logits []float32) error {
		best := 0
		for v, l := range logits {
			if l > logits[best] {
				best = v
			}
		}
		if int32(best) != ids[i+1] {
			wrong++
			t.Errorf("token %d: the model says %d, the text has %d", i+1, best, ids[i+1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) < 200 {
		t.Fatalf("only %d tokens", len(ids))
	}
	t.Logf("%d tokens, %d wrong", len(ids)-1, wrong)
}

// storiesText is the text between "```" and "```" behind the command in stories260K.md.
func storiesText(t *testing.T, dir string) string {
	raw, err := os.ReadFile(filepath.Join(dir, "stories260K.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "tok512.bin -t 0.0\n")
	text, _, ok := strings.Cut(rest, "\n```")
	if !ok {
		t.Fatal("no text in stories260K.md")
	}
	if i := strings.Index(text, "\nachieved tok/s"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimRight(text, "\n")
}

// convertStories writes llama2.c's legacy .bin (run.c, memory_map_weights) as a folder of transformers: q and k of that file
// turn in pairs (2i, 2i+1), so their rows are put in the order of Hugging Face's.
func convertStories(t *testing.T, dir string) string {
	raw, err := os.ReadFile(filepath.Join(dir, "stories260K.bin"))
	if err != nil {
		t.Fatal(err)
	}
	var h [7]int
	for i := range h {
		h[i] = int(int32(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	dim, hidden, layers, heads, kv, vocab := h[0], h[1], h[2], h[3], h[4], h[5]
	raw = raw[28:]
	take := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		raw = raw[4*n:]
		return out
	}
	var list []weights.Tensor
	add := func(name string, v []float32, shape ...int) {
		list = append(list, weights.FromFloat32s(name, shape, v))
	}
	each := func(name string, turned int, shape ...int) {
		for l := range layers {
			n := shape[0]
			if len(shape) == 2 {
				n *= shape[1]
			}
			v := take(n)
			if turned > 0 {
				v = halfSplit(v, shape[0]/turned, shape[1])
			}
			add(fmt.Sprintf("model.layers.%d.%s.weight", l, name), v, shape...)
		}
	}
	kvDim := dim / heads * kv
	add("model.embed_tokens.weight", take(vocab*dim), vocab, dim)
	each("input_layernorm", 0, dim)
	each("self_attn.q_proj", heads, dim, dim)
	each("self_attn.k_proj", kv, kvDim, dim)
	each("self_attn.v_proj", 0, kvDim, dim)
	each("self_attn.o_proj", 0, dim, dim)
	each("post_attention_layernorm", 0, dim)
	each("mlp.gate_proj", 0, hidden, dim)
	each("mlp.down_proj", 0, dim, hidden)
	each("mlp.up_proj", 0, hidden, dim)
	add("model.norm.weight", take(dim), dim)
	out := t.TempDir()
	if err := weights.WriteSafetensors(filepath.Join(out, "model.safetensors"), list, nil); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":%d,"intermediate_size":%d,"num_hidden_layers":%d,
		"num_attention_heads":%d,"num_key_value_heads":%d,"vocab_size":%d,"max_position_embeddings":%d,"rms_norm_eps":1e-5,"rope_theta":10000,
		"hidden_act":"silu","tie_word_embeddings":true}`, dim, hidden, layers, heads, kv, vocab, h[6])
	if err := os.WriteFile(filepath.Join(out, "config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile(filepath.Join(dir, "tok512.model"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "tokenizer.model"), model, 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// halfSplit puts rows of heads whose pairs are (2i, 2i+1) into the order with pairs (i, i+dim/2).
func halfSplit(v []float32, dim, cols int) []float32 {
	out := make([]float32, len(v))
	for r := range len(v) / cols {
		head, i := r/dim*dim, r%dim
		from := head + 2*(i%(dim/2)) + i/(dim/2)
		copy(out[r*cols:(r+1)*cols], v[from*cols:])
	}
	return out
}
