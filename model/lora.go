package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/weights"
)

// adapter is a PEFT LoRA adapter: adapter_config.json and adapter_model.safetensors.
type adapter struct {
	dir    string
	file   weights.File
	base   string // the folder of its base model, as the configuration names it
	rank   int
	alpha  float64
	rs     bool // scale by alpha / sqrt(r) (Kalajdzievski 2023)
	ranks  map[string]json.Number
	alphas map[string]json.Number
	names  map[string]string // our name of a linear map -> prefix of its tensors
	used   map[string]bool
}

// openAdapter reads the adapter in dir. What PEFT can do beyond low-rank additions to linear maps is refused by name.
func openAdapter(dir string) (*adapter, error) {
	raw, err := readConfigFile(filepath.Join(dir, "adapter_config.json"))
	if err != nil {
		return nil, err
	}
	c, err := parseConfig(raw)
	if err != nil {
		return nil, within(dir, err)
	}
	a := &adapter{dir: dir, base: c.text("", "base_model_name_or_path"), rank: c.size("r"), alpha: c.number(8, "lora_alpha"),
		rs: c.flag("use_rslora", false), used: map[string]bool{}, names: map[string]string{}}
	c.mustBe("peft_type", "LORA")
	for _, name := range []string{"use_dora", "use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias"} {
		if c.flag(name, false) {
			c.fail("%s is not supported", name)
		}
	}
	c.mustBe("bias", "none")
	for _, name := range []string{"modules_to_save", "layer_replication", "target_parameters", "trainable_token_indices", "alora_invocation_tokens"} {
		if v := c.fields[name]; v != nil && fmt.Sprint(v) != "[]" {
			c.fail("%s is not supported", name)
		}
	}
	a.ranks, a.alphas = c.numbers("rank_pattern"), c.numbers("alpha_pattern")
	if c.err != nil {
		return nil, within(dir, c.err)
	}
	if a.file, err = weights.Open(filepath.Join(dir, "adapter_model.safetensors")); err != nil {
		return nil, err
	}
	for _, name := range a.file.Names() {
		if full, ok := strings.CutSuffix(name, ".lora_A.weight"); ok {
			a.names[adapterName(full)] = full
		} else if !strings.HasSuffix(name, ".lora_B.weight") {
			a.file.Close()
			return nil, fmt.Errorf("model: %s: adapter: tensor %s is not supported", dir, name)
		}
	}
	return a, nil
}

// adapterName is our name of the map that PEFT calls full: without PEFT's prefix and that of the causal model.
func adapterName(full string) string {
	name := strings.TrimPrefix(full, "base_model.model.")
	return strings.TrimPrefix(name, "model.")
}

// has says whether the adapter adds to the map.
func (a *adapter) has(name string) bool { return a.names[name] != "" }

// lora is the adapter's addition to the map name, nil where it has none.
func (a *adapter) lora(l *loader, name string, in, out int) *LoRA {
	full := a.names[name]
	if full == "" {
		return nil
	}
	a.used[name] = true
	rank, alpha := float64(a.rank), a.alpha
	if v, ok := pattern(a.ranks, name); ok {
		rank = v
	}
	if v, ok := pattern(a.alphas, name); ok {
		alpha = v
	}
	if rank < 1 || rank > float64(max(in, out)) {
		l.fail(fmt.Errorf("model: adapter: rank %v of %s", rank, name))
		return nil
	}
	al := newLoader(a.file, func(s string) string { return s })
	al.matrices = l.matrices // continue their numbers
	lora := &LoRA{A: al.matrix(full+".lora_A.weight", int(rank), in), B: al.matrix(full+".lora_B.weight", out, int(rank)), Scale: alpha / rank}
	if a.rs {
		lora.Scale = alpha / math.Sqrt(rank)
	}
	if al.err != nil {
		l.fail(al.err)
		return nil
	}
	l.matrices = al.matrices
	return lora
}

// pattern looks up PEFT's rank_pattern or alpha_pattern: a key is the end of a module's name.
func pattern(m map[string]json.Number, name string) (float64, bool) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if name == key || strings.HasSuffix(name, "."+key) {
			v, err := m[key].Float64()
			return v, err == nil
		}
	}
	return 0, false
}

// checkUsed refuses an adapter for maps that the network does not have.
func (a *adapter) checkUsed() error {
	for _, name := range slices.Sorted(maps.Keys(a.names)) {
		if !a.used[name] {
			return fmt.Errorf("model: %s: adapter: the base model has no linear map %s", a.dir, name)
		}
	}
	return nil
}

// numbers is an object of numbers.
func (c *config) numbers(name string) map[string]json.Number {
	o := c.object(name)
	if o == nil {
		return nil
	}
	out := map[string]json.Number{}
	for k, v := range o.fields {
		n, ok := v.(json.Number)
		if !ok {
			c.fail("%s: %s is %v, not a number", name, k, v)
		}
		out[k] = n
	}
	return out
}

// maxConfig is the largest configuration file that is read.
const maxConfig = 64 << 20

// readConfigFile reads a small JSON file.
func readConfigFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if info.Size() > maxConfig {
		return nil, fmt.Errorf("model: %s has %d bytes, too many for a configuration", path, info.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), nil
}
