package model

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/token"
	"github.com/labrador-lab/labrador/weights"
)

// TestModel2Vec compares with vectors of model2vec 0.9 itself, on a table with shared rows and factors that its script made
// up: unknown tokens are left out, long texts are cut by characters and then by tokens.
func TestModel2Vec(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "model2vec.json"))
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Config, Tokenizer json.RawMessage
		Embeddings        [][]float32
		Weights           []float32
		Mapping           []int64
		Expected          []struct {
			Text, Tail string
			Repeat     int
			Vector     []float32
		}
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.json"), string(data.Config))
	write(t, filepath.Join(dir, "tokenizer.json"), string(data.Tokenizer))
	var table []float32
	for _, row := range data.Embeddings {
		table = append(table, row...)
	}
	mapping := weights.Tensor{Name: "mapping", DType: weights.I64, Shape: []int{len(data.Mapping)}}
	for _, v := range data.Mapping {
		mapping.Data = binary.LittleEndian.AppendUint64(mapping.Data, uint64(v))
	}
	path := filepath.Join(dir, "model.safetensors")
	err = weights.WriteSafetensors(path, []weights.Tensor{weights.FromFloat32s("embeddings", []int{len(data.Embeddings), 4}, table),
		weights.FromFloat32s("weights", []int{len(data.Weights)}, data.Weights), mapping}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := openModel(t, dir, Options{})
	for _, e := range data.Expected {
		x := encodeAll2(t, m, []labrador.Item{{Text: strings.Repeat(e.Text, max(1, e.Repeat)) + e.Tail}})
		for i, v := range e.Vector {
			if d := x.Row(0)[i] - v; d > 1e-6 || d < -1e-6 {
				t.Errorf("%.30q: got %v, want %v", e.Text, x.Row(0), e.Vector)
				break
			}
		}
	}
	mapping.Data[0] = 99
	if err := weights.WriteSafetensors(path, []weights.Tensor{weights.FromFloat32s("embeddings", []int{len(data.Embeddings), 4}, table), mapping}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "row 99") {
		t.Errorf("a mapping beyond the table: %v", err)
	}
}

// TestModel2VecSettings: model2vec 0.10 leaves out the unknown token of Unigram tokenizers too, and does not cut where max_length is null (7 tokens are
// 7 characters first, as the middle token of this vocabulary has one).
func TestModel2VecSettings(t *testing.T) {
	dir := tiny.Model(t, "t5-encoder") // for its tokenizer
	tok, err := token.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	table := weights.FromFloat32s("embeddings", []int{tok.Size(), 1}, slices.Repeat([]float32{1}, tok.Size()))
	if err := weights.WriteSafetensors(filepath.Join(dir, "model.safetensors"), []weights.Tensor{table}, nil); err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]int{`{"model_type":"model2vec","max_length":7}`: 4, `{"model_type":"model2vec","max_length":null}`: 800} {
		write(t, filepath.Join(dir, "config.json"), config)
		m := openModel(t, dir, Options{})
		tokens, err := m.Tokenize(t.Context(), labrador.QuerySide, []labrador.Item{{Text: strings.Repeat(" index", 800)}, {Text: "東"}})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(tokens[0].IDs); n != want || slices.Contains(tokens[1].IDs, tok.Special().UNK) {
			t.Errorf("%s: %d tokens, want %d; tokens of an unknown character: %v", config, n, want, tokens[1].IDs)
		}
	}
}
