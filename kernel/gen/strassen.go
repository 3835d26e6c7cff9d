package main

// genStrassen writes the sums of rows that Strassen's seven products multiply (see strassen.go of the package above): of two rows x and y of two halves, n values
// each, whole vectors, four rows of n values, step bytes apart, and the sums of the squares of x and y, which are added up in registers 8 to 11.
func genStrassen(a *asm, s *stubs) {
	a.begin(s, "strassenRows", "", "dst *float32", "x *float32", "y *float32", "step int", "squares *[2]float32")
	a.clear(8, 9, 10, 11)
	a.p("MOVQ R9, BX")
	a.p("LEAQ (SI)(CX*4), R9")
	a.p("LEAQ (DX)(CX*4), R10")
	a.p("LEAQ (R8)(R8*2), R11")
	a.p("XORQ AX, AX")
	a.times("vector", a.lanes, func() {
		for i, from := range []string{"SI", "R9", "DX", "R10"} {
			a.p("VMOVUPS (%s)(AX*4), %s", from, a.v(i))
			a.p("VFMADD231PS %s, %s, %s", a.v(i), a.v(i), a.v(8+i))
		}
		x0, x1, y0, y1 := a.v(0), a.v(1), a.v(2), a.v(3)
		s1, s2, s3, s4 := a.v(4), a.v(5), a.v(6), a.v(7)
		a.p("VADDPS %s, %s, %s", y1, y0, s1)
		a.p("VSUBPS %s, %s, %s", x0, s1, s2)
		a.p("VSUBPS %s, %s, %s", y0, x0, s3)
		a.p("VSUBPS %s, %s, %s", s2, x1, s4)
		for i, to := range []string{"(DI)", "(DI)(R8*1)", "(DI)(R8*2)", "(DI)(R11*1)"} {
			a.p("VMOVUPS %s, %s", a.v(4+i), to)
		}
		a.p("ADDQ $%d, DI", a.bytes())
	})
	for i := range 2 {
		a.p("VADDPS %s, %s, %s", a.v(9+2*i), a.v(8+2*i), a.v(0))
		a.fold("VADDPS")
		a.p("VMOVSS X0, %d(BX)", 4*i)
	}
	a.ret()
}
