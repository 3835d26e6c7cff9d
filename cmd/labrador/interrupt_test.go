package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// lastAsk is a context that ends when it is asked whether it has ended for the last time of so many.
type lastAsk struct {
	context.Context
	left atomic.Int64
	stop context.CancelFunc
}

func (c *lastAsk) Err() error {
	if c.left.Add(-1) <= 0 {
		c.stop()
	}
	return c.Context.Err()
}

// TestInterruptedWhileOpening: a signal that comes while texts are read or a model is opened ends every command that does it with the message
// and the exit status of an interruption, and leaves nothing.
func TestInterruptedWhileOpening(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	t.Chdir(t.TempDir())
	writeFile(t, "docs/corpus.jsonl", `{"_id":"a","text":"red dog"}`+"\n"+`{"_id":"b","text":"blue cat"}`+"\n"+`{"_id":"c","text":"x"}`+"\n"+`{"_id":"d","text":"y"}`+"\n")
	writeFile(t, "queries.jsonl", `{"_id":"q","text":"dog"}`+"\n")
	writeFile(t, "set/corpus.jsonl", `{"_id":"a","text":"red dog"}`+"\n")
	writeFile(t, "set/queries.jsonl", `{"_id":"q","text":"dog"}`+"\n")
	writeFile(t, "set/qrels/test.tsv", "q\ta\t1\n")
	writeFile(t, "study.yaml", "name: s\ndatasets: [{path: ./set}]\nmeasures: [nDCG@10]\nsystems:\n  - {name: d, kind: dense, model: "+m+"}\n")
	if status, _, stderr := exitOf(t, "index", "--out", "idx", "dense:"+m, "docs"); status != 0 {
		t.Fatal(stderr)
	}
	before := listing(t)
	for name, line := range map[string][]string{
		"read":    {"encode", "--model", "none", "docs", "out"},
		"encode":  {"encode", "--model", m, "--dtype", "auto", "docs", "out"},
		"index":   {"index", "--out", "out", "dense:" + m + ",dtype=auto", "docs"},
		"hnsw":    {"index", "--out", "out", "dense:" + m + ",search=hnsw", "docs"},
		"add":     {"index", "--add", "set", "idx"},
		"search":  {"search", "idx", "queries.jsonl"},
		"query":   {"search", "idx", "--query", "dog"},
		"loss":    {"model", "loss", m, "docs"},
		"compare": {"compare", "--out", "out", "study.yaml"},
	} {
		whole, stop := context.WithCancel(t.Context())
		ctx := &lastAsk{Context: whole, stop: stop}
		if name == "read" {
			ctx.left.Store(4) // there are as many documents
		} else if name == "encode" {
			ctx.left.Store(5)
		}
		root := rootCommand()
		root.SetArgs(line)
		root.SetErr(io.Discard)
		start := time.Now()
		cmd, err := root.ExecuteContextC(ctx)
		if !errors.Is(err, context.Canceled) || exitStatus(cmd, err) != 1 || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
		if after := listing(t); after != before {
			t.Errorf("%s left %s, before there was %s", name, after, before)
		}
	}
}

// listing are the names in the working folder.
func listing(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, e := range entries {
		names += e.Name() + " "
	}
	return names
}
