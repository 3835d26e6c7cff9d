package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
)

// BenchmarkEncode encodes 16 texts of 128 tokens, and one of 32, with the real models; tokens/s is the figure to read. Threads
// come from -cpu.
func BenchmarkEncode(b *testing.B) {
	for _, name := range []string{"all-MiniLM-L6-v2", "SmolLM2-135M-Instruct.Q4_1.gguf"} {
		path := outside.RealModel(b, name)
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			if only := os.Getenv("LABRADOR_BENCH_DTYPE"); only != "" && only != dtype {
				continue
			}
			m, err := Open(path, Options{DType: dtype})
			if err != nil {
				b.Fatal(err)
			}
			for _, shape := range [][2]int{{16, 128}, {4, 512}, {1, 32}} {
				b.Run(fmt.Sprintf("%s/%s/%dx%d", name[:7], dtype, shape[0], shape[1]), func(b *testing.B) {
					texts := randomTexts(m, shape[0], min(shape[1], m.net.Context))
					b.ReportAllocs()
					for b.Loop() {
						if _, err := m.EncodeTokens(context.Background(), texts); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(shape[0]*shape[1]*b.N)/b.Elapsed().Seconds(), "tokens/s")
				})
			}
			m.Close()
		}
	}
}

func randomTexts(m *Model, n, length int) []Tokens {
	r := rand.New(rand.NewPCG(1, 2))
	texts := make([]Tokens, n)
	for i := range texts {
		for range length {
			texts[i].IDs = append(texts[i].IDs, int32(r.IntN(m.net.Vocab)))
		}
	}
	return texts
}

// BenchmarkPrefix encodes 32 texts that begin with the same 48 tokens and go on with 16 of their own; "alone" has one text
// more that begins otherwise, so that nothing is shared.
func BenchmarkPrefix(b *testing.B) {
	m, err := Open(outside.RealModel(b, "SmolLM2-135M-Instruct.Q4_1.gguf"), Options{DType: "bf16"})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	texts := randomTexts(m, 33, 64)
	for i := range texts {
		copy(texts[i].IDs[:48], texts[0].IDs)
	}
	texts[32].IDs = []int32{(texts[0].IDs[0] + 1) % int32(m.net.Vocab)}
	for name, list := range map[string][]Tokens{"shared": texts[:32], "alone": texts} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := m.EncodeTokens(context.Background(), list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
