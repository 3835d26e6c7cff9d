package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/mmap"
)

// withPatch is x's file with other bytes from at on in a section, with the right checksums.
func withPatch(t testing.TB, x *BM25, section string, at int, bytes []byte) []byte {
	t.Helper()
	return patched(t, x.mapped.Data, bm25Kind, patch{slices.Index(x.file.Names(), section), at, bytes, patchBytes})
}

// openBytes opens a BM25 file that lies in memory.
func openBytes(data []byte) (*BM25, error) {
	x := &BM25{path: "bytes", mapped: &mmap.File{Data: data}}
	return x, x.read()
}

// wrappedTail is a tail of n documents that go over the end of uint32 and come back up to last: those in between are no documents.
func wrappedTail(n int, prev, last uint32) []byte {
	docs := []uint32{prev + 1, math.MaxUint32}
	for i := range uint32(n - 3) {
		docs = append(docs, i)
	}
	const width = 33
	b := make([]byte, 1+(width*n+7)/8)
	b[0] = width
	for i, doc := range append(docs, last) {
		at := i * width
		var word [9]byte
		binary.LittleEndian.PutUint64(word[:], (uint64(doc-prev-1)<<1|1)<<(at%8)) // 33+7 bits
		for j, v := range word[:5] {
			if v != 0 {
				b[1+at/8+j] |= v
			}
		}
		prev = doc
	}
	return b
}

// shortTail is a term, behind w0, whose list ends in a tail of a few postings: where that begins in the section of postings, how many
// they are, and the documents before and at its end.
func shortTail(t testing.TB, x *BM25) (name string, at, n int, prev, last uint32) {
	t.Helper()
	for i := 1; i < 50; i++ {
		name := fmt.Sprint("w", i)
		term, ok, err := x.fields[0].dict.find([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		if n := int(term.df) % blockLen; ok && term.df > blockLen && n >= 4 && n <= 16 {
			blocks := int(term.df)/blockLen + 1
			lasts, starts := term.list[boundsAt+blocks:], term.list[boundsAt+5*blocks:]
			at := term.at + boundsAt + 9*blocks + int(le.Uint32(starts[4*(blocks-1):]))
			return name, at, n, le.Uint32(lasts[4*(blocks-2):]), le.Uint32(lasts[4*(blocks-1):])
		}
	}
	t.Fatal("no such term")
	return
}

// TestTailThatWraps: a file made to mislead, whose last block goes over the end of uint32 and back, ends in an error. The documents in
// between would be looked up far outside of the lengths.
func TestTailThatWraps(t *testing.T) {
	docs := randomDocuments(rand.New(rand.NewPCG(61, 62)), 600, 50)
	x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace"})
	name, at, n, prev, last := shortTail(t, x)
	withSIMD(t, func(t *testing.T) {
		bad, err := openBytes(withPatch(t, x, "postings.0", at, wrappedTail(n, prev, last)))
		if err != nil {
			t.Fatal(err)
		}
		if hits, err := bad.Search(t.Context(), labrador.Query{Text: name + " w0"}, 1000); !errors.Is(err, errDamagedList) {
			t.Fatal(hits, err)
		}
	})
}

// FuzzBM25Sections puts arbitrary bytes into one section of an index, with the right checksums: opening, searching, reading
// and joining end in an error or in an answer.
func FuzzBM25Sections(f *testing.F) {
	docs := randomDocuments(rand.New(rand.NewPCG(61, 62)), 600, 50)
	whole := buildDocuments(f, docs, BM25Options{Analyzer: "whitespace"})
	names := whole.file.Names()
	for i, name := range names {
		b, _ := whole.file.Section(name)
		for _, at := range []int{0, len(b) / 2, len(b) - 16} { // short ones: the engine's shrinking of an input takes the square of its length
			f.Add(uint8(i), uint16(max(at, 0)), bytes.Clone(b[max(at, 0):min(max(at, 0)+16, len(b))]))
		}
		f.Add(uint8(i), uint16(7), []byte{255, 0, 128, 1})
	}
	name, at, n, prev, last := shortTail(f, whole)
	f.Add(uint8(slices.Index(names, "postings.0")), uint16(at), wrappedTail(n, prev, last))
	f.Fuzz(func(t *testing.T, section uint8, at uint16, patch []byte) {
		x, err := openBytes(withPatch(t, whole, names[int(section)%len(names)], int(at), patch))
		if err != nil {
			return
		}
		q := labrador.Query{Text: "w0 w1 w7 w20 " + name}
		for _, k := range []int{1, 1000} {
			x.Search(context.Background(), q, k)
			x.SearchAll(context.Background(), q, k)
		}
		x.Document("d5")
		o := x.Options()
		o.NoDocuments = x.arrivals == nil
		for _, keep := range [][]uint64{nil, make([]uint64, (x.n+63)/64)} {
			func() (err error) {
				defer guardJoin("bytes", &err)
				return writeJoined(context.Background(), io.Discard, o, []*share{{x: x, keep: keep}})
			}()
		}
	})
}
