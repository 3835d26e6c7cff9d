package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/weights"
)

// renamed is a random checkpoint's network with other names of tensors.
func renamed(t *testing.T, name string, rename func(string) string) *Network {
	t.Helper()
	from := tiny.Model(t, name)
	file, err := weights.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []weights.Tensor
	for _, name := range file.Names() {
		x, err := file.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		x.Name = rename(name)
		list = append(list, x)
	}
	dir := t.TempDir()
	if err := weights.WriteSafetensors(filepath.Join(dir, "model.safetensors"), list, nil); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(from, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "config.json"), string(raw))
	return openNetwork(t, dir, "config.json")
}

// TestOlderNames: bert-base-uncased is published with TensorFlow's names of a norm's parameters and a prefix; transformers reads them as
// weight and bias (5.23, conversion_mapping.py, "legacy"), so its states stay what they were.
func TestOlderNames(t *testing.T) {
	for _, name := range []string{"bert", "roberta", "mpnet", "distilbert"} {
		n := renamed(t, name, func(s string) string {
			s = strings.ReplaceAll(s, "LayerNorm.weight", "LayerNorm.gamma")
			return name + "." + strings.ReplaceAll(s, "LayerNorm.bias", "LayerNorm.beta")
		})
		checkNetwork(t, n, tiny.Expected(t, name))
	}
}

// TestT5Names: transformers ties the encoder's own name of the embeddings to the shared one, and reads either.
func TestT5Names(t *testing.T) {
	n := renamed(t, "t5-encoder", func(s string) string {
		if s == "shared.weight" {
			return "encoder.embed_tokens.weight"
		}
		return s
	})
	checkNetwork(t, n, tiny.Expected(t, "t5-encoder"))
}
