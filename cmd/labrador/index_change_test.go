package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// smallSet writes a dataset of some animals and returns its folder; writeFile others into the same one.
func smallSet(t *testing.T) (dir string, file func(name, text string) string) {
	t.Helper()
	dir = t.TempDir()
	file = func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("set/corpus.jsonl", `{"_id": "d1", "text": "a dog that fetches"}
{"_id": "d2", "text": "prices of oil rose again"}
{"_id": "d3", "text": "a cat that sleeps"}
`)
	file("set/queries.jsonl", `{"_id": "q1", "text": "dogs that sleep"}`+"\n")
	file("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
	return dir, file
}

// hitsOf searches and returns the ids found, best first.
func hitsOf(t *testing.T, args ...string) string {
	t.Helper()
	code, run := capture(t, append([]string{"search"}, args...)...)
	if code != 0 {
		t.Fatalf("search %v: exit status %d", args, code)
	}
	var ids []string
	for line := range strings.Lines(run) {
		ids = append(ids, strings.Fields(line)[2])
	}
	return strings.Join(ids, " ")
}

func want(t *testing.T, status int, args ...string) string {
	t.Helper()
	code, out := capture(t, args...)
	if code != status {
		t.Fatalf("%v: exit status %d, want %d", args, code, status)
	}
	return out
}

// TestChangeBM25 adds, replaces, deletes, merges, verifies and searches from the command line.
func TestChangeBM25(t *testing.T) {
	dir, file := smallSet(t)
	idx, set, queries := filepath.Join(dir, "idx"), filepath.Join(dir, "set"), filepath.Join(dir, "set", "queries.jsonl")
	want(t, 0, "index", "--out", idx, "bm25", set)
	if got := hitsOf(t, idx, queries); got != "d1 d3" {
		t.Errorf("at first: %s", got)
	}
	more := file("more.jsonl", `{"_id": "d3", "text": "a horse that sleeps in the stable"}`+"\n"+`{"_id": "d4", "text": "sleeping dogs"}`+"\n")
	if out := want(t, 0, "index", "--add", more, idx); !strings.Contains(out, "added\t1\nreplaced\t1\n") || !strings.Contains(out, "documents\t4\n") {
		t.Errorf("add: %s", out)
	}
	if got := hitsOf(t, idx, queries); got != "d4 d1 d3" {
		t.Errorf("after an addition: %s", got)
	}
	if got := hitsOf(t, "--all", idx, queries); got != "d4" {
		t.Errorf("--all: %s", got)
	}
	if got := hitsOf(t, "--weights", idx, file("w.tsv", "q1\tdogs sleep^3\n")); got != "d4 d3 d1" {
		t.Errorf("--weights: %s", got)
	}
	if got := hitsOf(t, "--rm3", idx, queries); !strings.HasPrefix(got, "d4 ") {
		t.Errorf("--rm3: %s", got)
	}
	want(t, 1, "search", "--weights", idx, file("bad.tsv", "q1\tdogs^x\n"))
	want(t, 2, "search", "--weights", "--all", idx, queries)
	if out := want(t, 0, "index", "--delete", file("gone.txt", "d1\r\n\nd9\n"), idx); !strings.Contains(out, "deleted\t1\nnot there\t1\n") {
		t.Errorf("delete: %s", out)
	}
	want(t, 0, "index", "--verify", idx)
	before := want(t, 0, "search", idx, queries)
	if out := want(t, 0, "index", "--merge", idx); strings.Contains(out, "parts") {
		t.Errorf("merge: %s", out)
	}
	if after := want(t, 0, "search", idx, queries); after != before {
		t.Errorf("merged: %s, want %s", after, before)
	}
	fresh := filepath.Join(dir, "fresh")
	file("set/corpus.jsonl", `{"_id": "d4", "text": "sleeping dogs"}
{"_id": "d2", "text": "prices of oil rose again"}
{"_id": "d3", "text": "a horse that sleeps in the stable"}
`)
	want(t, 0, "index", "--out", fresh, "bm25", set)
	if anew := want(t, 0, "search", fresh, queries); anew != before {
		t.Errorf("changed: %s, built anew %s", before, anew)
	}
	want(t, 0, "index", "--out", idx, "bm25:analyzer=whitespace", set)
	if got := hitsOf(t, idx, queries); got != "d4 d3" { // "dogs" and "that"
		t.Errorf("built again: %s", got)
	}
}

// TestChangeWrongUse: what does not go together, and what is not there.
func TestChangeWrongUse(t *testing.T) {
	dir, file := smallSet(t)
	idx, set := filepath.Join(dir, "idx"), filepath.Join(dir, "set")
	want(t, 0, "index", "--out", idx, "bm25", set)
	more := file("more.jsonl", `{"_id": "d4", "text": "sleeping dogs"}`+"\n")
	for status, lines := range map[int][][]string{
		2: {{"--add", more}, {"--add", more, "bm25", set}, {"--verify", "--merge", idx}, {"--add", more, "--out", "x", idx}, {"--add", more, "--no-documents", idx}, {idx}},
		1: {{"--add", more, filepath.Join(dir, "none")}, {"--add", more, dir}, {"--add", "no-such-set", idx}, {"--delete", "no-such-file", idx},
			{"--merge", more}, {"--add", file("bad.jsonl", "{"), idx}, {"--add", file("twice.jsonl", strings.Repeat(`{"_id": "x", "text": "y"}`+"\n", 2)), idx}},
	} {
		for _, line := range lines {
			want(t, status, append([]string{"index"}, line...)...)
		}
	}
	if out := want(t, 0, "index", "--merge", idx); !strings.Contains(out, "documents\t3\n") {
		t.Errorf("a refused change changed the index: %s", out)
	}
}

// TestQueriesKeepToTheAnalyzer: an index names its analyzer, searches use that one, and no flag offers another; parts of another
// are refused.
func TestQueriesKeepToTheAnalyzer(t *testing.T) {
	dir, file := smallSet(t)
	set := filepath.Join(dir, "set")
	queries := file("q.tsv", "q1\tPRICES\nq2\tprice\nq3\tprices\n")
	for analyzer, hits := range map[string]string{"english": "d2 d2 d2", "whitespace": "d2 d2", "cjk": "d2 d2"} {
		idx := filepath.Join(dir, analyzer)
		out := want(t, 0, "index", "--out", idx, "bm25:analyzer="+analyzer, set)
		if !strings.Contains(out, "analyzer="+analyzer) {
			t.Errorf("%s is not named: %s", analyzer, out)
		}
		if got := hitsOf(t, idx, queries); got != hits {
			t.Errorf("%s: %q, want %q", analyzer, got, hits)
		}
	}
	want(t, 2, "search", "--analyzer", "english", filepath.Join(dir, "whitespace"), queries)
	part := filepath.Join("whitespace", "000001.bm25")
	b, err := os.ReadFile(filepath.Join(dir, part))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "english", "000001.bm25"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	want(t, 1, "search", filepath.Join(dir, "english"), queries)
}

// TestChangeDense does the same for vectors, exact and approximate, and refuses another model.
func TestChangeDense(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	for _, search := range []string{"flat", "hnsw"} {
		dir, file := smallSet(t)
		idx, set, queries := filepath.Join(dir, "idx"), filepath.Join(dir, "set"), filepath.Join(dir, "set", "queries.jsonl")
		copied := filepath.Join(dir, "model")
		if err := os.CopyFS(copied, os.DirFS(m)); err != nil {
			t.Fatal(err)
		}
		want(t, 0, "index", "--out", idx, "dense:"+copied+",search="+search, set)
		more := file("more.jsonl", `{"_id": "d3", "text": "a horse"}`+"\n"+`{"_id": "d4", "text": "dogs that sleep"}`+"\n")
		out := want(t, 0, "index", "--add", more, "--delete", file("gone.txt", "d1\nd9\n"), idx)
		if !strings.Contains(out, "deleted\t1\nnot there\t1\nadded\t1\nreplaced\t1\n") || !strings.Contains(out, "documents\t3\n") {
			t.Errorf("%s: %s", search, out)
		}
		if got := hitsOf(t, idx, queries); !strings.HasPrefix(got, "d4 ") || len(strings.Fields(got)) != 3 || strings.Contains(got, "d1") {
			t.Errorf("%s: %s", search, got)
		}
		want(t, 0, "index", "--verify", idx)
		want(t, 2, "index", "--merge", idx)
		want(t, 2, "search", "--rm3", idx, queries)
		want(t, 1, "index", "--out", idx, "bm25", set)
		before := want(t, 0, "search", idx, queries)
		config := filepath.Join(copied, "config.json")
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(config, append(text, '\n'), 0o644); err != nil { // another digest
			t.Fatal(err)
		}
		want(t, 1, "index", "--add", more, idx)
		want(t, 0, "index", "--delete", file("none.txt", "d9\n"), idx) // needs no model
		if err := os.WriteFile(config, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if after := want(t, 0, "search", idx, queries); after != before {
			t.Errorf("%s: a refused change changed hits: %s", search, after)
		}
		if err := os.RemoveAll(copied); err != nil {
			t.Fatal(err)
		}
		want(t, 1, "index", "--add", more, idx)
		want(t, 1, "search", idx, queries)
		for i := range 2 { // an index that takes the place of another has the vectors of its own
			want(t, 0, "index", "--out", idx, "dense:"+m+",search="+[]string{"hnsw", "flat"}[i], set)
			if files, _ := filepath.Glob(filepath.Join(idx, "vectors*")); len(files) != 1 {
				t.Error(fmt.Sprint("vectors left behind: ", files))
			}
		}
	}
}
