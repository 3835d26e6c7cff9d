package dataset

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// largeFolder writes a corpus of n made-up passages in MS MARCO's layout, one in a thousand of them a repetition, and returns its path
// and size in bytes.
func largeFolder(t testing.TB, n int) (string, int64) {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "collection.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	state := uint64(1)
	for i := range n {
		fmt.Fprintf(&b, "%d\t", i)
		for range 20 {
			state = state*6364136223846793005 + 1442695040888963407 // Knuth, MMIX
			fmt.Fprintf(&b, "w%x ", state>>50)
			if i%1000 == 0 {
				break
			}
		}
		b.WriteByte('\n')
		if b.Len() > 1<<20 || i == n-1 {
			f.WriteString(b.String())
			b.Reset()
		}
	}
	write(t, dir, map[string]string{"queries.test.tsv": "1\tw1 w2\n2\tw3 w4\n", "qrels.test.tsv": "1\t0\t5\t1\n2\t0\t6\t1\n"})
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return dir, info.Size()
}

// peakHeap runs the stream and returns the most memory, in bytes, that was in use at any thousandth document beyond what was before.
func peakHeap[T any](t testing.TB, seq iter.Seq2[T, error]) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak, n := m.HeapInuse, m.HeapInuse, 0
	for _, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%10000 == 0 {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
	}
	return peak - before
}

// TestDocumentsStream: a corpus ten times as large needs no more memory.
func TestDocumentsStream(t *testing.T) {
	n := 300_000
	if testing.Short() {
		n = 100_000
	}
	dir, size := largeFolder(t, n)
	peak := peakHeap(t, mustOpen(t, Ref{Path: dir}).Documents())
	if limit := uint64(8 << 20); size < 10<<20 || peak > limit {
		t.Errorf("%d bytes of heap for a corpus of %d bytes, limit %d", peak, size, limit)
	}
}

// BenchmarkLargeCorpus gives bytes a second, and the peak of the heap, for streaming a million passages and for checking them.
func BenchmarkLargeCorpus(b *testing.B) {
	dir, size := largeFolder(b, 1_000_000)
	d := mustOpen(b, Ref{Path: dir})
	b.Run("documents", func(b *testing.B) {
		b.SetBytes(size)
		var peak uint64
		for b.Loop() {
			peak = max(peak, peakHeap(b, d.Documents()))
		}
		b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	})
	b.Run("check", func(b *testing.B) {
		b.SetBytes(size)
		var m runtime.MemStats
		var peak uint64
		for b.Loop() {
			_, err := Check(b.Context(), d, func(int64) {
				if runtime.ReadMemStats(&m); m.HeapInuse > peak {
					peak = m.HeapInuse
				}
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	})
}
