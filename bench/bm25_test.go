package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/labrador-lab/labrador/index"
)

// beirFolder is a BEIR folder of three documents and three queries, with an index.
func beirFolder(t *testing.T) (dir string, x *index.BM25) {
	t.Helper()
	dir = t.TempDir()
	writeFile(t, filepath.Join(dir, "corpus.jsonl"), `{"_id":"a","title":"","text":"red dog dog"}
{"_id":"b","title":"","text":"red cat and more words"}
{"_id":"c","title":"","text":"blue bird"}
`)
	writeFile(t, filepath.Join(dir, "queries.jsonl"), `{"_id":"1","text":"dog"}
{"_id":"2","text":"red"}
{"_id":"3","text":"bird"}
`)
	path := filepath.Join(dir, "idx")
	row, err := BM25Index(t.Context(), dir, path, index.BM25Options{Analyzer: "whitespace", Threads: 1})
	if err != nil || row["docs"] != 3 {
		t.Fatal(row, err)
	}
	if x, err = index.OpenBM25(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return dir, x
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestQuality: the means are over the judged queries that were asked, as trec_eval -c has them: query 3 is not judged, query 9 not asked.
func TestQuality(t *testing.T) {
	dir, x := beirFolder(t)
	queries, err := readQueries(filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "qrels", "test.tsv")
	none := filepath.Join(dir, "none.jsonl")
	writeFile(t, none, "\n")
	if _, err := readQueries(none); err == nil || !strings.Contains(err.Error(), "none.jsonl: no queries") {
		t.Errorf("a file without queries: %v", err)
	}
	measure := func() (Row, error) {
		row := Row{}
		err := quality(t.Context(), row, x, path, queries, 5)
		return row, err
	}
	if row, err := measure(); err != nil || len(row) != 0 {
		t.Errorf("without judgements: %v, %v", row, err)
	}
	writeFile(t, path, "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t1\n2\tc\t1\n9\ta\t1\n")
	row, err := measure() // query 1: a; query 2: a, b of b and c
	if err != nil || row["recip_rank"] != 0.75 || row["recall_5"] != 0.75 {
		t.Errorf("%v, %v; want a reciprocal rank of (1 + 1/2)/2, a recall of (1 + 1/2)/2", row, err)
	}
	writeFile(t, path, "query-id\tcorpus-id\tscore\n9\ta\t1\n")
	if row, err := measure(); err != nil || len(row) != 0 {
		t.Errorf("judgements of other queries: %v, %v", row, err)
	}
	writeFile(t, path, "query-id\tcorpus-id\tscore\n1\ta\tgood\n")
	if _, err := measure(); err == nil || !strings.Contains(err.Error(), "test.tsv:2") {
		t.Errorf("a grade that is no number: %v", err)
	}
}

func TestOnThreads(t *testing.T) {
	var begun atomic.Int64
	seen := make([]atomic.Int64, 100)
	work := func() func(int) error {
		begun.Add(1)
		return func(i int) error { seen[i].Add(1); return nil }
	}
	if err := onThreads(t.Context(), 3, len(seen), work); err != nil || begun.Load() != 3 {
		t.Errorf("%d threads, %v", begun.Load(), err)
	}
	for i := range seen {
		if n := seen[i].Load(); n != 1 {
			t.Errorf("query %d was asked %d times", i, n)
		}
	}
	bad := errors.New("bad")
	if err := onThreads(t.Context(), 2, 50, func() func(int) error { return func(i int) error { return bad } }); !errors.Is(err, bad) {
		t.Error(err)
	}
	dir, x := beirFolder(t)
	queries, err := readQueries(filepath.Join(dir, "queries.jsonl"))
	if err != nil || len(queries) != 3 {
		t.Fatal(queries, err)
	}
	if err := errors.Join(searchNumbers(t.Context(), x, queries, 3, 2), searchIDs(t.Context(), x, queries, 3, 2)); err != nil {
		t.Error(err)
	}
}
