package model

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labrador-lab/labrador/weights"
)

// static is a table of token vectors without layers: model2vec, WordLlama, sentence-transformers' StaticEmbedding.
type static struct{ embed *Matrix }

// openStatic opens the folder of a StaticEmbedding module: its table is the tensor embedding.weight or embeddings.
func (c *checkpoint) openStatic(dir string) error {
	file, err := weights.Open(dir)
	if err != nil {
		return err
	}
	c.files = append(c.files, file)
	return c.useTable(dir, file)
}

// openBare opens a folder without configuration: one table of vectors and a tokenizer, as WordLlama is published.
func (c *checkpoint) openBare(dir string) error {
	if !exists(dir, "tokenizer.json") {
		return fmt.Errorf("model: %s: no config.json, modules.json or adapter_config.json: not a model's folder (a GGUF file is given by its own path)", dir)
	}
	c.layout = "table of token vectors with a tokenizer"
	return c.openStatic(dir)
}

// isModel2Vec says whether a folder is model2vec's own, which sentence-transformers can read too (but counts unknown tokens).
func isModel2Vec(dir string) bool {
	c, err := optionalConfig(dir, "config.json")
	return err == nil && c.text("", "model_type") == "model2vec"
}

// openModel2Vec opens a folder of model2vec.
func (c *checkpoint) openModel2Vec(dir string) error {
	if err := c.openStatic(dir); err != nil {
		return err
	}
	c.layout = "model2vec folder"
	t, err := optionalConfig(dir, "tokenizer.json")
	if err != nil {
		return err
	}
	if m := t.object("model"); m != nil { // model2vec 0.10, _get_unk_token_id
		if id, ok := c.tokenizer.ID(m.text("", "unk_token")); ok {
			c.recipe.drop = id
		} else if m.text("", "type") == "Unigram" {
			c.recipe.drop = int32(m.number(-1, "unk_id"))
		}
	}
	c.recipe.maxTokens = c.config.sizeOr(512, "max_length") // model2vec's default
	if limit, stated := c.config.fields["max_length"]; stated && limit == nil {
		c.recipe.maxTokens = 0
	}
	c.recipe.maxRunes = c.recipe.maxTokens * c.medianToken()
	if c.config.flag("normalize", true) {
		c.recipe.steps = append(c.recipe.steps, step{})
	}
	return c.config.err
}

// useTable makes the network of a file with one table of vectors.
func (c *checkpoint) useTable(dir string, file weights.File) error {
	c.layout = "table of token vectors"
	names := file.Names()
	name := ""
	for _, n := range []string{"embedding.weight", "embeddings"} {
		if slices.Contains(names, n) {
			name = n
		}
	}
	if name == "" {
		return fmt.Errorf("model: %s: no tensor embedding.weight or embeddings (there are: %s)", dir, strings.Join(names[:min(5, len(names))], ", "))
	}
	t, err := file.Tensor(name)
	if err != nil {
		return err
	}
	if len(t.Shape) != 2 || t.Shape[0] < 1 || t.Shape[1] < 1 {
		return fmt.Errorf("model: tensor %s has shape %v, a table has rows and columns", name, t.Shape)
	}
	l := newLoader(file, func(s string) string { return s })
	table := l.matrix(name, t.Shape[0], t.Shape[1])
	l.refine(table)
	if l.err != nil {
		return l.err
	}
	c.net = &Network{Arch: "static", Width: table.Cols, Vocab: table.Rows, Matrices: l.matrices, body: &static{embed: table}}
	c.recipe.pooling, c.recipe.stated, c.recipe.special = PoolMean, true, false
	c.read = append(c.read, filepath.Join(dir, "tokenizer.json"))
	if err := c.openTokenizer(dir); err != nil {
		return err
	}
	c.recipe.maxTokens = c.tokenizer.Limit() // nobody overrides tokenizer.json here, as transformers does
	return nil
}

// refine applies what model2vec stores beside its table: the row of each token where tokens share rows (mapping), and a
// factor per token (weights).
func (l *loader) refine(table *Matrix) {
	if t, err := l.file.Tensor("mapping"); err == nil {
		rows, err := t.Ints()
		if err != nil {
			l.fail(err)
			return
		}
		for _, r := range rows {
			if r < 0 || int(r) >= table.Rows {
				l.fail(fmt.Errorf("model: tensor mapping: row %d of %d", r, table.Rows))
				return
			}
		}
		table.Rows, table.order = len(rows), func(i int) int { return int(rows[i]) }
	}
	if t, err := l.file.Tensor("weights"); err == nil {
		if table.factors, err = t.Float32s(); err != nil || len(table.factors) != table.Rows {
			l.fail(fmt.Errorf("model: tensor weights: %d factors for %d tokens (%v)", len(table.factors), table.Rows, err))
		}
	}
}

// medianToken is the middle length in characters of the tokenizer's tokens: model2vec cuts a text to so many characters per
// token that it may have, before it encodes it.
func (c *checkpoint) medianToken() int {
	var lengths []int
	for id := range c.tokenizer.Size() {
		if t, ok := c.tokenizer.Token(int32(id)); ok {
			lengths = append(lengths, utf8.RuneCountInString(t))
		}
	}
	if len(lengths) == 0 {
		return 1
	}
	slices.Sort(lengths)
	return max(1, (lengths[(len(lengths)-1)/2]+lengths[len(lengths)/2])/2)
}
