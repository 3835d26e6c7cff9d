package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/weights"
)

// family is what is peculiar to one of the study's eight checkpoints, as far as prompts and opening go.
type family struct {
	name   string
	system string // the default system text of its chat template
	arch   string // model_type
}

const (
	helpful  = "You are a helpful assistant."
	qwen     = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
	stepwise = `Please reason step by step, and put your final answer within \\boxed{}.`
)

var families = []family{
	{"Qwen2.5-7B", helpful, "qwen2"},
	{"Qwen2.5-7B-Instruct", qwen, "qwen2"},
	{"Qwen2.5-Coder-7B", helpful, "qwen2"},
	{"Qwen2.5-Coder-7B-Instruct", qwen, "qwen2"},
	{"Qwen2.5-Math-7B", stepwise, "qwen2"},
	{"Qwen2.5-Math-7B-Instruct", stepwise, "qwen2"},
	{"DeepSeek-R1-Distill-Qwen-7B", "", "qwen2"},
	{"Qwen2.5-VL-7B-Instruct", helpful, "qwen2_5_vl"},
}

// r1Tokens are the special tokens of DeepSeek-R1-Distill-Qwen under the ids at which Qwen2.5 has others.
var r1Tokens = strings.NewReplacer("<|endoftext|>", "<｜end▁of▁sentence｜>", "<|im_start|>", "<｜User｜>", "<|im_end|>", "<｜Assistant｜>",
	"<|object_ref_start|>", "<｜begin▁of▁sentence｜>")

// r1Template has the parts of DeepSeek-R1's chat template that a conversation without tools runs through.
const r1Template = `{% set ns = namespace(system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{'<｜begin▁of▁sentence｜>'}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor %}{% if add_generation_prompt %}{{'<｜Assistant｜>'}}{% endif %}`

// template is the family's chat template: Qwen2.5's published one with the family's default system text, or R1's.
func (f family) template(t *testing.T) string {
	t.Helper()
	if f.system == "" {
		return r1Template
	}
	var config struct {
		Template string `json:"chat_template"`
	}
	readJSON(t, filepath.Join(outside.Data(t, "tokenizers/qwen2.5"), "tokenizer_config.json"), &config)
	if !strings.Contains(config.Template, qwen) {
		t.Fatal("the published template has another system text than was read there")
	}
	return strings.ReplaceAll(config.Template, qwen, f.system)
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
}

// tinyData is a BEIR folder of a few texts.
func tinyData(t *testing.T, dir string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	words := strings.Fields("protein binds the receptor func parseHeader returns error when list is empty select name from table fever trial of patients question")
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		return strings.TrimSpace(b.String())
	}
	var corpus, queries, qrels strings.Builder
	qrels.WriteString("query-id\tcorpus-id\tscore\n")
	for i := range 6 {
		fmt.Fprintf(&corpus, `{"_id":"d%d","title":%q,"text":%q}`+"\n", i, text(2), text(6))
	}
	for i := range 3 {
		fmt.Fprintf(&queries, `{"_id":"q%d","text":%q}`+"\n", i, text(4))
		fmt.Fprintf(&qrels, "q%d\td%d\t1\n", i, i)
	}
	writeFile(t, filepath.Join(dir, "corpus.jsonl"), corpus.String())
	writeFile(t, filepath.Join(dir, "queries.jsonl"), queries.String())
	writeFile(t, filepath.Join(dir, "qrels", "test.tsv"), qrels.String())
}

// chatML is a chat template like Qwen2.5's published one, with a system text of its own.
const chatML = `{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nSYSTEM<|im_end|>\n' }}{% endif %}{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// tinyModels are folders with the names of the studies' models: a tiny network with random weights under each family's system
// text, and others of the same kinds for the models of quick.
func tinyModels(t *testing.T) string {
	dir := t.TempDir()
	qwen := tiny.Model(t, "qwen2")
	chat := func(name, template string) {
		for _, file := range []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
			link(t, filepath.Join(qwen, file), filepath.Join(dir, name, file))
		}
		writeFile(t, filepath.Join(dir, name, "chat_template.jinja"), template)
	}
	for _, f := range families {
		chat(f.name, strings.Replace(chatML, "SYSTEM", f.system, 1))
	}
	for _, name := range []string{"SmolLM2-135M-Instruct.Q4_1", "Meta-Llama-3-8B-Instruct"} {
		chat(name, strings.Replace(chatML, "SYSTEM", helpful, 1))
	}
	link(t, tiny.Model(t, "st-bert-mean"), filepath.Join(dir, "all-MiniLM-L6-v2"))
	link(t, tiny.Model(t, "st-static"), filepath.Join(dir, "wordllama-l2-supercat-256"))
	return dir
}

// wholeStudy is a shipped study, parsed.
func wholeStudy(t *testing.T, path string) *study.Study {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := study.Parse(f, path, systemKinds{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStudiesRun runs every study that compares models from end to end, on tiny models and data under the names that the study
// has: every system on every dataset that it is for must be in results.json. The command is the one for the real thing:
//
//	labrador compare studies/NAME.yaml --models DIR --data DIR
func TestStudiesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm") // a thousand runs are synced to disk, which tells nothing here and takes a minute
	}
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	models := tinyModels(t)
	files, err := filepath.Glob("../../studies/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d studies, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if name == "default" || name == "first-look" { // without models; run elsewhere
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := wholeStudy(t, file)
			data, out := t.TempDir(), t.TempDir()
			for i, d := range s.Datasets {
				tinyData(t, filepath.Join(data, orElse(d.Ref.Path, d.Ref.Name)), uint64(i))
			}
			compareOutput(t, "compare", file, "--models", models, "--data", data, "--out", out)
			checkCells(t, s, filepath.Join(out, "results.json"))
		})
	}
}

// checkCells holds results.json against what the study asks for.
func checkCells(t *testing.T, s *study.Study, path string) {
	t.Helper()
	var r struct {
		Results []struct {
			Dataset, System, Measure string
			Mean                     *float64
		}
		Claims       []struct{ Verdict string }
		Expectations []struct{ System, On string }
	}
	readJSON(t, path, &r)
	want := map[string]bool{}
	for _, d := range s.Datasets {
		for _, spec := range s.Systems {
			for _, m := range s.Measures {
				if runsOn(s, spec, d.Name) {
					want[d.Name+" "+spec.Name+" "+m] = true
				}
			}
		}
	}
	n := len(want)
	for _, x := range r.Results {
		if x.Mean == nil || *x.Mean < 0 || *x.Mean > 1 {
			t.Errorf("%s on %s: %s is no number from 0 to 1", x.System, x.Dataset, x.Measure)
		}
		delete(want, x.Dataset+" "+x.System+" "+x.Measure)
	}
	if len(r.Results) != n || len(want) != 0 {
		t.Errorf("%d results for %d cells; missing: %v", len(r.Results), n, want)
	}
	if len(r.Claims) != len(s.Claims) || len(r.Expectations) != len(s.Expect) || len(s.Claims) == 0 || len(s.Expect) == 0 {
		t.Errorf("%d of %d claims, %d of %d expected figures", len(r.Claims), len(s.Claims), len(r.Expectations), len(s.Expect))
	}
}

// runsOn says whether a system is for a dataset: by its only, and by those of its parts.
func runsOn(s *study.Study, spec study.SystemSpec, dataset string) bool {
	if len(spec.Only) > 0 && !slices.Contains(spec.Only, dataset) {
		return false
	}
	for _, part := range spec.System.Of() {
		i := slices.IndexFunc(s.Systems, func(o study.SystemSpec) bool { return o.Name == part })
		if !runsOn(s, s.Systems[i], dataset) {
			return false
		}
	}
	return true
}

// vocabulary is the number of embedding rows of the 7B models.
const vocabulary = 152064

// checkpoint writes a model of the family into dir, as published: two shards with an index, the real Qwen2.5 vocabulary and merges, its
// chat template; only the network is tiny and random. embeddings is the first shard.
func (f family) checkpoint(t *testing.T, dir, embeddings string, seed uint64) {
	t.Helper()
	const width, inner = 16, 32
	r := rand.New(rand.NewPCG(seed, 3))
	var tensors []weights.Tensor
	index := map[string]string{"model.embed_tokens.weight": "1.safetensors"}
	add := func(name string, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(r.NormFloat64()) / 4
			if len(shape) == 1 && !strings.HasSuffix(name, "bias") {
				values[i]++
			}
		}
		tensors = append(tensors, weights.FromFloat32s(name, shape, values))
		index[name] = "2.safetensors"
	}
	layer := "model.layers.0."
	for name, shape := range map[string][2]int{"self_attn.q_proj": {width, width}, "self_attn.k_proj": {width / 2, width}, "self_attn.v_proj": {width / 2, width},
		"self_attn.o_proj": {width, width}, "mlp.gate_proj": {inner, width}, "mlp.up_proj": {inner, width}, "mlp.down_proj": {width, inner}} {
		add(layer+name+".weight", shape[0], shape[1])
		if strings.HasSuffix(name, "q_proj") || strings.HasSuffix(name, "k_proj") || strings.HasSuffix(name, "v_proj") {
			add(layer+name+".bias", shape[0])
		}
	}
	add(layer+"input_layernorm.weight", width)
	add(layer+"post_attention_layernorm.weight", width)
	add("model.norm.weight", width)
	config := map[string]any{"architectures": []string{"Qwen2ForCausalLM"}, "model_type": f.arch, "hidden_act": "silu", "hidden_size": width,
		"intermediate_size": inner, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6,
		"rope_theta": 1000000.0, "max_position_embeddings": 32768, "vocab_size": vocabulary, "tie_word_embeddings": true, "use_sliding_window": false}
	switch {
	case strings.Contains(f.name, "Math"):
		config["max_position_embeddings"], config["rope_theta"] = 4096, 10000.0
	case f.arch == "qwen2_5_vl":
		config["architectures"] = []string{"Qwen2_5_VLForConditionalGeneration"}
		config["rope_scaling"] = map[string]any{"type": "mrope", "mrope_section": []int{1, 1, 2}}
		config["vision_config"] = map[string]any{"depth": 1, "hidden_size": 8}
		add("visual.patch_embed.proj.weight", 8, 3, 2, 2, 2)
	}
	link(t, embeddings, filepath.Join(dir, "1.safetensors"))
	if err := weights.WriteSafetensors(filepath.Join(dir, "2.safetensors"), tensors, nil); err != nil {
		t.Fatal(err)
	}
	writeJSONFile(t, filepath.Join(dir, "model.safetensors.index.json"), map[string]any{"weight_map": index})
	writeJSONFile(t, filepath.Join(dir, "config.json"), config)
	f.tokenizer(t, dir)
}

func writeJSONFile(t *testing.T, path string, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(data))
}

// tokenizer puts Qwen2.5's files into dir, with R1's special tokens for R1.
func (f family) tokenizer(t *testing.T, dir string) {
	from := outside.Data(t, "tokenizers/qwen2.5")
	for _, name := range []string{"vocab.json", "merges.txt"} {
		link(t, filepath.Join(from, name), filepath.Join(dir, name))
	}
	for _, name := range []string{"added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if f.system == "" {
			text = r1Tokens.Replace(text)
		}
		writeFile(t, filepath.Join(dir, name), text)
	}
	writeFile(t, filepath.Join(dir, "chat_template.jinja"), f.template(t))
}

// TestEightFamilies: each of the study's eight checkpoints is opened by its published files, and its prompt is the published
// template's, special tokens as single ids.
func TestEightFamilies(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, vocabulary*16)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	embeddings := filepath.Join(dir, "embeddings.safetensors")
	if err := weights.WriteSafetensors(embeddings, []weights.Tensor{weights.FromFloat32s("model.embed_tokens.weight", []int{vocabulary, 16}, values)}, nil); err != nil {
		t.Fatal(err)
	}
	for i, f := range families {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(dir, f.name)
			f.checkpoint(t, path, embeddings, uint64(i))
			e, err := dense.Open(t.Context(), dense.Options{Model: path, Recipe: "one-word", DType: "bf16"})
			if err != nil && f.arch != "qwen2" && strings.Contains(err.Error(), "is not supported") {
				t.Skip(err) // package model reads no vision-language checkpoint yet
			}
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			f.checkPrompt(t, e)
		})
	}
}

func (f family) checkPrompt(t *testing.T, e *dense.Encoder) {
	t.Helper()
	item := labrador.Item{Title: "A title", Text: "and a text"}
	asks := `Passage: "A title and a text". Use one word to represent the passage in a retrieval task. Make sure your word is in lowercase.`
	system := strings.ReplaceAll(f.system, `\\`, `\`)
	want := "<|im_start|>system\n" + system + "<|im_end|>\n<|im_start|>user\n" + asks + "<|im_end|>\n<|im_start|>assistant\nThe word is: \""
	first, special := int32(151644), 5
	if f.system == "" {
		want, first, special = "<｜begin▁of▁sentence｜><｜User｜>"+asks+"<｜Assistant｜>The word is: \"", 151646, 3
	}
	p, _ := e.Prompt(labrador.DocumentSide, item)
	if p.String() != want {
		t.Errorf("prompt %q, want %q", p.String(), want)
	}
	tokens, err := e.Tokenize(t.Context(), labrador.DocumentSide, []labrador.Item{item})
	if err != nil {
		t.Fatal(err)
	}
	ids := tokens[0].IDs
	n := 0
	for _, id := range ids {
		if id >= 151643 {
			n++
		}
	}
	if ids[0] != first || n != special {
		t.Errorf("ids %v: want %d first and %d special tokens", ids, first, special)
	}
	if v, err := e.Encode(t.Context(), labrador.DocumentSide, []labrador.Item{item, {Text: "another"}}); err != nil || v.Rows != 2 || v.Row(0)[0] == v.Row(1)[0] {
		t.Errorf("vectors %v, %v", v, err)
	}
}
