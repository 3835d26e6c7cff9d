package dense

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/store"
)

// Items is a list of items with ids that is read in order and can be read again: a corpus or its queries.
type Items func() iter.Seq2[Item, error]

// Item is what is encoded, with its id.
type Item struct {
	ID string
	labrador.Item
}

// Documents are a corpus as Items.
func Documents(docs func() iter.Seq2[labrador.Document, error]) Items {
	return func() iter.Seq2[Item, error] {
		return func(yield func(Item, error) bool) {
			for d, err := range docs() {
				if !yield(Item{d.ID, labrador.Item{Title: d.Title, Text: d.Text, Picture: d.Picture}}, err) {
					return
				}
			}
		}
	}
}

// Queries are queries as Items.
func Queries(queries []labrador.Query) Items {
	return func() iter.Seq2[Item, error] {
		return func(yield func(Item, error) bool) {
			for _, q := range queries {
				if !yield(Item{q.ID, labrador.Item{Text: q.Text, Picture: q.Picture}}, nil) {
					return
				}
			}
		}
	}
}

// Survey reads all items once: their ids, and a digest of everything that is encoded. It ends soon after ctx does.
func Survey(ctx context.Context, items Items) (ids []string, digest string, err error) {
	h := sha256.New()
	for item, err := range items() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, "", err
		}
		ids = append(ids, item.ID)
		for _, s := range []string{item.Title, item.Text, item.Picture} {
			fmt.Fprintf(h, "%d ", len(s))
			io.WriteString(h, s)
		}
	}
	return ids, hex.EncodeToString(h.Sum(nil)), nil
}

// Encoded are the vectors of a list of items.
type Encoded struct {
	IDs    []string
	Matrix labrador.Matrix // (len(IDs), dimensions)
}

// Progress is told how many items and tokens were encoded since the last call.
type Progress func(items, tokens int)

// Vectors returns the vectors of all items, from the store where they are there and encoded into it where not, so that a
// stopped process goes on and several share the work.
func (e *Encoder) Vectors(ctx context.Context, s *store.Store, side labrador.Side, items Items, progress Progress) (Encoded, error) {
	ids, digest, err := Survey(ctx, items)
	if err != nil {
		return Encoded{}, err
	}
	set, err := e.Set(s, side, digest, len(ids))
	if err != nil {
		return Encoded{}, err
	}
	if err := e.Fill(ctx, set, side, items, progress); err != nil {
		return Encoded{}, err
	}
	m, err := set.Matrix()
	return Encoded{IDs: ids, Matrix: e.Truncate(m)}, err
}

// Set is the set of the vectors of n items with a digest (Survey). It keeps all of the model's dimensions, whatever the encoder's options
// say, so that Truncate makes any number of them without encoding again.
func (e *Encoder) Set(s *store.Store, side labrador.Side, digest string, n int) (*store.Set, error) {
	return e.layerSet(s, side, digest, n, e.opts.Layer)
}

func (e *Encoder) layerSet(s *store.Store, side labrador.Side, digest string, n, layer int) (*store.Set, error) {
	return s.Set(e.key(side, digest, layer), n, e.model.Dimensions())
}

// Fill encodes the rows of a set that are missing; items are those it was made for.
func (e *Encoder) Fill(ctx context.Context, set *store.Set, side labrador.Side, items Items, progress Progress) error {
	return e.fill(ctx, []*store.Set{set}, side, items, Pass{Layers: []int{e.opts.Layer}}, progress)
}

// key names the vectors of items with a digest (Survey) in the store, as an encoder with the layer has them: whatever the dataset is called
// that has the items. Model and recipe are there for whoever lists the store.
func (e *Encoder) key(side labrador.Side, digest string, layer int) store.Key {
	key := store.Key{"encoder": e.KeptID(layer), "model": filepath.Base(e.opts.Model), "side": side.String(), "items": digest}
	if e.opts.Recipe != "" {
		key["recipe"] = e.opts.Recipe
	}
	if task := e.opts.TaskLine(); task != "" && side == labrador.QuerySide {
		key["task"] = task
	}
	return key
}

// reader reads ranges of items, forward; a range before the last one starts over.
type reader struct {
	items Items
	next  func() (Item, error, bool)
	stop  func()
	at    int
}

func newReader(items Items) *reader { return &reader{items: items} }

func (r *reader) close() {
	if r.stop != nil {
		r.stop()
	}
}

func (r *reader) read(ctx context.Context, lo, hi int) ([]labrador.Item, error) {
	if r.next == nil || lo < r.at {
		r.close()
		r.next, r.stop = iter.Pull2(r.items())
		r.at = 0
	}
	out := make([]labrador.Item, 0, hi-lo)
	for ; r.at < hi; r.at++ {
		item, err, ok := r.next()
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("dense: item %d is missing: the items changed while they were read", r.at)
		}
		if r.at >= lo {
			out = append(out, item.Item)
		}
	}
	return out, nil
}
