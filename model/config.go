package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
)

// config reads a config.json, in the style of published checkpoints and in that of transformers 5. It keeps the first
// error; what it gives afterwards is meaningless but harmless.
type config struct {
	fields       map[string]any
	ropeDivisors []float32 // GGUF: each frequency is divided by its own
	ropeScale    float64   // GGUF: factor on the sines and cosines; 0: none
	err          error
}

// parseConfig reads the JSON object of a configuration.
func parseConfig(raw []byte) (*config, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	c := &config{}
	if err := dec.Decode(&c.fields); err != nil {
		return nil, fmt.Errorf("model: configuration: %w", err)
	}
	if c.fields == nil {
		return nil, fmt.Errorf("model: configuration: not a JSON object")
	}
	if arch := c.text("", "model_type"); arch == "qwen2_vl" || arch == "qwen2_5_vl" { // transformers 5 nests the text tower's settings
		if text, ok := c.fields["text_config"].(map[string]any); ok {
			delete(text, "model_type")
			maps.Copy(c.fields, text)
		}
	}
	return c, nil
}

func (c *config) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("model: configuration: "+format, args...)
	}
}

// find returns the value of the first name that is there and not null.
func (c *config) find(names ...string) (string, any) {
	for _, n := range names {
		if v := c.fields[n]; v != nil {
			return n, v
		}
	}
	return names[0], nil
}

// size is a whole number of at least 1 under one of the names, all of which are known to name the same thing.
func (c *config) size(names ...string) int {
	name, v := c.find(names...)
	if v == nil {
		c.fail("no %s", name)
		return 1
	}
	return c.whole(name, v)
}

// sizeOr is size with a default.
func (c *config) sizeOr(otherwise int, names ...string) int {
	name, v := c.find(names...)
	if v == nil {
		return otherwise
	}
	return c.whole(name, v)
}

func (c *config) whole(name string, v any) int {
	n, ok := v.(json.Number)
	if ok {
		if i, err := n.Int64(); err == nil && i >= 1 && i <= math.MaxInt32 {
			return int(i)
		}
	}
	c.fail("%s is %v, not a whole number of at least 1", name, v)
	return 1
}

// number is a float under one of the names.
func (c *config) number(otherwise float64, names ...string) float64 {
	name, v := c.find(names...)
	if v == nil {
		return otherwise
	}
	if n, ok := v.(json.Number); ok {
		if f, err := n.Float64(); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	c.fail("%s is %v, not a number", name, v)
	return otherwise
}

// between is a number from lo to hi, both included.
func (c *config) between(lo, hi, otherwise float64, names ...string) float64 {
	f := c.number(otherwise, names...)
	if f != otherwise && (f < lo || f > hi) {
		name, _ := c.find(names...)
		c.fail("%s is %v, not a number from %g to %g", name, f, lo, hi)
	}
	return f
}

// epsilon is what a norm adds under its root.
func (c *config) epsilon(otherwise float64, names ...string) float64 {
	return c.between(0, 1, otherwise, names...)
}

// softcap is the bound of a tanh; 0: none.
func (c *config) softcap(name string) float64 { return c.between(0, 1e6, 0, name) }

// flag is a boolean.
func (c *config) flag(name string, otherwise bool) bool {
	v := c.fields[name]
	if v == nil {
		return otherwise
	}
	b, ok := v.(bool)
	if !ok {
		c.fail("%s is %v, not true or false", name, v)
	}
	return b
}

// text is a string.
func (c *config) text(otherwise string, names ...string) string {
	name, v := c.find(names...)
	if v == nil {
		return otherwise
	}
	s, ok := v.(string)
	if !ok {
		c.fail("%s is %v, not a string", name, v)
	}
	return s
}

// texts is a list of strings, nil where there is none.
func (c *config) texts(name string) []string {
	v := c.fields[name]
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		c.fail("%s is %v, not a list", name, v)
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			c.fail("%s has %v, not a string", name, e)
		}
		out = append(out, s)
	}
	return out
}

// object is an object within, nil where there is none.
func (c *config) object(name string) *config {
	v := c.fields[name]
	if v == nil {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		c.fail("%s is %v, not an object", name, v)
		return nil
	}
	return &config{fields: m}
}

// mustBe refuses a value that Labrador does not know, by name.
func (c *config) mustBe(name, value string) {
	if got := c.text(value, name); got != value {
		c.fail("%s %q is not supported (only %q)", name, got, value)
	}
}

// activationNames are transformers' names (ACT2FN).
var activationNames = map[string]Activation{
	"gelu": GELU, "gelu_python": GELU, "gelu_new": GELUTanh, "gelu_pytorch_tanh": GELUTanh, "gelu_fast": GELUTanh,
	"gelu_accurate": GELUTanh, "quick_gelu": QuickGELU, "silu": SiLU, "swish": SiLU, "relu": ReLU, "tanh": Tanh,
	"sigmoid": Sigmoid, "linear": Identity,
}

// activation is the activation named in one of the fields.
func (c *config) activation(otherwise string, names ...string) Activation {
	name := c.text(otherwise, names...)
	act, ok := activationNames[name]
	if !ok {
		c.fail("activation %q is not supported", name)
	}
	return act
}

// headSizes are the sizes every attention has.
type headSizes struct{ heads, kv, dim int }

// headSizes reads and checks them: hidden is the width that heads divide where head_dim is not stated.
func (c *config) headSizes(hidden int) headSizes {
	s := headSizes{heads: c.size("num_attention_heads", "n_heads", "n_head", "num_heads")}
	s.kv = c.sizeOr(s.heads, "num_key_value_heads")
	s.dim = c.sizeOr(max(1, hidden/s.heads), "head_dim", "d_kv")
	if c.fields["head_dim"] == nil && c.fields["d_kv"] == nil && hidden%s.heads != 0 {
		c.fail("hidden size %d is not a multiple of %d heads", hidden, s.heads)
	}
	if s.dim > maxHeadDim {
		c.fail("heads of %d dimensions", s.dim)
		s.dim = 1
	}
	if s.heads%s.kv != 0 {
		c.fail("%d heads are not a multiple of num_key_value_heads %d", s.heads, s.kv)
	}
	return s
}

// slides says for every layer whether its attention has the sliding window: from layer_types where it is stated, else by
// the rule of the architecture.
func (c *config) slides(layers int, rule func(i int) bool) []bool {
	types := c.texts("layer_types")
	if types != nil && len(types) != layers {
		c.fail("layer_types has %d entries for %d layers", len(types), layers)
		types = nil
	}
	if layers > maxLayers {
		c.fail("%d layers", layers)
		return nil
	}
	out := make([]bool, layers)
	for i := range out {
		if types == nil {
			out[i] = rule(i)
			continue
		}
		switch types[i] {
		case "sliding_attention":
			out[i] = true
		case "full_attention":
		default:
			c.fail("layer type %q is not supported", types[i])
		}
	}
	return out
}

// maxHeadDim bounds what a configuration can make us allocate before its sizes meet those of the tensors; the widest published heads
// have 512 dimensions.
const maxHeadDim = 1 << 16

// maxLayers bounds what a configuration can make us allocate; the deepest published models have a tenth of it.
const maxLayers = 2000

// architectures is the class name of the checkpoint, empty where it states none.
func (c *config) architecture() string {
	if a := c.texts("architectures"); len(a) > 0 {
		return a[0]
	}
	return ""
}

// isHeadless says whether the checkpoint's class has no language-model head.
func isHeadless(class string) bool { return !strings.HasSuffix(class, "ForCausalLM") }
