package index

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// BM25 is an open index over terms. It is safe for concurrent use until Close.
type BM25 struct {
	opts     BM25Options
	analyzer analysis.Analyzer
	docs     []labrador.Document
	tf       []map[string]int
	lens     []int
	df       map[string]int
	total    int
}

// Span is a part of a text in bytes: text[Start:End].
type Span struct{ Start, End int }

// TermMatch is one query term's part in a document's score.
type TermMatch struct {
	Term      string
	Field     string  // "contents" or "title"
	Weight    float32 // of the query term: how often it occurs there, times the field's weight
	Frequency int     // in the document's field
	Documents int     // that hold the term in the field
	Score     float32 // its part of the document's score
}

// BuildBM25 indexes docs into the file path. The file appears whole or not at all; an earlier index of that name is replaced
// at the end. An id that occurs twice is an error.
func BuildBM25(ctx context.Context, path string, docs iter.Seq2[labrador.Document, error], opts BM25Options) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	opts = opts.withDefaults()
	opts.Progress = nil
	return atomicfile.Write(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		type o struct{ Options string }
		enc.Encode(o{opts.String()})
		for d, err := range docs {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
		return nil
	})
}

// OpenBM25 opens the index file path.
func OpenBM25(path string) (*BM25, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReader(f))
	var head struct{ Options string }
	if err := dec.Decode(&head); err != nil {
		return nil, fmt.Errorf("index: %s: %w", path, err)
	}
	x := &BM25{df: map[string]int{}}
	if x.opts, err = ParseBM25Options(head.Options); err != nil {
		return nil, err
	}
	x.analyzer, _ = analysis.New(x.opts.Analyzer)
	for {
		var d labrador.Document
		if err := dec.Decode(&d); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("index: %s: %w", path, err)
		}
		x.docs = append(x.docs, d)
		tf := map[string]int{}
		terms := x.terms(d.Contents())
		for _, t := range terms {
			tf[t]++
		}
		for t := range tf {
			x.df[t]++
		}
		x.tf, x.lens, x.total = append(x.tf, tf), append(x.lens, len(terms)), x.total+len(terms)
	}
	return x, nil
}

func (x *BM25) terms(s string) []string {
	var t analysis.Tokens
	x.analyzer.Analyze(s, &t)
	return t.Strings()
}

// Search implements labrador.Searcher.
func (x *BM25) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	var hits []labrador.Hit
	avg := float64(x.total) / float64(len(x.docs))
	terms := x.terms(q.Text)
	for i, d := range x.docs {
		score := 0.0
		for _, t := range terms {
			if f := float64(x.tf[i][t]); f > 0 {
				idf := math.Log(1 + (float64(len(x.docs))-float64(x.df[t])+.5)/(float64(x.df[t])+.5))
				score += idf * f / (f + x.opts.K1*(1-x.opts.B+x.opts.B*float64(x.lens[i])/avg))
			}
		}
		if score > 0 {
			hits = append(hits, labrador.Hit{ID: d.ID, Score: float32(score)})
		}
	}
	labrador.SortHits(hits)
	return hits[:min(k, len(hits))], ctx.Err()
}

// SearchBatch implements labrador.BatchSearcher.
func (x *BM25) SearchBatch(ctx context.Context, queries []labrador.Query, k int) ([][]labrador.Hit, error) {
	out := make([][]labrador.Hit, len(queries))
	for i, q := range queries {
		hits, err := x.Search(ctx, q, k)
		if err != nil {
			return nil, err
		}
		out[i] = hits
	}
	return out, nil
}

// Document returns the stored document of that id; false where there is none, or where the index was built with NoDocuments.
func (x *BM25) Document(id string) (labrador.Document, bool) {
	i := slices.IndexFunc(x.docs, func(d labrador.Document) bool { return d.ID == id })
	if i < 0 {
		return labrador.Document{}, false
	}
	return x.docs[i], true
}

// Highlights are the parts of text whose terms are among the query's, in order, for marking matched words. It looks at
// nothing but the analyzer, so it serves texts of other systems too.
func (x *BM25) Highlights(query, text string) []Span {
	var q, t analysis.Tokens
	x.analyzer.Analyze(query, &q)
	x.analyzer.Analyze(text, &t)
	want := map[string]bool{}
	for i := range q.Len() {
		want[string(q.Term(i))] = true
	}
	var spans []Span
	for i := range t.Len() {
		if !want[string(t.Term(i))] {
			continue
		}
		s := Span{}
		s.Start, s.End = t.Span(i)
		spans = append(spans, s)
	}
	return spans
}

// Len is the number of documents.
func (x *BM25) Len() int { return len(x.docs) }

// Options are those that the index was built with, defaults filled in.
func (x *BM25) Options() BM25Options { return x.opts }

// Close unmaps the file. Nothing of x may be used afterwards.
func (x *BM25) Close() error { return nil }
