package main

// genLayerNorm writes LayerNorm of a row of n values, whole vectors: AVX-512 only, where calls and what waits at the end of each took as long as the work.
// Mean, and variance about it, in float32 by four sums.
func genLayerNorm(a *asm, s *stubs) {
	if a.reg != "Z" {
		return
	}
	a.begin(s, "layerNorm", "", "dst *float32", "x *float32", "w *float32", "b *float32", "eps float64")
	a.p("MOVQ CX, R12") // vectors; none masked
	a.p("SHRQ $4, R12")
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
			a.p("VADDPS %d(SI), Z%d, Z%d", 64*u, u, u)
		}
	})
	mean()
	a.p("VBROADCASTSS X0, Z14")
	for i := range 4 {
		a.p("VXORPS X%[1]d, X%[1]d, X%[1]d", i)
	}
	a.p("MOVQ R10, SI")
	a.vectors("variance", func(n int, masked bool) {
		for u := range n {
			a.p("VMOVUPS %d(SI), Z%d", 64*u, 6+u)
			a.p("VSUBPS Z14, Z%d, Z%d", 6+u, 6+u)
			a.p("VFMADD231PS Z%d, Z%d, Z%d", 6+u, 6+u, u)
		}
	})
	mean()
	a.p("VADDSS X4, X0, X0")
	a.p("VSQRTSS X0, X0, X0")
	a.p("VMOVUPS %s, Z1", f(1))
	a.p("VDIVSS X0, X1, X0")
	a.p("VBROADCASTSS X0, Z13")
	a.p("MOVQ R10, SI")
	a.p("XORQ AX, AX")
	a.vectors("scale", func(n int, masked bool) {
		for u := range n {
			a.p("VMOVUPS %d(SI), Z%d", 64*u, u)
			a.p("VSUBPS Z14, Z%d, Z%d", u, u)
			a.p("VMULPS Z13, Z%d, Z%d", u, u)
			a.p("VMOVUPS %d(DX)(AX*1), Z%d", 64*u, 6+u)
			a.p("VFMADD213PS %d(R8)(AX*1), Z%d, Z%d", 64*u, 6+u, u)
			a.p("VMOVUPS Z%d, %d(DI)(AX*1)", u, 64*u)
		}
		a.p("ADDQ $%d, AX", 64*n)
	})
	a.ret()
}
