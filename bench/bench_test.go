package bench

import (
	"context"
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
	if page := Page(append(ours, theirs...)); !strings.Contains(page, "| labrador-bm25 | bm25s | threads=1 | qps@10 | 400 | 100 | **4.00** |") {
		t.Error(page)
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
