package dense

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestStoppedAtEveryPiece: encoding that is stopped after every piece encodes nothing twice and gives the vectors of one that runs through, to
// the bit, in every dtype; so does a piece of each text alone.
func TestStoppedAtEveryPiece(t *testing.T) {
	items := texts(80, 11)
	for _, path := range []string{tiny.Model(t, "st-bert-mean"), tiny.Model(t, "qwen2"), tiny.Model(t, "st-static")} {
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			e := openEncoder(t, Options{Model: path, DType: dtype, Threads: 2})
			want, err := e.Vectors(t.Context(), openStore(t), labrador.DocumentSide, sourceOf(items), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, item := range items {
				tokens, err := e.Tokenize(t.Context(), labrador.DocumentSide, []labrador.Item{item})
				if err != nil {
					t.Fatal(err)
				}
				alone, err := e.encodePiece(t.Context(), batch{labrador.DocumentSide, []labrador.Item{item}, tokens}, Pass{Layers: []int{0}})
				if err != nil || !slices.Equal(alone[0].Data, want.Matrix.Row(i)) {
					t.Errorf("%s in %s: text %d has another vector alone; %v", path, dtype, i, err)
				}
			}
			kept, encoded, stops := openStore(t), 0, 0
			for {
				ctx, stop := context.WithCancel(t.Context())
				got, err := e.Vectors(ctx, kept, labrador.DocumentSide, sourceOf(items), func(n, _ int) { encoded += n; stop() })
				stop()
				if err == nil {
					if encoded != len(items) || stops == 0 || !slices.Equal(got.Matrix.Data, want.Matrix.Data) {
						t.Errorf("%s in %s: %d of %d texts encoded with %d stops, or other vectors", path, dtype, encoded, len(items), stops)
					}
					break
				}
				if stops++; !errors.Is(err, context.Canceled) || stops > len(items) {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestPieces: a piece holds as many tokens as were asked for, at least a text and at most batchRows; together they are all items in order.
func TestPieces(t *testing.T) {
	e := openEncoder(t, Options{Model: tiny.Model(t, "st-bert-mean")})
	items := texts(2*batchRows+5, 12)
	for _, most := range []int{0, 1, 300, 1 << 30} {
		f := filling{e: e, items: newReader(sourceOf(items)), rest: batch{side: labrador.DocumentSide}, tokens: most}
		var got []labrador.Item
		for at := 3; at < len(items); {
			b, err := f.next(t.Context(), at, len(items))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(b.items); n > batchRows || n > 1 && count(b.tokens) > most || n == 0 || n != len(b.tokens) || most <= 1 && n != 1 {
				t.Errorf("%d tokens asked for: %d texts of %d tokens", most, n, count(b.tokens))
			}
			got, at = append(got, b.items...), at+len(b.items)
		}
		f.items.close()
		if !slices.Equal(got, items[3:]) {
			t.Errorf("%d tokens asked for: other texts", most)
		}
	}
}

// TestReadingIsInterrupted: reading items for their ids, and skipping to those that are missing, ends when the context does, however many
// there are.
func TestReadingIsInterrupted(t *testing.T) {
	for name, readAll := range map[string]func(context.Context, Items) error{
		"survey": func(ctx context.Context, items Items) error { _, err := Survey(ctx, items); return err },
		"skip": func(ctx context.Context, items Items) error {
			r := newReader(items)
			defer r.close()
			_, err := r.read(ctx, 1<<40, 1<<40+1)
			return err
		},
	} {
		ctx, stop := context.WithCancel(t.Context())
		read := 0
		err := readAll(ctx, func() iter.Seq2[Item, error] {
			return func(yield func(Item, error) bool) {
				for read = range 1 << 40 {
					if read == 1000 {
						stop()
					}
					if !yield(Item{}, nil) {
						return
					}
				}
			}
		})
		if !errors.Is(err, context.Canceled) || read != 1000 {
			t.Errorf("%s: %d items read, %v", name, read, err)
		}
		stop()
	}
}

// TestChangedTexts: texts that change after they were surveyed give an error and no vector under the old digest: what is kept until then are
// vectors of the old texts, and whoever has these goes on from there.
func TestChangedTexts(t *testing.T) {
	e := openEncoder(t, Options{Model: tiny.Model(t, "st-static")})
	old := texts(300, 13)
	other := slices.Clone(old)
	other[200].Text += " more"
	whole, err := e.Vectors(t.Context(), openStore(t), labrador.DocumentSide, sourceOf(old), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, now := range map[string][]labrador.Item{"another text": other, "fewer": old[:200], "another order": append(slices.Clone(old[1:]), old[0])} {
		reads, kept := 0, openStore(t)
		_, err := e.Vectors(t.Context(), kept, labrador.DocumentSide, func() iter.Seq2[Item, error] {
			if reads++; reads == 1 {
				return sourceOf(old)()
			}
			return sourceOf(now)()
		}, nil)
		if !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := e.Vectors(t.Context(), kept, labrador.DocumentSide, sourceOf(old), nil); err != nil || !slices.Equal(got.Matrix.Data, whole.Matrix.Data) {
			t.Errorf("%s: %v, or other vectors", name, err)
		}
	}
}

// TestReadsFewLongTexts: of texts as long as files a few are read at a time.
func TestReadsFewLongTexts(t *testing.T) {
	long := strings.Repeat("a", readBytes/2)
	r := newReader(sourceOf([]labrador.Item{{Text: long}, {Text: long}, {Title: long + long}, {}, {}}))
	defer r.close()
	for _, c := range []struct{ lo, want int }{{0, 2}, {2, 1}, {3, 2}, {1, 2}} {
		if got, err := r.read(t.Context(), c.lo, 5); err != nil || len(got) != c.want {
			t.Errorf("from %d: %d items, %v", c.lo, len(got), err)
		}
	}
}
