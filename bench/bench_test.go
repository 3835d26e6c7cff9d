package bench

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/index"
)

func TestAgainst(t *testing.T) {
	ours, err := Read(strings.NewReader(`a remark
{"peer": "labrador-flat-f32", "threads": 1, "n": 10, "d": 4, "k": 2, "q": 5, "qps_batch": 30, "rss_mb": 50}
{"peer": "labrador-bm25", "threads": 1, "qps": {"10": 400, "1000": 90}, "index_s": 2}
{"peer": "labrador-hnsw", "n": 10, "recall_10": 0.98, "qps_batch": 200}
`))
	if err != nil || len(ours) != 3 {
		t.Fatal(ours, err)
	}
	theirs, _ := Read(strings.NewReader(`{"peer": "faiss-flat-f32", "threads": 1, "n": 10, "d": 4, "k": 2, "q": 5, "qps_batch": 15, "rss_mb": 100, "blas_core": "Haswell"}
{"peer": "faiss-flat-f32", "threads": 2, "n": 10, "d": 4, "k": 2, "q": 5, "qps_batch": 99}
{"peer": "bm25s", "threads": 1, "qps": {"10": 100, "1000": 45}, "index_s": 1}
{"peer": "faiss-hnsw", "n": 10, "recall_10": 0.90, "qps_batch": 1000}
{"peer": "faiss-hnsw", "n": 10, "recall_10": 0.983, "qps_batch": 100}
`))
	var got []string
	for _, r := range Against(ours, theirs) {
		got = append(got, r.Theirs+" "+r.Field+" "+figure(r.Ratio))
	}
	want := "faiss-flat-f32 (Haswell) qps_batch 2.00, faiss-flat-f32 (Haswell) rss_mb 2.00, bm25s index_s 0.5000, bm25s qps@10 4.00, bm25s qps@1000 2.00, faiss-hnsw qps_batch 2.00"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	// Measured again: 410 and 500 beside 400, so 410 counts. q8_0 is a kind of int8.
	more, _ := Read(strings.NewReader(`{"peer": "labrador-bm25", "threads": 1, "qps": {"10": 410, "1000": 90}, "index_s": 2}
{"peer": "labrador-bm25", "threads": 1, "qps": {"10": 500, "1000": 90}, "index_s": 2}
{"peer": "labrador-encode", "threads": 1, "shape": "s", "batch": 1, "len": 2, "dtype": "int8", "tokens_per_s": 30, "rss_mb": 40, "share": 0.61, "tier": "avx2", "cpu": "C"}
{"peer": "labrador-encode", "threads": 2, "shape": "s", "batch": 1, "len": 2, "dtype": "int8", "tokens_per_s": 50, "tier": "avx2", "cpu": "C, family 1"}
{"peer": "labrador-encode", "threads": 1, "shape": "s", "batch": 4, "len": 2, "dtype": "int8", "tokens_per_s": 60, "tier": "avx2", "cpu": "C"}
{"peer": "llama.cpp", "threads": 1, "shape": "s", "batch": 1, "len": 2, "dtype": "q8_0", "tokens_per_s": 10, "rss_mb": 50}
{"peer": "openvino", "threads": 1, "shape": "s", "batch": 1, "len": 2, "dtype": "int8", "tokens_per_s": 20, "rss_mb": 90}
{"peer": "openvino", "threads": 1, "shape": "s", "batch": 1, "len": 2, "dtype": "f32", "tokens_per_s": 99}
{"peer": "openvino", "threads": 2, "shape": "s", "batch": 1, "len": 2, "dtype": "int8", "tokens_per_s": 40}
{"peer": "openvino", "threads": 1, "shape": "s", "batch": 4, "len": 2, "dtype": "int8", "tokens_per_s": 80}
`))
	page := Page("# Title\n", slices.Concat(ours, theirs, more))
	for _, line := range []string{"# Title", "## C, family 1, tier avx2", "| model | arithmetic | 4 x 2 | 1 x 2 | 1 x 2, 2 threads | memory |",
		"| s | int8 | **0.75** 60.00 / 80.00 openvino | **1.50** 30.00 / 20.00 openvino | **1.25** 50.00 / 40.00 openvino | **1.25** 50 / 40 llama.cpp |", "| bm25 | bm25s | threads=1 | qps@10 | 410 | 100 | **4.10** |",
		"| encode int8 | llama.cpp q8_0 | threads=1 shape=s batch=1 len=2 | tokens_per_s | 30.00 | 10.00 | **3.00** |", "| s | int8 | 1 x 2 | 1 | 30 |"} {
		if strings.Count(page, line) != 1 {
			t.Errorf("not once %q in\n%s", line, page)
		}
	}
}

// TestShapeOf: the names of the usage line, minilm|bert-base|qwen2.5-0.5b|1.5b|7b, all name a shape.
func TestShapeOf(t *testing.T) {
	for name, want := range map[string]string{"minilm": "minilm", "bert-base": "bert-base", "qwen2.5-0.5b": "qwen2.5-0.5b", "1.5b": "qwen2.5-1.5b",
		"7b": "qwen2.5-7b", "3b": "", "": ""} {
		if got := ShapeOf(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestVectorRows(t *testing.T) {
	for _, data := range []string{"random", "clustered"} {
		o := VectorOptions{N: 600, D: 32, Q: 20, K: 10, Threads: 2, Rounds: 1, Data: data}
		var rows []Row
		emit := func(r Row) { rows = append(rows, r) }
		if err := Flat(context.Background(), o, []index.Format{index.F32, index.Int8}, emit); err != nil {
			t.Fatal(err)
		}
		if err := HNSW(context.Background(), o, index.Int8, []int{300}, emit); err != nil {
			t.Fatal(err)
		}
		if rows[0]["recall_10"] != 1.0 || rows[1]["recall_10"].(float64) < 0.9 || rows[2]["recall_10"].(float64) < 0.9 || rows[2]["qps_batch"].(float64) <= 0 {
			t.Errorf("%v", rows)
		}
	}
	if _, err := NewVectors("none", 3); err == nil {
		t.Error("unknown data")
	}
}

func TestStatsRows(t *testing.T) {
	n := 0
	if err := Stats(50, 1000, func(r Row) { n++ }); err != nil || n != 3 {
		t.Error(n, err)
	}
}

// TestProcessor has texts as Linux gives them on amd64 and on arm64.
func TestProcessor(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel\t\t: 3\n": "AMD EPYC, family 26 model 2",
		"model name\t: something\n":                 "something",
		"processor\t: 0\nCPU implementer\t: 0x41\n": runtime.GOARCH,
	} {
		if got := processor(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestReadCutOff(t *testing.T) {
	rows, err := Read(strings.NewReader("{'a remark': of another kind}\n  {\"peer\": \"x\"}\n{\"peer\": \"y\", \"qps"))
	if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") || rows != nil {
		t.Errorf("%v, %v; want an error about line 3", rows, err)
	}
}
