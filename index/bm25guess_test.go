package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

// TestGuesses: with and without guesses of the k-th score the hits are the same, where documents come in random order and guesses are
// right, and where the best come first and they are wrong.
func TestGuesses(t *testing.T) {
	const n = 3 * windowLen
	for _, order := range []string{"random", "best first"} {
		r := rand.New(rand.NewPCG(65, 66))
		docs := make([]labrador.Document, n)
		for i := range docs {
			often := 10
			if order == "best first" {
				often = 10 - 9*i/n
			}
			word := func(w string, n int) string { return strings.Repeat(w+" ", n) }
			docs[i] = labrador.Document{ID: fmt.Sprintf("%06d", i), Text: word("a", r.IntN(often)) + word("b", r.IntN(often)) + word("c", r.IntN(often)) + word("d", r.IntN(30))}
		}
		x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace", NoDocuments: true})
		for _, query := range []string{"a", "a b", "a b c"} {
			for _, k := range []int{guessFrom, 1000, 30000} {
				x.trust.Store(0)
				got, err := x.SearchNumbers(nil, query, k)
				if err != nil {
					t.Fatal(err)
				}
				trust := x.trust.Load()
				x.trust.Store(-1000)
				want, err := x.SearchNumbers(nil, query, k)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("%s, %s, k %d: other hits with guesses (%v)", order, query, k, err)
				}
				switch {
				case order == "random" && query == "a b c" && k == 1000 && trust <= 0, order == "best first" && query == "a b c" && k == 1000 && trust >= 0:
					t.Errorf("%s, %s, k %d: trust %d after the search", order, query, k, trust)
				}
			}
		}
	}
}
