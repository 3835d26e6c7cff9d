package index

import "math"

// formula is a scoring formula with its parameters, for one field's statistics. A posting's score is a weight of the term
// times a component of frequency and length:
//
//	lucene     w = idf             c = f / (f + K)                        Lucene's BM25Similarity; Kamphuis et al., ECIR 2020
//	robertson  w = max(idf', 0)    c = f / (f + K)                        Robertson et al., TREC-3, 1994
//	atire      w = ln(N/df)        c = (k1+1) f / (f + K)                 Trotman et al., OSIR 2012
//	bm25l      w = ln((N+1)/(df+½)) c = (k1+1)(d+δ) / (k1+d+δ)            Lv and Zhai, SIGIR 2011; d = f / (1-b+b·len/avg)
//	bm25+      w = ln((N+1)/df)    c = δ + (k1+1) f / (f + K)             Lv and Zhai, CIKM 2011
//	tfidf      w = ln(N/df)        c = f
//	ql         w = 1               c = max(0, ln(1 + f/(μp)) + ln(μ/(len+μ)))  Zhai and Lafferty 2001, as LMDirichletSimilarity
//	impact     w = 1               c = f
//
// with K = k1(1-b+b·len/avg), idf = ln(1 + (N-df+½)/(df+½)), idf' = ln((N-df+½)/(df+½)) and p = (cf+1)/(terms+1). A term that
// a document lacks adds nothing: bm25s adds δ's share for such terms to every document, which moves scores and no ranks.
type formula struct {
	kind             kind
	k1, b, delta, mu float32
	docs             float64   // N: documents with a term in the field
	tokens           float64   // terms of the field, repeats counted
	byLength         []float32 // what the formula needs of a length, by code
}

type kind int

const (
	lucene kind = iota
	robertson
	atire
	bm25l
	bm25plus
	tfidf
	ql
	impact
)

var kinds = map[string]kind{"lucene": lucene, "robertson": robertson, "atire": atire, "bm25l": bm25l, "bm25+": bm25plus,
	"tfidf": tfidf, "ql": ql, "impact": impact}

// newFormula prepares the options' formula; lengths are those of the field's codes.
func newFormula(o BM25Options, docs, tokens int64, lengths []uint32) formula {
	f := formula{kind: kinds[o.Variant], k1: float32(number(o.K1)), b: float32(number(o.B)), delta: float32(number(o.Delta)), mu: float32(o.Mu),
		docs: float64(docs), tokens: float64(tokens), byLength: make([]float32, len(lengths))}
	average := float32(float64(tokens) / float64(max(docs, 1)))
	for i, n := range lengths {
		f.byLength[i] = f.ofLength(float32(n), average)
	}
	return f
}

func (f *formula) ofLength(n, average float32) float32 {
	if average == 0 {
		average = 1
	}
	norm := (1 - f.b) + f.b*n/average
	switch f.kind {
	case lucene:
		return 1 / (f.k1 * norm) // its inverse, as BM25Similarity keeps it
	case bm25l:
		return norm
	case ql:
		return float32(math.Log(float64(f.mu / (n + f.mu))))
	}
	return f.k1 * norm
}

// weigh is the weight of a term by how many documents hold it.
func (f *formula) weigh(df int64) float32 {
	d := float64(df)
	switch f.kind {
	case lucene:
		return float32(math.Log(1 + (f.docs-d+0.5)/(d+0.5)))
	case robertson:
		return float32(max(0, math.Log((f.docs-d+0.5)/(d+0.5))))
	case atire, tfidf:
		return float32(math.Log(f.docs / d))
	case bm25l:
		return float32(math.Log((f.docs + 1) / (d + 0.5)))
	case bm25plus:
		return float32(math.Log((f.docs + 1) / d))
	}
	return 1
}

// background is 1/(μp) of a term that occurs cf times, for ql.
func (f *formula) background(cf int64) float32 {
	return float32(1 / (float64(f.mu) * (float64(cf) + 1) / (f.tokens + 1)))
}

// component is a posting's score for weight 1; byLength is that of the document's code, background the term's.
func (f *formula) component(freq uint32, byLength, background float32) float32 {
	return f.score(freq, byLength, 1, background)
}

// score is a posting's score. The arithmetic of "lucene" is BM25Similarity's, operation by operation in float32: the conversion of the
// product keeps compilers from fusing it with the sum.
func (f *formula) score(freq uint32, byLength, w, background float32) float32 {
	t := float32(freq)
	switch f.kind {
	case lucene:
		return w - w/(1+float32(t*byLength))
	case robertson:
		return w * (t / (t + byLength))
	case atire:
		return w * ((f.k1 + 1) * t / (t + byLength))
	case bm25l:
		d := t/byLength + f.delta
		return w * ((f.k1 + 1) * d / (f.k1 + d))
	case bm25plus:
		return w * (f.delta + (f.k1+1)*t/(t+byLength))
	case ql:
		return w * max(0, float32(math.Log(float64(1+t*background)))+byLength)
	}
	return w * t
}
