package model

// Ops are the operations that architectures are written in. T is a matrix of activations, one row per token of a batch (or
// per sequence, behind Pool); an interpreter decides what it is and when it is computed.
//
// A T is used at most once after an operation that "takes" it: the interpreter may put the result into its memory.
type Ops[T any] interface {
	// Embed looks up rows of table (V, C): ids (T) -> (T, C).
	Embed(table *Matrix, ids []int32) T
	// Linear is x Wᵀ + b, with w's LoRA: (T, In) -> (T, Out).
	Linear(x T, w *Linear) T
	// Linears applies several linear maps to the same x, in order. The slice is valid until the next call.
	Linears(x T, ws ...*Linear) []T
	// GatedMLP is down(act(gate(x)) * up(x)): SwiGLU and its kin (Shazeer 2020).
	GatedMLP(x T, m *GatedMLP) T
	// MLP is down(act(up(x))).
	MLP(x T, m *MLP) T
	// RMSNorm divides by the root mean square and multiplies by w (Zhang and Sennrich 2019). When w is shorter than the
	// rows, every group of len(w) columns is a vector of its own: the norm of heads.
	RMSNorm(x T, w *Vector, eps float64) T
	// LayerNorm subtracts the mean, divides by the standard deviation, multiplies by w and adds b, which may be nil (Ba et al. 2016).
	LayerNorm(x T, w, b *Vector, eps float64) T
	// Rope turns the heads of every row by its position (Su et al. 2021). It takes x.
	Rope(x T, r *Rotary) T
	// Attention is softmax(q kᵀ · scale) v within each sequence, as a says. It takes q.
	Attention(q, k, v T, a *Attention) T
	// Activate applies an activation to every value. It takes x.
	Activate(x T, act Activation) T
	// Add is x + y. It takes y.
	Add(x, y T) T
	// Scale is x · s. It takes x.
	Scale(x T, s float64) T
	// Keep leaves only the rows that pooling reads (Batch.Keep); on rows chosen already it does nothing.
	Keep(x T) T
	// Pool makes one row per sequence of the kept rows.
	Pool(x T, how Pooling) T
	// Normalize makes rows unit length.
	Normalize(x T) T
	// Result is x with its values computed, for those who read it without operations.
	Result(x T) T
	// Layer runs layer number i, f, on x, which it takes; of what came before layer 0, nothing but x is used in it or behind it. f keeps the width and
	// may be called several times, with the rows of some of the batch's sequences each. It is the unit in which memory is given back, keys and values
	// are kept for a shared prefix, and a gradient may be recomputed.
	Layer(i int, x T, f func(x T) T) T
}

// Batch is a ragged batch: the tokens of all its sequences, one after another, without padding.
type Batch struct {
	IDs     []int32 // (T)
	Offsets []int   // (B+1): sequence s has the rows Offsets[s] to Offsets[s+1]
	Start   int     // position of every sequence's first row: the length of the prefix computed before
	Keep    []Span  // (B): the rows that pooling reads, counted within the sequence's rows; nil: all
}

// Sequences is the number of sequences.
func (b *Batch) Sequences() int { return len(b.Offsets) - 1 }

// Span is a range of rows: From to To, without To.
type Span struct{ From, To int }

// kept is the span of sequence s that pooling reads.
func (b *Batch) kept(s int) Span {
	if b.Keep == nil {
		return Span{0, b.Offsets[s+1] - b.Offsets[s]}
	}
	return b.Keep[s]
}

// rows counts the rows of activations: of all tokens, or of those that pooling reads.
func (b *Batch) rows(kept bool) int {
	if kept {
		return b.keptRows()
	}
	return b.Offsets[b.Sequences()]
}

// keptRows counts the rows that Keep leaves.
func (b *Batch) keptRows() int {
	n := 0
	for s := range b.Sequences() {
		k := b.kept(s)
		n += k.To - k.From
	}
	return n
}

// Positions are the rows' positions in their sequences, 0, 1, ...; add is added to each.
func (b *Batch) Positions(add int) []int32 {
	out := make([]int32, 0, len(b.IDs))
	for s := range b.Sequences() {
		for i := range b.Offsets[s+1] - b.Offsets[s] {
			out = append(out, int32(b.Start+i+add))
		}
	}
	return out
}

// Rotary says how positions turn heads: by the angles position · Freqs[i].
type Rotary struct {
	Head  int       // dimensions of a head
	Freqs []float64 // (R/2): the first R dimensions of a head turn, in pairs i, i+R/2
	Scale float64   // cos and sin are multiplied by it (YaRN's attention factor)
	Reach int       // the longest sequence that the scaling is for, where it states one; Unlimited: any
	// Longer, for dynamic scaling, gives the frequencies for sequences of more than Limit tokens.
	Limit  int
	Longer func(length int) []float64
}

// scales says whether the frequencies for a sequence of the length are its own.
func (r *Rotary) scales(length int) bool { return r.Longer != nil && length > r.Limit }

// freqs are the frequencies for a sequence of the length.
func (r *Rotary) freqs(length int) []float64 {
	if r.scales(length) {
		return r.Longer(length)
	}
	return r.Freqs
}

// Unlimited is a reach over the whole sequence.
const Unlimited = -1

// Attention says who attends to whom, and how.
type Attention struct {
	Heads, KVHeads, Dim int     // query heads share key heads in groups of Heads/KVHeads
	Scale               float64 // of the products
	Before, After       int     // a token sees so many tokens before and after itself; Unlimited: all. After is 0 or Before
	Softcap             float64 // scores s become c·tanh(s/c); 0: they do not
	Bias                *RelativeBias
}

// RelativeBias is a learned addition to the scores that depends on the head and the distance (Raffel et al. 2020, section 2.1).
type RelativeBias struct {
	Table  *Matrix                // (buckets, heads)
	Bucket func(distance int) int // distance is key position minus query position
}

// reach is the range of key positions, From to To, that a query at position p of a sequence of n tokens sees.
func (a *Attention) reach(p, n int) Span {
	s := Span{0, n}
	if a.Before != Unlimited {
		s.From = max(0, p-a.Before)
	}
	if a.After != Unlimited {
		s.To = min(n, p+a.After+1)
	}
	return s
}

// GatedMLP are the weights of a gated feed-forward layer.
type GatedMLP struct {
	Gate, Up, Down *Linear
	Act            Activation
}

// MLP are the weights of a feed-forward layer.
type MLP struct {
	Up, Down *Linear
	Act      Activation
}

// Activation is a function of one number.
type Activation uint8

// The activations, by their common names.
const (
	Identity  Activation = iota
	GELU                 // x · (1 + erf(x/√2)) / 2 (Hendrycks and Gimpel 2016)
	GELUTanh             // its approximation by tanh
	QuickGELU            // x · sigmoid(1.702 x)
	SiLU                 // x · sigmoid(x)
	ReLU
	Tanh
	Sigmoid
)

// Pooling says how a sequence becomes one vector.
type Pooling uint8

// The poolings.
const (
	PoolMean         Pooling = iota
	PoolCLS                  // the first token
	PoolLast                 // the last token
	PoolWeightedMean         // weights 1, 2, ... by position (Muennighoff 2022)
	PoolMeanSqrt             // sum over the square root of the number of tokens
	PoolMax                  // the greatest value of each column
)

var poolingNames = [...]string{"mean", "cls", "last", "weightedmean", "meansqrt", "max"}

// String is the pooling's name in options and files.
func (p Pooling) String() string { return poolingNames[p] }
