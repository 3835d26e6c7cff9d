package dense

import (
	"context"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// BenchmarkSharedPrefix encodes queries under the one-word prompt, whose beginning all share, and the same tokens with a
// stranger among them, so that nothing is shared. Tokens are those of all prompts, computed or not.
func BenchmarkSharedPrefix(b *testing.B) {
	e := openEncoder(b, Options{Model: outside.RealModel(b, smol), Recipe: "one-word", DType: "bf16"})
	var items []labrador.Item
	for _, it := range texts(24, 11) {
		items = append(items, labrador.Item{Text: it.Text[:min(len(it.Text), 60)]})
	}
	shared, err := e.Tokenize(context.Background(), labrador.QuerySide, items)
	if err != nil {
		b.Fatal(err)
	}
	apart := slices.Clone(shared)
	apart[0].IDs = slices.Clone(apart[0].IDs)
	apart[0].IDs[0]++
	for _, c := range []struct {
		name   string
		tokens func() error
	}{
		{"shared", func() error { _, err := e.model.EncodeTokens(context.Background(), shared); return err }},
		{"apart", func() error { _, err := e.model.EncodeTokens(context.Background(), apart); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.tokens(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(count(shared)*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
