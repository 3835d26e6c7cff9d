package dense

import (
	"context"
	"errors"
	"fmt"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/store"
)

// Sparse makes PromptReps' sparse vectors of items: the weights of prompt.Sparse over the next-token logits at the end of
// each prompt. The words are those of the whole text, also where the prompt has only its beginning, as the authors have it.
// The encoder's recipe must end where the model is to say a word.
func (e *Encoder) Sparse(ctx context.Context, side labrador.Side, items []labrador.Item) ([][]prompt.Weight, error) {
	tokens, err := e.Tokenize(ctx, side, items)
	if err != nil {
		return nil, err
	}
	return e.sparse(ctx, side, items, tokens)
}

func (e *Encoder) sparse(ctx context.Context, side labrador.Side, items []labrador.Item, tokens []model.Tokens) ([][]prompt.Weight, error) {
	if e.recipe == nil {
		return nil, errors.New("dense: sparse vectors need a recipe, such as promptreps")
	}
	out := make([][]prompt.Weight, len(items))
	err := e.model.Logits(ctx, tokens, func(i int, _, logits []float32) error {
		text := items[i].Text
		if side == labrador.DocumentSide {
			text = labrador.Document{Title: items[i].Title, Text: items[i].Text}.Contents()
		}
		out[i] = prompt.Sparse(e.Tokenizer(), text, logits)
		return nil
	})
	return out, err
}

// EncodedSparse are the sparse vectors of a list of items.
type EncodedSparse struct {
	IDs     []string
	Vectors [][]prompt.Weight
}

// Sparse vectors are kept as rows of numbers: token, impact, token, impact, ..., zeros behind the last pair. Both are whole
// numbers that float32 holds exactly.
const (
	sparseCols = 2 * prompt.MaxSparse
	maxToken   = 1 << 24
)

// SparseVectors is Vectors for sparse vectors: kept in the store, shard by shard.
func (e *Encoder) SparseVectors(ctx context.Context, s *store.Store, side labrador.Side, items Items, progress Progress) (EncodedSparse, error) {
	ids, digest, err := Survey(items)
	if err != nil {
		return EncodedSparse{}, err
	}
	key := e.Key(side, digest)
	key["kind"] = "sparse/1"
	set, err := s.Set(key, len(ids), sparseCols)
	if err != nil {
		return EncodedSparse{}, err
	}
	reader := newReader(items)
	defer reader.close()
	err = set.Fill(ctx, func(ctx context.Context, lo, hi int) (labrador.Matrix, error) {
		part, err := reader.read(lo, hi)
		if err != nil {
			return labrador.Matrix{}, err
		}
		return e.sparsePart(ctx, side, part, progress)
	})
	if err != nil {
		return EncodedSparse{}, err
	}
	m, err := set.Matrix()
	if err != nil {
		return EncodedSparse{}, err
	}
	out := EncodedSparse{IDs: ids, Vectors: make([][]prompt.Weight, m.Rows)}
	for i := range out.Vectors {
		if out.Vectors[i], err = unpackSparse(m.Row(i)); err != nil {
			return EncodedSparse{}, err
		}
	}
	return out, nil
}

func (e *Encoder) sparsePart(ctx context.Context, side labrador.Side, items []labrador.Item, progress Progress) (labrador.Matrix, error) {
	tokens, err := e.Tokenize(ctx, side, items)
	if err != nil {
		return labrador.Matrix{}, err
	}
	vectors, err := e.sparse(ctx, side, items, tokens)
	if err != nil {
		return labrador.Matrix{}, err
	}
	m := labrador.NewMatrix(len(items), sparseCols)
	for i, v := range vectors {
		row := m.Row(i)
		for j, w := range v {
			row[2*j], row[2*j+1] = float32(w.Token), float32(w.Impact)
		}
	}
	if progress != nil {
		progress(len(items), count(tokens))
	}
	return m, nil
}

// unpackSparse reads a kept row.
func unpackSparse(row []float32) ([]prompt.Weight, error) {
	var v []prompt.Weight
	for j := 0; j+1 < len(row) && row[j+1] > 0; j += 2 {
		if !(row[j] >= 0 && row[j] < maxToken && row[j+1] < maxToken) {
			return nil, fmt.Errorf("dense: kept sparse vector: token %v with impact %v", row[j], row[j+1])
		}
		v = append(v, prompt.Weight{Token: int32(row[j]), Impact: int(row[j+1])})
	}
	return v, nil
}

func count(tokens []model.Tokens) int {
	n := 0
	for _, t := range tokens {
		n += len(t.IDs)
	}
	return n
}
