package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNoTemplate says that a checkpoint ships no chat template.
var ErrNoTemplate = errors.New("prompt: the model has no chat template")

// maxConfig bounds the files read here: the largest published tokenizer_config.json have some hundred kilobytes.
const maxConfig = 16 << 20

// OpenTemplate reads the chat template of a checkpoint's folder: chat_template.jinja where there is one, else the
// chat_template of tokenizer_config.json (a string, or a list of which "default" is taken). The special tokens of
// tokenizer_config.json are the template's variables. ErrNoTemplate when the folder has none.
func OpenTemplate(dir string) (*Template, error) {
	vars, source, err := readConfig(filepath.Join(dir, "tokenizer_config.json"))
	if err != nil {
		return nil, err
	}
	file, err := readBounded(filepath.Join(dir, "chat_template.jinja"))
	switch {
	case err == nil:
		source = string(file)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("prompt: %w", err)
	}
	if source == "" {
		return nil, fmt.Errorf("%w: %s", ErrNoTemplate, dir)
	}
	t, err := ParseTemplate(source, vars)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
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

// readConfig returns the special tokens and the chat template of a tokenizer_config.json; nothing when there is no file.
func readConfig(path string) (map[string]any, string, error) {
	vars := map[string]any{}
	data, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return vars, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("prompt: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, "", fmt.Errorf("prompt: %s: %w", path, err)
	}
	for _, name := range []string{"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"} {
		if token, ok := tokenText(fields[name]); ok {
			vars[name] = token
		}
	}
	source, err := configTemplate(fields["chat_template"])
	if err != nil {
		return nil, "", fmt.Errorf("prompt: %s: %w", path, err)
	}
	return vars, source, nil
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

func configTemplate(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one, nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", fmt.Errorf("chat_template is neither a text nor a list of named templates")
	}
	for _, t := range list {
		if t.Name == "default" {
			return t.Template, nil
		}
	}
	return "", fmt.Errorf("chat_template lists %d templates, none of them named default", len(list))
}
