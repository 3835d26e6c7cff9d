package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/weights"
)

// Network is an architecture with the weights of one checkpoint.
type Network struct {
	Arch     string // the configuration's model_type, such as "qwen2"
	Width    int    // of the states
	Vocab    int    // rows of the embedding table
	Layers   int
	Context  int  // the longest sequence that it was made for; 0: any length
	Stretch  int  // its positions stretch to so many tokens for those who ask (Rotary.Reach)
	Causal   bool // a token sees only itself and tokens before it, so that a common prefix can be computed once
	Matrices []*Matrix
	Vectors  []*Vector

	body     any     // *decoder, *bert, ...: what forward switches over
	head     *Linear // hidden state to next-token logits; nil: none
	softcap  float64 // of the logits; 0: none
	decoding bool    // its makers trained it as a language model: the last token is its default pooling
}

// takes says whether a sequence may be so long.
func (n *Network) takes(length int) bool {
	return n.Context == 0 || length <= n.Context || n.Stretch == Unlimited || length <= n.Stretch
}

// Forward runs the first depth layers on a batch: all of them give the final states, with the final norm where the
// architecture has one; 0 gives the embeddings.
func Forward[T any](ops Ops[T], n *Network, b *Batch, depth int) T {
	return ops.Result(forward(ops, n, b, depth))
}

func forward[T any](ops Ops[T], n *Network, b *Batch, depth int) T {
	switch body := n.body.(type) {
	case *decoder:
		return forwardDecoder(ops, body, b, depth)
	case *bert:
		return forwardBERT(ops, body, b, depth)
	case *modernBERT:
		return forwardModernBERT(ops, body, b, depth)
	case *t5:
		return forwardT5(ops, body, b, depth)
	case *static:
		return ops.Embed(body.embed, b.IDs)
	}
	panic(fmt.Sprintf("model: no forward for %T", n.body))
}

// architectures are the values of model_type that can run, with what builds them.
var architectures = map[string]func(*config, *loader) *Network{
	"llama": buildLlama, "mistral": buildMistral, "ministral": buildMistral, "qwen2": buildQwen2, "qwen3": buildQwen3,
	"qwen2_vl": buildQwen2, "qwen2_5_vl": buildQwen2, // their text towers
	"gemma2": buildGemma2, "gemma3_text": buildGemma3, "eurobert": buildEuroBERT,
	"bert": buildBERT, "roberta": buildRoBERTa, "xlm-roberta": buildRoBERTa, "camembert": buildRoBERTa,
	"distilbert": buildDistilBERT, "mpnet": buildMPNet, "nomic_bert": buildNomicBERT,
	"modernbert": buildModernBERT, "t5": buildT5, "mt5": buildT5, "umt5": buildT5,
}

// build makes the network of a configuration and a checkpoint in Hugging Face's names, with an adapter or nil.
func build(c *config, file weights.File, a *adapter) (*Network, error) {
	return buildWith(c, file, prefixed(file, probes[c.text("", "model_type")]), nil, a)
}

// buildWith is build with the checkpoint's own names and order of rows.
func buildWith(c *config, file weights.File, rename func(string) string, permuted func(string) int, a *adapter) (*Network, error) {
	arch := c.text("", "model_type")
	maker := architectures[arch]
	if maker == nil {
		return nil, unsupported(c, arch)
	}
	if q := c.object("quantization_config"); q != nil {
		c.fail("quantization_config (%v) is not supported: use the unquantised checkpoint or a GGUF file", q.fields["quant_method"])
		return nil, c.err
	}
	for _, name := range file.Names() {
		if slices.Contains(quantised, name[strings.LastIndexByte(name, '.')+1:]) {
			return nil, fmt.Errorf("model: tensor %s: a quantised checkpoint, which is not supported: use the unquantised checkpoint or a GGUF file", name)
		}
	}
	l := newLoader(file, rename)
	l.adapter, l.permuted = a, permuted
	n := maker(c, l)
	switch {
	case c.err != nil:
		return nil, c.err
	case l.err != nil:
		return nil, l.err
	}
	if a != nil {
		if err := a.checkUsed(); err != nil {
			return nil, err
		}
	}
	n.Arch, n.Matrices, n.Vectors = arch, l.matrices, l.vectors
	return n, nil
}

// quantised are the last parts of names that only quantised checkpoints have: GPTQ's and AWQ's, those of compressed-tensors, of 8-bit floats
// (DeepSeek, TensorRT, ComfyUI), of bitsandbytes, quanto and MLX. Some leave the configuration as it was.
var quantised = []string{"qweight", "weight_packed", "weight_scale", "weight_scale_inv", "scale_weight", "absmax", "SCB", "_data", "scales"}

func unsupported(c *config, arch string) error {
	known := make([]string, 0, len(architectures))
	for name := range architectures {
		known = append(known, name)
	}
	slices.Sort(known)
	what := fmt.Sprintf("model_type %q", arch)
	switch {
	case c.fields["num_experts"] != nil || c.fields["num_local_experts"] != nil:
		what += " (a mixture of experts)"
	case c.fields["auto_map"] != nil:
		what += " (it needs code of its own, which Labrador does not run)"
	}
	return fmt.Errorf("model: %s is not supported (supported: %s)", what, strings.Join(known, ", "))
}

// probes are tensors that every checkpoint of an architecture has: what stands before them is the checkpoint's prefix.
var probes = map[string]string{
	"llama": "embed_tokens.weight", "mistral": "embed_tokens.weight", "ministral": "embed_tokens.weight", "qwen2": "embed_tokens.weight",
	"qwen2_vl": "embed_tokens.weight", "qwen2_5_vl": "embed_tokens.weight", "qwen3": "embed_tokens.weight",
	"gemma2": "embed_tokens.weight", "gemma3_text": "embed_tokens.weight", "eurobert": "embed_tokens.weight",
	"bert": "embeddings.word_embeddings.weight", "roberta": "embeddings.word_embeddings.weight",
	"xlm-roberta": "embeddings.word_embeddings.weight", "camembert": "embeddings.word_embeddings.weight",
	"distilbert": "embeddings.word_embeddings.weight", "mpnet": "embeddings.word_embeddings.weight",
	"nomic_bert": "embeddings.word_embeddings.weight", "modernbert": "embeddings.tok_embeddings.weight",
	"t5": "encoder.final_layer_norm.weight", "mt5": "encoder.final_layer_norm.weight", "umt5": "encoder.final_layer_norm.weight",
}

// prefixed finds the prefix of a checkpoint's names ("", "model.", "bert.", ...) and returns the function that adds it.
// The head of a language model, "lm_head", never has it.
func prefixed(file weights.File, probe string) func(string) string {
	prefix := ""
	for _, name := range file.Names() {
		if p, ok := strings.CutSuffix(name, probe); ok && (p == "" || strings.HasSuffix(p, ".")) {
			prefix = p
			break
		}
	}
	return func(name string) string {
		if strings.HasPrefix(name, "lm_head.") {
			return name
		}
		return prefix + name
	}
}
