package index

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/sections"
)

// format is a format of index files for TestDamageNamesTheSection.
type format struct {
	name, kind string
	build      func(path string) error
	// use opens the file, verifies it where that is asked, searches and reads.
	use func(path string, verify bool) (string, error)
}

func formats() []format {
	ctx := context.Background()
	docs := randomDocuments(rand.New(rand.NewPCG(91, 92)), 400, 60)
	ids, m, queries := clustered(120, 16, 3)
	bm25 := func(o BM25Options) func(string) error {
		o.Analyzer = "whitespace"
		return func(path string) error { return BuildBM25(ctx, path, sequence(docs), o) }
	}
	impacts := func(yield func(SparseVector, error) bool) {
		for _, d := range docs {
			v := SparseVector{ID: d.ID}
			for w := range strings.FieldsSeq(d.Text) {
				v.Terms = append(v.Terms, WeightedTerm{w, .5})
			}
			if !yield(v, nil) {
				return
			}
		}
	}
	flat := func(o FlatOptions) func(string) error {
		return func(path string) error { return BuildFlat(ctx, path, ids, MatrixSource(m), o) }
	}
	hnsw := func(o HNSWOptions) func(string) error {
		return func(path string) error { return BuildHNSW(ctx, path, ids, MatrixSource(m), o) }
	}
	useFlat := func(path string, verify bool) (string, error) {
		f, err := OpenFlat(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if verify {
			return "", f.Verify()
		}
		hits, err := f.Search(ctx, queries, 5, nil)
		return fmt.Sprint(hits), err
	}
	useHNSW := func(path string, verify bool) (string, error) {
		h, err := OpenHNSW(path)
		if err != nil {
			return "", err
		}
		defer h.Close()
		if verify {
			return "", h.Verify()
		}
		hits, err := h.Search(ctx, queries, 5, HNSWQuery{})
		return fmt.Sprint(hits), err
	}
	return []format{
		{"bm25", bm25Kind, bm25(BM25Options{}), useBM25},
		{"bm25 of two fields, exact lengths", bm25Kind, bm25(BM25Options{TitleWeight: 1, ExactLengths: true}), useBM25},
		{"impact", bm25Kind, func(path string) error { return BuildImpact(ctx, path, impacts, ImpactOptions{}) }, useBM25},
		{"flat", flatKind, flat(FlatOptions{}), useFlat},
		{"flat of int8 with bf16", flatKind, flat(FlatOptions{Format: Int8, Keep: BF16}), useFlat},
		{"flat of signs", flatKind, flat(FlatOptions{Format: Binary}), useFlat},
		{"hnsw", hnswKind, hnsw(HNSWOptions{M: 3}), useHNSW},
		{"hnsw of bf16", hnswKind, hnsw(HNSWOptions{M: 3, Format: BF16}), useHNSW},
	}
}

func useBM25(path string, verify bool) (string, error) {
	x, err := OpenBM25(path)
	if err != nil {
		return "", err
	}
	defer x.Close()
	if verify {
		return "", x.Verify()
	}
	return useTerms(x)
}

// terms is what a BM25 and a set have in common.
type terms interface {
	Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error)
	SearchAll(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error)
	Document(id string) (labrador.Document, bool, error)
}

func useTerms(x terms) (string, error) {
	hits, err := x.Search(context.Background(), labrador.Query{Text: "w0 w3 w17 w40"}, 20)
	if err != nil {
		return "", err
	}
	all, err := x.SearchAll(context.Background(), labrador.Query{Text: "w0 w1"}, 20)
	if err != nil {
		return "", err
	}
	d, _, err := x.Document("d77")
	return fmt.Sprint(hits, all, d), err
}

// TestDamageNamesTheSection flips a bit at the start, in the middle and at the end of every section of every format, and cuts the
// file there: verifying names the section, and searching ends in an error or in the hits as they were.
func TestDamageNamesTheSection(t *testing.T) {
	for _, f := range formats() {
		path := filepath.Join(t.TempDir(), "x")
		if err := f.build(path); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		good, err := f.use(path, false)
		if err != nil {
			t.Fatal(err)
		}
		file, err := sections.Read(whole, f.kind)
		if err != nil {
			t.Fatal(err)
		}
		damaged := func(data []byte) (verified, searched error) {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			_, verified = f.use(path, true)
			got, searched := f.use(path, false)
			if searched == nil && got != good {
				t.Fatalf("%s: other hits and no error", f.name)
			}
			return verified, searched
		}
		for _, name := range file.Names() {
			section, _ := file.Section(name)
			if len(section) == 0 {
				continue
			}
			start := int(uintptr(unsafe.Pointer(&section[0])) - uintptr(unsafe.Pointer(&whole[0])))
			for _, at := range []int{start, start + len(section)/2, start + len(section) - 1} {
				data := bytes.Clone(whole)
				data[at] ^= 1 << (at % 8)
				if verified, _ := damaged(data); verified == nil || !strings.Contains(verified.Error(), "section "+name) {
					t.Errorf("%s: a flip in section %s: %v", f.name, name, verified)
				}
				if verified, searched := damaged(whole[:at]); verified == nil || searched == nil {
					t.Errorf("%s: cut in section %s: %v, %v", f.name, name, verified, searched)
				}
			}
		}
		for at := len(whole) - 200; at < len(whole); at += 7 { // the table and the end
			data := bytes.Clone(whole)
			data[at] ^= 4
			if verified, searched := damaged(data); verified == nil || searched == nil {
				t.Errorf("%s: a flip %d bytes before the end is not seen", f.name, len(whole)-at)
			}
		}
		for at := range 20 {
			data := bytes.Clone(whole)
			data[at] ^= 2
			if verified, searched := damaged(data); verified == nil || searched == nil {
				t.Errorf("%s: a flip at byte %d of the header is not seen", f.name, at)
			}
		}
	}
}

// TestSetDamage flips a bit of every byte of a set's list, and of bytes of its files, and takes files away: an error or the hits as they were.
func TestSetDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	docs := randomDocuments(rand.New(rand.NewPCG(93, 94)), 300, 60)
	set := buildSet(t, dir, docs[:200], BM25Options{Analyzer: "whitespace"})
	if _, _, err := set.Add(t.Context(), sequence(docs[190:]), BM25Options{}); err != nil {
		t.Fatal(err)
	}
	set.Close()
	use := func() (string, error) {
		set, err := OpenBM25Set(dir)
		if err != nil {
			return "", err
		}
		defer set.Close()
		return useTerms(set)
	}
	good, err := use()
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(95, 96))
	kept := 0
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		whole, err := os.ReadFile(path)
		if err != nil || len(whole) == 0 { // the lock
			continue
		}
		kept++
		try := func(data []byte, what string) {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if got, err := use(); err == nil && got != good {
				t.Fatalf("%s: %s: other hits and no error", f.Name(), what)
			}
		}
		for at := range whole {
			if f.Name() != setFile && r.IntN(60) > 0 {
				continue
			}
			data := bytes.Clone(whole)
			data[at] ^= 1 << r.IntN(8)
			try(data, fmt.Sprint("a flip at ", at))
		}
		for n := 0; n < len(whole); n += 1 + len(whole)/10 {
			try(whole[:n], fmt.Sprint("cut at ", n))
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := use(); err == nil {
			t.Errorf("%s is missing and not missed", f.Name())
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept != 4 { // the list, two parts, deleted documents of the first
		t.Errorf("%d files", kept)
	}
	if got, err := use(); err != nil || got != good {
		t.Fatal(err)
	}
}

// FuzzSetList reads arbitrary lists.
func FuzzSetList(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "set")
	docs := randomDocuments(rand.New(rand.NewPCG(97, 98)), 30, 20)
	if err := BuildBM25Set(context.Background(), dir, sequence(docs), BM25Options{}); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, setFile)
	list, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(list)
	f.Add([]byte(`{"Version":1,"Options":"","Next":2,"Parts":[{"File":"000001.bm25","Deleted":"000001.bm25"}]}`))
	f.Fuzz(func(t *testing.T, list []byte) {
		if err := os.WriteFile(path, list, 0o644); err != nil {
			t.Fatal(err)
		}
		if set, err := OpenBM25Set(dir); err == nil {
			useTerms(set)
			set.Close()
		}
	})
}
