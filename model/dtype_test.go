package model

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/kernel"
	"github.com/labrador-lab/labrador/token"
)

// TestAutoDType: auto is what it promises, for models whose int8 is near and for ones, of random weights, whose is not.
func TestAutoDType(t *testing.T) {
	near, fastest := autoFormats()
	for _, name := range []string{"bert", "qwen2", "gemma2", "st-bert-mean", "st-static"} {
		dir := tiny.Model(t, name)
		m := openModel(t, dir, Options{DType: "auto", Threads: 1})
		encode := func(dtype string) labrador.Matrix {
			var items []labrador.Item
			for _, text := range autoTexts {
				items = append(items, labrador.Item{Text: text})
			}
			v, err := openModel(t, dir, Options{DType: dtype, Threads: 1}).Encode(context.Background(), labrador.DocumentSide, items)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		want := dtypeOf(near)
		if c := CentredCosine(encode("f32"), encode("int8")); fastest.String() == "int8" && m.net.Layers > 0 && c >= AutoCosine {
			want = "int8"
		}
		if m.DType() != want {
			t.Errorf("%s: auto is %s, want %s", name, m.DType(), want)
		}
	}
}

// TestAutoTokens: auto compares vectors of the caller's tokens.
func TestAutoTokens(t *testing.T) {
	if _, fastest := autoFormats(); fastest != kernel.FormatInt8 {
		t.Skip("int8 is not the fastest here: auto compares nothing")
	}
	var seen []string
	openModel(t, tiny.Model(t, "bert"), Options{DType: "auto", Tokens: func(tok *token.Tokenizer, item labrador.Item) Tokens {
		seen = append(seen, item.Text)
		return Tokens{IDs: tok.Encode(nil, "passage: "+item.Text, true)[:10]}
	}})
	if want := append(autoTexts[:len(autoTexts):len(autoTexts)], autoTexts[:]...); !slices.Equal(seen, want) {
		t.Errorf("asked for the tokens of %q, want each text's for f32 and for int8", seen)
	}
}

func TestMeanCosine(t *testing.T) {
	a := labrador.Matrix{Rows: 2, Cols: 2, Data: []float32{3, 4, 1, 0}}
	b := labrador.Matrix{Rows: 2, Cols: 2, Data: []float32{6, 8, 0, 5}}
	if c := meanCosine(a, b); c != .5 {
		t.Errorf("mean cosine %v of a pair in line and one at right angles, want .5", c)
	}
}

// TestCentred: what rows have in common goes, so that their cosine tells of the rest.
func TestCentred(t *testing.T) {
	a := labrador.Matrix{Rows: 2, Cols: 2, Data: []float32{100, 1, 100, -1}}
	b := labrador.Matrix{Rows: 2, Cols: 2, Data: []float32{100, -1, 100, 1}}
	if c := meanCosine(a, b); c < .999 {
		t.Errorf("mean cosine %v", c)
	}
	if c := CentredCosine(a, b); c != -1 {
		t.Errorf("mean cosine %v of centred rows, want -1", c)
	}
}

func TestCloseTwice(t *testing.T) {
	m, err := Open(tiny.Model(t, "bert"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}
