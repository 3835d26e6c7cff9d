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
	return e.sparse(ctx, side, items, tokens, nil)
}

// sparse makes the sparse vectors of items, and their dense ones in the rows of vectors unless that is nil.
func (e *Encoder) sparse(ctx context.Context, side labrador.Side, items []labrador.Item, tokens []model.Tokens, vectors *labrador.Matrix) ([][]prompt.Weight, error) {
	if e.recipe == nil {
		return nil, errors.New("dense: sparse vectors need a recipe, such as promptreps")
	}
	out := make([][]prompt.Weight, len(items))
	err := e.model.Logits(ctx, tokens, func(i int, vector, logits []float32) error {
		text := items[i].Text
		if side == labrador.DocumentSide {
			text = labrador.Document{Title: items[i].Title, Text: items[i].Text}.Contents()
		}
		out[i] = prompt.Sparse(e.Tokenizer(), text, logits)
		if vectors != nil {
			copy(vectors.Row(i), vector)
		}
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
	set, err := e.sparseSet(s, side, digest, len(ids))
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
		return e.sparseShard(ctx, side, part, nil, progress)
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

// OnePass says whether KeepBoth can: the dense vectors are the states that the logits come from.
func (e *Encoder) OnePass() bool { return e.recipe != nil && e.model.LogitsGiveVectors() }

// KeepBoth encodes what the store lacks of the items' dense vectors and of their sparse ones, both in one pass over the texts, so that
// Vectors and SparseVectors find them there.
func (e *Encoder) KeepBoth(ctx context.Context, s *store.Store, side labrador.Side, items Items, progress Progress) error {
	if !e.OnePass() {
		return errors.New("dense: this model's dense vectors are not the states that its logits come from")
	}
	ids, digest, err := Survey(items)
	if err != nil {
		return err
	}
	vectors, err := e.Set(s, side, digest, len(ids))
	if err != nil {
		return err
	}
	sparse, err := e.sparseSet(s, side, digest, len(ids))
	if err != nil {
		return err
	}
	reader := newReader(items)
	defer reader.close()
	return store.FillTogether(ctx, []*store.Set{vectors, sparse}, func(ctx context.Context, lo, hi int) ([]labrador.Matrix, error) {
		part, err := reader.read(lo, hi)
		if err != nil {
			return nil, err
		}
		dense := labrador.NewMatrix(len(part), e.model.Dimensions())
		m, err := e.sparseShard(ctx, side, part, &dense, progress)
		return []labrador.Matrix{dense, m}, err
	})
}

func (e *Encoder) sparseSet(s *store.Store, side labrador.Side, digest string, n int) (*store.Set, error) {
	key := e.key(side, digest)
	key["kind"] = "sparse/1"
	return s.Set(key, n, sparseCols)
}

// sparseShard is encodePart for sparse vectors, in the same parts. It puts the dense vectors into the rows of dense unless that is nil.
func (e *Encoder) sparseShard(ctx context.Context, side labrador.Side, items []labrador.Item, dense *labrador.Matrix, progress Progress) (labrador.Matrix, error) {
	out := labrador.NewMatrix(len(items), sparseCols)
	for lo := 0; lo < len(items); lo += partRows {
		hi := min(len(items), lo+partRows)
		tokens, err := e.Tokenize(ctx, side, items[lo:hi])
		if err != nil {
			return labrador.Matrix{}, err
		}
		var part *labrador.Matrix
		if dense != nil {
			part = &labrador.Matrix{Rows: hi - lo, Cols: dense.Cols, Data: dense.Data[lo*dense.Cols : hi*dense.Cols]}
		}
		vectors, err := e.sparse(ctx, side, items[lo:hi], tokens, part)
		if err != nil {
			return labrador.Matrix{}, err
		}
		for i, v := range vectors {
			packSparse(out.Row(lo+i), v)
		}
		if progress != nil {
			progress(hi-lo, count(tokens))
		}
	}
	return out, nil
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

func count(tokens []model.Tokens) int {
	n := 0
	for _, t := range tokens {
		n += len(t.IDs)
	}
	return n
}
