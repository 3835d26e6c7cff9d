package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentsAlone: documents are a dataset without queries and judgements, in every form that a corpus has; what needs the others
// says what is missing.
func TestDocumentsAlone(t *testing.T) {
	dir := t.TempDir()
	corpus := map[string]string{"corpus.jsonl": tiny["corpus.jsonl"]}
	folder := write(t, filepath.Join(dir, "docs"), corpus)
	write(t, dir, map[string]string{"docs.jsonl": tiny["corpus.jsonl"], "docs.tsv": "d1\tone\nd2\ttwo deux\n", "docs@2.jsonl": tiny["corpus.jsonl"], "docs.text": tiny["corpus.jsonl"]})
	for path, name := range map[string]string{
		folder: "docs", zipOf(t, filepath.Join(dir, "docs.zip"), "", corpus): "docs", filepath.Join(folder, "corpus.jsonl"): "docs",
		filepath.Join(dir, "docs.jsonl"): "docs", filepath.Join(dir, "docs.tsv"): "docs", filepath.Join(dir, "docs@2.jsonl"): "docs@2",
		filepath.Join(dir, "docs.text"): "docs.text",
	} {
		d := mustOpen(t, ParseRef(path))
		docs, err := collect(d.Documents())
		if err != nil || len(docs) != 2 || docs[1].Contents() != "two deux" || d.Name != name || d.Split != "" {
			t.Errorf("%s: %s, split %q: %v, %v", path, d.Name, d.Split, docs, err)
		}
		_, queries := d.Queries()
		_, qrels := d.Qrels()
		_, digest := d.Digest()
		for _, err := range []error{queries, qrels, digest} {
			if !errors.Is(err, ErrNoQueries) || !errors.Is(err, errNoJudgements) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if _, err := collect(d.AllQueries()); !errors.Is(err, ErrNoQueries) {
			t.Errorf("%s: %v", path, err)
		}
	}
	d := mustOpen(t, Ref{Path: folder})
	r, err := Check(t.Context(), d, nil)
	if err != nil || r.Documents != 2 || len(r.Findings) != 1 || r.Findings[0].Kind != "no-judgements" || r.Errors() != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	s, err := Describe(t.Context(), d, 3)
	if err != nil || s.Documents.Count != 2 || s.Queries.Count != 0 || len(s.Examples) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Open(Ref{Path: filepath.Join(dir, "gone.jsonl")}); err == nil || !strings.Contains(err.Error(), "no such folder, zip or file") {
		t.Error(err)
	}
}

// TestPartsOfDataset: what is there is read, and what is not is missed by name.
func TestPartsOfDataset(t *testing.T) {
	corpus, queries := tiny["corpus.jsonl"], tiny["queries.jsonl"]
	for name, c := range map[string]struct {
		files          map[string]string
		asked          int    // of AllQueries
		queries, again string // errors of Queries and AllQueries
		documents      string // error
	}{
		"unjudged":      {files: map[string]string{"corpus.jsonl": corpus, "queries.jsonl": queries}, asked: 3, queries: "no judgements"},
		"qrels a file":  {files: map[string]string{"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels": "q1\td1\t1\n"}, asked: 3, queries: "no judgements"},
		"empty qrels":   {files: map[string]string{"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels/readme": ""}, asked: 3, queries: "no judgements"},
		"one split's":   {files: map[string]string{"corpus.jsonl": corpus, "queries.dev.tsv": "q1\ta\n"}, asked: 1, queries: "no judgements"},
		"two splits'":   {files: map[string]string{"corpus.jsonl": corpus, "queries.a.tsv": "", "queries.b.tsv": ""}, queries: "no judgements", again: "name one query file"},
		"queries alone": {files: map[string]string{"queries.jsonl": queries}, asked: 3, queries: "no judgements", documents: "no corpus"},
		"only judged":   {files: map[string]string{"corpus.jsonl": corpus, "qrels/test.tsv": tiny["qrels/test.tsv"]}, queries: "no queries", again: "no queries"},
		"empty":         {files: map[string]string{"corpus.jsonl": ""}, queries: "no queries", again: "no queries"},
	} {
		dir := write(t, t.TempDir(), c.files)
		d, err := Open(Ref{Path: dir})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = d.Queries()
		checkError(t, name+": queries", err, c.queries)
		all, err := collect(d.AllQueries())
		checkError(t, name+": all queries", err, c.again)
		if len(all) != c.asked {
			t.Errorf("%s: %d queries", name, len(all))
		}
		_, err = collect(d.Documents())
		checkError(t, name+": documents", err, c.documents)
	}
	dir := write(t, t.TempDir(), map[string]string{"readme.md": "x"})
	_, err := Open(Ref{Path: dir})
	checkError(t, "no dataset", err, `{"_id": "1", "title": "", "text": "..."}`)
	if err := os.Mkdir(filepath.Join(dir, "corpus.jsonl"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = collect(mustOpen(t, Ref{Path: dir}).Documents())
	checkError(t, "a folder as corpus", err, "is a folder, not a file")
}

// checkError wants an error with these words in one line, or none where want is empty.
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}
