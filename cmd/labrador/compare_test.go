package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
)

// hostileData is a small dataset whose texts are markup, and whose study names everything there is to name.
func hostileData(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var corpus, queries, qrels strings.Builder
	qrels.WriteString("query-id\tcorpus-id\tscore\n")
	for i := range 40 {
		fmt.Fprintf(&corpus, `{"_id":"d%d","title":"<img src=x onerror=alert(%d)>","text":"parseHTTPHeader%d reads </script> value number%d of kind%d"}`+"\n", i, i, i, i, i%7)
		fmt.Fprintf(&queries, `{"_id":"q%d","text":"parse http header%d <b>bold</b> number%d"}`+"\n", i, i, i)
		fmt.Fprintf(&qrels, "q%d\td%d\t1\n", i, i)
	}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("set/corpus.jsonl", corpus.String())
	write("set/queries.jsonl", queries.String())
	write("set/qrels/test.tsv", qrels.String())
	write("runs/set.run", "q0 Q0 d0 1 2 x\nq0 Q0 d1 2 1 x\n")
	write("study.yaml", `
name: "a <b>hostile</b> | study"
datasets: [{path: set, group: code}]
systems:
  - bm25
  - {name: "code </script><script>alert(1)</script>", kind: bm25, analyzer: code}
  - {name: sweep, kind: bm25, k1: [0.5, 1.2]}
  - {name: given, kind: run, file: "runs/{dataset}.run"}
  - {name: both, kind: fuse, of: [bm25, sweep-k1=0.5]}
measures: [nDCG@10, R@100]
claims:
  - {say: "<script>alert(2)</script>", higher: "code </script><script>alert(1)</script>", than: bm25, on: code}
  - {say: "the given run is worse", lower: given, than: bm25}
`)
	return dir
}

// TestCompare runs a study end to end and holds its output against the promised form.
func TestCompare(t *testing.T) {
	dir, out := hostileData(t), t.TempDir()
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	stdout := compareOutput(t, "compare", filepath.Join(dir, "study.yaml"), "--out", out)
	for _, want := range []string{"nDCG@10", "set", "sweep-k1=1.2", "Claims", "the given run is worse", "report.html"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	var r struct {
		Version int
		Results []struct {
			Dataset, System, Measure string
			Mean                     *float64
			Queries                  int
			Interval                 []float64
		}
		Comparisons []struct {
			Dataset, System, Baseline, Measure, Test string
			Difference, P                            *float64
			PAdjusted                                *float64 `json:"p_adjusted"`
			Interval                                 []float64
		}
		Claims []struct{ Say, Verdict string }
	}
	asJSON := compareOutput(t, "compare", filepath.Join(dir, "study.yaml"), "--out", out, "--json")
	if err := json.Unmarshal([]byte(asJSON), &r); err != nil {
		t.Fatal(err)
	}
	if file, _ := os.ReadFile(filepath.Join(out, "results.json")); string(file) != asJSON {
		t.Error("--json prints something else than results.json")
	}
	if r.Version != 1 || len(r.Results) != 12 || len(r.Comparisons) != 10 || len(r.Claims) != 2 {
		t.Fatalf("results.json: version %d, %d results, %d comparisons, %d claims", r.Version, len(r.Results), len(r.Comparisons), len(r.Claims))
	}
	if x := r.Results[0]; x.Dataset != "set" || x.System != "bm25" || x.Measure != "nDCG@10" || x.Mean == nil || x.Queries != 40 || len(x.Interval) != 2 {
		t.Errorf("result %+v", x)
	}
	if x := r.Comparisons[0]; x.Baseline != "bm25" || x.Difference == nil || x.P == nil || x.PAdjusted == nil || len(x.Interval) != 2 || x.Test == "" {
		t.Errorf("comparison %+v", x)
	}
	if x := r.Claims[1]; x.Verdict != "supported" {
		t.Errorf("claim %+v", x)
	}
	checkPages(t, out)
}

// checkPages: one file without a network, nothing of the data taken for markup, valid ids.
func checkPages(t *testing.T, out string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script>alert", "<img", "<b>hostile", "<b>bold", "ZgotmplZ", "http://", "https://", "<link", "@import", "url("} {
		if bytes.Contains(page, []byte(bad)) {
			t.Errorf("report.html holds %q", bad)
		}
	}
	if n := bytes.Count(page, []byte("<script>")); n != 1 {
		t.Errorf("%d scripts in the page, want its own", n)
	}
	for _, anchor := range regexp.MustCompile(`href="#([a-z]+)"`).FindAllSubmatch(page, -1) {
		if !bytes.Contains(page, []byte(`id="`+string(anchor[1])+`"`)) {
			t.Errorf("a link to #%s, and no such section", anchor[1])
		}
	}
	text, err := os.ReadFile(filepath.Join(out, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "| bm25 |") || strings.Contains(string(text), "<script>") {
		t.Errorf("report.md:\n%s", text)
	}
	for _, name := range []string{"times.json", "runs/set.both.run", "values/set.tsv"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}

func compareOutput(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	if err := root.ExecuteContext(context.Background()); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
	return stdout.String()
}

func TestCompareWrongUse(t *testing.T) {
	dir := hostileData(t)
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	bad := filepath.Join(dir, "bad.yaml")
	os.WriteFile(bad, []byte("name: x\ndatasets: [set]\nsystems:\n  - {name: y, kind: bm25, anlyzer: code}\n"), 0o644)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"compare", "a", "b"}, 2, "2 arguments given: labrador compare [STUDY.yaml]"},
		{[]string{"compare", "--threads", "-1"}, 2, "--threads"},
		{[]string{"compare", "--nothing"}, 2, "unknown flag"},
		{[]string{"compare", filepath.Join(dir, "none.yaml")}, 1, "no study file"},
		{[]string{"compare", bad}, 1, `unknown key "anlyzer" (did you mean "analyzer"?)`},
	} {
		root := rootCommand()
		root.SetArgs(c.args)
		root.SetOut(&bytes.Buffer{})
		err := root.Execute()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %s", c.args, err, c.want)
		}
		if got := run(context.Background(), c.args); got != c.code {
			t.Errorf("%v: exit status %d, want %d", c.args, got, c.code)
		}
	}
}

// TestCompareKnownFigures: a study over real data gives the figures that Anserini publishes for SciFact (flat and multifield) and those that NumPy
// gives for the MiniLM vectors beside it (data's own notes: .6104, .904).
func TestCompareKnownFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("indexes SciFact twice")
	}
	data := filepath.Dir(filepath.Dir(outside.Data(t, "text/scifact")))
	outside.Data(t, "vectors/scifact-minilm")
	study := filepath.Join(t.TempDir(), "known.yaml")
	err := os.WriteFile(study, []byte(`
name: known
datasets: [scifact]
systems:
  - bm25
  - {name: two, kind: bm25, title: 1}
  - name: minilm
    kind: vectors
    documents: vectors/scifact-minilm/embeddings_minilm_pca128.npy
    document_ids: vectors/scifact-minilm/embedding_ids_minilm.jsonl
    queries: vectors/scifact-minilm/query_embeddings_minilm_128.npy
    query_ids: vectors/scifact-minilm/query_ids_minilm.jsonl
expect:
  - {system: bm25, on: scifact, measure: nDCG@10, value: 0.6789, within: 0.00005}
  - {system: bm25, on: scifact, measure: R@100, value: 0.9253, within: 0.00005}
  - {system: two, on: scifact, measure: nDCG@10, value: 0.6647, within: 0.00005}
  - {system: minilm, on: scifact, measure: nDCG@10, value: 0.6104, within: 0.00005}
  - {system: minilm, on: scifact, measure: R@100, value: 0.904, within: 0.0005}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	stdout := compareOutput(t, "compare", study, "--data", data, "--out", t.TempDir())
	if !strings.Contains(stdout, "5 of 5 expected figures met") {
		t.Error(stdout)
	}
}
