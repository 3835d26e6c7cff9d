package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestUnpackAgainstPlain compares on every width.
func TestUnpackAgainstPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	for width := range 33 {
		for range 20 {
			var v, got, want [blockLen]uint32
			for i := range v {
				v[i] = uint32(r.Uint64() & (1<<width - 1))
			}
			src := append(appendPacked(nil, &v, width), make([]byte, packPad)...)
			prev := r.Uint32()
			unpackDocs(&got, src, width, prev)
			unpackDocsPlain(&want, src, width, prev)
			if got != want || want[0] != prev+v[0]+1 {
				t.Fatalf("width %d: documents %v, want %v", width, got, want)
			}
			unpackFreqs(&got, src, width)
			unpackFreqsPlain(&want, src, width)
			if got != want || want[127] != v[127]+1 {
				t.Fatalf("width %d: frequencies %v, want %v", width, got, want)
			}
		}
	}
}

func TestCountBelowAndAbove(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 54))
	for range 500 {
		var docs [blockLen]uint32
		for i := range docs {
			docs[i] = r.Uint32N(200) << r.UintN(24)
		}
		slices.Sort(docs[:])
		doc := docs[r.IntN(blockLen)] + r.Uint32N(2)
		want := 0
		for want < blockLen && docs[want] < doc {
			want++
		}
		if got, plain := countBelow(&docs, doc), countBelowPlain(&docs, doc); got != want || plain != want {
			t.Fatal(got, plain, want)
		}
		var sums [64]float64
		for i := range sums {
			sums[i] = float64(r.IntN(5))
		}
		if got, want := above(&sums, 2), abovePlain(&sums, 2); got != want {
			t.Fatalf("%x, want %x", got, want)
		}
	}
}
