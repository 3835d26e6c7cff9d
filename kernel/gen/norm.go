package main

import "math/bits"

// genLayerNorm writes LayerNorm of a row of n values, whole vectors: calls, and what waits at the end of each, took as long as the work.
// Mean, and variance about it, in float32 by four sums.
func genLayerNorm(a *asm, s *stubs) {
	a.begin(s, "layerNorm", "", "dst *float32", "x *float32", "w *float32", "b *float32", "eps float64")
	a.p("MOVQ CX, R12") // vectors; none masked
	a.p("SHRQ $%d, R12", bits.Len(uint(a.lanes))-1)
	a.p("XORQ R13, R13")
	a.p("VCVTSI2SSQ CX, X5, X5")
	a.p("MOVQ SI, R10")
	mean := func() {
		sum4(a)
		a.p("VDIVSS X5, X0, X0")
	}
	for i := range 4 {
		a.p("VXORPS X%[1]d, X%[1]d, X%[1]d", i)
	}
	a.vectors("sum", func(n int, masked bool) {
		for u := range n {
			a.p("VADDPS %d(SI), %s, %s", a.bytes()*u, a.v(u), a.v(u))
		}
	})
	mean()
	a.p("VBROADCASTSS X0, %s", a.v(14))
	for i := range 4 {
		a.p("VXORPS X%[1]d, X%[1]d, X%[1]d", i)
	}
	a.p("MOVQ R10, SI")
	a.vectors("variance", func(n int, masked bool) {
		for u := range n {
			a.p("VMOVUPS %d(SI), %s", a.bytes()*u, a.v(6+u))
			a.p("VSUBPS %s, %s, %s", a.v(14), a.v(6+u), a.v(6+u))
			a.p("VFMADD231PS %s, %s, %s", a.v(6+u), a.v(6+u), a.v(u))
		}
	})
	mean()
	a.p("VADDSS X4, X0, X0")
	a.p("VSQRTSS X0, X0, X0")
	a.p("VMOVUPS %s, %s", f(1), a.v(1))
	a.p("VDIVSS X0, X1, X0")
	a.p("VBROADCASTSS X0, %s", a.v(13))
	a.p("MOVQ R10, SI")
	a.p("XORQ AX, AX")
	a.vectors("scale", func(n int, masked bool) {
		for u := range n {
			a.p("VMOVUPS %d(SI), %s", a.bytes()*u, a.v(u))
			a.p("VSUBPS %s, %s, %s", a.v(14), a.v(u), a.v(u))
			a.p("VMULPS %s, %s, %s", a.v(13), a.v(u), a.v(u))
			a.p("VMOVUPS %d(DX)(AX*1), %s", a.bytes()*u, a.v(6+u))
			a.p("VFMADD213PS %d(R8)(AX*1), %s, %s", a.bytes()*u, a.v(6+u), a.v(u))
			a.p("VMOVUPS %s, %d(DI)(AX*1)", a.v(u), a.bytes()*u)
		}
		a.p("ADDQ $%d, AX", a.bytes()*n)
	})
	a.ret()
}
