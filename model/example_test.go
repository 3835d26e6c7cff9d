package model_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/weights"
)

// Open takes the folder of a published model; here it is a made-up table of four token vectors.
func Example() {
	dir := tinyModel()
	defer os.RemoveAll(dir)

	m, err := model.Open(dir, model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	x, err := m.Encode(context.Background(), labrador.QuerySide, []labrador.Item{{Text: "dog"}, {Text: "dog food"}})
	fmt.Println(x.Row(0), x.Row(1), err)
	// Output: [1 0] [0.6 0.8] <nil>
}

// tinyModel writes a static model: a tokenizer of words and a vector for each.
func tinyModel() string {
	dir, err := os.MkdirTemp("", "tiny")
	if err != nil {
		log.Fatal(err)
	}
	const tokenizer = `{"version":"1.0","pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordLevel","vocab":{"[UNK]":0,"dog":1,"food":2},"unk_token":"[UNK]"}}`
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(tokenizer), 0o644); err != nil {
		log.Fatal(err)
	}
	table := weights.FromFloat32s("embedding.weight", []int{3, 2}, []float32{0, 0, 3, 0, 0, 4})
	if err := weights.WriteSafetensors(filepath.Join(dir, "model.safetensors"), []weights.Tensor{table}, nil); err != nil {
		log.Fatal(err)
	}
	return dir
}
