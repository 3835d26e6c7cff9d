package kernel

import (
	"math"
	"math/rand/v2"
	"unsafe"
)

// rotation is an orthogonal matrix R (C, C) that is cheap to apply: signs drawn once, then a Walsh-Hadamard matrix (block, block) on each of C/block
// blocks, block a power of two, and a Hartley matrix (mixed, mixed) between blocks, as many at a time. With x.w = Rx.Rw, quantising Rx
// and Rw instead of x and w loses far less where few channels hold large values, as in language models: each of them is
// spread over block * mixed (QuaRot, Ashkboos et al. 2024, section 3). The signs keep a mean that all channels share from gathering
// in one of them.
type rotation struct {
	block, odd, mixed int       // odd is C/block, mixed a divisor of it; odd is even where C is a multiple of twice the largest block
	norm              float64   // of both factors
	signs             []float32 // (C) plus or minus the norm, of inputs over their channels' scales (see balance)
	hartley           []float32 // (mixed, mixed); nil where blocks are not mixed
	halfSigns         []F16     // signs over halfNorm, which are plus or minus the power of two next to the norm over the scales; nil where half precision is not for it
	halfNorm          float32
}

// Blocks of largeBlock spread far enough by themselves; maxMixed bounds the cost of mixing smaller ones, as many multiplications for
// each value.
const largeBlock, maxMixed = 256, 64

func newRotation(c int) *rotation {
	r := &rotation{block: min(c&-c, largeBlock), mixed: 1}
	r.odd = c / r.block
	for n := 3; n <= min(r.odd, maxMixed) && r.block < largeBlock; n += 2 {
		if r.odd%n == 0 {
			r.mixed = n
		}
	}
	r.norm = 1 / math.Sqrt(float64(r.block*r.mixed))
	if n := r.mixed; n > 1 {
		r.hartley = make([]float32, n*n)
		for i := range n {
			for j := range n {
				s, c := math.Sincos(2 * math.Pi * float64(i*j%n) / float64(n))
				r.hartley[i*n+j] = float32(s + c)
			}
		}
	}
	r.signs = make([]float32, c)
	rnd := rand.New(rand.NewPCG(0x1ab4ad04, uint64(c)))
	for i := range r.signs {
		r.signs[i] = float32(r.norm)
		if rnd.Uint64()&1 != 0 {
			r.signs[i] = -float32(r.norm)
		}
	}
	return r
}

// balance gives every channel a scale s that inputs are divided by and weights multiplied with, for inputs and weights (C) of these mean squares. What rounding
// Rx and Rw loses grows with the product of their lengths, and that is least, sum |x||w|, where s is the root of |x| / |w|, by Cauchy and Schwarz: a channel of
// large inputs and small weights, as language models have, costs no more than it is worth (for scalings without a rotation: SmoothQuant, Xiao et al. 2023,
// equation 4 with alpha 1/2). The length of x stays about what it is. Scales are rounded to quarters of an octave, so that the last bits of means do not matter.
func (r *rotation) balance(inputs, weights []float32) {
	const floor = 1. / 1024 // of the mean square: a channel that was silent may speak another time
	in, w := mean(inputs), mean(weights)
	if !(in > 0 && w > 0) || math.IsInf(in, 0) || math.IsInf(w, 0) { // of nothing, or of what is not finite
		return
	}
	scales, after := make([]float64, len(inputs)), 0.0
	for i := range scales {
		x := float64(inputs[i]) / in
		s := math.Log2(max(x, floor)/max(float64(weights[i])/w, floor)) / 4
		scales[i] = math.Exp2(math.Round(s*4) / 4)
		after += x / (scales[i] * scales[i])
	}
	keep := math.Exp2(math.Round(math.Log2(after/float64(len(scales))) / 2))
	for i, s := range scales {
		r.signs[i] = float32(float64(r.signs[i]) / (s * keep))
	}
}

func mean(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

// halve prepares the rotation for table.turnF16. Powers of two keep what turnF16 sums up small, and are exact; other signs become what half precision holds.
func (r *rotation) halve() {
	power := math.Exp2(math.Round(math.Log2(r.norm)))
	r.halfNorm, r.halfSigns = float32(r.norm/power), make([]F16, len(r.signs))
	for i, s := range r.signs {
		r.halfSigns[i] = ToF16(s / r.halfNorm)
		r.signs[i] = r.halfSigns[i].Float32() * r.halfNorm
	}
}

// weightSigns are the signs of weights: with signs of norm / s their norm * s.
func (r *rotation) weightSigns() []float32 {
	w := make([]float32, len(r.signs))
	for i, s := range r.signs {
		w[i] = float32(r.norm * r.norm / float64(s))
	}
	return w
}

// apply writes R x (C) with these signs to dst (C) or to tmp (C), and returns which; a is scratch.
func (r *rotation) apply(k *Kernels, dst, tmp, x, signs []float32, a *gemmArgs) []float32 {
	k.t.hadamard(dst, x, signs, r.block)
	if r.hartley == nil {
		return dst
	}
	whole := r.block%k.t.gemm.lanes == 0
	if f := k.t.hartley[r.odd]; f != nil && whole {
		f(&dst[0], r.block)
		return dst
	}
	for n, at := r.mixed*r.block, 0; at < len(x); at += n {
		r.mix(k, tmp[at:at+n], dst[at:at+n], whole, a)
	}
	return tmp
}

// mix writes the Hartley matrix times the blocks of x to out; whole says that blocks are whole vectors.
func (r *rotation) mix(k *Kernels, out, x []float32, whole bool, a *gemmArgs) {
	if whole {
		smallGEMM(k, out, r.hartley, x, a)
		return
	}
	clear(out)
	for i := range r.mixed {
		for j := range r.mixed {
			k.t.addScaled(out[i*r.block:(i+1)*r.block], x[j*r.block:(j+1)*r.block], r.hartley[i*r.mixed+j])
		}
	}
}

// whole says whether the rotation is of sizes that table.turnU8 takes.
func (r *rotation) whole() bool {
	if r.hartley == nil {
		return r.block == largeBlock
	}
	return r.block >= 64 && r.odd <= 9
}

// smallGEMM is x (odd, n) = h (odd, odd) times y (odd, n), n a multiple of the lanes; a is scratch.
func smallGEMM(k *Kernels, x, h, y []float32, a *gemmArgs) {
	odd := int(math.Sqrt(float64(len(h))))
	n := len(x) / odd
	g := &k.t.gemm.attend
	*a = gemmArgs{groups: odd, lda: 4 * odd, ldb: 4 * n, ldc: 4 * n}
	for col, units := 0, 0; col < n; col += units * k.t.gemm.lanes {
		units = min(len(g.of[0]), (n-col)/k.t.gemm.lanes)
		a.b = unsafe.Pointer(&y[col])
		for row, rows := 0, 0; row < odd; row += rows {
			rows = g.fit(odd - row)
			a.a = unsafe.Pointer(&h[row*odd])
			a.c = unsafe.Pointer(&x[row*n+col])
			f := g.of[rows-1][units-1]
			a.tiles = (odd - row) / rows
			rows *= a.tiles
			f(a)
		}
	}
}
