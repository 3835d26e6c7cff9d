package index

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// TestFilesOfEveryVersion reads index files that released versions of the formats wrote, and asks for the hits that stood beside
// them then. A new version of a format adds a file here; none is ever replaced.
func TestFilesOfEveryVersion(t *testing.T) {
	ids, m, queries := clustered(40, 16, 3)
	if *update {
		if err := BuildFlat(t.Context(), "testdata/flat-v1", ids, MatrixSource(m), FlatOptions{Format: Int8, Keep: BF16}); err != nil {
			t.Fatal(err)
		}
		o := HNSWOptions{M: 4, Threads: 1, Queries: farQueries(20, 16)}
		if err := BuildHNSW(t.Context(), "testdata/hnsw-v2", ids, MatrixSource(m), o); err != nil {
			t.Fatal(err)
		}
	}
	graph := func(path string) ([][]labrador.Hit, error) {
		h, err := OpenHNSW(path)
		if err != nil {
			return nil, err
		}
		defer h.Close()
		return h.Search(t.Context(), queries, 5, HNSWQuery{Ef: 40})
	}
	for name, search := range map[string]func(path string) ([][]labrador.Hit, error){
		"bm25-v1":        oldTerms,
		"bm25-fields-v1": oldTerms, // two fields, exact lengths, analyzer code
		"impact-v1":      oldTerms,
		"set-v1":         oldSet, // two parts, with deleted documents in each
		"flat-v1": func(path string) ([][]labrador.Hit, error) {
			f, err := OpenFlat(path)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return f.Search(t.Context(), queries, 5, nil)
		},
		"hnsw-v1": graph,
		"hnsw-v2": graph, // with queries that it was tuned on
	} {
		path := filepath.Join("testdata", name)
		hits, err := search(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got strings.Builder
		for q := range hits {
			for _, h := range hits[q] {
				fmt.Fprintf(&got, "%d %s %.3f\n", q, h.ID, h.Score)
			}
		}
		if *update {
			if err := os.WriteFile(path+".hits", []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path + ".hits")
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%s want\n%s", name, got.String(), want)
		}
	}
}

// oldWords are the queries of the files of terms in testdata.
var oldWords = []string{"fish one", "two red new", "parseQuery blue old"}

func oldTerms(path string) ([][]labrador.Hit, error) {
	x, err := OpenBM25(path)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	if x.Options().Variant != "impact" {
		return x.SearchBatch(context.Background(), queriesOf(oldWords), 5)
	}
	var all [][]labrador.Hit
	for _, text := range oldWords {
		var vector []WeightedTerm
		for w := range strings.FieldsSeq(text) {
			vector = append(vector, WeightedTerm{w, 2})
		}
		hits, err := x.SearchTerms(context.Background(), vector, 5)
		if err != nil {
			return nil, err
		}
		all = append(all, hits)
	}
	return all, x.Verify()
}

func oldSet(path string) ([][]labrador.Hit, error) {
	set, err := OpenBM25Set(path)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	if parts, deleted := set.Parts(); parts != 2 || deleted != 7 {
		return nil, fmt.Errorf("%d parts, %d deleted, want 2 and 7", parts, deleted)
	}
	return set.SearchBatch(context.Background(), queriesOf(oldWords), 5)
}

func queriesOf(words []string) []labrador.Query {
	queries := make([]labrador.Query, len(words))
	for i, w := range words {
		queries[i].Text = w
	}
	return queries
}
