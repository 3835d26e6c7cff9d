package model

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
)

// countdown is a context that ends when it is asked for the n-th time whether it has.
type countdown struct {
	context.Context
	end  context.CancelFunc
	left atomic.Int64
}

func endsAt(t *testing.T, n int) *countdown {
	ctx, end := context.WithCancel(t.Context())
	c := &countdown{Context: ctx, end: end}
	c.left.Store(int64(n))
	return c
}

// Err implements context.Context.
func (c *countdown) Err() error {
	if c.left.Add(-1) <= 0 {
		c.end()
	}
	return c.Context.Err()
}

// TestOpenIsInterrupted ends a context at every moment at which opening a model looks at it: before each matrix is packed, in the middle of
// one, in int8 before each layer of the sample, and, where dtype auto compares arithmetics, before each layer of that.
func TestOpenIsInterrupted(t *testing.T) {
	dir := tiny.Model(t, "qwen2")
	for _, dtype := range []string{"f32", "int8", "auto"} {
		stops := 1
		for ; ; stops++ {
			m, err := OpenContext(endsAt(t, stops), dir, Options{DType: dtype, Threads: 1})
			if err == nil {
				m.Close()
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s, moment %d: %v", dtype, stops, err)
			}
		}
		if least := 3 * 5; stops < least { // three layers with four matrices each, read in one block or more
			t.Errorf("%s: opening looked %d times at its context", dtype, stops)
		}
	}
}

// TestEncodingIsInterrupted ends a context at every moment at which a batch, its shared beginning or logits look at it: nothing that was half
// computed is handed out or kept.
func TestEncodingIsInterrupted(t *testing.T) {
	dir := tiny.Model(t, "qwen2")
	texts := []Tokens{{IDs: []int32{5, 6, 7, 8, 9, 10}}, {IDs: []int32{5, 6, 7, 8, 11, 12, 13}}, {IDs: []int32{5, 6, 7, 8, 40}}}
	whole := openModel(t, dir, Options{Threads: 1})
	want, err := whole.EncodeTokens(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	logits := map[int][]float32{}
	if err := whole.Logits(t.Context(), texts, nil, func(i int, _ [][]float32, l []float32) error {
		logits[i] = slices.Clone(l)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2} {
		m := openModel(t, dir, Options{Threads: threads})
		for name, run := range map[string]func(ctx context.Context) error{
			"vectors": func(ctx context.Context) error {
				got, err := m.EncodeTokens(ctx, texts)
				if err == nil && !slices.Equal(got.Data, want.Data) {
					t.Errorf("%d threads: other vectors after interruptions", threads)
				}
				return err
			},
			"logits": func(ctx context.Context) error {
				return m.Logits(ctx, texts, nil, func(i int, _ [][]float32, l []float32) error {
					if !slices.Equal(l, logits[i]) {
						t.Errorf("%d threads: other logits of text %d after interruptions", threads, i)
					}
					return nil
				})
			},
		} {
			stops := 1
			for err := errors.New(""); err != nil; stops++ {
				if err = run(endsAt(t, stops)); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatalf("%s, %d threads, moment %d: %v", name, threads, stops, err)
				}
			}
			if threads == 2 && stops < 3 { // with one thread the batch has a context made of it
				t.Errorf("%s looked %d times at the context", name, stops)
			}
		}
	}
}

// TestIdentifyIsInterrupted: reading a model's files for its ID ends with the context, and the ID is the same afterwards.
func TestIdentifyIsInterrupted(t *testing.T) {
	dir := tiny.Model(t, "qwen2")
	m := openModel(t, dir, Options{})
	for n := 1; ; n++ {
		err := m.Identify(endsAt(t, n))
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("moment %d: %v", n, err)
		}
	}
	if id := openModel(t, dir, Options{}).ID(); m.ID() != id {
		t.Errorf("ID %s after interruptions, %s without", m.ID(), id)
	}
}

// TestClosed: calls that run while the model is closed are right or get an error, and so do later ones; none reads memory that was given back.
func TestClosed(t *testing.T) {
	for _, name := range []string{"qwen3", "st-static"} {
		m := openModel(t, tiny.Model(t, name), Options{Threads: 3})
		few := []labrador.Item{{Text: tiny.Texts[0]}}
		many := slices.Repeat([]labrador.Item{{Text: tiny.Texts[2]}}, 400)
		var callers sync.WaitGroup
		begun := make(chan bool, 2)
		for _, items := range [][]labrador.Item{few, many} {
			callers.Go(func() {
				begun <- true
				for {
					got, err := m.Encode(t.Context(), labrador.DocumentSide, items)
					if err != nil {
						if !errors.Is(err, errClosed) {
							t.Error(err)
						}
						return
					}
					for i := range got.Rows {
						if !slices.Equal(got.Row(i), got.Row(0)) {
							t.Errorf("%s: row %d differs", name, i)
						}
					}
				}
			})
		}
		if name == "qwen3" {
			tokens, err := m.Tokenize(t.Context(), labrador.DocumentSide, many)
			if err != nil {
				t.Fatal(err)
			}
			callers.Go(func() {
				var err error
				for err == nil {
					err = m.Logits(t.Context(), tokens, nil, func(int, [][]float32, []float32) error { return nil })
				}
				if !errors.Is(err, errClosed) {
					t.Error(err)
				}
			})
		}
		<-begun
		<-begun
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		callers.Wait()
	}
}
