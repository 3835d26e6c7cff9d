// Package cost says what a study will cost before it runs: tokens, floating-point operations, hours here and elsewhere, bytes and money, and
// which datasets and queries to leave out so that it fits a budget and its claims can still be decided.
//
// It holds pure functions of counts and speeds that the caller has measured. It opens no dataset and no model, and it does not say what
// a run did cost: package study measures that.
package cost

import (
	"context"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
)

// Tokens describes the tokens of many texts by a sample of them.
type Tokens struct {
	Texts   int     `json:"texts"`   // all of them
	Sampled int     `json:"sampled"` // those whose tokens were counted
	Mean    float64 `json:"mean"`    // tokens of a text
	SD      float64 `json:"sd"`
	Square  float64 `json:"square"` // mean of the squared number of tokens
	Shared  int     `json:"shared"` // tokens at the start of every text that are computed once for all
}

// Count describes texts by the numbers of tokens of a sample of them.
func Count(texts int, sampled []int) Tokens {
	t := Tokens{Texts: texts, Sampled: len(sampled)}
	x := make([]float64, len(sampled))
	for i, n := range sampled {
		x[i] = float64(n)
		t.Square += x[i] * x[i] / float64(len(sampled))
	}
	t.Mean, t.SD = stats.Mean(x), stats.SD(x)
	return t
}

// Total is the estimated number of tokens of all texts.
func (t Tokens) Total() float64 { return t.Mean * float64(t.Texts) }

// Interval is the 95 % interval of Total, by Student's t with the correction for a finite population (Cochran 1977, section 2.6).
func (t Tokens) Interval() stats.Interval {
	if t.Sampled >= t.Texts {
		return stats.Interval{Low: t.Total(), High: t.Total()}
	}
	if t.Sampled < 2 {
		return stats.Interval{Low: math.Inf(-1), High: math.Inf(1)}
	}
	n, all := float64(t.Sampled), float64(t.Texts)
	half := stats.StudentQuantile(0.975, n-1) * t.SD / math.Sqrt(n) * math.Sqrt(1-n/all) * all
	return stats.Interval{Low: t.Total() - half, High: t.Total() + half}
}

// Sample draws n of the items, each with the same chance, in one pass, and counts them all (reservoir sampling, Vitter 1985, algorithm
// R). The sample comes in the order of the items and depends on nothing but the seed and their number.
func Sample[T any](ctx context.Context, items iter.Seq2[T, error], n int, seed uint64) ([]T, int, error) {
	type drawn struct {
		item T
		at   int
	}
	var kept []drawn
	random := rand.New(rand.NewPCG(seed, 0x636f7374))
	all := 0
	for item, err := range items {
		if err != nil {
			return nil, 0, err
		}
		if all%1000 == 0 && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		switch at := all; {
		case at < n:
			kept = append(kept, drawn{item, at})
		default:
			if k := random.IntN(at + 1); k < n {
				kept[k] = drawn{item, at}
			}
		}
		all++
	}
	slices.SortFunc(kept, func(a, b drawn) int { return a.at - b.at })
	out := make([]T, len(kept))
	for i, d := range kept {
		out[i] = d.item
	}
	return out, all, nil
}

// Model is the shape of an encoder, as far as its cost goes.
type Model struct {
	Parameters int64 `json:"parameters"` // that every token is multiplied with: embeddings and language model head aside
	Layers     int   `json:"layers"`
	Width      int   `json:"width"` // of attention: heads x their dimension
	Causal     bool  `json:"causal"`
	Dimensions int   `json:"dimensions"` // of the vectors
	Bytes      int   `json:"bytes"`      // of a number of a kept vector; 0 is 4
}

// FLOPs of encoding the texts: 2 for each parameter and token, and attention's two products, 4 x layers x width x tokens squared, half of
// that where tokens see only earlier ones (Kaplan et al. 2020, section 2.1, with the exact sum over texts of different lengths).
func (m Model) FLOPs(t Tokens) float64 {
	computed := max(0, t.Mean-float64(t.Shared)) * float64(t.Texts)
	attention := 4 * float64(m.Layers) * float64(m.Width) * float64(t.Texts)
	pairs := t.Square
	if m.Causal {
		pairs = (t.Square - float64(t.Shared*t.Shared)) / 2
	}
	return 2*float64(m.Parameters)*computed + attention*max(0, pairs)
}

// vectorBytes of so many texts.
func (m Model) vectorBytes(texts int) float64 {
	bytes := m.Bytes
	if bytes == 0 {
		bytes = 4
	}
	return float64(texts) * float64(m.Dimensions) * float64(bytes)
}
