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

// stepDifference is stepF32 beside one vector of a difference of panels: R12 is where the first of them is, the others are R13 and R9 bytes from it.
func stepDifference(a *asm, t tile, u int) {
	off, v := u*a.bytes(), a.v(a.registers()-1)
	a.p("VMOVUPS %d(R12), %s", off, v)
	a.p("VSUBPS %d(R12)(R13*1), %s, %s", off, v, v)
	a.p("VMOVUPS %s, %d(R12)(R9*1)", v, off)
	stepF32(a, t, u)
}

// combinedLoop is groupLoop for groups that are a multiple of four. The first tiles, as many as a panel has vectors, compute a difference of panels, which costs next
// to nothing beside products.
func (a *asm) combinedLoop(t tile) {
	next := func() { a.p("ADDQ $%d, DI", unroll*t.units*a.bytes()) }
	a.p("SUBQ $1, gemmArgs_differences(AX)")
	a.p("JLT nodifference")
	a.p("MOVQ gemmArgs_from(AX), R12")
	a.p("MOVQ gemmArgs_minus(AX), R13")
	a.p("MOVQ gemmArgs_to(AX), R9")
	a.fours(t, "difference", "differed", stepDifference, 1, func() {
		next()
		a.p("ADDQ $%d, R12", unroll*a.bytes())
	})
	a.label("differed")
	a.p("MOVQ R12, gemmArgs_from(AX)")
	a.p("JMP done")
	a.label("nodifference")
	a.fours(t, "loop", "done", t.step, 1, next)
	a.label("done")
}

// plus adds tiles that lie without gaps.
func (a *asm) plus(t tile) {
	for _, field := range []string{"plus", "plus2"} {
		a.p("MOVQ gemmArgs_%s(AX), BX", field)
		a.p("TESTQ BX, BX")
		a.p("JZ no%s", field)
		a.eachAcc(t, func(r, c int) {
			a.p("VADDPS %d(BX), %s, %s", t.acc(r, c)*a.bytes(), a.v(t.acc(r, c)), a.v(t.acc(r, c)))
		})
		a.p("ADDQ $%d, gemmArgs_%s(AX)", t.free()*a.bytes(), field)
		a.label("no" + field)
	}
}
