package model

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/weights"
)

// TestPatterns: which of a rank_pattern's or alpha_pattern's keys (by number, - none) counts for each module, as get_pattern_key of peft
// 0.21.2 (utils/other.py) answered for these.
func TestPatterns(t *testing.T) {
	modules := []string{"layers.0.self_attn.q_proj", "layers.1.self_attn.q_proj", "layers.2.self_attn.q_proj", "layers.0.self_attn.k_proj",
		"layers.0.mlp.up_proj", "model.layers.0.self_attn.k_proj", "layers.10.mlp.down_proj"}
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{"q_proj"}, "000----"},
		{[]string{"proj"}, "-------"},
		{[]string{"^layers.0.self_attn.k_proj"}, "---0---"},
		{[]string{`layers\.[01]\..*q_proj`, `mlp\..*`}, "00--1-1"},
		{[]string{"self_attn.q_proj", "layers.0.self_attn.q_proj"}, "000----"},
		{[]string{"layers.0.self_attn.q_proj", "q_proj"}, "011----"},
		{[]string{"q_proj|k_proj"}, "0000-0-"},
		{[]string{"0.mlp.down_proj"}, "-------"},
	} {
		var pairs []string
		for i, key := range c.keys {
			quoted, _ := json.Marshal(key)
			pairs = append(pairs, string(quoted)+":"+string(rune('0'+i)))
		}
		raw := []byte(`{"alpha_pattern":{` + strings.Join(pairs, ",") + `}}`)
		config, err := parseConfig(raw)
		if err != nil {
			t.Fatal(err)
		}
		p := config.patterns(raw, "alpha_pattern")
		got := ""
		for _, m := range modules {
			if v, ok := p.find(m); ok {
				got += string(rune('0' + int(v)))
			} else {
				got += "-"
			}
		}
		if got != c.want || config.err != nil {
			t.Errorf("%q: got %s, want %s (%v)", c.keys, got, c.want, config.err)
		}
	}
}

// writeAdapter writes a folder with an adapter of rank 2 over the bert fixture.
func writeAdapter(t *testing.T, fields map[string]any, maps ...string) string {
	t.Helper()
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	config := map[string]any{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": tiny.Model(t, "bert")}
	for k, v := range fields {
		config[k] = v
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "adapter_config.json"), string(raw))
	var list []weights.Tensor
	for _, name := range maps {
		shape := []int{2, 64}
		if strings.HasSuffix(name, "B") {
			shape = []int{64, 2}
		}
		v := make([]float32, 128)
		for i := range v {
			v[i] = float32(rng.NormFloat64()) / 8
		}
		list = append(list, weights.FromFloat32s(name+".weight", shape, v))
	}
	if err := weights.WriteSafetensors(filepath.Join(dir, "adapter_model.safetensors"), list, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAdapterOverHead: PEFT names the maps of a class with a head (BertForMaskedLM) behind the prefix of its network; what it adds to
// the pooler is in no vector.
func TestAdapterOverHead(t *testing.T) {
	const query = "encoder.layer.0.attention.self.query.lora_"
	vector := func(names ...string) []float32 {
		m := openModel(t, writeAdapter(t, nil, names...), Options{})
		v, err := m.EncodeTokens(t.Context(), []Tokens{{IDs: []int32{2, 7, 9, 3}}})
		if err != nil {
			t.Fatal(err)
		}
		return v.Data
	}
	plain := vector(peftPrefix+query+"A", peftPrefix+query+"B")
	head := vector(peftPrefix+"bert."+query+"A", peftPrefix+"bert."+query+"B", peftPrefix+"bert.pooler.dense.lora_A", peftPrefix+"bert.pooler.dense.lora_B")
	if !slices.Equal(plain, head) {
		t.Errorf("behind the prefix: got  %v\nwant %v", head[:4], plain[:4])
	}
}

// TestAdapterFolders: one adapter in the folders that programs make of it gives the same vectors: PEFT's, with the base model beside it under
// the last part of its name; one that holds the base model too; a Transformer module of sentence-transformers.
func TestAdapterFolders(t *testing.T) {
	const query = peftPrefix + "encoder.layer.0.attention.self.query.lora_"
	plain := writeAdapter(t, nil, query+"A", query+"B")
	vector := func(dir string) []float32 {
		v, err := openModel(t, dir, Options{Pooling: "mean"}).Encode(t.Context(), labrador.DocumentSide, []labrador.Item{{Text: "an adapter over its base"}})
		if err != nil {
			t.Fatal(err)
		}
		return v.Data
	}
	want := vector(plain)
	base := tiny.Model(t, "bert")
	if slices.Equal(want, vector(base)) {
		t.Fatal("the adapter changes nothing")
	}
	parent := t.TempDir()
	beside := filepath.Join(parent, "tuned")
	if err := errors.Join(os.CopyFS(beside, os.DirFS(plain)), os.CopyFS(filepath.Join(parent, "bert-tiny"), os.DirFS(base))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(beside, "adapter_config.json"), `{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "makers/bert-tiny"}`)
	both := filepath.Join(t.TempDir(), "both")
	if err := errors.Join(os.CopyFS(both, os.DirFS(base)), os.CopyFS(both, os.DirFS(plain))); err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(t.TempDir(), "module")
	if err := os.CopyFS(module, os.DirFS(plain)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(module, "modules.json"), `[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]`)
	for _, dir := range []string{beside, both, module} {
		if !slices.Equal(vector(dir), want) {
			t.Errorf("%s: other vectors", filepath.Base(dir))
		}
	}
	for dir, want := range map[string]string{beside: filepath.Join(parent, "bert-tiny"), both: both, base: base} {
		if got, err := TextFolder(dir); got != want || err != nil {
			t.Errorf("%s: the tokenizer is in %s, want %s (%v)", dir, got, want, err)
		}
	}
	write(t, filepath.Join(beside, "adapter_config.json"), `{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "makers/none"}`)
	if _, err := Open(beside, Options{}); err == nil || !strings.Contains(err.Error(), filepath.Join(parent, "none")) {
		t.Errorf("a base that is nowhere: %v", err)
	}
	write(t, filepath.Join(beside, "adapter_config.json"), `{"peft_type":`)
	for _, f := range []func() error{func() error { _, err := Open(beside, Options{}); return err }, func() error { _, err := Tokenizer(beside); return err }} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "adapter_config.json") {
			t.Errorf("a configuration that is cut off: %v", err)
		}
	}
}

// TestAdapterSaved: an adapter's whole tensors stand in place of the base model's, as with PEFT: with the base model's own table the vectors
// stay, with another they are those of a base model that has it.
func TestAdapterSaved(t *testing.T) {
	const word, query = "embeddings.word_embeddings.weight", peftPrefix + "encoder.layer.0.attention.self.query.lora_"
	file, err := weights.Open(tiny.Model(t, "bert"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table, err := file.Tensor(word)
	if err != nil {
		t.Fatal(err)
	}
	values, err := table.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	turned := slices.Clone(values)
	slices.Reverse(turned)
	vector := func(dir string) []float32 {
		v, err := openModel(t, dir, Options{}).EncodeTokens(t.Context(), []Tokens{{IDs: []int32{2, 7, 9, 3}}})
		if err != nil {
			t.Fatal(err)
		}
		return v.Data
	}
	saving := func(fields map[string]any, more ...weights.Tensor) string {
		dir := writeAdapter(t, fields, query+"A", query+"B")
		own, err := weights.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		for _, name := range own.Names() {
			x, err := own.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			x.Data = slices.Clone(x.Data)
			more = append(more, x)
		}
		if err := weights.WriteSafetensors(filepath.Join(dir, "adapter_model.safetensors"), more, nil); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	words := func(v []float32) weights.Tensor { return weights.FromFloat32s(peftPrefix+word, table.Shape, v) }
	plain := vector(writeAdapter(t, nil, query+"A", query+"B"))
	if got := vector(saving(nil, words(values))); !slices.Equal(got, plain) {
		t.Errorf("the base model's own table: %v, want %v", got[:4], plain[:4])
	}
	base := t.TempDir()
	if err := os.CopyFS(base, os.DirFS(tiny.Model(t, "bert"))); err != nil {
		t.Fatal(err)
	}
	var all []weights.Tensor
	for _, name := range file.Names() {
		x, err := file.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == word {
			x = weights.FromFloat32s(word, table.Shape, turned)
		}
		all = append(all, x)
	}
	if err := weights.WriteSafetensors(filepath.Join(base, "model.safetensors"), all, nil); err != nil {
		t.Fatal(err)
	}
	want := vector(writeAdapter(t, map[string]any{"base_model_name_or_path": base}, query+"A", query+"B"))
	pooler := weights.FromFloat32s(peftPrefix+"pooler.dense.bias", []int{64}, make([]float32, 64)) // in no vector
	if got := vector(saving(map[string]any{"modules_to_save": []string{"word_embeddings", "pooler"}}, words(turned), pooler)); !slices.Equal(got, want) || slices.Equal(got, plain) {
		t.Errorf("another table: %v, want %v, not %v", got[:4], want[:4], plain[:4])
	}
	for name, x := range map[string]weights.Tensor{
		"shape [3 4]":                  weights.FromFloat32s(peftPrefix+word, []int{3, 4}, make([]float32, 12)),
		"no tensor score.weight":       weights.FromFloat32s(peftPrefix+"score.weight", []int{1}, make([]float32, 1)),
		"base_layer.weight is not":     weights.FromFloat32s(peftPrefix+"lm_head.base_layer.weight", []int{1}, make([]float32, 1)),
		"beside an addition":           weights.FromFloat32s(peftPrefix+"encoder.layer.0.attention.self.query.weight", []int{64, 64}, make([]float32, 64*64)),
		"lora_magnitude_vector.weight": weights.FromFloat32s(peftPrefix+"encoder.layer.0.attention.self.query.lora_magnitude_vector.weight", []int{1}, make([]float32, 1)),
	} {
		if _, err := Open(saving(nil, x), Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAdapterRefusals: what PEFT computes otherwise, or cannot load.
func TestAdapterRefusals(t *testing.T) {
	const a, b = peftPrefix + "encoder.layer.0.attention.self.query.lora_A", peftPrefix + "encoder.layer.0.attention.self.query.lora_B"
	for _, c := range []struct {
		fields map[string]any
		maps   []string
		want   string
	}{
		{map[string]any{"init_lora_weights": "pissa"}, []string{a, b}, "init_lora_weights pissa"},
		{map[string]any{"init_lora_weights": "pissa_niter_4"}, []string{a, b}, "init_lora_weights pissa_niter_4"},
		{map[string]any{"init_lora_weights": "olora"}, []string{a, b}, "init_lora_weights olora"},
		{map[string]any{"init_lora_weights": "loftq"}, []string{a, b}, "init_lora_weights loftq"},
		{map[string]any{"init_lora_weights": "corda"}, []string{a, b}, "init_lora_weights corda"},
		{map[string]any{"alpha_pattern": map[string]any{"(?<!x)query": 3}}, []string{a, b}, `"(?<!x)query"`},
		{map[string]any{"alpha_pattern": map[string]any{"query": "x"}}, []string{a, b}, "query is x"},
		{map[string]any{"rank_pattern": map[string]any{"query": 1.5}}, []string{a, b}, "rank 1.5"},
		{map[string]any{"lora_alpha": 1e308}, []string{a, b}, "alpha 1e+308"},
		{nil, []string{b}, "no lora_A beside it"},
		{nil, []string{a}, "no tensor " + b},
		{nil, nil, "no tensors"},
		{nil, []string{a, b, strings.Replace(a, ".model.", ".model.bert.", 1), strings.Replace(b, ".model.", ".model.bert.", 1)}, "the same map"},
	} {
		_, err := Open(writeAdapter(t, c.fields, c.maps...), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: got %v, want %q in it", c.fields, c.maps, err, c.want)
		}
	}
	for _, start := range []any{true, false, "gaussian", "eva", "orthogonal"} { // begin A and B alone, which the file then replaces
		openModel(t, writeAdapter(t, map[string]any{"init_lora_weights": start}, a, b), Options{})
	}
}
