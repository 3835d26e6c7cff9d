package token

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// maxFile is the largest tokenizer file that is read; the largest published ones are about 40 MB.
const maxFile = 1 << 30

// Open loads a tokenizer from a file, or from the folder of a checkpoint: its tokenizer.json, else its SentencePiece model
// (tokenizer.model, sentencepiece.bpe.model, spiece.model), else vocab.json with merges.txt, else vocab.txt. The files
// beside it (tokenizer_config.json, special_tokens_map.json, added_tokens.json) complete it: special ids always, and where
// there is no tokenizer.json also added tokens and what is put around a text.
func Open(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if info.IsDir() {
		return openDir(path)
	}
	return openFile(path)
}

var fileKinds = []string{"tokenizer.json", "tokenizer.model", "sentencepiece.bpe.model", "spiece.model", "spm.model", "vocab.json", "vocab.txt"}

func openDir(dir string) (*Tokenizer, error) {
	for _, name := range fileKinds {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return openFile(path)
		}
	}
	return nil, fmt.Errorf("token: %s has no tokenizer.json, tokenizer.model, sentencepiece.bpe.model, spiece.model, vocab.json or vocab.txt", dir)
}

func openFile(path string) (*Tokenizer, error) {
	t, err := loadFile(path)
	if err != nil {
		return nil, fmt.Errorf("token: %s: %w", path, err)
	}
	return t, nil
}

func loadFile(path string) (*Tokenizer, error) {
	conf, err := readConfig(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	switch ext := filepath.Ext(path); {
	case filepath.Base(path) == "vocab.json":
		return loadVocabMerges(path, data, conf)
	case ext == ".json":
		return loadJSON(data, conf)
	case ext == ".model":
		return loadSentencePiece(data, conf)
	case ext == ".txt":
		return loadVocabText(data, conf)
	}
	return nil, errors.New("unknown kind of tokenizer file (known: tokenizer.json, *.model, vocab.json beside merges.txt, vocab.txt)")
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // reading a pipe would wait for a writer
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes; a tokenizer file of more than %d is not read", path, info.Size(), maxFile)
	}
	return os.ReadFile(path)
}
