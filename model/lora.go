package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
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
	ranks  patterns
	alphas patterns
	names  map[string]string // our name of a linear map -> prefix of its tensors
	saved  map[string]string // our name of a tensor -> that of the adapter's, which replaces the base model's
	used   map[string]bool
}

// peftPrefix stands before the base model's own names in an adapter's.
const peftPrefix = "base_model.model."

// openAdapter reads the adapter in dir. What PEFT can do beyond low-rank additions to linear maps is refused by name.
func openAdapter(dir string) (*adapter, error) {
	c, raw, err := readAdapterConfig(dir)
	if err != nil {
		return nil, err
	}
	a := &adapter{dir: dir, base: c.text("", "base_model_name_or_path"), rank: c.size("r"), alpha: c.number(8, "lora_alpha"),
		rs: c.flag("use_rslora", false), used: map[string]bool{}, names: map[string]string{}, saved: map[string]string{}}
	c.mustBe("peft_type", "LORA")
	for _, name := range []string{"use_dora", "use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias"} {
		if c.flag(name, false) {
			c.fail("%s is not supported", name)
		}
	}
	c.mustBe("bias", "none")
	for _, name := range []string{"layer_replication", "target_parameters", "trainable_token_indices", "alora_invocation_tokens",
		"arrow_config", "kasa_config", "monteclora_config"} {
		if v := c.fields[name]; v != nil && fmt.Sprint(v) != "[]" {
			c.fail("%s is not supported", name)
		}
	}
	c.loraStart()
	a.ranks, a.alphas = c.patterns(raw, "rank_pattern"), c.patterns(raw, "alpha_pattern")
	if c.err != nil {
		return nil, within(dir, c.err)
	}
	if a.file, err = weights.Open(filepath.Join(dir, "adapter_model.safetensors")); err != nil {
		return nil, err
	}
	if err := a.pair(); err != nil {
		a.file.Close()
		return nil, fmt.Errorf("model: %s: adapter: %w", dir, err)
	}
	return a, nil
}

// findBase is the folder of the base model that the adapter in dir names: a path, from dir where it is none from the root, else the last part
// of a name such as "Qwen/Qwen2.5-0.5B", beside the adapter.
func findBase(dir, name string) (string, error) {
	base := name
	if !filepath.IsAbs(base) {
		base = filepath.Join(dir, base)
	}
	beside := filepath.Join(filepath.Dir(filepath.Clean(dir)), path.Base(name))
	switch {
	case exists(base, "config.json"):
		return base, nil
	case exists(beside, "config.json"):
		return beside, nil
	}
	return "", fmt.Errorf("model: %s: the adapter's base model %q is not a folder on this machine: put it at %s, or write its folder to base_model_name_or_path in adapter_config.json", dir, name, beside)
}

// BaseFolder is the folder of the base model of the PEFT adapter in path; "" where path is no adapter or has the base model in it.
func BaseFolder(path string) (string, error) {
	if !exists(path, "adapter_config.json") || exists(path, "config.json") {
		return "", nil
	}
	c, _, err := readAdapterConfig(path)
	if err != nil {
		return "", err
	}
	return findBase(path, c.text("", "base_model_name_or_path"))
}

// TextFolder is the folder with the tokenizer and the chat template of the model in path: its own, or that of an adapter's base model where the
// adapter has no tokenizer.
func TextFolder(path string) (string, error) {
	if ownTokenizer(path) {
		return path, nil
	}
	base, err := BaseFolder(path)
	if base == "" {
		return path, err
	}
	return base, nil
}

// readAdapterConfig reads adapter_config.json in dir, and returns its bytes too.
func readAdapterConfig(dir string) (c *config, raw []byte, err error) {
	name := filepath.Join(dir, "adapter_config.json")
	if raw, err = readConfigFile(name); err != nil {
		return nil, nil, err
	}
	if c, err = parseConfig(raw); err != nil {
		return nil, nil, within(name, err)
	}
	return c, raw, nil
}

// ownTokenizer says whether an adapter's folder has a tokenizer.
func ownTokenizer(dir string) bool {
	return exists(dir, "tokenizer.json") || exists(dir, "tokenizer_config.json")
}

// loraStart refuses the ways to begin training under which PEFT changes the base model's weights whenever it loads the adapter
// (peft 0.21.2, tuners/lora/layer.py, update_layer).
func (c *config) loraStart() {
	switch v := c.fields["init_lora_weights"].(type) {
	case nil, bool:
		return
	case string:
		if slices.Contains([]string{"gaussian", "eva", "orthogonal", "mica"}, strings.ToLower(v)) {
			return
		}
	}
	c.fail("init_lora_weights %v is not supported: it changes the base model's weights; save the adapter as a plain one (PEFT's path_initial_model_for_weight_conversion)",
		c.fields["init_lora_weights"])
}

// savable says whether a tensor is one that an adapter has as it is: of a module that was trained whole (modules_to_save) or a table of tokens
// (save_embedding_layers). PEFT puts it in place of the base model's (peft 0.21.2, utils/save_and_load.py).
func savable(name string) bool {
	return strings.HasPrefix(name, peftPrefix) && (strings.HasSuffix(name, ".weight") || strings.HasSuffix(name, ".bias")) &&
		!strings.Contains(name, ".lora_") && !strings.Contains(name, ".base_layer.")
}

// pair finds the two tensors of every map that the adapter adds to.
func (a *adapter) pair() error {
	names := a.file.Names()
	for _, name := range names {
		full, ok := strings.CutSuffix(name, ".lora_A.weight")
		second := strings.HasSuffix(name, ".lora_B.weight")
		switch {
		case second && !slices.Contains(names, strings.TrimSuffix(name, "B.weight")+"A.weight"):
			return fmt.Errorf("tensor %s has no lora_A beside it", name)
		case second:
			continue
		case savable(name):
			our := adapterName(name)
			if other := a.saved[our]; other != "" {
				return fmt.Errorf("%s and %s are the same tensor", other, name)
			}
			a.saved[our] = name
			continue
		case !ok:
			return fmt.Errorf("tensor %s is not supported", name)
		}
		our := adapterName(full)
		if other := a.names[our]; other != "" {
			return fmt.Errorf("%s and %s are the same map", other, full)
		}
		a.names[our] = full
	}
	if len(names) == 0 {
		return fmt.Errorf("%s has no tensors", a.file.Paths()[0])
	}
	return nil
}

// classPrefixes stand before the names in classes of transformers that have a head over the network (base_model_prefix).
var classPrefixes = []string{"model.", "language_model.", "bert.", "roberta.", "distilbert.", "mpnet.", "nomic_bert."}

// adapterName is our name of the map that PEFT calls full: without PEFT's prefix and that of a class with a head.
func adapterName(full string) string {
	name := strings.TrimPrefix(full, peftPrefix)
	for _, p := range classPrefixes {
		name = strings.TrimPrefix(name, p)
	}
	return name
}

// unread are the maps that the adapter adds to but no vector is made of: BERT's pooler and its heads.
func (a *adapter) unread() []string {
	var list []string
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(a.names)), slices.Sorted(maps.Keys(a.saved))) {
		if strings.HasPrefix(name, "pooler.") || strings.HasPrefix(name, "cls.") || a.saved[name] != "" && strings.HasPrefix(name, "lm_head.") && !a.used[name] {
			list = append(list, name)
		}
	}
	return list
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
	if whole := a.saved[name+".weight"]; whole != "" {
		l.fail(fmt.Errorf("model: adapter: %s beside an addition to it is not supported", whole))
		return nil
	}
	rank, alpha := float64(a.rank), a.alpha
	module := strings.TrimPrefix(full, peftPrefix)
	if v, ok := a.ranks.find(module); ok {
		rank = v
	}
	if v, ok := a.alphas.find(module); ok {
		alpha = v
	}
	if rank < 1 || rank > float64(max(in, out)) || rank != math.Trunc(rank) || math.Abs(alpha) > math.MaxFloat32 {
		l.fail(fmt.Errorf("model: adapter: rank %v and alpha %v of %s", rank, alpha, name))
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

// patterns are PEFT's rank_pattern or alpha_pattern: regular expressions for the end of a module's name, the first that matches
// counts (peft 0.21.2, utils/other.py, get_pattern_key).
type patterns []pattern

type pattern struct {
	name  *regexp.Regexp
	value float64
}

func (p patterns) find(module string) (float64, bool) {
	for _, e := range p {
		if e.name.MatchString(module) {
			return e.value, true
		}
	}
	return 0, false
}

// patterns reads an object of patterns in the order of the file raw.
func (c *config) patterns(raw []byte, field string) patterns {
	o := c.object(field)
	if o == nil {
		return nil
	}
	keys, err := keysOf(raw, field)
	if err != nil {
		c.fail("%s: %v", field, err)
	}
	var out patterns
	for _, key := range keys {
		name, err := regexp.Compile(`^(?:.*\.)?(?:` + key + `)$`)
		if err != nil {
			c.fail("%s: %q is not a regular expression that Labrador knows (%v)", field, key, err)
		}
		out = append(out, pattern{name, o.number(0, key)})
	}
	if o.err != nil {
		c.fail("%s: %v", field, o.err)
	}
	return out
}

// keysOf are the keys of the object field of a JSON object, in their order.
func keysOf(raw []byte, field string) ([]string, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(all[field]))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	var keys []string
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		keys = append(keys, key.(string))
	}
	return keys, nil
}

// checkUsed refuses an adapter for maps that the network does not have.
func (a *adapter) checkUsed() error {
	unread := a.unread()
	for _, name := range slices.Sorted(maps.Keys(a.names)) {
		if !a.used[name] && !slices.Contains(unread, name) {
			return fmt.Errorf("model: %s: adapter: the base model has no linear map %s", a.dir, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.saved)) {
		if !a.used[name] && !slices.Contains(unread, name) {
			return fmt.Errorf("model: %s: adapter: the base model has no tensor %s", a.dir, name)
		}
	}
	return nil
}

// maxConfig is the largest configuration file that is read.
const maxConfig = 64 << 20

// readConfigFile reads a small JSON file.
func readConfigFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if !info.Mode().IsRegular() { // reading a pipe would wait for a writer
		return nil, fmt.Errorf("model: %s is not a regular file", path)
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
