package index

import (
	"context"
	"errors"
	"fmt"
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
	if len(v.runs) != 2 {
		t.Errorf("%d runs of 3 MB", len(v.runs))
	}
	for _, r := range v.runs {
		if r.w != nil {
			t.Error("a run that is written keeps its buffer")
		}
		r.close()
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
