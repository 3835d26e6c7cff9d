package dense

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
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

// Texts are a list of items as it was when it was read first.
type Texts struct {
	IDs    []string
	Digest string // of everything that is encoded
	items  Items
	sums   []uint64 // of each item, with sumSeed
}

var sumSeed = maphash.MakeSeed()

// Survey reads all items once. It ends soon after ctx does.
func Survey(ctx context.Context, items Items) (*Texts, error) {
	t, h := &Texts{items: items}, sha256.New()
	for item, err := range items() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		t.IDs, t.sums = append(t.IDs, item.ID), append(t.sums, maphash.Comparable(sumSeed, item.Item))
		for _, s := range []string{item.Title, item.Text, item.Picture} {
			fmt.Fprintf(h, "%d ", len(s))
			io.WriteString(h, s)
		}
	}
	t.Digest = hex.EncodeToString(h.Sum(nil))
	return t, nil
}

// ErrChanged says that texts are no longer those of the Survey, whose digest their vectors would be kept under.
var ErrChanged = errors.New("dense: the texts changed while they were encoded: give the command again")

// Items reads the list again. An item that is not what it was, or is no longer there, is an error that wraps ErrChanged.
func (t *Texts) Items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		n := 0
		for item, err := range t.items() {
			if n == len(t.sums) {
				return
			}
			if err == nil && maphash.Comparable(sumSeed, item.Item) != t.sums[n] {
				err = fmt.Errorf("%w (text %d of %d, %q)", ErrChanged, n+1, len(t.sums), t.IDs[n])
			}
			n++
			if !yield(item, err) || err != nil {
				return
			}
		}
		if n < len(t.sums) {
			yield(Item{}, fmt.Errorf("%w (there are %d where there were %d)", ErrChanged, n, len(t.sums)))
		}
	}
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
	texts, err := Survey(ctx, items)
	if err != nil {
		return Encoded{}, err
	}
	set, err := e.Set(s, side, texts)
	if err != nil {
		return Encoded{}, err
	}
	if err := e.Fill(ctx, set, side, texts, progress); err != nil {
		return Encoded{}, err
	}
	m, err := set.Matrix()
	return Encoded{IDs: texts.IDs, Matrix: e.Truncate(m)}, err
}

// Set is the set of the vectors of texts. It keeps all of the model's dimensions, whatever the encoder's options
// say, so that Truncate makes any number of them without encoding again.
func (e *Encoder) Set(s *store.Store, side labrador.Side, texts *Texts) (*store.Set, error) {
	return e.layerSet(s, side, texts, e.opts.Layer)
}

func (e *Encoder) layerSet(s *store.Store, side labrador.Side, texts *Texts, layer int) (*store.Set, error) {
	return s.Set(e.key(side, texts.Digest, layer), len(texts.IDs), e.model.Dimensions())
}

// Fill encodes the rows of a set that are missing; texts are those it was made for.
func (e *Encoder) Fill(ctx context.Context, set *store.Set, side labrador.Side, texts *Texts, progress Progress) error {
	return e.fill(ctx, []*store.Set{set}, side, texts, Pass{Layers: []int{e.opts.Layer}}, progress)
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

// readBytes is how much of texts is read at a time, about: they may be as long as a file.
const readBytes = 8 << 20

// read gives the items from lo to hi, or fewer, at least one, that are readBytes long.
func (r *reader) read(ctx context.Context, lo, hi int) ([]labrador.Item, error) {
	if r.next == nil || lo < r.at {
		r.close()
		r.next, r.stop = iter.Pull2(r.items())
		r.at = 0
	}
	out := make([]labrador.Item, 0, hi-lo)
	for size := 0; r.at < hi && size < readBytes; r.at++ {
		item, err, ok := r.next()
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("dense: item %d is missing", r.at)
		}
		if r.at >= lo {
			out = append(out, item.Item)
			size += len(item.Title) + len(item.Text)
		}
	}
	return out, nil
}
