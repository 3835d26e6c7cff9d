package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoTemplate says that a checkpoint ships no chat template.
var ErrNoTemplate = errors.New("prompt: the model has no chat template")

// maxConfig bounds the files read here: the largest published tokenizer_config.json have some hundred kilobytes.
const maxConfig = 16 << 20

// OpenTemplate reads the chat template of a checkpoint's folder: chat_template.jinja where there is one, else the
// chat_template of tokenizer_config.json (a string, or a list of which "default" is taken). The special tokens of
// tokenizer_config.json are the template's variables. ErrNoTemplate when the folder has none.
func OpenTemplate(dir string) (*Template, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "chat_template.jinja")
	text, err := readBounded(name)
	switch {
	case err == nil:
		c.source, c.file, c.several = string(text), name, false
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("prompt: %w", err)
	}
	if err := c.addNamed(filepath.Join(dir, "additional_chat_templates"), err == nil); err != nil {
		return nil, err
	}
	if c.source == "" {
		return nil, fmt.Errorf("%w: %s", ErrNoTemplate, dir)
	}
	t, err := ParseTemplate(c.source, c.vars)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.file, err)
	}
	t.file, t.several, t.unknown = c.file, c.several, c.unknown()
	return t, nil
}

// tokenizerConfig is what a tokenizer's folder says of chat templates.
type tokenizerConfig struct {
	source, file string
	several      bool // the template is one of several with names
	vars         map[string]any
	defaults     bool // what it does not say is the tokenizer class's to say
	null         map[string]bool
}

// unknown is a special token that the template may write and only the tokenizer's class knows; "": none.
func (c *tokenizerConfig) unknown() string {
	for _, name := range tokenNames {
		if _, ok := c.vars[name]; !ok && c.defaults && !c.null[name] && strings.Contains(c.source, name) {
			return name
		}
	}
	return ""
}

// addNamed looks for templates with names of their own beside the default one, which has a file (transformers 5.23, tokenization_utils_base.py,
// _from_pretrained).
func (c *tokenizerConfig) addNamed(dir string, hasDefault bool) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.jinja"))
	if err != nil || len(files) == 0 {
		return err
	}
	if !hasDefault || slices.Contains(files, filepath.Join(dir, "default.jinja")) {
		return fmt.Errorf("prompt: %s has templates: write the default one to chat_template.jinja in the folder above, and only there", dir)
	}
	c.several = true
	return nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // reading a pipe would wait for a writer
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxConfig {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxConfig)
	}
	return os.ReadFile(path)
}

// tokenNames are the special tokens that templates know by name.
var tokenNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// readConfig reads tokenizer_config.json, and in older folders special_tokens_map.json; it says nothing where there is no file.
func readConfig(dir string) (*tokenizerConfig, error) {
	name := filepath.Join(dir, "tokenizer_config.json")
	c := &tokenizerConfig{file: name, vars: map[string]any{}, null: map[string]bool{}}
	fields, err := readFields(name)
	if err != nil {
		return nil, err
	}
	var class string
	json.Unmarshal(fields["tokenizer_class"], &class)
	c.defaults = class != "PreTrainedTokenizerFast" && class != "TokenizersBackend" // these two have none
	c.addTokens(fields, func(key string) bool { return strings.HasSuffix(key, "_token") })
	if fields["added_tokens_decoder"] == nil {
		older, err := readFields(filepath.Join(dir, "special_tokens_map.json"))
		if err != nil {
			return nil, err
		}
		c.addTokens(older, func(key string) bool { return slices.Contains(tokenNames, key) })
	}
	if c.source, c.several, err = configTemplate(fields["chat_template"]); err != nil {
		return nil, fmt.Errorf("prompt: %s: %w", name, err)
	}
	return c, nil
}

// addTokens makes special tokens the template's variables.
func (c *tokenizerConfig) addTokens(fields map[string]json.RawMessage, is func(key string) bool) {
	for key, raw := range fields {
		if text, ok := tokenText(raw); ok && is(key) {
			c.vars[key] = text
		} else if string(raw) == "null" {
			c.null[key] = true
		}
	}
}

// readFields reads a file with a JSON object; nothing where there is no file.
func readFields(name string) (map[string]json.RawMessage, error) {
	data, err := readBounded(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("prompt: %s: %w", name, err)
	}
	return fields, nil
}

// tokenText reads a special token: a string, or an object with its text under "content".
func tokenText(raw json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return s, true
	}
	var object struct{ Content string }
	if len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &object) == nil {
		return object.Content, true
	}
	return "", false
}

// configTemplate is the chat template of tokenizer_config.json, and whether it is one of several with names.
func configTemplate(raw json.RawMessage) (source string, several bool, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(raw, &source) == nil {
		return source, false, nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", false, fmt.Errorf("chat_template is neither a text nor a list of named templates")
	}
	for _, t := range list {
		if t.Name == "default" {
			source = t.Template
		}
	}
	if source == "" {
		return "", false, fmt.Errorf("chat_template lists %d templates, none of them named default", len(list))
	}
	return source, true, nil
}
