package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestLongStatic: the vector of a text of static embeddings is what the formulas of poolings (poolWeight) make of the rows of its tokens, and a
// long text takes no more memory than a short one.
func TestLongStatic(t *testing.T) {
	dir := tiny.Model(t, "st-static")
	ids := make([]int32, 1<<16)
	for i := range ids {
		ids[i] = int32(i*i%61 + 5)
	}
	text := Tokens{IDs: ids, From: 3, To: len(ids) - 2}
	for _, how := range poolingNames {
		m := openModel(t, dir, Options{Pooling: how})
		got, err := m.EncodeTokens(t.Context(), []Tokens{text})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := m.States(t.Context(), ids, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, rows.Cols)
		k := text.keep(m.recipe.pooling)
		for i := k.From; i < k.To; i++ {
			f := poolWeight(m.recipe.pooling, i-k.From, k.To-k.From, k.From)
			for c, v := range rows.Row(i) {
				if how != "max" {
					want[c] += f * float64(v)
				} else if i == k.From || float64(v) > want[c] {
					want[c] = float64(v)
				}
			}
		}
		wanted := make([]float32, len(want))
		for c, v := range want {
			wanted[c] = float32(v)
		}
		if cos := cosine(wanted, got.Row(0)); cos < 1-1e-6 {
			t.Errorf("%s: cosine %v", how, cos)
		}
	}
	m := openModel(t, dir, Options{})
	if _, err := m.EncodeTokens(t.Context(), []Tokens{{IDs: ids}}); err != nil { // 2 million numbers of its rows
		t.Fatal(err)
	}
	floats := 0
	for _, c := range m.wide.memory.chunks {
		floats += len(c.data)
	}
	if floats > minChunk {
		t.Errorf("took memory for %d numbers", floats)
	}
}

// unlimited is a network that takes any length, without a tokenizer's limit.
func unlimited(t *testing.T) string {
	dir := tiny.Model(t, "t5-encoder")
	if err := os.Remove(filepath.Join(dir, "tokenizer_config.json")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLongText: a network without a limit refuses a text whose states would take more than mostStates, and says which number of tokens fits.
func TestLongText(t *testing.T) {
	m := openModel(t, unlimited(t), Options{})
	if m.Network().Context != 0 || m.longest < 1000 {
		t.Fatalf("context %d, at most %d tokens", m.Network().Context, m.longest)
	}
	if info, err := Inspect(m.path, Options{}); err != nil || !strings.Contains(strings.Join(info.Notes, " "), fmt.Sprintf("more than %d tokens", m.longest)) {
		t.Errorf("%v, %v", info, err)
	}
	_, err := m.EncodeTokens(t.Context(), []Tokens{{IDs: []int32{5}}, {IDs: slices.Repeat([]int32{5}, m.longest+1)}})
	var long *TextError
	if !errors.As(err, &long) || long.Text != 1 || !strings.Contains(err.Error(), "--max-tokens") {
		t.Errorf("got %v", err)
	}
}
