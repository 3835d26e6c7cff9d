package main

// The sums that Strassen's seven products multiply (see strassen.go of the package above). Both functions read two rows x and y of two halves, n values
// each, whole vectors, and write four rows of n values, step bytes apart.

func genStrassen(a *asm, s *stubs) {
	a.strassen(s, "strassenRows", true, func(x0, x1, y0, y1 string, dst func(i int) string) {
		a.p("VADDPS %s, %s, %s", y1, y0, dst(0))
		a.p("VSUBPS %s, %s, %s", x0, dst(0), dst(1))
		a.p("VSUBPS %s, %s, %s", y0, x0, dst(2))
		a.p("VSUBPS %s, %s, %s", dst(1), x1, dst(3))
	})
	a.strassen(s, "strassenPanels", false, func(x0, x1, y0, y1 string, dst func(i int) string) {
		a.p("VSUBPS %s, %s, %s", x0, y0, dst(0))
		a.p("VSUBPS %s, %s, %s", dst(0), y1, dst(1))
		a.p("VSUBPS %s, %s, %s", y0, y1, dst(2))
		a.p("VSUBPS %s, %s, %s", dst(1), x1, dst(3))
	})
}

// strassen writes one function; with squares it returns the sums of the squares of x and y, added up in registers 8 to 11.
func (a *asm) strassen(s *stubs, name string, squares bool, sums func(x0, x1, y0, y1 string, dst func(i int) string)) {
	params := []string{"dst *float32", "x *float32", "y *float32", "step int"}
	if squares {
		params = append(params, "squares *[2]float32")
	}
	a.begin(s, name, "", params...)
	if squares {
		a.clear(8, 9, 10, 11)
		a.p("MOVQ R9, BX")
	}
	a.p("LEAQ (SI)(CX*4), R9")
	a.p("LEAQ (DX)(CX*4), R10")
	a.p("LEAQ (R8)(R8*2), R11")
	a.p("XORQ AX, AX")
	a.times("vector", a.lanes, func() {
		for i, from := range []string{"SI", "R9", "DX", "R10"} {
			a.p("VMOVUPS (%s)(AX*4), %s", from, a.v(i))
			if squares {
				a.p("VFMADD231PS %s, %s, %s", a.v(i), a.v(i), a.v(8+i))
			}
		}
		dst := func(i int) string { return a.v(4 + i) }
		sums(a.v(0), a.v(1), a.v(2), a.v(3), dst)
		for i, to := range []string{"(DI)", "(DI)(R8*1)", "(DI)(R8*2)", "(DI)(R11*1)"} {
			a.p("VMOVUPS %s, %s", dst(i), to)
		}
		a.p("ADDQ $%d, DI", a.bytes())
	})
	if squares {
		for i := range 2 {
			a.p("VADDPS %s, %s, %s", a.v(9+2*i), a.v(8+2*i), a.v(0))
			a.fold("VADDPS")
			a.p("VMOVSS X0, %d(BX)", 4*i)
		}
	}
	a.ret()
}
