// Package tiny writes small checkpoints of random weights, with the files, the settings and the tensor names that models of their kind are
// published with, so that tests of models need nothing from outside. expected.json has what Hugging Face's transformers and tokenizers compute from
// them; nothing else may import this package.
package tiny

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Architectures are the names of checkpoints of which Expected has ids and vectors.
var Architectures = []string{"qwen2", "qwen2-tied", "qwen2-bidirectional", "qwen3", "llama3", "mistral", "gemma2", "gemma3", "gemma3-bidirectional",
	"eurobert", "bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert", "nomic-bert", "t5-encoder"}

// Folders are the names of folders as sentence-transformers saves them, of which Expected has calls.
var Folders = []string{"st-bert-mean", "st-bert-dense", "st-mpnet-mean-noprompt", "st-qwen3-prompts", "st-static"}

// Expectation is what other programs compute from a checkpoint: the ids of Texts, with special tokens, and in float64 the last layer's mean over a text and
// its row at the last token, of unit length; or what sentence-transformers' encode gives for Texts.
type Expectation struct {
	IDs        [][]int32
	Mean, Last [][]float32
	Calls      []Call
}

// Call is a call of encode with the name of a prompt (empty: none given) and a number of dimensions (0: all).
type Call struct {
	Prompt     string
	Dimensions int
	Vectors    [][]float32
}

//go:embed expected.json
var expected []byte

// Texts are the texts of Expectation: words of the tokenizers' vocabularies, others, code, and letters that no vocabulary has. The last one is longer than
// the sliding windows.
var Texts = []string{
	"the index returns",
	"Zebras can't parse naïve 東京 text, 1234 times!",
	"func (r *Reader) Next() error {\n\tif r.left == 0 {\n\t\treturn io.EOF\n\t}\n\tr.left -= 1 // one document of the corpus is read\n\treturn r.search(query, index)\n}",
}

// Expected is the expectation of one of Architectures or Folders.
func Expected(t testing.TB, name string) Expectation {
	t.Helper()
	var all map[string]Expectation
	if err := json.Unmarshal(expected, &all); err != nil {
		t.Fatal(err)
	}
	if len(all[name].IDs) != len(Texts) && len(all[name].Calls) == 0 {
		t.Fatalf("tiny: no expectation of %s", name)
	}
	return all[name]
}

// Model writes the checkpoint of a name into a new folder and returns the folder: one of Architectures or Folders.
func Model(t testing.TB, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, name); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Write writes the checkpoint of a name into dir.
func Write(dir, name string) error {
	if f, ok := folders[name]; ok {
		if f.of != "" {
			if err := Write(dir, f.of); err != nil {
				return err
			}
		}
		return f.write(dir)
	}
	c, ok := checkpoints[name]
	if !ok {
		return fmt.Errorf("tiny: no checkpoint %q", name)
	}
	tokenizer, vocab := c.tokenizer()
	config := map[string]any{}
	d := json.NewDecoder(strings.NewReader(c.config))
	d.UseNumber() // 30.0 stays 30.0, which transformers tells from 30
	if err := d.Decode(&config); err != nil {
		return fmt.Errorf("tiny: %s: %w", name, err)
	}
	config["vocab_size"] = vocab
	w := &tensors{}
	c.tensors(w, sizes{config})
	return cmp.Or(
		writeJSON(filepath.Join(dir, "config.json"), config),
		writeJSON(filepath.Join(dir, "tokenizer.json"), tokenizer),
		writeJSON(filepath.Join(dir, "tokenizer_config.json"), tokenizerConfig(tokenizer)),
		w.write(filepath.Join(dir, "model.safetensors")))
}

func writeJSON(path string, value any) error {
	raw, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}

// tensors collects the tensors of a file.
type tensors struct {
	header map[string]any
	data   bytes.Buffer
}

// add adds a tensor of float32: values spread evenly about centre with standard deviation spread. A tensor's values follow from its name alone.
func (w *tensors) add(name string, centre, spread float64, shape ...int) {
	h := fnv.New64a()
	h.Write([]byte(name))
	r, n, at := rand.New(rand.NewPCG(h.Sum64(), 1)), 1, w.data.Len()
	for _, s := range shape {
		n *= s
	}
	for range n {
		u := float64(r.Uint32()>>8)/(1<<23) - 1
		w.data.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(centre+spread*math.Sqrt(3)*u))))
	}
	if w.header == nil {
		w.header = map[string]any{}
	}
	w.header[name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{at, w.data.Len()}}
}

// linear adds the weights of a linear map, spread wider than at the beginning of training, so that a wrong operation shows.
func (w *tensors) linear(name string, out, in int, bias bool) {
	w.add(name+".weight", 0, 1.3/math.Sqrt(float64(in)), out, in)
	if bias {
		w.add(name+".bias", 0, .3, out)
	}
}

// norm adds the weights of a LayerNorm.
func (w *tensors) norm(name string, n int) {
	w.add(name+".weight", 1, .3, n)
	w.add(name+".bias", 0, .3, n)
}

func (w *tensors) write(path string) error {
	header, err := json.Marshal(w.header)
	if err != nil {
		return err
	}
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return os.WriteFile(path, append(append(file, header...), w.data.Bytes()...), 0o644)
}
