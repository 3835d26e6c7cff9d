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

func TestCountBelowAndProbe(t *testing.T) {
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
		docs = [blockLen]uint32{}
		for i := range docs {
			docs[i] = uint32(3*i) + r.Uint32N(3)
		}
		ask := make([]uint32, 0, 512)
		for d := range docs[blockLen-1] + 1 {
			if r.IntN(3) > 0 {
				ask = append(ask, d)
			}
		}
		var hits, plain [blockLen + 1]probeHit
		n := probe(&docs, ask, &hits)
		if m := probePlain(&docs, ask, &plain); n != m || !slices.Equal(hits[:n], plain[:n]) {
			t.Fatalf("hits %v, want %v", hits[:n], plain[:m])
		}
	}
}

// TestPlaces has the words of which every bit is set apart: .ci/emulate's emulator fails at them.
func TestPlaces(t *testing.T) {
	t.Run("partial", func(t *testing.T) { placesOfDensities(t, 0, 48) })
	t.Run("full", func(t *testing.T) { placesOfDensities(t, 49, 64) })
}

// placesOfDensities sets so many of 64 bits on average.
func placesOfDensities(t *testing.T, least, most int) {
	t.Helper()
	r := rand.New(rand.NewPCG(55, 56))
	for density := least; density <= most; density++ {
		var seen, copied [windowLen / 64]uint64
		var got, want [windowLen + 64]uint16
		for i := range seen {
			for b := range 64 {
				if r.IntN(64) < density && (i%2 == 0 || r.IntN(4) == 0) {
					seen[i] |= 1 << b
				}
			}
		}
		copied = seen
		n := places(&seen, &got)
		m := placesPlain(&copied, &want)
		if n != m || !slices.Equal(got[:n], want[:n]) || seen != copied {
			t.Fatalf("density %d: %v, want %v", density, got[:n], want[:m])
		}
	}
}
