package index

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/sections"
)

// FuzzBM25Sections puts arbitrary bytes into one section of an index, with the right checksums: opening, searching, reading,
// explaining and joining end in an error or in an answer.
func FuzzBM25Sections(f *testing.F) {
	docs := randomDocuments(rand.New(rand.NewPCG(61, 62)), 600, 50)
	path := filepath.Join(f.TempDir(), "index")
	if err := BuildBM25(context.Background(), path, sequence(docs), BM25Options{Analyzer: "whitespace"}); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := sections.Read(data, bm25Kind)
	if err != nil {
		f.Fatal(err)
	}
	for i, name := range whole.Names() {
		b, _ := whole.Section(name)
		f.Add(uint8(i), uint16(0), b[:min(len(b), 300)])
		f.Add(uint8(i), uint16(7), []byte{255, 0, 128, 1})
	}
	f.Fuzz(func(t *testing.T, section uint8, at uint16, patch []byte) {
		var out bytes.Buffer
		w := sections.NewWriter(&out, bm25Kind, bm25Version, sections.Megabyte)
		for i, name := range whole.Names() {
			b, _ := whole.Section(name)
			if i == int(section)%len(whole.Names()) {
				b = bytes.Clone(b)
				copy(b[min(int(at), len(b)):], patch)
			}
			w.Begin(name)
			w.Write(b)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		bad := filepath.Join(t.TempDir(), "index")
		if err := os.WriteFile(bad, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		x, err := OpenBM25(bad)
		if err != nil {
			return
		}
		defer x.Close()
		q := labrador.Query{Text: "w0 w1 w7 w20"}
		for _, k := range []int{1, 1000} {
			x.Search(context.Background(), q, k)
			x.SearchAll(context.Background(), q, k)
		}
		x.Document("d5")
		x.Explain(q.Text, "d5")
		o := x.Options()
		o.NoDocuments = x.arrivals == nil
		joined := filepath.Join(t.TempDir(), "joined")
		joinBM25(context.Background(), joined, o, []*share{{x: x}})
		joinBM25(context.Background(), joined, o, []*share{{x: x, keep: make([]uint64, (x.n+63)/64)}})
	})
}
