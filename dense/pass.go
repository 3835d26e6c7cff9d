package dense

import (
	"context"
	"errors"
	"fmt"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/store"
)

// Pass is what one pass over texts makes.
type Pass struct {
	Layers []int // the vectors of each of them, as Options.Layer counts
	Sparse bool  // PromptReps' sparse vectors too
}

// OnePass says whether one pass can make vectors and sparse vectors: both come from the states of the last token of a prompt.
func (e *Encoder) OnePass() bool { return e.recipe != nil && e.model.LogitsGiveVectors() }

// Keep encodes what the store lacks of everything that the pass makes of the items, in one pass over their texts, so that Vectors and
// SparseVectors of encoders with those layers find it there. A text whose vectors are lacking of some layers only goes as deep as those.
func (e *Encoder) Keep(ctx context.Context, s *store.Store, side labrador.Side, items Items, p Pass, progress Progress) error {
	if p.Sparse && len(p.Layers) > 0 && !e.OnePass() {
		return errors.New("dense: this model's dense vectors are not made of the states that its logits come from")
	}
	ids, digest, err := Survey(items)
	if err != nil {
		return err
	}
	var sets []*store.Set
	for _, layer := range p.Layers {
		set, err := e.layerSet(s, side, digest, len(ids), layer)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	if p.Sparse {
		set, err := e.sparseSet(s, side, digest, len(ids))
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	return e.fill(ctx, sets, side, items, p, progress)
}

// fill encodes the rows that are missing in the sets, which are those of the pass: a set per layer, then the sparse one.
func (e *Encoder) fill(ctx context.Context, sets []*store.Set, side labrador.Side, items Items, p Pass, progress Progress) error {
	reader := newReader(items)
	defer reader.close()
	return store.FillTogether(ctx, sets, func(ctx context.Context, lo, hi int, lacking []bool) ([]labrador.Matrix, error) {
		part, err := reader.read(lo, hi)
		if err != nil {
			return nil, err
		}
		var need Pass
		for n, layer := range p.Layers {
			if lacking[n] {
				need.Layers = append(need.Layers, layer)
			}
		}
		need.Sparse = p.Sparse && lacking[len(p.Layers)]
		made, err := e.encodeShard(ctx, side, part, need, progress)
		if err != nil {
			return nil, err
		}
		out := make([]labrador.Matrix, len(sets))
		for n := range sets {
			if lacking[n] {
				out[n], made = made[0], made[1:]
			}
		}
		return out, nil
	})
}

// partRows is how many items are encoded before progress hears of them: seconds of work for a large model, and enough for
// full batches. Parts begin at multiples of it within a shard, so a shard's vectors do not depend on who encodes it.
const partRows = 128

// encodeShard encodes the items of one shard: a matrix per layer of the pass, then one of sparse vectors.
func (e *Encoder) encodeShard(ctx context.Context, side labrador.Side, items []labrador.Item, p Pass, progress Progress) ([]labrador.Matrix, error) {
	var out []labrador.Matrix
	for range p.Layers {
		out = append(out, labrador.NewMatrix(len(items), e.model.Dimensions()))
	}
	if p.Sparse {
		out = append(out, labrador.NewMatrix(len(items), sparseCols))
	}
	for lo := 0; lo < len(items); lo += partRows {
		hi := min(len(items), lo+partRows)
		tokens, err := e.Tokenize(ctx, side, items[lo:hi])
		if err != nil {
			return nil, err
		}
		parts := make([]labrador.Matrix, len(out))
		for n, m := range out {
			parts[n] = labrador.Matrix{Rows: hi - lo, Cols: m.Cols, Data: m.Data[lo*m.Cols : hi*m.Cols]}
		}
		if err := e.encodePart(ctx, batch{side, items[lo:hi], tokens}, p, parts); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(hi-lo, count(tokens))
		}
	}
	return out, nil
}

// encodePart fills the rows of out with what the pass makes of a batch.
func (e *Encoder) encodePart(ctx context.Context, b batch, p Pass, out []labrador.Matrix) error {
	if p.Sparse {
		sparse, err := e.sparse(ctx, b, p.Layers, out)
		for i, v := range sparse {
			packSparse(out[len(p.Layers)].Row(i), v)
		}
		return err
	}
	made, err := e.model.EncodeLayers(ctx, b.tokens, p.Layers)
	for n, m := range made {
		copy(out[n].Data, m.Data)
	}
	return b.named(err)
}

// named adds the beginning of the text that an error is about.
func (b batch) named(err error) error {
	var bad *model.VectorError
	if !errors.As(err, &bad) {
		return err
	}
	item := b.items[bad.Text]
	return fmt.Errorf("%w (the text begins %.60q)", err, labrador.Document{Title: item.Title, Text: item.Text}.Contents())
}

func count(tokens []model.Tokens) int {
	n := 0
	for _, t := range tokens {
		n += len(t.IDs)
	}
	return n
}
