package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// withSIMD runs a test with each set of inner loops that this machine and build have.
func withSIMD(t *testing.T, test func(t *testing.T)) {
	best := bm25SIMD
	defer func() { bm25SIMD = best }()
	for _, level := range simdLevels() {
		bm25SIMD = level
		t.Run([]string{"plain", "AVX2", "AVX512"}[level], test)
	}
}

// TestUnpackAgainstPlain compares on every width.
func TestUnpackAgainstPlain(t *testing.T) {
	withSIMD(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(51, 52))
		for width := range 33 {
			for range 20 {
				var v, got, want [blockLen]uint32
				for i := range v {
					v[i] = uint32(r.Uint64() & (1<<width - 1))
				}
				src := append(appendPacked(nil, &v, width), make([]byte, packPad)...)
				for i := range packPad { // what follows a block must not be seen
					src[len(src)-1-i] = byte(r.Uint32())
				}
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
	})
}

func TestCountBelowAndProbe(t *testing.T) {
	withSIMD(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(53, 54))
		for range 500 {
			var docs [blockLen]uint32
			for i := range docs {
				docs[i] = r.Uint32N(200) << r.UintN(25)
			}
			slices.Sort(docs[:])
			for i := range r.IntN(blockLen) { // the padding of a block that is not full
				docs[blockLen-1-i] = noDoc
			}
			doc := docs[r.IntN(blockLen)] + r.Uint32N(2)
			want := 0
			for want < blockLen && docs[want] < doc {
				want++
			}
			if got, plain := countBelow(&docs, doc), countBelowPlain(&docs, doc); got != want || plain != want {
				t.Fatal(got, plain, want)
			}
			docs = [blockLen]uint32{}
			first := r.Uint32() >> 1 << r.UintN(2) &^ 0xfff
			for i := range docs {
				docs[i] = first + uint32(3*i) + r.Uint32N(3)
			}
			ask := make([]uint32, 0, 512)
			for d := range docs[blockLen-1] - first + 1 {
				if r.IntN(3) > 0 {
					ask = append(ask, first+d)
				}
			}
			var hits, plain [blockLen + 1]probeHit
			n := probe(&docs, ask, &hits)
			if m := probePlain(&docs, ask, &plain); n != m || !slices.Equal(hits[:n], plain[:n]) {
				t.Fatalf("hits %v, want %v", hits[:n], plain[:m])
			}
		}
	})
}

func TestPlaces(t *testing.T) {
	withSIMD(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(55, 56))
		for density := range 65 { // so many of 64 bits are set on average
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
	})
}

// TestAddLucene compares sums and places bit by bit for every beginning and end.
func TestAddLucene(t *testing.T) {
	withSIMD(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(57, 58))
		const start = 1000
		codes := make([]byte, start+windowLen)
		for i := range codes {
			codes[i] = byte(r.Uint32())
		}
		var table [256]float32
		for i := range table {
			table[i] = r.Float32()
		}
		got, want := new(window), new(window)
		for lo := range blockLen {
			for _, hi := range []int{lo + 1, min(lo+7, blockLen), lo + 1 + r.IntN(blockLen-lo), blockLen} {
				var docs, freqs [blockLen]uint32
				doc := uint32(start)
				for i := range docs {
					freqs[i] = 1 + r.Uint32N(3)<<r.UintN(20)
					if docs[i] = noDoc; i < hi {
						docs[i] = doc
						doc += 1 + r.Uint32N(windowLen/blockLen)
					}
				}
				p := &lucenePostings{&docs, &freqs, codes, &table, r.Float32(), start}
				got.addLucene(p, lo, hi)
				want.addLucenePlain(p, lo, hi)
				if got.sum != want.sum || got.seen != want.seen {
					t.Fatalf("postings %d to %d", lo, hi)
				}
			}
		}
	})
}

// TestHitsAreTheSameForAllSIMD: every set of inner loops finds the same documents with the same scores.
func TestHitsAreTheSameForAllSIMD(t *testing.T) {
	docs := randomDocuments(rand.New(rand.NewPCG(59, 60)), 20000, 500)
	x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace", NoDocuments: true})
	queries := []string{"w0 w1 w2", "w3 w40 w200", "w499 w7", "w0 w0 w5 w90 w120 w300"}
	var want [][]NumberedHit
	withSIMD(t, func(t *testing.T) {
		var got [][]NumberedHit
		for _, q := range queries {
			for _, k := range []int{1, 10, 1000, 20000} {
				hits, err := x.SearchNumbers(nil, q, k)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, hits)
			}
		}
		if want == nil {
			want = got
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Error("other hits")
		}
	})
}

// TestSearchAllocatesNothing: a search in the memory of an earlier one makes none but its result. (Not through Search: under the race
// detector a sync.Pool forgets at random.)
func TestSearchAllocatesNothing(t *testing.T) {
	docs := randomDocuments(rand.New(rand.NewPCG(61, 62)), 5000, 300)
	x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace", NoDocuments: true, TitleWeight: 2})
	s := x.state()
	for _, k := range []int{10, 1000, 5000} {
		search := func() {
			s.analyze("w1 w20 w150 w20 w4 w0")
			if ranks, err := s.run(k); err != nil || len(ranks) == 0 {
				t.Fatal(ranks, err)
			}
		}
		if n := testing.AllocsPerRun(20, search); n != 0 {
			t.Errorf("k %d: %v allocations", k, n)
		}
	}
}
