package kernel

import (
	"math"
	"unsafe"
)

// rotation is an orthogonal matrix R (C, C) that is cheap to apply: the Kronecker product of a Hartley matrix (odd, odd)
// and a Walsh-Hadamard matrix (block, block), C = odd * block. With x.w = Rx.Rw, quantising Rx and Rw instead of x and w
// loses far less where few channels hold large values, as in language models: each of them is spread over all (QuaRot,
// Ashkboos et al. 2024, section 3).
type rotation struct {
	c, block, odd int
	hartley       []float32 // (odd, odd), with both factors' norms
	norm          float32   // where odd is 1
}

// maxOdd bounds the cost of the Hartley factor, odd multiplications for each value; beyond it blocks are not mixed.
const maxOdd = 64

func newRotation(c int) *rotation {
	r := &rotation{c: c, block: c & -c}
	r.odd = c / r.block
	r.norm = float32(1 / math.Sqrt(float64(r.block)))
	if r.odd == 1 || r.odd > maxOdd {
		return r
	}
	r.hartley = make([]float32, r.odd*r.odd)
	norm := 1 / math.Sqrt(float64(c))
	for i := range r.odd {
		for j := range r.odd {
			s, c := math.Sincos(2 * math.Pi * float64(i*j%r.odd) / float64(r.odd))
			r.hartley[i*r.odd+j] = float32((s + c) * norm)
		}
	}
	return r
}

// apply turns x (C) in place; tmp is (C), a scratch.
func (r *rotation) apply(k *Kernels, x, tmp []float32, a *gemmArgs) {
	if r.block > 1 {
		k.t.hadamard(x, r.block)
	}
	if r.hartley == nil {
		k.t.scale(x, x, r.norm)
		return
	}
	copy(tmp, x)
	if r.block%k.t.gemm.lanes != 0 {
		for i := range r.odd {
			y := x[i*r.block : (i+1)*r.block]
			clear(y)
			for j := range r.odd {
				k.t.addScaled(y, tmp[j*r.block:(j+1)*r.block], r.hartley[i*r.odd+j])
			}
		}
		return
	}
	smallGEMM(k, x, r.hartley, tmp, a)
}

// smallGEMM is x (odd, n) = h (odd, odd) times y (odd, n), n a multiple of the lanes; a is scratch.
func smallGEMM(k *Kernels, x, h, y []float32, a *gemmArgs) {
	odd := int(math.Sqrt(float64(len(h))))
	n := len(x) / odd
	g := &k.t.gemm.f32
	widest := len(g.of[0])
	*a = gemmArgs{groups: odd, lda: 4 * odd, ldb: 4 * n, ldc: 4 * n}
	for col := 0; col < n; {
		units := min(widest, (n-col)/k.t.gemm.lanes)
		a.b = unsafe.Pointer(&y[col])
		for row, rows := 0, 0; row < odd; row += rows {
			rows = g.fit(odd - row)
			a.a = unsafe.Pointer(&h[row*odd])
			a.c = unsafe.Pointer(&x[row*n+col])
			g.of[rows-1][units-1](a)
		}
		col += units * k.t.gemm.lanes
	}
}
