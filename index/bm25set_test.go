package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

// TestSetEqualsAnIndexBuiltAnew: after random additions, replacements, deletions, merges and reopenings, the hits and scores
// of every variant are those of one index over the documents that are left.
func TestSetEqualsAnIndexBuiltAnew(t *testing.T) {
	ctx := context.Background()
	for v, variant := range Variants() {
		r := rand.New(rand.NewPCG(31, uint64(v)))
		o := BM25Options{Analyzer: "whitespace", Variant: variant, ExactLengths: v%2 == 0}
		if v%3 == 1 {
			o.TitleWeight = .5
		}
		dir := filepath.Join(t.TempDir(), "set")
		set, err := CreateBM25Set(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		left := map[string]labrador.Document{}
		for step := range 9 {
			if step == 4 || step == 7 {
				if err := set.Merge(ctx); err != nil {
					t.Fatal(err)
				}
			}
			docs := randomDocuments(r, 30+r.IntN(400), 80)
			for i := range docs {
				docs[i].ID = fmt.Sprint("d", r.IntN(100000))
			}
			docs = slices.CompactFunc(sortedByID(docs), func(a, b labrador.Document) bool { return a.ID == b.ID })
			if err := set.Add(ctx, sequence(docs)); err != nil {
				t.Fatal(err)
			}
			for _, d := range docs {
				left[d.ID] = d
			}
			var gone []string
			for id := range left {
				if r.IntN(6) == 0 {
					gone = append(gone, id)
				}
			}
			n, err := set.Delete(ctx, append(gone, "none")...)
			if err != nil || n != len(gone) {
				t.Fatal(n, len(gone), err)
			}
			for _, id := range gone {
				delete(left, id)
			}
			if step%3 == 2 {
				set.Close()
				if set, err = OpenBM25Set(dir); err != nil {
					t.Fatal(err)
				}
			}
			compareSet(t, r, set, left, o)
		}
		set.Close()
	}
}

func sortedByID(docs []labrador.Document) []labrador.Document {
	slices.SortFunc(docs, func(a, b labrador.Document) int { return strings.Compare(a.ID, b.ID) })
	return docs
}

func compareSet(t *testing.T, r *rand.Rand, set *BM25Set, left map[string]labrador.Document, o BM25Options) {
	t.Helper()
	var docs []labrador.Document
	for _, d := range left {
		docs = append(docs, d)
	}
	sortedByID(docs)
	if set.Len() != len(docs) {
		t.Fatalf("%d documents, want %d", set.Len(), len(docs))
	}
	x := buildDocuments(t, docs, o)
	for range 6 {
		var query []string
		for range 1 + r.IntN(5) {
			query = append(query, fmt.Sprint("w", r.IntN(60)*r.IntN(60)/60))
		}
		q := labrador.Query{Text: strings.Join(query, " ")}
		for _, k := range []int{1, 10, 500} {
			got, err := set.Search(context.Background(), q, k)
			want, err2 := x.Search(context.Background(), q, k)
			if err != nil || err2 != nil || !slices.Equal(got, want) {
				t.Fatalf("%s, query %q, k %d: %v %v\n got %v\nwant %v", o, q.Text, k, err, err2, got[:min(8, len(got))], want[:min(8, len(want))])
			}
		}
	}
	for _, d := range docs[:min(20, len(docs))] {
		if got, ok, err := set.Document(d.ID); !ok || err != nil || got != d {
			t.Fatal(got, ok, err)
		}
	}
}

// TestSetKeepsItsStateWhenAChangeFails: an error in the middle of an addition leaves the set as it was.
func TestSetKeepsItsStateWhenAChangeFails(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "set")
	set, err := CreateBM25Set(dir, BM25Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Add(ctx, sequence([]labrador.Document{{ID: "a", Text: "one fish"}, {ID: "b", Text: "two fish"}})); err != nil {
		t.Fatal(err)
	}
	twice := []labrador.Document{{ID: "a", Text: "x"}, {ID: "a", Text: "y"}}
	if err := set.Add(ctx, sequence(twice)); err == nil {
		t.Fatal("a document twice is taken")
	}
	hits, err := set.Search(ctx, labrador.Query{Text: "fish"}, 10)
	if err != nil || len(hits) != 2 {
		t.Fatal(hits, err)
	}
	set.Close()
	if set, err = OpenBM25Set(dir); err != nil || set.Len() != 2 {
		t.Fatal(err)
	}
	if n, err := set.Delete(ctx, "a", "b"); n != 2 || err != nil || set.Len() != 0 {
		t.Fatal(n, err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Fatalf("left behind: %v", names)
	}
	set.Close()
}

// TestSearchAll compares with going through the documents.
func TestSearchAll(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	docs := randomDocuments(r, 4000, 200)
	for _, title := range []float64{0, 1} {
		x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace", TitleWeight: title})
		for range 30 {
			words := []string{fmt.Sprint("w", r.IntN(6)), fmt.Sprint("w", r.IntN(30)), fmt.Sprint("w", r.IntN(60))}
			query := labrador.Query{Text: strings.Join(words, " ")}
			all, err := x.Search(context.Background(), query, len(docs))
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]bool{}
			for _, d := range docs {
				text := " " + d.Contents() + " "
				have[d.ID] = strings.Contains(text, " "+words[0]+" ") && strings.Contains(text, " "+words[1]+" ") && strings.Contains(text, " "+words[2]+" ")
			}
			var want []string
			for _, h := range all {
				if have[h.ID] && len(want) < 50 {
					want = append(want, h.ID)
				}
			}
			hits, err := x.SearchAll(context.Background(), query, 50)
			var got []string
			for _, h := range hits {
				got = append(got, h.ID)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q: %v\n got %v\nwant %v", query.Text, err, got, want)
			}
		}
	}
}
