package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestDenseIndex indexes a small folder with a tiny model, searches it exactly and approximately, and breaks it.
func TestDenseIndex(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	dir := t.TempDir()
	set := filepath.Join(dir, "set")
	if err := os.MkdirAll(filepath.Join(set, "qrels"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"corpus.jsonl":   `{"_id": "d1", "title": "", "text": "a dog that fetches"}` + "\n" + `{"_id": "d2", "text": "prices of oil rose again"}` + "\n",
		"queries.jsonl":  `{"_id": "q1", "text": "a dog that fetches"}` + "\n",
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\n",
	} {
		if err := os.WriteFile(filepath.Join(set, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "idx")
	for _, search := range []string{"flat", "hnsw"} {
		code, made := capture(t, "index", "--out", out, "dense:"+m+",search="+search, set)
		if code != 0 || strings.Contains(made, "recall\tnot measured") != (search == "hnsw") {
			t.Fatalf("index: exit status %d, %q", code, made)
		}
		code, run := capture(t, "search", "-k", "2", out, filepath.Join(set, "queries.jsonl"))
		if lines := strings.Split(strings.TrimSpace(run), "\n"); code != 0 || len(lines) != 2 || !strings.HasPrefix(lines[0], "q1 Q0 d1 1 ") {
			t.Errorf("%s: exit status %d, %q", search, code, run)
		}
		if code, _ := capture(t, "index", "--verify", out); code != 0 {
			t.Errorf("%s: verify: exit status %d", search, code)
		}
	}
	// Documents are indexed whatever the queries are: these only help to tune.
	set2 := filepath.Join(dir, "set2")
	if err := os.CopyFS(set2, os.DirFS(set)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(set2, "queries.jsonl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, made := capture(t, "index", "--out", filepath.Join(dir, "idx2"), "dense:"+m+",search=hnsw", set2); code != 0 {
		t.Errorf("without queries: exit status %d, %q", code, made)
	}
	if code, made := capture(t, "index", "--out", filepath.Join(dir, "idx2"), "dense:"+m+",dtype=auto", set); code != 0 {
		t.Errorf("dtype auto: exit status %d, %q", code, made)
	}
	if d, err := readDense(filepath.Join(dir, "idx2")); err != nil || d.DType == "auto" || d.DType == "" {
		t.Errorf("dtype auto is kept as %q, %v", d.DType, err)
	}
	for _, system := range []string{"dense:", "dense:x,search=tree", "dense:x,nothing=1", "dense:x,dtype=f7", "splade"} {
		if code, _ := capture(t, "index", system, set); code != 2 {
			t.Errorf("%s: exit status %d", system, code)
		}
	}
	d, err := readDense(out)
	if err != nil {
		t.Fatal(err)
	}
	path := d.vectorsPath(out)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _ := capture(t, "search", out, filepath.Join(set, "queries.jsonl")); code != 1 {
		t.Errorf("a truncated index: exit status %d", code)
	}
}

// capture runs a command line and returns its exit status and standard output.
func capture(t *testing.T, args ...string) (int, string) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(t.Context())
	return exitStatus(cmd, err), out.String()
}

// TestRecallLine says where a recall comes from.
func TestRecallLine(t *testing.T) {
	for want, tuned := range map[string]index.HNSWTuning{
		"recall\t0.9825 of the 10 best with ef 70, on 400 queries it was not tuned on (target 0.98)\n": {Ef: 70, Target: 0.98, Recall: 0.9825, Queries: 400},
		"recall\t0.9850 of the 10 best with ef 60, on queries made of documents (target 0.98)\n":       {Ef: 60, Target: 0.98, Recall: 0.985},
		"recall\tnot measured, too few documents: ef 64\n":                                             {Ef: 64, Target: 0.98, Recall: math.NaN()},
	} {
		if got := recallLine(tuned); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	ask := make([]labrador.Query, 1000)
	for i := range ask {
		ask[i].ID = fmt.Sprint(i)
	}
	if some := spread(ask, 800); len(some) != 800 || some[0].ID != "0" || some[799].ID != "998" {
		t.Errorf("%d of 1,000, to %s", len(some), some[len(some)-1].ID)
	}
	if some := spread(ask[:5], 800); len(some) != 5 {
		t.Errorf("%d of 5", len(some))
	}
}

// TestNewSettingsRemoveOldVectors, and nothing else of the folder.
func TestNewSettingsRemoveOldVectors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[index]") // a pattern of Glob
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vectors", "vectors-2", "vectors-3", "vectors.npy", "vectors-of-mine", "notes"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := (denseIndex{Vectors: "vectors-3"}).write(dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		got = append(got, f.Name())
	}
	if want := "dense.json notes vectors-3 vectors-of-mine vectors.npy"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
