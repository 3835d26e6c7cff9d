package main

import (
	"testing"

	"github.com/labrador-lab/labrador/bench"
	"github.com/labrador-lab/labrador/index"
)

// TestBM25BenchArgs: the processes that measure the phases are asked for all that the command line asks for.
func TestBM25BenchArgs(t *testing.T) {
	want := bm25Bench{build: index.BM25Options{Analyzer: "english", ExactLengths: true}, phase: "search",
		search: bench.BM25Searching{Dir: "dir", Queries: "few.jsonl", Index: "path", Threads: 2, Warm: 1, Ks: []int{3, 7}}}
	c := benchBM25()
	args := want.args("search", "path")
	if err := c.Flags().Parse(args[1:]); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"phase": "search", "index": "path", "threads": "2", "warm": "1", "k": "[3,7]", "analyzer": "english",
		"queries": "few.jsonl", "lengths-exact": "true", "no-documents": "false"} {
		if got := c.Flag(name).Value.String(); got != value {
			t.Errorf("--%s is %s, want %s", name, got, value)
		}
	}
	if c.Flags().Arg(0) != "dir" {
		t.Errorf("%q", c.Flags().Args())
	}
}
