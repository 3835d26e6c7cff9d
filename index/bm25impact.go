package index

import (
	"context"
	"fmt"
	"iter"
	"math"
)

// SparseVector is a document as weighted terms, from a learned sparse encoder (SPLADE, PromptReps) for instance. Weights that
// are not positive are left out; a term that comes twice counts with the sum.
type SparseVector struct {
	ID    string
	Terms []WeightedTerm
}

// ImpactOptions say how sparse vectors are kept.
type ImpactOptions struct {
	// Scale is what a weight is multiplied by before it is rounded to a whole number, its impact; 0 is 100, as Anserini's
	// sparse collections have it. A weight that rounds to 0 is left out.
	Scale    float64
	Memory   int64     // bytes that building may use for postings; 0 is 256 MiB
	Threads  int       // that build; 0 is one per processor
	Progress func(int) // called with the number of documents added since the last call; may be nil
}

// impactTerm is a term with its impact in a document.
type impactTerm struct {
	name   string
	impact uint32
}

// BuildImpact indexes sparse vectors into the file path, as BuildBM25 does documents. OpenBM25 opens it; SearchTerms with a
// query's vector finds the documents of the greatest inner product, of impacts divided by the scale and the query's weights.
func BuildImpact(ctx context.Context, path string, vectors iter.Seq2[SparseVector, error], o ImpactOptions) error {
	if o.Scale == 0 {
		o.Scale = 100
	}
	if !(o.Scale > 0) || math.IsInf(o.Scale, 0) {
		return fmt.Errorf("index: scale of impacts is %v, want more than 0", o.Scale)
	}
	opts := BM25Options{Variant: "impact", Analyzer: "whitespace", NoDocuments: true, Memory: o.Memory, Threads: o.Threads, Progress: o.Progress}
	return build(ctx, path, opts, o.Scale, func(ctx context.Context, out chan<- *batch) error {
		documents := func(yield func(impactDocument, error) bool) {
			for v, err := range vectors {
				d := impactDocument{id: v.ID}
				if err == nil {
					d.terms, err = v.impacts(o.Scale)
				}
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
		return readBatches(ctx, documents, out, func(t *batch, d impactDocument) int {
			t.ids = append(t.ids, d.id)
			t.impacts = append(t.impacts, d.terms)
			return 8 * len(d.terms)
		})
	})
}

// impactDocument is a document as its terms' impacts.
type impactDocument struct {
	id    string
	terms []impactTerm
}

// maxImpact is the largest impact: whole numbers up to it are float32 numbers.
const maxImpact = 1 << 24

// impacts are the terms' impacts, each term once.
func (v *SparseVector) impacts(scale float64) ([]impactTerm, error) {
	sums, names := map[string]float64{}, make([]string, 0, len(v.Terms))
	for _, t := range v.Terms {
		if !(t.Weight <= 0) { // NaN too
			if _, ok := sums[t.Term]; !ok {
				names = append(names, t.Term)
			}
			sums[t.Term] += float64(t.Weight)
		}
	}
	terms := make([]impactTerm, 0, len(names))
	for _, name := range names {
		n := math.Round(sums[name] * scale)
		if !(n <= maxImpact) {
			return nil, fmt.Errorf("index: document %q: term %q has weight %v, at scale %v the largest is %v", v.ID, name, sums[name], scale, maxImpact/scale)
		}
		if n >= 1 {
			terms = append(terms, impactTerm{name, uint32(n)})
		}
	}
	return terms, nil
}
