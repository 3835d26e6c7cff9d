package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/labrador-lab/labrador/token"
	"github.com/labrador-lab/labrador/weights"
)

// checkpoint is an opened folder or file before its weights are packed.
type checkpoint struct {
	path       string
	base       string // the folder of an adapter's base model; "": the one that the adapter names
	layout     string // what kind of folder it is, for people
	config     *config
	net        *Network
	tokenizer  *token.Tokenizer
	textFolder string // where the tokenizer and the chat template are
	recipe     recipe
	files      []weights.File
	read       []string // the other files that decide the vectors
	unread     []string // maps that an adapter adds to and no vector is made of
}

func (c *checkpoint) close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// openCheckpoint finds out what path is and opens it.
func openCheckpoint(path string, o Options) (*checkpoint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w; give a model's folder or .gguf file", err)
	}
	c := &checkpoint{path: path, base: o.Base, recipe: recipe{special: true, drop: -1}}
	switch {
	case !info.IsDir() && strings.HasSuffix(path, ".gguf"):
		err = c.openGGUF(path)
	case !info.IsDir():
		err = fmt.Errorf("model: %s: not a folder and not a .gguf file", path)
	case exists(path, "modules.json") && !isModel2Vec(path):
		err = c.openModules(path)
	case exists(path, "config.json") || exists(path, "adapter_config.json"):
		err = c.openTransformer(path)
	default:
		err = c.openBare(path)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// openTransformer opens a folder of transformers or of PEFT. In one that is both, the adapter is over the model beside it (transformers 5.23 with
// peft, models/auto/auto_factory.py, from_pretrained).
func (c *checkpoint) openTransformer(dir string) error {
	if exists(dir, "adapter_config.json") {
		return c.openAdapted(dir, c.base)
	}
	return c.openPlain(dir, nil)
}

// openPlain opens a folder of transformers: config.json, weights, tokenizer.
func (c *checkpoint) openPlain(dir string, a *adapter) error {
	c.layout = "transformers folder"
	raw, err := readConfigFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return err
	}
	c.read = append(c.read, filepath.Join(dir, "config.json"))
	if c.config, err = parseConfig(raw); err != nil {
		return within(dir, err)
	}
	if c.config.text("", "model_type") == "model2vec" {
		return c.openModel2Vec(dir)
	}
	file, err := weights.Open(dir)
	if err != nil {
		return err
	}
	c.files = append(c.files, file)
	if c.net, err = build(c.config, file, a); err != nil {
		return within(dir, err)
	}
	if c.net.decoding {
		c.recipe.pooling = PoolLast
	}
	if c.recipe.maxTokens == 0 {
		c.recipe.maxTokens = modelMax(dir)
	}
	return c.openTokenizer(dir)
}

// modelMax is the tokenizer's model_max_length, 0 where there is none (transformers writes a huge number then).
func modelMax(dir string) int {
	t, err := optionalConfig(dir, "tokenizer_config.json")
	if err != nil {
		return 0
	}
	if n := t.number(0, "model_max_length"); n >= 1 && n < 1<<24 {
		return int(n)
	}
	return 0
}

func (c *checkpoint) openTokenizer(dir string) (err error) {
	if c.tokenizer, err = token.Open(dir); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if c.recipe.lower {
		c.tokenizer = c.tokenizer.Lowered()
	}
	c.textFolder = dir
	if c.tokenizer.Size() > c.net.Vocab {
		return c.checkVocabulary()
	}
	return nil
}

// checkVocabulary refuses a tokenizer with tokens that the network has no row for, unless none of them can come up: some
// published tokenizers name more ids than they use.
func (c *checkpoint) checkVocabulary() error {
	for id := c.net.Vocab; id < c.tokenizer.Size(); id++ {
		if t, ok := c.tokenizer.Token(int32(id)); ok {
			return fmt.Errorf("model: %s: the tokenizer has token %q with id %d, the embedding table %d rows", c.path, t, id, c.net.Vocab)
		}
	}
	return nil
}

// openAdapted opens an adapter with its base model, which is a folder, and with its own tokenizer where it has one.
func (c *checkpoint) openAdapted(dir, base string) error {
	a, err := openAdapter(dir)
	if err != nil {
		return err
	}
	c.files = append(c.files, a.file)
	c.read = append(c.read, filepath.Join(dir, "adapter_config.json"))
	switch {
	case base == "" && exists(dir, "config.json"):
		base = dir
	case base == "":
		if base, err = findBase(dir, a.base); err != nil {
			return err
		}
	}
	if err := c.openPlain(base, a); err != nil {
		return err
	}
	c.layout, c.unread = "PEFT adapter over "+base, a.unread()
	if ownTokenizer(dir) {
		return c.openTokenizer(dir)
	}
	return nil
}

// openModules opens a sentence-transformers folder.
func (c *checkpoint) openModules(dir string) error {
	list, err := readModules(dir)
	if err != nil {
		return err
	}
	c.read = append(c.read, filepath.Join(dir, "modules.json"))
	for i, m := range list {
		kind, err := m.kind()
		if err == nil {
			err = c.openModule(i, kind, filepath.Join(dir, m.Path))
		}
		if err != nil {
			return within(dir, err)
		}
	}
	if c.net == nil {
		return fmt.Errorf("model: %s/modules.json: no Transformer or StaticEmbedding", dir)
	}
	c.layout = "sentence-transformers folder"
	return c.recipe.readPrompts(dir)
}

func (c *checkpoint) openModule(i int, kind, dir string) error {
	if (i == 0) != (kind == "Transformer" || kind == "StaticEmbedding") {
		return fmt.Errorf("model: module %d is %s: the first must be a Transformer or a StaticEmbedding, no other may", i, kind)
	}
	c.read = append(c.read, filepath.Join(dir, "config.json"))
	switch kind {
	case "Transformer":
		if err := c.recipe.readTransformer(dir); err != nil {
			return err
		}
		if err := c.openTransformer(dir); err != nil || c.recipe.message == nil {
			return err
		}
		return c.openChat(dir)
	case "StaticEmbedding":
		return c.openStatic(dir)
	case "Pooling":
		return c.recipe.readPooling(dir)
	case "Normalize":
		return c.recipe.readNormalize(dir)
	case "Dense":
		s, file, err := readDense(dir, len(c.net.Matrices)+len(c.recipe.steps))
		if err != nil {
			return err
		}
		c.files = append(c.files, file)
		if s.dense.W.Cols != c.recipe.width(c.net) {
			return fmt.Errorf("model: Dense takes %d dimensions, the module before it gives %d", s.dense.W.Cols, c.recipe.width(c.net))
		}
		c.recipe.steps = append(c.recipe.steps, s)
		return nil
	case "Dropout": // does nothing outside training
		return nil
	}
	return fmt.Errorf("model: module %s is not supported", kind)
}
