package bench

import (
	"context"

	"github.com/labrador-lab/labrador/token"
)

// Tokens measures a tokenizer on texts, one thread: the best of n passes, as the peers' script counts.
func Tokens(ctx context.Context, name, what string, t *token.Tokenizer, texts []string, n int) (Row, error) {
	size, count := 0, 0
	for _, s := range texts {
		size += len(s)
	}
	var ids []int32
	_, best, err := rounds(n+1, func() error {
		count = 0
		for _, s := range texts {
			ids = t.Encode(ids[:0], s, false)
			count += len(ids)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return New("token", 1).With(Row{"tokenizer": name, "text": what, "texts": len(texts), "mb": round(float64(size)/1e6, 2),
		"mb_per_s": round(float64(size)/1e6/best, 2), "tokens_per_s": round(float64(count)/best, 0), "tokens": count}), nil
}
