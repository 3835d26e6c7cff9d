package model

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/kernel"
	"github.com/labrador-lab/labrador/weights"
)

// TestVectorErrors: weights from which no vector of unit length comes are an error that names the text, not a row of NaN or zeros.
func TestVectorErrors(t *testing.T) {
	for name, value := range map[string]float32{"not a number": float32(math.NaN()), "infinite": float32(math.Inf(1)), "squares overflow": 1e30, "zero": 0} {
		dir := changed(t, "qwen2", "rms_norm_eps", "1e-6")
		file, err := weights.Open(tiny.Model(t, "qwen2"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var list []weights.Tensor
		for _, n := range file.Names() {
			x, err := file.Tensor(n)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(n, "model.norm.weight") || n == "norm.weight" {
				v := make([]float32, x.Shape[0])
				for i := range v {
					v[i] = value
				}
				x = weights.FromFloat32s(n, x.Shape, v)
			}
			list = append(list, x)
		}
		broken := t.TempDir()
		if err := weights.WriteSafetensors(filepath.Join(broken, "model.safetensors"), list, nil); err != nil {
			t.Fatal(err)
		}
		link(t, dir, broken, "config.json", "tokenizer.json", "tokenizer_config.json")
		m := openModel(t, broken, Options{})
		_, err = m.EncodeTokens(t.Context(), []Tokens{{IDs: []int32{5, 6}}})
		var bad *TextError
		if !errors.As(err, &bad) || bad.Text != 0 {
			t.Errorf("%s: got %v", name, err)
		}
		err = m.Logits(t.Context(), []Tokens{{IDs: []int32{5, 6}}}, nil, func(int, [][]float32, []float32) error { return nil })
		if finite := value == 0 || value == 1e30; finite && err != nil || !finite && !errors.As(err, &bad) {
			t.Errorf("%s: logits: got %v", name, err)
		}
	}
}

// TestMaxKeepsNotNumbers: what is not a number in one of a text's states stays in the greatest values of each column, as torch.max has it.
func TestMaxKeepsNotNumbers(t *testing.T) {
	nan := float32(math.NaN())
	x, out := kernel.MatOf([]float32{1, nan, 3, 5, 2, nan, 4, 1, 1}, 3, 3), make([]float32, 3)
	(&worker{}).poolRows(out, Span{0, x.Rows}, PoolMax, x.Row)
	if out[0] != 5 || out[1] == out[1] || out[2] == out[2] {
		t.Errorf("got %v", out)
	}
}

// TestMaxTokens: a length must hold what the tokenizer adds: two tokens in BERT.
func TestMaxTokens(t *testing.T) {
	dir := tiny.Model(t, "bert")
	if _, err := Open(dir, Options{MaxTokens: 1}); err == nil || !strings.Contains(err.Error(), "adds 2") {
		t.Errorf("got %v", err)
	}
	m := openModel(t, dir, Options{MaxTokens: 3})
	tokens, err := m.Tokenize(t.Context(), labrador.QuerySide, []labrador.Item{{Text: "which language model"}})
	if err != nil || len(tokens[0].IDs) != 3 {
		t.Errorf("got %v, %v", tokens, err)
	}
}
