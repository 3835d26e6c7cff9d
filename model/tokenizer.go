package model

import (
	"fmt"
	"strings"

	"github.com/labrador-lab/labrador/token"
	"github.com/labrador-lab/labrador/weights"
)

// Tokenizer opens the tokenizer of a model, a folder or a .gguf file, without its weights.
func Tokenizer(path string) (*token.Tokenizer, error) {
	if !strings.HasSuffix(path, ".gguf") {
		folder, err := TextFolder(path)
		if err != nil {
			return nil, err
		}
		return token.Open(folder)
	}
	file, err := weights.OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t, err := token.FromGGUF(ggufTokenizer(file.Metadata()))
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	return t, nil
}
