package dense

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

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
	texts, err := Survey(ctx, items)
	if err != nil {
		return err
	}
	var sets []*store.Set
	for _, layer := range p.Layers {
		set, err := e.layerSet(s, side, texts, layer)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	if p.Sparse {
		set, err := e.sparseSet(s, side, texts)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	return e.fill(ctx, sets, side, texts, p, progress)
}

// fill encodes the rows that are missing in the sets, which are those of the pass: a set per layer, then the sparse one.
func (e *Encoder) fill(ctx context.Context, sets []*store.Set, side labrador.Side, texts *Texts, p Pass, progress Progress) error {
	f := filling{e: e, items: newReader(texts.Items), progress: progress, tokens: firstTokens}
	defer f.items.close()
	return store.FillTogether(ctx, sets, func(ctx context.Context, lo, hi int, lacking []bool) iter.Seq2[[]labrador.Matrix, error] {
		var need Pass
		for n, layer := range p.Layers {
			if lacking[n] {
				need.Layers = append(need.Layers, layer)
			}
		}
		need.Sparse = p.Sparse && lacking[len(p.Layers)]
		return f.pieces(ctx, side, need, lo, hi)
	})
}

// What is encoded at a time is a piece: enough for full batches, and seconds of work, since progress hears of it and the store keeps it
// when it is done. A text's vector does not depend on the piece it is in.
const (
	batchRows   = 128              // a piece is of so many texts at most,
	pieceTime   = 30 * time.Second // of tokens for so long, at the speed of the piece before,
	firstTokens = 1024             // and the first one of so many tokens; a longer text is one of its own.
)

// filling makes vectors of items, piece by piece.
type filling struct {
	e        *Encoder
	items    *reader
	progress Progress
	rest     batch // read and not encoded
	tokens   int   // of the next piece, about
}

// pieces are what the pass makes of the items from lo to hi: a matrix per layer, then one of sparse vectors.
func (f *filling) pieces(ctx context.Context, side labrador.Side, p Pass, lo, hi int) iter.Seq2[[]labrador.Matrix, error] {
	return func(yield func([]labrador.Matrix, error) bool) {
		f.rest = batch{side: side}
		for lo < hi {
			b, err := f.next(ctx, lo, hi)
			if err != nil {
				yield(nil, err)
				return
			}
			start, tokens := time.Now(), count(b.tokens)
			made, err := f.e.encodePiece(ctx, b, p)
			f.tokens = int(min(1<<30, float64(tokens)*float64(pieceTime)/float64(time.Since(start)+1)))
			if err == nil && f.progress != nil {
				f.progress(len(b.items), tokens)
			}
			if !yield(made, err) || err != nil {
				return
			}
			lo += len(b.items)
		}
	}
}

// next is the next piece of the items from lo to hi.
func (f *filling) next(ctx context.Context, lo, hi int) (piece batch, err error) {
	b := &f.rest
	if len(b.items) == 0 {
		if b.items, err = f.items.read(ctx, lo, min(hi, lo+batchRows)); err != nil {
			return piece, err
		}
		if b.tokens, err = f.e.Tokenize(ctx, b.side, b.items); err != nil {
			return piece, err
		}
	}
	n, tokens := 1, len(b.tokens[0].IDs)
	for n < len(b.tokens) && tokens+len(b.tokens[n].IDs) <= f.tokens {
		tokens += len(b.tokens[n].IDs)
		n++
	}
	piece = batch{b.side, b.items[:n], b.tokens[:n]}
	b.items, b.tokens = b.items[n:], b.tokens[n:]
	return piece, nil
}

// encodePiece makes what the pass makes of a batch: a matrix per layer, then one of sparse vectors.
func (e *Encoder) encodePiece(ctx context.Context, b batch, p Pass) ([]labrador.Matrix, error) {
	if !p.Sparse {
		made, err := e.model.EncodeLayers(ctx, b.tokens, p.Layers)
		return made, b.named(err)
	}
	var out []labrador.Matrix
	for range p.Layers {
		out = append(out, labrador.NewMatrix(len(b.items), e.model.Dimensions()))
	}
	sparse, err := e.sparse(ctx, b, p.Layers, out)
	packed := labrador.NewMatrix(len(b.items), sparseCols)
	for i, v := range sparse {
		packSparse(packed.Row(i), v)
	}
	return append(out, packed), err
}

// ErrNoVector says that a text has no vector (model.TextError).
var ErrNoVector = errors.New("dense: no vector")

// named names the text that an error is about by its beginning, as its number counts in this batch alone.
func (b batch) named(err error) error {
	var bad *model.TextError
	if !errors.As(err, &bad) {
		return err
	}
	item := b.items[bad.Text]
	return fmt.Errorf("%w: the text that begins %.60q %s", ErrNoVector, labrador.Document{Title: item.Title, Text: item.Text}.Contents(), bad.Cause)
}

func count(tokens []model.Tokens) int {
	n := 0
	for _, t := range tokens {
		n += len(t.IDs)
	}
	return n
}
