package main

import "fmt"

// genTurnU8 writes AVX-512's turn of a row (rotation) together with its codes: the last stage finds the greatest magnitude, and there is one call a row.
// Sizes are those that rotation.fused names. Registers: AX codes, R13 what is turned, R14 the values in bytes, R10 and R11 the rotation's block and odd
// factor; Z25 and Z26 greatest magnitudes, Z27 the mask of what is no sign, and swapLanes' signs.
func genTurnU8(a *asm, s *stubs) {
	a.declare(s, "turnU8AVX512", "(codes *uint8, x, signs, tmp *float32, c, block, odd int) (scale float32)", "0-60")
	for i, m := range []string{"codes AX", "x SI", "signs DX", "tmp R13", "c R14", "block R10", "odd R11"} {
		var name, reg string
		fmt.Sscan(m, &name, &reg)
		a.p("MOVQ %s+%d(FP), %s", name, 8*i, reg)
	}
	a.p("SHLQ $2, R14")
	a.p("MOVQ R13, DI")
	a.p("LEAQ (R13)(R14*1), BX") // the end
	a.keepLaneSigns()
	a.p("VMOVUPS %s, Z27", word(0x7fffffff))
	for _, n := range []int{64, 128} {
		a.p("CMPQ R10, $%d", n)
		a.p("JEQ blocks%d", n)
	}
	a.p("CMPQ R10, $256")
	a.p("JGT blocks256")
	largest := func(regs ...int) {
		for i, r := range regs {
			a.p("VANDPS Z27, Z%d, Z%d", r, r)
			a.p("VMAXPS Z%d, Z%d, Z%d", r, 25+i%2, 25+i%2)
		}
	}
	zero := func() {
		a.p("VPXORD Z25, Z25, Z25")
		a.p("VPXORD Z26, Z26, Z26")
	}
	loop := func(label, reg, limit string, body func()) {
		a.label(label)
		body()
		a.p("CMPQ %s, %s", reg, limit)
		a.p("JLT %s", label)
	}
	zero()
	loop("whole", "DI", "BX", func() { largest(a.hadamard(256, 13)...) })
	a.p("JMP found")
	for _, n := range []int{64, 128, 256} {
		loop(fmt.Sprintf("blocks%d", n), "DI", "BX", func() { a.hadamard(n, 13) })
		if n == 256 {
			a.p("JMP stages")
		} else if n == 64 {
			a.p("JMP columns")
		}
		if n == 128 { // columns, of odd rows
			a.label("columns")
			a.p("LEAQ (R10*4), R8")
			a.p("MOVQ R13, DI")
			a.p("LEAQ (DI)(R8*1), CX")
			a.p("MOVQ R14, R9")
			a.p("SUBQ R8, R9")
			zero()
			for odd := 3; odd <= 9; odd += 2 {
				a.p("CMPQ R11, $%d", odd)
				a.p("JEQ hartley%d", odd)
			}
			for odd := 3; odd <= 9; odd += 2 {
				loop(fmt.Sprintf("hartley%d", odd), "DI", "CX", func() {
					i := 0
					a.hartley(odd, func(r int) {
						// the mask's result takes another register: the next rows still read this one
						a.p("VANDPS Z27, Z%d, Z24", r)
						a.p("VMAXPS Z24, Z%d, Z%d", 25+i%2, 25+i%2)
						i++
					})
					a.p("ADDQ $64, DI")
				})
				a.p("JMP found")
			}
		}
	}
	a.label("stages") // of distance R9 bytes, from 256 values to half a block; R10 is a block's end
	a.p("SHLQ $2, R10")
	a.p("MOVQ $1024, R9")
	a.label("stage")
	a.p("CMPQ R9, R10")
	a.p("JGE found")
	zero()
	a.p("MOVQ R13, DI")
	a.p("LEAQ (R9*4), CX")
	a.p("CMPQ CX, R10")
	a.p("JGT two")
	for _, n := range []int{4, 2} {
		if n == 2 {
			a.label("two")
		}
		name := fmt.Sprint("butterfly", n)
		a.label(name)
		a.p("LEAQ (DI)(R9*1), CX")
		loop(name+"column", "DI", "CX", func() {
			for i := 1; i < n; i++ {
				a.p("LEAQ (%s)(R9*1), %s", ptrRegs[i-1], ptrRegs[i])
			}
			largest(a.butterflies(n, 0, false)...)
			a.p("ADDQ $64, DI")
		})
		a.p("ADDQ R9, DI") // the first column went a distance on
		if n == 4 {
			a.p("LEAQ (DI)(R9*2), DI")
		}
		a.p("CMPQ DI, BX")
		a.p("JLT %s", name)
		a.p("LEAQ (R9*%d), R9", n)
		a.p("JMP stage")
	}
	a.label("found")
	a.p("VMAXPS Z26, Z25, Z0")
	a.fold("VMAXPS")
	a.p("VMOVUPS %s, Z1", f(127))
	a.p("VDIVSS X1, X0, X0")
	a.p("VMOVSS X0, scale+56(FP)")
	a.p("VXORPS X2, X2, X2")
	a.p("VMOVUPS %s, Z1", f(1))
	a.p("VDIVSS X0, X1, X1")
	a.p("VCMPSS $4, X2, X0, K1") // of zeros the codes are zero too
	a.p("VMOVAPS.Z X1, K1, X1")
	a.p("VBROADCASTSS X1, Z4")
	a.p("MOVL $0x80, CX")
	a.p("VPBROADCASTB CX, Z5")
	a.p("MOVQ AX, DI")
	a.p("MOVQ R13, SI")
	a.p("MOVQ R14, CX")
	a.p("SHRQ $2, CX")
	a.p("XORQ AX, AX")
	a.quantS8()
	a.ret()
}
