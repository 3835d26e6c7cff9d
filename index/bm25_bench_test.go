package index

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/labrador-lab/labrador"
)

// The benchmarks take a BEIR folder from LABRADOR_BENCH_FOLDER (gen_passages.py of the peers' scripts makes one), keep an index in it by the
// analyzer LABRADOR_BENCH_ANALYZER, white space if unset, and are one thread.

func benchFolder(b *testing.B) string {
	dir := os.Getenv("LABRADOR_BENCH_FOLDER")
	if dir == "" {
		b.Skip("LABRADOR_BENCH_FOLDER is not set")
	}
	return dir
}

func benchOptions() BM25Options {
	return BM25Options{Analyzer: cmp.Or(os.Getenv("LABRADOR_BENCH_ANALYZER"), "whitespace"), NoDocuments: true, Threads: 1}
}

func BenchmarkBM25Build(b *testing.B) {
	dir := benchFolder(b)
	path := filepath.Join(b.TempDir(), "index")
	for b.Loop() {
		if err := BuildBM25(context.Background(), path, labrador.ReadDocuments(filepath.Join(dir, "corpus.jsonl")), benchOptions()); err != nil {
			b.Fatal(err)
		}
	}
	info, _ := os.Stat(path)
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// openBench opens the folder's index, made if it is not there, and reads its queries.
func openBench(b *testing.B) (x *BM25, texts []string) {
	dir := benchFolder(b)
	path := filepath.Join(dir, "labrador.bm25")
	if _, err := os.Stat(path); err != nil {
		if err := BuildBM25(context.Background(), path, labrador.ReadDocuments(filepath.Join(dir, "corpus.jsonl")), benchOptions()); err != nil {
			b.Fatal(err)
		}
	}
	x, err := OpenBM25(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { x.Close() })
	for q, err := range labrador.ReadQueries(filepath.Join(dir, "queries.jsonl")) {
		if err != nil {
			b.Fatal(err)
		}
		texts = append(texts, q.Text)
	}
	return x, texts
}

func BenchmarkBM25Search(b *testing.B) {
	x, texts := openBench(b)
	for _, k := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint("k=", k), func(b *testing.B) {
			b.ReportAllocs()
			var hits []NumberedHit
			var err error
			n := 0
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadSeconds()
			for b.Loop() {
				if hits, err = x.SearchNumbers(hits[:0], texts[n%len(texts)], k); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "queries/s")
			if cpu := threadSeconds() - start; cpu > 0 {
				b.ReportMetric(float64(n)/cpu, "queries/cpu-s")
			}
		})
	}
}
