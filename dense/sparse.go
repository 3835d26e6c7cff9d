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
	return e.sparse(ctx, batch{side, items, tokens}, nil, nil)
}

// batch are items with their tokens.
type batch struct {
	side   labrador.Side
	items  []labrador.Item
	tokens []model.Tokens
}

// sparse makes the sparse vectors of a batch, and those of the layers in the rows of vectors, in their order.
func (e *Encoder) sparse(ctx context.Context, b batch, layers []int, vectors []labrador.Matrix) ([][]prompt.Weight, error) {
	if e.recipe == nil {
		return nil, errors.New("dense: sparse vectors need a recipe, such as promptreps")
	}
	out := make([][]prompt.Weight, len(b.items))
	err := e.model.Logits(ctx, b.tokens, layers, func(i int, states [][]float32, logits []float32) error {
		text := b.items[i].Text
		if b.side == labrador.DocumentSide {
			text = labrador.Document{Title: b.items[i].Title, Text: b.items[i].Text}.Contents()
		}
		out[i] = prompt.Sparse(e.Tokenizer(), text, logits)
		for n := range states {
			copy(vectors[n].Row(i), states[n])
		}
		return nil
	})
	return out, b.named(err)
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
	texts, err := Survey(ctx, items)
	if err != nil {
		return EncodedSparse{}, err
	}
	set, err := e.sparseSet(s, side, texts)
	if err != nil {
		return EncodedSparse{}, err
	}
	if err := e.fill(ctx, []*store.Set{set}, side, texts, Pass{Sparse: true}, progress); err != nil {
		return EncodedSparse{}, err
	}
	m, err := set.Matrix()
	if err != nil {
		return EncodedSparse{}, err
	}
	out := EncodedSparse{IDs: texts.IDs, Vectors: make([][]prompt.Weight, m.Rows)}
	for i := range out.Vectors {
		if out.Vectors[i], err = unpackSparse(m.Row(i)); err != nil {
			return EncodedSparse{}, err
		}
	}
	return out, nil
}

func (e *Encoder) sparseSet(s *store.Store, side labrador.Side, texts *Texts) (*store.Set, error) {
	key := e.key(side, texts.Digest, 0) // the logits come from the last layer
	key["kind"] = "sparse/1"
	return s.Set(key, len(texts.IDs), sparseCols)
}

func packSparse(row []float32, v []prompt.Weight) {
	for j, w := range v {
		row[2*j], row[2*j+1] = float32(w.Token), float32(w.Impact)
	}
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
