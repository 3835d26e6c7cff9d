package dense

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/model"
)

// Loss is what an arithmetic changes of a model's vectors, against f32, over a sample of texts, and what it gains.
type Loss struct {
	DType           string  `json:"dtype"`
	Texts           int     `json:"texts"`
	Cosine          float64 `json:"cosine"`         // of a text's vector with its vector in f32, mean
	LeastCosine     float64 `json:"least_cosine"`   // the worst of them
	Centred         float64 `json:"centred_cosine"` // mean cosine when the sample's mean vector is taken off: of what a ranking lives on
	Neighbours      float64 `json:"neighbours"`     // share of each text's nearest others in the sample that stay nearest: ten, or half of a small sample
	TokensPerSecond float64 `json:"tokens_per_s"`   // on this machine, with the options' threads
}

// MeasureLoss encodes items in f32 and then in every dtype, one model in memory at a time, and compares. done hears of the number of
// texts encoded since it was called before.
func MeasureLoss(ctx context.Context, o Options, items []labrador.Item, dtypes []string, done func(int)) ([]Loss, error) {
	if len(items) < 4 {
		return nil, fmt.Errorf("dense: %d texts: a loss takes four at least", len(items))
	}
	var losses []Loss
	var exact labrador.Matrix
	for _, dtype := range append([]string{"f32"}, dtypes...) {
		o.DType = dtype
		m, speed, err := encodeSample(ctx, o, items, done)
		if err != nil {
			return nil, err
		}
		if exact.Rows == 0 {
			exact = m
		}
		l := Loss{DType: dtype, Texts: len(items), LeastCosine: 1, TokensPerSecond: speed}
		for i := range m.Rows {
			c := cosine(exact.Row(i), m.Row(i))
			l.Cosine += c / float64(m.Rows)
			l.LeastCosine = min(l.LeastCosine, c)
		}
		l.Centred, l.Neighbours = model.CentredCosine(exact, m), neighboursKept(exact, m)
		losses = append(losses, l)
	}
	return losses, nil
}

// encodeSample encodes items on the document side and says how many tokens it did a second.
func encodeSample(ctx context.Context, o Options, items []labrador.Item, done func(int)) (m labrador.Matrix, speed float64, err error) {
	e, err := open(ctx, o)
	if err != nil {
		return m, 0, err
	}
	defer e.Close()
	tokens, err := e.Tokenize(ctx, labrador.DocumentSide, items)
	if err != nil {
		return m, 0, err
	}
	if _, err := e.model.EncodeTokens(ctx, tokens[:1]); err != nil { // memory is touched for the first time: not counted
		return m, 0, err
	}
	parts := slices.Collect(slices.Chunk(tokens, 32))
	total, busy := 0, time.Duration(0)
	for _, part := range parts {
		start := time.Now()
		v, err := e.model.EncodeTokens(ctx, part)
		if err != nil {
			return m, 0, err
		}
		busy += time.Since(start)
		m.Rows, m.Cols, m.Data = m.Rows+v.Rows, v.Cols, append(m.Data, v.Data...)
		for _, t := range part {
			total += len(t.IDs)
		}
		done(len(part))
	}
	if total == 0 {
		return m, 0, fmt.Errorf("dense: the model knows no token of the %d texts: a loss takes texts that have some", len(items))
	}
	return m, float64(total) / busy.Seconds(), nil
}

// cosine is that of rows of unit length. A text without a token that a table of vectors knows has zeros in every arithmetic: nothing is lost.
func cosine(a, b []float32) float64 {
	if dot(a, a) == 0 && dot(b, b) == 0 {
		return 1
	}
	return dot(a, b)
}

// neighboursKept is the share of each row's nearest other rows in a that are among its nearest in b.
func neighboursKept(a, b labrador.Matrix) float64 {
	n := min(10, a.Rows/2)
	kept := 0
	for i := range a.Rows {
		near := nearest(a, i, n)
		for _, j := range nearest(b, i, n) {
			if slices.Contains(near, j) {
				kept++
			}
		}
	}
	return float64(kept) / float64(n*a.Rows)
}

// nearest are the n rows with the greatest products with row i, itself left out.
func nearest(m labrador.Matrix, i, n int) []int {
	scores := make([]float64, m.Rows)
	order := make([]int, 0, m.Rows-1)
	for j := range m.Rows {
		scores[j] = dot(m.Row(i), m.Row(j))
		if j != i {
			order = append(order, j)
		}
	}
	slices.SortFunc(order, func(x, y int) int {
		switch {
		case scores[x] > scores[y]:
			return -1
		case scores[x] < scores[y]:
			return 1
		}
		return x - y
	})
	return order[:n]
}

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
