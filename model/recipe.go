package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/weights"
)

// recipe is what happens around a network: how a text becomes tokens, and the states a vector.
type recipe struct {
	pooling       Pooling
	stated        bool // the folder or the options name the pooling
	excludePrompt bool // pool over the tokens behind the prompt
	steps         []step
	cut           int   // dimensions that are kept of a vector, as the folder says; 0: all
	maxTokens     int   // 0: no limit
	maxRunes      int   // model2vec: texts are cut to so many characters before they become tokens; 0: they are not
	lower         bool  // texts become lower case before anything else
	special       bool  // the tokenizer's special tokens are added
	drop          int32 // model2vec: this token, the unknown one, is left out; -1: none
	prompts       map[string]string
	defaultPrompt string
	message       *prompt.ChatOptions // texts become chat messages; nil: they do not
	chat          *prompt.Chat        // makes them
}

// step is a module behind pooling: a dense layer or, without one, a normalisation.
type step struct {
	dense *Linear
	act   Activation
}

// finish makes vectors of the final states of a network. They are not cut and not yet unit length.
func finish[T any](ops Ops[T], r *recipe, x T) T {
	return behindPooling(ops, r, ops.Pool(x, r.pooling))
}

// behindPooling runs the modules that follow pooling.
func behindPooling[T any](ops Ops[T], r *recipe, y T) T {
	for _, s := range r.steps {
		if s.dense == nil {
			y = ops.Normalize(y)
		} else {
			y = ops.Activate(ops.Linear(y, s.dense), s.act)
		}
	}
	return y
}

// width is the number of columns of the vectors.
func (r *recipe) width(n *Network) int {
	w := n.Width
	for _, s := range r.steps {
		if s.dense != nil {
			w = s.dense.W.Rows
		}
	}
	return w
}

func (r *recipe) denses() []*Linear {
	var out []*Linear
	for _, s := range r.steps {
		if s.dense != nil {
			out = append(out, s.dense)
		}
	}
	return out
}

// module is a line of sentence-transformers' modules.json.
type module struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

// kind is the class of the module, without its package.
func (m module) kind() (string, error) {
	if !strings.HasPrefix(m.Type, "sentence_transformers.") {
		return "", fmt.Errorf("model: module %q is code of the checkpoint's own, which Labrador does not run", m.Type)
	}
	return m.Type[strings.LastIndexByte(m.Type, '.')+1:], nil
}

// readModules reads modules.json; nil where the folder has none.
func readModules(dir string) ([]module, error) {
	raw, err := readConfigFile(filepath.Join(dir, "modules.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []module
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("model: %s/modules.json: %w", dir, err)
	}
	for _, m := range list {
		if m.Path != "" && !filepath.IsLocal(m.Path) {
			return nil, fmt.Errorf("model: %s/modules.json: path %q leaves the folder", dir, m.Path)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("model: %s/modules.json: no modules", dir)
	}
	return list, nil
}

// optionalConfig reads the first of the files that is there and says anything; without any it is empty.
func optionalConfig(dir string, names ...string) (*config, error) {
	for _, name := range names {
		raw, err := readConfigFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c, err := parseConfig(raw)
		if err != nil {
			return nil, within(filepath.Join(dir, name), err)
		}
		if len(c.fields) > 0 {
			return c, nil
		}
	}
	return &config{fields: map[string]any{}}, nil
}

// readPrompts reads config_sentence_transformers.json.
func (r *recipe) readPrompts(dir string) error {
	c, err := optionalConfig(dir, "config_sentence_transformers.json")
	if err != nil {
		return err
	}
	r.cut = c.sizeOr(0, "truncate_dim")
	r.defaultPrompt = c.text("", "default_prompt_name")
	if p := c.object("prompts"); p != nil {
		r.prompts = map[string]string{}
		for name := range p.fields {
			r.prompts[name] = p.text("", name)
		}
		c.err = errors.Join(c.err, p.err)
	}
	own := []string{"", "query", "document"} // the last two are prompts of every folder (sentence-transformers 6.2, sentence_transformer/model.py)
	if _, ok := r.prompts[r.defaultPrompt]; !ok && !slices.Contains(own, r.defaultPrompt) {
		c.fail("default_prompt_name %q is none of the prompts", r.defaultPrompt)
	}
	return c.err
}

// transformerFiles are the names that the settings of a Transformer module have had.
var transformerFiles = []string{"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
	"sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json"}

// readTransformer reads the settings of a Transformer module.
func (r *recipe) readTransformer(dir string) error {
	c, err := optionalConfig(dir, transformerFiles...)
	if err != nil {
		return err
	}
	r.maxTokens = c.sizeOr(0, "max_seq_length")
	if n := c.tokenizerSettings(); n > 0 {
		r.maxTokens = n
	}
	r.lower = c.flag("do_lower_case", false)
	r.message = c.textSettings()
	if c.err != nil {
		return within(dir, c.err)
	}
	return nil
}

// loading are settings of how files are found and batches padded, by which no vector changes.
var loading = []string{"padding_side", "use_fast", "trust_remote_code", "revision", "local_files_only"}

// tokenizerSettings are those that the tokenizer is opened with, under either of their names: model_max_length counts before max_seq_length; 0
// where there is none (sentence-transformers 6.2, base/modules/transformer.py). Others are refused.
func (c *config) tokenizerSettings() (limit int) {
	for _, part := range []string{"tokenizer_args", "processor_kwargs"} {
		p := c.object(part)
		if p == nil {
			continue
		}
		limit = p.sizeOr(limit, "model_max_length")
		for _, name := range slices.Sorted(maps.Keys(p.fields)) {
			if name != "model_max_length" && !slices.Contains(loading, name) {
				c.fail("%s %s %v in the settings of the Transformer module is not supported", part, name, p.fields[name])
			}
		}
		c.err = errors.Join(c.err, p.err)
	}
	return limit
}

// textSettings reads how texts become chat messages, and refuses settings of a Transformer module by which a text is something else than that or
// its tokens, or its states are not the network's last (sentence-transformers 6.2, base/modules/transformer.py).
func (c *config) textSettings() *prompt.ChatOptions {
	c.mustBe("transformer_task", "feature-extraction")
	c.mustBe("module_output_name", "token_embeddings")
	ways := c.object("modality_config")
	refused := []string{"query_expansion", "query_length", "document_length", "config_args", "config_kwargs"}
	for _, name := range refused[3:] { // sentence-transformers leaves this one out
		if args, ok := c.fields[name].(map[string]any); ok {
			delete(args, "trust_remote_code")
		}
	}
	if ways == nil || ways.fields["message"] == nil {
		refused = append(refused, "processing_kwargs")
	}
	for _, name := range refused {
		if v := c.fields[name]; v != nil && fmt.Sprint(v) != "map[]" {
			c.fail("%s %v in the settings of the Transformer module is not supported", name, v)
		}
	}
	if ways == nil {
		return nil
	}
	if text := ways.object("text"); text != nil {
		text.forward()
		c.err = errors.Join(c.err, text.err)
	}
	message := c.message(ways)
	c.err = errors.Join(c.err, ways.err)
	return message
}

// forward refuses a modality whose states are not the network's last.
func (c *config) forward() {
	c.mustBe("method", "forward")
	c.mustBe("method_output_name", "last_hidden_state")
}

// poolingFlags are the names of poolings in a Pooling module's older configurations, by those in newer ones.
var poolingFlags = map[string]string{
	"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max",
	"pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens": "weightedmean", "pooling_mode_lasttoken": "lasttoken",
}

// poolingModes are their names in newer configurations.
var poolingModes = map[string]Pooling{
	"cls": PoolCLS, "mean": PoolMean, "max": PoolMax, "mean_sqrt_len_tokens": PoolMeanSqrt, "weightedmean": PoolWeightedMean, "lasttoken": PoolLast,
}

// poolings are those that a Pooling module's configuration asks for. pooling_mode, a name or a list of names, counts before the older flags
// (sentence-transformers 6.2, sentence_transformer/modules/pooling.py).
func (c *config) poolings() []string {
	switch mode := c.fields["pooling_mode"].(type) {
	case nil:
	case []any:
		return c.texts("pooling_mode")
	default:
		return []string{fmt.Sprint(mode)}
	}
	var modes []string
	for _, name := range slices.Sorted(maps.Keys(c.fields)) {
		if strings.HasPrefix(name, "pooling_mode_") && c.flag(name, false) {
			modes = append(modes, cmp.Or(poolingFlags[name], name))
		}
	}
	return modes
}

// readPooling reads the configuration of a Pooling module.
func (r *recipe) readPooling(dir string) error {
	c, err := optionalConfig(dir, "config.json")
	if err != nil {
		return err
	}
	modes, known := c.poolings(), false
	switch {
	case len(modes) > 1:
		c.fail("pooling modes %v: only one is supported", modes)
	case len(modes) == 0: // the settings' own default
		r.pooling = PoolMean
	default:
		if r.pooling, known = poolingModes[modes[0]]; !known {
			c.fail("pooling mode %q is not supported", modes[0])
		}
	}
	r.excludePrompt, r.stated = !c.flag("include_prompt", true), true
	if c.err != nil {
		return within(dir, c.err)
	}
	return nil
}

// ofSentence refuses a module of a kind that reads or writes something else than the text's vector.
func (c *config) ofSentence(kind string) {
	const vector = "sentence_embedding"
	input := c.text(vector, "module_input_name")
	if output := c.text(input, "module_output_name"); input != vector || output != vector {
		c.fail("a %s module from %s to %s is not supported (only of %s)", kind, input, output, vector)
	}
}

// readNormalize adds a Normalize module, which has settings since sentence-transformers 6.
func (r *recipe) readNormalize(dir string) error {
	c, err := optionalConfig(dir, "config.json")
	if err != nil {
		return err
	}
	if c.ofSentence("Normalize"); c.err != nil {
		return within(dir, c.err)
	}
	r.steps = append(r.steps, step{})
	return nil
}

// denseActivations are torch's classes in Dense modules.
var denseActivations = map[string]Activation{"Tanh": Tanh, "Identity": Identity, "ReLU": ReLU, "GELU": GELU, "SiLU": SiLU, "Sigmoid": Sigmoid}

// readDense loads a Dense module; slot is its weights' number. The file stays open with the checkpoint.
func readDense(dir string, slot int) (step, weights.File, error) {
	c, err := optionalConfig(dir, "config.json")
	if err != nil {
		return step{}, nil, err
	}
	in, out, bias := c.size("in_features"), c.size("out_features"), c.flag("bias", true)
	name := c.text("torch.nn.modules.activation.Tanh", "activation_function")
	act, ok := denseActivations[name[strings.LastIndexByte(name, '.')+1:]]
	if !ok || !strings.HasPrefix(name, "torch.nn.") {
		c.fail("activation_function %q is not supported", name)
	}
	c.ofSentence("Dense")
	if c.flag("use_residual", false) {
		c.fail("use_residual is not supported")
	}
	if c.err != nil {
		return step{}, nil, within(dir, c.err)
	}
	file, err := weights.Open(dir)
	if err != nil {
		return step{}, nil, err
	}
	l := newLoader(file, func(s string) string { return s })
	l.matrices = make([]*Matrix, slot)
	s := step{dense: l.linear("linear", in, out, bias), act: act}
	if l.err != nil {
		file.Close()
		return step{}, nil, l.err
	}
	return s, file, nil
}

// exists says whether the file is there.
func exists(parts ...string) bool {
	_, err := os.Stat(filepath.Join(parts...))
	return err == nil
}
