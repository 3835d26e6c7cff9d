package model

import (
	"fmt"
	"math"
)

// Reference is the interpreter that computes in float64 and reads like the formulas. It is the specification: the other
// interpreters are tested against it, and it against outside results. It is slow.
type Reference struct {
	Batch  *Batch
	params map[*Matrix][]float64
}

// Rows64 is a matrix of activations of the Reference.
type Rows64 struct {
	Rows, Cols int
	Data       []float64 // (Rows, Cols)
	kept       bool      // only the rows that pooling reads are left
}

// NewReference makes the interpreter for one batch.
func NewReference(b *Batch) *Reference {
	return &Reference{Batch: b, params: map[*Matrix][]float64{}}
}

func (x Rows64) row(i int) []float64 { return x.Data[i*x.Cols : (i+1)*x.Cols] }

// like is a new matrix of the rows of x, cols wide.
func (x Rows64) like(cols int) Rows64 {
	return Rows64{x.Rows, cols, make([]float64, x.Rows*cols), x.kept}
}

// apply makes a new matrix row by row.
func (x Rows64) apply(cols int, f func(i int, out, in []float64)) Rows64 {
	y := x.like(cols)
	for i := range x.Rows {
		f(i, y.row(i), x.row(i))
	}
	return y
}

// param is a parameter matrix in float64.
func (r *Reference) param(m *Matrix) []float64 {
	if p, ok := r.params[m]; ok {
		return p
	}
	raw := make([]float32, m.Rows*m.Cols)
	if err := m.ReadRows(raw, 0); err != nil {
		panic(fmt.Sprintf("model: reference: %v", err))
	}
	p := make([]float64, len(raw))
	for i, v := range raw {
		p[i] = float64(v)
	}
	r.params[m] = p
	return p
}

// Embed implements Ops.
func (r *Reference) Embed(table *Matrix, ids []int32) Rows64 {
	x := Rows64{len(ids), table.Cols, make([]float64, len(ids)*table.Cols), false}
	p := r.param(table)
	for i, id := range ids {
		copy(x.row(i), p[int(id)*table.Cols:])
	}
	return x
}

// times is x Wᵀ.
func (r *Reference) times(x Rows64, w *Matrix) Rows64 {
	p := r.param(w)
	return x.apply(w.Rows, func(_ int, out, in []float64) {
		for o := range out {
			out[o] = dot64(in, p[o*w.Cols:(o+1)*w.Cols])
		}
	})
}

func dot64(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// Linear implements Ops.
func (r *Reference) Linear(x Rows64, w *Linear) Rows64 {
	y := r.times(x, w.W)
	if w.B != nil {
		y = y.apply(y.Cols, func(_ int, out, in []float64) {
			for c := range out {
				out[c] = in[c] + float64(w.B.Data[c])
			}
		})
	}
	if w.LoRA != nil {
		y = r.Add(y, r.Scale(r.times(r.times(x, w.LoRA.A), w.LoRA.B), w.LoRA.Scale))
	}
	return y
}

// Linears implements Ops.
func (r *Reference) Linears(x Rows64, ws ...*Linear) []Rows64 {
	var out []Rows64
	for _, w := range ws {
		out = append(out, r.Linear(x, w))
	}
	return out
}

// GatedMLP implements Ops.
func (r *Reference) GatedMLP(x Rows64, m *GatedMLP) Rows64 {
	gate, up := r.Activate(r.Linear(x, m.Gate), m.Act), r.Linear(x, m.Up)
	h := gate.apply(gate.Cols, func(i int, out, in []float64) {
		for c := range out {
			out[c] = in[c] * up.row(i)[c]
		}
	})
	return r.Linear(h, m.Down)
}

// MLP implements Ops.
func (r *Reference) MLP(x Rows64, m *MLP) Rows64 {
	return r.Linear(r.Activate(r.Linear(x, m.Up), m.Act), m.Down)
}

// RMSNorm implements Ops.
func (r *Reference) RMSNorm(x Rows64, w *Vector, eps float64) Rows64 {
	n := len(w.Data)
	return x.apply(x.Cols, func(_ int, out, in []float64) {
		for at := 0; at < len(in); at += n {
			h := in[at : at+n]
			inv := 1 / math.Sqrt(dot64(h, h)/float64(n)+eps)
			for c, v := range h {
				out[at+c] = v * inv * float64(w.Data[c])
			}
		}
	})
}

// LayerNorm implements Ops.
func (r *Reference) LayerNorm(x Rows64, w, b *Vector, eps float64) Rows64 {
	n := float64(x.Cols)
	return x.apply(x.Cols, func(_ int, out, in []float64) {
		mean, variance := 0.0, 0.0
		for _, v := range in {
			mean += v / n
		}
		for _, v := range in {
			variance += (v - mean) * (v - mean) / n
		}
		for c, v := range in {
			out[c] = (v - mean) / math.Sqrt(variance+eps) * float64(w.Data[c])
			if b != nil {
				out[c] += float64(b.Data[c])
			}
		}
	})
}

// eachRow calls f with every row of x: its number, its sequence and its position.
func (r *Reference) eachRow(x Rows64, f func(i, s, position int)) {
	i := 0
	for s := range r.Batch.Sequences() {
		span := Span{0, r.Batch.Offsets[s+1] - r.Batch.Offsets[s]}
		if x.kept {
			span = r.Batch.kept(s)
		}
		for p := span.From; p < span.To; p++ {
			f(i, s, p)
			i++
		}
	}
}

// Rope implements Ops.
func (r *Reference) Rope(x Rows64, rot *Rotary) Rows64 {
	y := x.apply(x.Cols, func(_ int, out, in []float64) { copy(out, in) })
	r.eachRow(x, func(i, s, p int) {
		freqs := rot.freqs(r.Batch.Offsets[s+1] - r.Batch.Offsets[s])
		half := len(freqs)
		for at := 0; at < x.Cols; at += rot.Head {
			in, out := x.row(i)[at:at+rot.Head], y.row(i)[at:at+rot.Head]
			for j, f := range freqs {
				sin, cos := math.Sincos(float64(p) * f)
				sin, cos = sin*rot.Scale, cos*rot.Scale
				out[j] = in[j]*cos - in[j+half]*sin
				out[j+half] = in[j+half]*cos + in[j]*sin
			}
		}
	})
	return y
}

// Attention implements Ops.
func (r *Reference) Attention(q, k, v Rows64, a *Attention) Rows64 {
	y := q.like(a.Heads * a.Dim)
	r.eachRow(q, func(i, s, p int) {
		first, n := r.Batch.Offsets[s], r.Batch.Offsets[s+1]-r.Batch.Offsets[s]
		see := a.reach(p, n)
		for h := range a.Heads {
			kv := h / (a.Heads / a.KVHeads) * a.Dim
			scores := make([]float64, see.To-see.From)
			for j := range scores {
				key := k.row(first + see.From + j)[kv : kv+a.Dim]
				scores[j] = r.score(dot64(q.row(i)[h*a.Dim:(h+1)*a.Dim], key), a, h, see.From+j-p)
			}
			softmax64(scores)
			for j, w := range scores {
				for c, val := range v.row(first + see.From + j)[kv : kv+a.Dim] {
					y.row(i)[h*a.Dim+c] += w * val
				}
			}
		}
	})
	return y
}

// score is what softmax sees of a product of query and key.
func (r *Reference) score(product float64, a *Attention, head, distance int) float64 {
	s := product * a.Scale
	if a.Softcap != 0 {
		s = a.Softcap * math.Tanh(s/a.Softcap)
	}
	if a.Bias != nil {
		s += r.param(a.Bias.Table)[a.Bias.Bucket(distance)*a.Bias.Table.Cols+head]
	}
	return s
}

func softmax64(x []float64) {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, v)
	}
	for i, v := range x {
		x[i] = math.Exp(v - top)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}

// activate64 is the activation's formula.
func activate64(act Activation, x float64) float64 {
	switch act {
	case GELU:
		return x * (1 + math.Erf(x/math.Sqrt2)) / 2
	case GELUTanh:
		return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
	case QuickGELU:
		return x / (1 + math.Exp(-1.702*x))
	case SiLU:
		return x / (1 + math.Exp(-x))
	case ReLU:
		return max(x, 0)
	case Tanh:
		return math.Tanh(x)
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	}
	return x
}

// Activate implements Ops.
func (r *Reference) Activate(x Rows64, act Activation) Rows64 {
	return x.apply(x.Cols, func(_ int, out, in []float64) {
		for c, v := range in {
			out[c] = activate64(act, v)
		}
	})
}

// Add implements Ops.
func (r *Reference) Add(x, y Rows64) Rows64 {
	return x.apply(x.Cols, func(i int, out, in []float64) {
		for c, v := range in {
			out[c] = v + y.row(i)[c]
		}
	})
}

// Scale implements Ops.
func (r *Reference) Scale(x Rows64, s float64) Rows64 {
	return x.apply(x.Cols, func(_ int, out, in []float64) {
		for c, v := range in {
			out[c] = v * s
		}
	})
}

// Keep implements Ops.
func (r *Reference) Keep(x Rows64) Rows64 {
	if x.kept {
		return x
	}
	y := Rows64{Rows: r.Batch.keptRows(), Cols: x.Cols, kept: true}
	for s := range r.Batch.Sequences() {
		k, first := r.Batch.kept(s), r.Batch.Offsets[s]
		y.Data = append(y.Data, x.Data[(first+k.From)*x.Cols:(first+k.To)*x.Cols]...)
	}
	return y
}

// Pool implements Ops.
func (r *Reference) Pool(x Rows64, how Pooling) Rows64 {
	x = r.Keep(x)
	y := Rows64{Rows: r.Batch.Sequences(), Cols: x.Cols, Data: make([]float64, r.Batch.Sequences()*x.Cols)}
	at := 0
	for s := range y.Rows {
		k := r.Batch.kept(s)
		n := k.To - k.From
		pool64(y.row(s), Rows64{Rows: n, Cols: x.Cols, Data: x.Data[at*x.Cols : (at+n)*x.Cols]}, how, k.From)
		at += n
	}
	return y
}

// pool64 pools the rows of one sequence; first is the position of the first.
func pool64(out []float64, x Rows64, how Pooling, first int) {
	total := 0.0
	for i := range x.Rows {
		w := poolWeight(how, i, x.Rows, first)
		total += w
		for c, v := range x.row(i) {
			if how == PoolMax {
				if i == 0 {
					out[c] = v
				}
				out[c] = max(out[c], v)
			} else {
				out[c] += w * v
			}
		}
	}
	switch how {
	case PoolMax:
		return
	case PoolMeanSqrt:
		total = math.Sqrt(total)
	}
	for c := range out {
		out[c] /= total
	}
}

// poolWeight is the weight of row i of n in a pooling; first is the position of row 0.
func poolWeight(how Pooling, i, n, first int) float64 {
	switch how {
	case PoolCLS:
		if i > 0 {
			return 0
		}
	case PoolLast:
		if i < n-1 {
			return 0
		}
	case PoolWeightedMean:
		return float64(first + i + 1)
	}
	return 1
}

// Result implements Ops.
func (r *Reference) Result(x Rows64) Rows64 { return x }

// Normalize implements Ops.
func (r *Reference) Normalize(x Rows64) Rows64 {
	return x.apply(x.Cols, func(_ int, out, in []float64) {
		norm := math.Sqrt(dot64(in, in))
		for c, v := range in {
			if norm > 0 {
				out[c] = v / norm
			}
		}
	})
}

// Layer implements Ops.
func (r *Reference) Layer(_ int, x Rows64, f func(Rows64) Rows64) Rows64 { return f(x) }
