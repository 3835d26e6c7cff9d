package token

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
)

// corpus returns about 8 MB of documents of a kind ("text" or "code"), taken from the corpora in turn.
func corpus(b testing.TB, kind string) (texts []string, size int64) {
	base := outside.Data(b, kind)
	files, _ := filepath.Glob(filepath.Join(base, "*", "corpus.jsonl"))
	var all [][]string
	for _, f := range files {
		h, err := os.Open(f)
		if err != nil {
			b.Fatal(err)
		}
		defer h.Close()
		sc := bufio.NewScanner(h)
		sc.Buffer(nil, 1<<26)
		var some []string
		for n := 0; n < 8e6 && sc.Scan(); {
			var d struct{ Title, Text string }
			if err := json.Unmarshal(sc.Bytes(), &d); err != nil {
				b.Fatal(err)
			}
			some = append(some, d.Title+" "+d.Text)
			n += len(d.Text)
		}
		all = append(all, some)
	}
	for i := 0; size < 8e6; i++ {
		before := size
		for _, some := range all {
			if i < len(some) {
				texts = append(texts, some[i])
				size += int64(len(some[i]))
			}
		}
		if size == before {
			break
		}
	}
	return texts, size
}

// BenchmarkEncode is what shared/tools/peers/token_bench.py measures: documents one by one, one thread.
func BenchmarkEncode(b *testing.B) {
	for _, kind := range []string{"text", "code"} {
		texts, size := corpus(b, kind)
		for _, name := range []string{"tokenizers/qwen2.5", "tokenizers/bert-base-uncased", "models/llama3", "models/xlm-roberta", "models/gemma2"} {
			b.Run(kind+"/"+filepath.Base(name), func(b *testing.B) {
				tok := open(b, outside.Data(b, name))
				b.SetBytes(size)
				b.ReportAllocs()
				var dst []int32
				for b.Loop() {
					for _, x := range texts {
						dst = tok.Encode(dst[:0], x, true)
					}
				}
			})
		}
	}
}

func BenchmarkEncodeAll(b *testing.B) {
	texts, size := corpus(b, "text")
	tok := open(b, outside.Data(b, "tokenizers/qwen2.5"))
	b.SetBytes(size)
	for b.Loop() {
		if _, err := tok.EncodeAll(context.Background(), texts, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, name := range []string{"qwen2.5", "bert-base-uncased", "bert-base-uncased/vocab.txt"} {
		b.Run(name, func(b *testing.B) {
			path := outside.Data(b, "tokenizers/"+name)
			for b.Loop() {
				open(b, path)
			}
		})
	}
}
