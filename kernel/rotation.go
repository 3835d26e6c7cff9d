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
	signs             []float32 // (C) plus or minus the norm of both factors
	hartley           []float32 // (mixed, mixed); nil where blocks are not mixed
	halfSigns         []F16     // signs as the power of two next to the norm, and halfNorm times as large; nil where half precision is not for it
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
	norm := 1 / math.Sqrt(float64(r.block*r.mixed))
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
		r.signs[i] = float32(norm)
		if rnd.Uint64()&1 != 0 {
			r.signs[i] = -float32(norm)
		}
	}
	return r
}

// halve prepares the rotation for table.turnF16. Powers of two keep what turnF16 sums up small, and are exact.
func (r *rotation) halve() {
	norm := math.Abs(float64(r.signs[0]))
	power := math.Exp2(math.Round(math.Log2(norm)))
	r.halfNorm, r.halfSigns = float32(norm/power), make([]F16, len(r.signs))
	for i, s := range r.signs {
		r.halfSigns[i] = ToF16(float32(math.Copysign(power, float64(s))))
	}
}

// apply writes R x (C) to dst (C) or to tmp (C), and returns which; a is scratch.
func (r *rotation) apply(k *Kernels, dst, tmp, x []float32, a *gemmArgs) []float32 {
	k.t.hadamard(dst, x, r.signs, r.block)
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
