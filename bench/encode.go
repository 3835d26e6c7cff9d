package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/labrador-lab/labrador/kernel"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/weights"
)

// shape is a model's body. The vocabulary is small: looking rows up costs nothing, and no head is measured.
type shape struct {
	arch                                 string
	hidden, layers, heads, kv, ffn, long int
}

// shapes have the names and sizes of the peers' scripts, and Qwen2.5-7B.
var shapes = map[string]shape{
	"minilm":       {"bert", 384, 6, 12, 12, 1536, 512},
	"bert-base":    {"bert", 768, 12, 12, 12, 3072, 512},
	"smollm2":      {"llama", 576, 30, 9, 3, 1536, 8192},
	"qwen2.5-0.5b": {"qwen2", 896, 24, 14, 2, 4864, 32768},
	"qwen2.5-1.5b": {"qwen2", 1536, 28, 12, 2, 8960, 32768},
	"qwen2.5-7b":   {"qwen2", 3584, 28, 28, 4, 18944, 32768},
}

// Shapes are the names that Encode takes; see also ShapeOf.
func Shapes() []string { return slices.Sorted(maps.Keys(shapes)) }

// ShapeOf is the shape of a name: the size alone names Qwen2.5's larger ones. It is empty for another name.
func ShapeOf(name string) string {
	if _, ok := shapes[name]; ok {
		return name
	}
	if _, ok := shapes["qwen2.5-"+name]; ok {
		return "qwen2.5-" + name
	}
	return ""
}

const encodeVocab = 512

// EncodeOptions say what is encoded.
type EncodeOptions struct {
	Shape   string // of Shapes, with random weights
	Model   string // or a real model
	DType   string
	Threads int
	Batch   int // texts of a call
	Len     int // tokens of a text
	Seconds float64
}

// Encode measures a model's body on texts of exactly Len random tokens, pooled by their mean (last token for a real
// language model): tokens a second, and the shares of this machine's own ceiling that the linear maps reach in the whole run and alone. The ceiling is
// what a loop of multiplications in registers reaches before and after each call, or row of short ones, as other work on the machine leaves it at that moment. Such work takes
// more from a call than from that loop, as it takes caches too; so there is the share of the fastest call of the highest ceiling as well, which it disturbed least.
func Encode(ctx context.Context, o EncodeOptions) (Row, error) {
	path, remove, err := o.path()
	if err != nil {
		return nil, err
	}
	defer remove()
	opts := model.Options{DType: o.DType, Threads: o.Threads, MaxTokens: max(o.Len, 2)}
	if o.Model == "" {
		opts.Pooling = "mean"
	}
	m, err := model.OpenContext(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	texts := o.texts(min(encodeVocab, m.Network().Vocab))
	format := map[string]kernel.Format{"f32": kernel.FormatF32, "bf16": kernel.Current().Half(), "int8": kernel.FormatInt8}[m.DType()]
	run, err := o.timed(o.Seconds, format, func() error { _, err := m.EncodeTokens(ctx, texts); return err })
	if err != nil {
		return nil, err
	}
	now, peak := Memory()
	tokens := float64(o.Batch * o.Len)
	row := New("encode", o.Threads).With(Row{"shape": o.Shape, "dtype": m.DType(), "batch": o.Batch, "len": o.Len, "tokens_per_s": round(tokens/run.median, 0),
		"best_tokens_per_s": round(tokens/run.best, 0), "latency_ms": round(1000*run.median, 2), "iters": run.n, "rss_mb": now, "peak_rss_mb": peak})
	if o.Model != "" {
		row["shape"] = filepath.Base(o.Model)
		return row, nil
	}
	alone, work, err := o.linears(ctx, format)
	if err != nil {
		return nil, err
	}
	flops := shapes[o.Shape].linearFlops() * tokens / 1e9
	row["linear_gflops"], row["alone_gflops"] = round(flops/run.median, 1), round(work/alone.median, 1)
	if run.ceiling > 0 {
		row["ceiling_gflops"], row["share"], row["alone_share"] = round(run.ceiling, 1), round(flops*run.share, 3), round(work*alone.share, 3)
		row["best_share"], row["best_alone_share"] = round(flops*run.bestShare, 3), round(work*alone.bestShare, 3)
	}
	return row, nil
}

// path is the model, or a folder of the shape with random weights, and what removes it again.
func (o *EncodeOptions) path() (path string, remove func(), err error) {
	if o.Model != "" {
		return o.Model, func() {}, nil
	}
	sh, ok := shapes[o.Shape]
	if !ok {
		return "", nil, fmt.Errorf("bench: shape %q: there are %s", o.Shape, strings.Join(Shapes(), ", "))
	}
	dir, err := os.MkdirTemp("", "labrador-bench-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	if err := sh.write(dir); err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

// texts are a call's texts, of tokens below vocab.
func (o *EncodeOptions) texts(vocab int) []model.Tokens {
	random := rand.New(rand.NewPCG(1, 2))
	texts := make([]model.Tokens, o.Batch)
	for i := range texts {
		for range o.Len {
			texts[i].IDs = append(texts[i].IDs, int32(random.IntN(vocab)))
		}
	}
	return texts
}

// linears times a layer's linear maps with nothing between them: over rows like those of a call, 512 a thread at most, and weights of as many layers as
// no cache holds. work is 1e9 operations.
func (o *EncodeOptions) linears(ctx context.Context, format kernel.Format) (t timing, work float64, err error) {
	const beyondCaches = 128 << 20
	s, k, pool := shapes[o.Shape], kernel.Current(), kernel.NewPool(o.Threads)
	defer pool.Close()
	rows, bytes := min(o.Batch*o.Len, 512*o.Threads), 0
	var maps []*kernel.Packed
	var in, out []kernel.Mat
	for l := 0; l < s.layers && bytes < beyondCaches; l++ {
		for i, m := range s.maps() {
			p := k.Pack(format, m.out, m.in, func(i int, row []float32) {
				for j := range row {
					row[j] = float32((i+j)%7 - 3)
				}
			})
			maps, bytes = append(maps, p), bytes+p.Bytes()
			if l == 0 {
				in, out = append(in, kernel.MatOf(make([]float32, rows*m.in), rows, m.in)), append(out, kernel.MatOf(make([]float32, rows*m.out), rows, m.out))
				for j := range in[i].Data {
					in[i].Data[j] = float32(j%11 - 5)
				}
			}
		}
	}
	var f kernel.Fused
	for at := 0; at < rows; at += o.Len {
		f.Texts = append(f.Texts, at)
	}
	f.Texts = append(f.Texts, rows)
	t, err = o.timed(o.Seconds/4, format, func() error {
		for i, p := range maps {
			p.LinearFused(pool, out[i%len(out)], in[i%len(in)], f)
		}
		return ctx.Err()
	})
	layers := float64(len(maps)) / float64(len(in))
	return t, s.linearFlops() / float64(s.layers) * layers * float64(rows) / 1e9, err
}

// maps are the linear maps of one layer as the engine runs them: queries, keys and values at once, and so gates and inner values.
func (s shape) maps() []struct{ out, in int } {
	inner := s.ffn
	if s.arch != "bert" {
		inner *= 2
	}
	return []struct{ out, in int }{{s.hidden + 2*s.hidden/s.heads*s.kv, s.hidden}, {s.hidden, s.hidden}, {inner, s.hidden}, {s.hidden, s.ffn}}
}

// timing is what timed measured.
type timing struct {
	median, best float64 // seconds a call
	n            int     // calls
	// ceiling is the median of what the format's multiplications reached between rows of calls, 1e9 operations a second, 0 where they were not measured; share
	// the median of a call's 1 / (seconds * the ceiling around its row), to be multiplied by its operations; bestShare that of the fastest call and the highest ceiling.
	ceiling, share, bestShare float64
}

// inARow is for how long calls follow each other, as they do where other programs are measured, before the multiplications are timed again.
const inARow = 100 * time.Millisecond

// timed warms up for a second, then times single calls for so many seconds, three at least, and the multiplications of a format between rows of them.
func (o *EncodeOptions) timed(limit float64, format kernel.Format, f func() error) (t timing, err error) {
	call := 0.
	for start := time.Now(); time.Since(start) <= time.Second; {
		if call, err = seconds(f); err != nil {
			return t, err
		}
	}
	between := time.Duration(min(max(call/50, .002), .1) * float64(time.Second))
	name := format.String()
	if kernel.Current().Arithmetic(format) == "bf16 widened" { // products of float32
		name = "f32"
	}
	sample := kernel.Current().Ceiling(name, o.Threads, between)
	if sample == nil {
		sample = func() float64 { return 0 }
	}
	var times, shares []float64
	ceilings := []float64{sample()}
	for start := time.Now(); len(times) < 3 || time.Since(start).Seconds() < limit; {
		first := len(times)
		for row := time.Now(); len(times) == first || time.Since(row) < inARow; {
			s, err := seconds(f)
			if err != nil {
				return t, err
			}
			times = append(times, s)
		}
		around := ceilings[len(ceilings)-1]
		ceilings = append(ceilings, sample())
		around += ceilings[len(ceilings)-1]
		for _, s := range times[first:] {
			shares = append(shares, 2/(s*around))
		}
	}
	t.n = len(times)
	for _, v := range [][]float64{times, ceilings, shares} {
		slices.Sort(v)
	}
	t.median, t.best, t.ceiling, t.share = times[t.n/2], times[0], ceilings[len(ceilings)/2], shares[t.n/2]
	t.bestShare = 1 / (t.best * ceilings[len(ceilings)-1])
	return t, nil
}

// linearFlops are the operations of all linear maps for one token, two per multiply-add.
func (s shape) linearFlops() float64 {
	h, kv, f := float64(s.hidden), float64(s.hidden/s.heads*s.kv), float64(s.ffn)
	mlp := 3 * h * f
	if s.arch == "bert" {
		mlp = 2 * h * f
	}
	return 2 * float64(s.layers) * (2*h*h + 2*h*kv + mlp)
}

// write writes a checkpoint of the shape with random weights in bfloat16.
func (s shape) write(dir string) error {
	files := map[string]any{"config.json": s.config(), "tokenizer.json": benchTokenizer()}
	for name, content := range files {
		b, err := json.Marshal(content)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return weights.WriteSafetensors(filepath.Join(dir, "model.safetensors"), s.tensors(), nil)
}

func (s shape) config() map[string]any {
	c := map[string]any{"model_type": s.arch, "hidden_size": s.hidden, "num_hidden_layers": s.layers, "num_attention_heads": s.heads,
		"intermediate_size": s.ffn, "max_position_embeddings": s.long, "vocab_size": encodeVocab}
	if s.arch == "bert" {
		return with(c, map[string]any{"architectures": []string{"BertModel"}, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "type_vocab_size": 2})
	}
	name := map[string]string{"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}[s.arch]
	return with(c, map[string]any{"architectures": []string{name}, "num_key_value_heads": s.kv, "hidden_act": "silu", "rms_norm_eps": 1e-6,
		"rope_theta": 1e6, "tie_word_embeddings": true})
}

func with(a, b map[string]any) map[string]any {
	maps.Copy(a, b)
	return a
}

// benchTokenizer is a tokenizer.json of encodeVocab words that no text needs: the benchmark starts from ids.
func benchTokenizer() map[string]any {
	vocab := map[string]int{"[UNK]": 0}
	for i := 1; i < encodeVocab; i++ {
		vocab[fmt.Sprintf("w%d", i)] = i
	}
	return map[string]any{"version": "1.0", "added_tokens": []any{}, "pre_tokenizer": map[string]any{"type": "WhitespaceSplit"},
		"model": map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}}
}

// tensors are the shape's weights; all matrices share the bytes of one random block.
func (s shape) tensors() []weights.Tensor {
	random := rand.New(rand.NewPCG(3, 4))
	block := make([]byte, 2*max(s.hidden*s.ffn, s.hidden*s.hidden, s.long*s.hidden*b2i(s.arch == "bert"), encodeVocab*s.hidden))
	for i := 0; i < len(block); i += 2 {
		v := math.Float32bits(float32(random.NormFloat64()) * 0.02)
		block[i], block[i+1] = byte(v>>16), byte(v>>24)
	}
	ones := make([]byte, 2*max(s.hidden, s.ffn))
	for i := 0; i < len(ones); i += 2 {
		ones[i], ones[i+1] = 0x80, 0x3f // 1 in bfloat16
	}
	var out []weights.Tensor
	matrix := func(name string, rows, cols int) {
		out = append(out, weights.Tensor{Name: name, DType: weights.BF16, Shape: []int{rows, cols}, Data: block[:2*rows*cols]})
	}
	vector := func(name string, n int, data []byte) {
		out = append(out, weights.Tensor{Name: name, DType: weights.BF16, Shape: []int{n}, Data: data[:2*n]})
	}
	if s.arch == "bert" {
		s.bertTensors(matrix, vector, block, ones)
	} else {
		s.decoderTensors(matrix, vector, block, ones)
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s shape) bertTensors(matrix func(string, int, int), vector func(string, int, []byte), block, ones []byte) {
	norm := func(name string) {
		vector(name+".weight", s.hidden, ones)
		vector(name+".bias", s.hidden, block)
	}
	linear := func(name string, out, in int) {
		matrix(name+".weight", out, in)
		vector(name+".bias", out, block)
	}
	matrix("embeddings.word_embeddings.weight", encodeVocab, s.hidden)
	matrix("embeddings.position_embeddings.weight", s.long, s.hidden)
	matrix("embeddings.token_type_embeddings.weight", 2, s.hidden)
	norm("embeddings.LayerNorm")
	for l := range s.layers {
		p := fmt.Sprintf("encoder.layer.%d.", l)
		for _, name := range []string{"query", "key", "value"} {
			linear(p+"attention.self."+name, s.hidden, s.hidden)
		}
		linear(p+"attention.output.dense", s.hidden, s.hidden)
		norm(p + "attention.output.LayerNorm")
		linear(p+"intermediate.dense", s.ffn, s.hidden)
		linear(p+"output.dense", s.hidden, s.ffn)
		norm(p + "output.LayerNorm")
	}
}

func (s shape) decoderTensors(matrix func(string, int, int), vector func(string, int, []byte), block, ones []byte) {
	matrix("model.embed_tokens.weight", encodeVocab, s.hidden)
	vector("model.norm.weight", s.hidden, ones)
	kv := s.hidden / s.heads * s.kv
	for l := range s.layers {
		p := fmt.Sprintf("model.layers.%d.", l)
		vector(p+"input_layernorm.weight", s.hidden, ones)
		vector(p+"post_attention_layernorm.weight", s.hidden, ones)
		for name, rows := range map[string]int{"q": s.hidden, "k": kv, "v": kv} {
			matrix(p+"self_attn."+name+"_proj.weight", rows, s.hidden)
			if s.arch == "qwen2" {
				vector(p+"self_attn."+name+"_proj.bias", rows, block)
			}
		}
		matrix(p+"self_attn.o_proj.weight", s.hidden, s.hidden)
		matrix(p+"mlp.gate_proj.weight", s.ffn, s.hidden)
		matrix(p+"mlp.up_proj.weight", s.ffn, s.hidden)
		matrix(p+"mlp.down_proj.weight", s.hidden, s.ffn)
	}
}

// Peak measures the machine's ceilings on a number of threads: one row each.
func Peak(ctx context.Context, threads int, emit func(Row)) error {
	ceilings, err := kernel.Current().Peaks(ctx, threads)
	if err != nil {
		return err
	}
	for _, c := range ceilings {
		row := New("peak", threads).With(Row{"what": c.Name})
		if c.Name == "memory" {
			row["gb_per_s"] = round(c.Rate, 1)
		} else {
			row["gflops"] = round(c.Rate, 1)
		}
		emit(row)
	}
	return nil
}
