package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
)

// TestLongTermsSpill: the bytes of terms count too, where there are few of them but long ones.
func TestLongTermsSpill(t *testing.T) {
	a, err := analysis.New("whitespace")
	if err != nil {
		t.Fatal(err)
	}
	const memory = 1 << 20
	v := newInverter(t.TempDir(), memory)
	var tokens analysis.Tokens
	long := strings.Repeat("x", 1000)
	for doc := range uint32(10) {
		tokens.Reset()
		var text strings.Builder
		for i := range 300 {
			fmt.Fprintf(&text, "%s%d-%d ", long, doc, i)
		}
		a.Analyze(text.String(), &tokens)
		if err := v.add(doc, &tokens); err != nil {
			t.Fatal(err)
		}
		if len(v.arena) > memory {
			t.Fatalf("%d bytes of terms in a memory of %d", len(v.arena), memory)
		}
	}
	defer v.runs.close()
	if len(v.runs.sizes) != 2 {
		t.Errorf("%d runs of 3 MB", len(v.runs.sizes))
	}
}

// longTerms gives each document a term of its own of so many bytes: these fill the least memory soon, so that a build spills.
func longTerms(docs []labrador.Document, size int) []labrador.Document {
	docs = slices.Clone(docs)
	for i := range docs {
		docs[i].Text += fmt.Sprintf(" %s%d", strings.Repeat("x", size), i)
		docs[i].Title += fmt.Sprintf(" %s%d", strings.Repeat("y", size), i)
	}
	return docs
}

// TestManyRuns: a thousand runs lie in one file, have a megabyte each however small the memory, and come back whole and in order.
func TestManyRuns(t *testing.T) {
	files := func() int { names, _ := os.ReadDir("/proc/self/fd"); return len(names) } // 0 where the system has no such folder
	before := files()
	v := newInverter(t.TempDir(), 1)
	const runs, perRun = 1000, 50
	for doc := range uint32(runs * perRun) { // spilled by hand, for time
		v.docs = append(v.docs, docMark{doc, v.n})
		v.count(doc, fmt.Appendf(nil, "t%d", doc%7), doc%5+1)
		if err := v.spillWhenFull(); err != nil || v.n == 0 {
			t.Fatal("spilled a run of less than a megabyte", err)
		}
		if doc%perRun == perRun-1 {
			if err := v.spill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	defer v.runs.close()
	if n := files() - before; n > 1 {
		t.Errorf("%d open files", n)
	}
	number := make([]uint32, runs*perRun) // the last comes first
	for i := range number {
		number[i] = uint32(len(number) - 1 - i)
	}
	readers := runReaders([]*runFile{v.runs}, 1<<20)
	if size := readers[0].r.Size(); len(readers) != runs || size > minRunBuffer {
		t.Fatalf("%d runs, buffers of %d bytes", len(readers), size)
	}
	terms, seen := 0, 0
	err := mergeRuns(t.Context(), readers, number, func(name []byte, list []posting, cf int64) error {
		if string(name) != fmt.Sprint("t", terms) || !slices.IsSorted(list) {
			t.Errorf("term %d is %s", terms, name)
		}
		sum := int64(0)
		for _, p := range list {
			doc := number[p.doc()] // its own inverse
			if doc%7 != uint32(terms) || p.freq() != doc%5+1 {
				t.Fatalf("term %s: document %d, frequency %d", name, doc, p.freq())
			}
			sum += int64(p.freq())
		}
		if sum != cf {
			t.Errorf("%s: %d, want %d", name, cf, sum)
		}
		terms, seen = terms+1, seen+len(list)
		return nil
	})
	if err != nil || terms != 7 || seen != len(number) {
		t.Fatal(terms, seen, err)
	}
}

// TestMergeRefusesTermsOutOfOrder: a damaged dictionary does not get into another index.
func TestMergeRefusesTermsOutOfOrder(t *testing.T) {
	names := []string{"b", "a"}
	heads := []*termHead{{name: []byte("b")}, {end: true}}
	at := 0
	err := mergeTerms(t.Context(), heads, 1, func(i int, list []posting) ([]posting, int64, error) {
		if at++; at < len(names) {
			heads[i].name = []byte(names[at])
		} else {
			heads[i].end = true
		}
		return append(list, 1), 1, nil
	}, func([]byte, []posting, int64) error { return nil })
	if !errors.Is(err, errDamagedList) {
		t.Fatal(err)
	}
}

// TestDocumentTooLongToRead: what could not be decompressed again is refused, by its id.
func TestDocumentTooLongToRead(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 256 MB")
	}
	docs := []labrador.Document{{ID: "a", Text: "x"}, {ID: "long", Text: strings.Repeat("x", maxStored+1)}}
	err := BuildBM25(t.Context(), t.TempDir()+"/index", sequence(docs), BM25Options{})
	if err == nil || !strings.Contains(err.Error(), `"long"`) {
		t.Fatal(err)
	}
}

// failing fails for one query.
type failing struct{ *BM25 }

var errFailing = errors.New("failing")

func (failing) Search(_ context.Context, q labrador.Query, _ int) ([]labrador.Hit, error) {
	if q.ID == "q2" {
		return nil, errFailing
	}
	return nil, nil
}

// TestErrorsNameTheirCause: messages that used to name another number, or no query.
func TestErrorsNameTheirCause(t *testing.T) {
	if _, err := ParseBM25Options("variant=ql,mu=0"); err == nil || !strings.Contains(err.Error(), "mu is 0") {
		t.Error(err)
	}
	queries := []labrador.Query{{ID: "q1"}, {ID: "q2"}}
	if _, err := SearchEach(t.Context(), failing{}, queries, 10); !errors.Is(err, errFailing) || !strings.Contains(err.Error(), `"q2"`) {
		t.Error(err)
	}
	m := labrador.Matrix{Rows: 2, Cols: 2, Data: []float32{1, 1, 3e38, 3e38}}
	err := BuildFlat(t.Context(), t.TempDir()+"/index", []string{"a", "b"}, MatrixSource(m), FlatOptions{Metric: InnerProduct})
	if err == nil || !strings.Contains(err.Error(), "vector 1") {
		t.Error(err)
	}
}

// TestHNSWProgressCountsAll: the calls add up to the number of vectors.
func TestHNSWProgressCountsAll(t *testing.T) {
	ids, m, _ := clustered(100, 16, 3)
	sum := 0
	o := HNSWOptions{M: 4, Threads: 1, Progress: func(n int) { sum += n }}
	if err := BuildHNSW(t.Context(), t.TempDir()+"/index", ids, MatrixSource(m), o); err != nil || sum != len(ids) {
		t.Fatal(sum, err)
	}
}
