package main

import "math"

// Attention's row operations over many rows at once, of AVX-512: calls and what waits at the end of each row took as long as the work.

func genSoftmax(a *asm, s *stubs) {
	if a.reg != "Z" {
		return
	}
	genSoftmaxRows(a, s, "softmaxRowsAVX512", toF32)
	genSoftmaxRows(a, s, "softmaxRowsAVX512BF16", toBF16)
	genSoftmaxRows(a, s, "softmaxRowsAVX512I16", toI16)
	genDivideRows(a, s)
	genRowsBF16(a, s)
	genPairsBF16(a, s)
	genRowsI16(a, s)
	genColumnsI16(a, s)
	genPairsI16(a, s)
}

// expForm is what a row's exponentials are written as. Codes of 16 bits take a second pass, as their scale comes from the row's sum.
type expForm int

const (
	toF32 expForm = iota
	toBF16
	toI16
)

// rough says whether exponentials are rounded.
func (e expForm) rough() bool { return e != toF32 }

// bytes is the size of 16 exponentials as the row's first pass writes them, or as they stay.
func (e expForm) bytes(stay bool) int {
	if e == toBF16 || e == toI16 && stay {
		return 32
	}
	return 64
}

// genSoftmaxRows turns rows of scores into exponentials; those of two bytes stand where the row begins. Rows that end alike go in fours, whose greatest scores and
// sums are found together, as one row alone waits for its own. Of a row's registers SI is the place that is read, R14 that which is written, CX the count of
// values.
func genSoftmaxRows(a *asm, s *stubs, name string, form expForm) {
	a.declare(s, name, "(a *softmaxArgs)", "0-8")
	a.p("MOVQ a+0(FP), DX")
	for _, m := range []struct{ field, reg string }{{"s", "DI"}, {"visible", "R8"}, {"m", "R9"}, {"sums", "R10"}, {"rows", "R11"}} {
		a.p("MOVQ softmaxArgs_%s(DX), %s", m.field, m.reg)
	}
	a.expConstants(form)
	a.p("MOVQ softmaxArgs_cols(DX), CX")
	a.p("CMPQ softmaxArgs_grow(DX), $0")
	a.p("JNE row")
	a.p("CMPQ R8, CX")
	a.p("JNE row")
	a.countVectors()
	a.label("four")
	a.p("CMPQ R11, $4")
	a.p("JLT rows")
	a.softmaxFour(form)
	a.p("SUBQ $4, R11")
	a.p("JMP four")
	a.label("rows")
	a.p("TESTQ R11, R11")
	a.p("JZ done")

	a.label("row")
	a.softmaxOne(form)
	a.p("DECQ R11")
	a.p("JNZ row")
	a.label("done")
	a.ret()
}

// countVectors makes CX values whole vectors, in R12, and the rest, in R13 and K1.
func (a *asm) countVectors() {
	a.p("MOVQ CX, R12")
	a.p("ANDQ $15, CX")
	a.setMask()
	a.p("MOVQ CX, R13")
	a.p("SHRQ $4, R12")
}

// softmaxOne is one row, from DI on, which goes on as R8 to R10 do.
func (a *asm) softmaxOne(form expForm) {
	a.p("MOVQ R8, CX") // of visible, 0 to cols
	a.p("XORQ BX, BX")
	a.p("CMPQ CX, BX")
	a.p("CMOVQLT BX, CX")
	a.p("CMPQ CX, softmaxArgs_cols(DX)")
	a.p("CMOVQGT softmaxArgs_cols(DX), CX")
	a.countVectors()
	a.p("VBROADCASTSS (R9), Z24")
	for i := 25; i < 28; i++ {
		a.p("VMOVAPS Z24, Z%d", i)
	}
	a.p("MOVQ DI, SI")
	a.vectors("max", func(n int, masked bool) {
		for u := range n {
			if masked {
				a.p("VMAXPS (SI), Z24, K1, Z24")
			} else {
				a.p("VMAXPS %d(SI), Z%d, Z%d", 64*u, 24+u, 24+u)
			}
		}
	})
	a.p("VMAXPS Z25, Z24, Z24")
	a.p("VMAXPS Z27, Z26, Z26")
	a.p("VMAXPS Z26, Z24, Z0")
	a.fold("VMAXPS")
	a.p("VMOVSS X0, (R9)")
	a.p("VBROADCASTSS X0, Z14")
	if form.rough() {
		a.p("VMULPS %s, Z14, Z14", f(-math.Log2E))
	}
	a.softmaxExp("exp", form)
	a.p("VMOVAPS Z12, Z0")
	a.fold("VADDPS")
	a.p("VMOVSS X0, (R10)")
	if form == toI16 {
		a.p("VADDPS Z29, Z28, Z0")
		a.fold("VADDPS")
		a.p("VMOVAPS Z0, Z28")
		a.p("VMAXPS Z31, Z30, Z0")
		a.fold("VMAXPS")
		a.codeScales("VMOVSS", 4)
		a.p("VBROADCASTSS X0, Z15")
		a.softmaxCodes("code")
	}

	a.p("MOVQ softmaxArgs_cols(DX), CX") // zeros up to the last vector of the columns
	size, zero := form.bytes(true), "Z0" // of a vector as it stays
	if size == 32 {
		zero = "Y0"
	}
	a.p("LEAQ (DI)(CX*%d), BX", size/16)
	a.p("VXORPS X0, X0, X0")
	a.p("JMP zeros")
	a.label("zero")
	a.p("VMOVUPS %s, (R14)", zero)
	a.p("ADDQ $%d, R14", size)
	a.label("zeros")
	a.p("CMPQ R14, BX")
	a.p("JLT zero")

	a.p("ADDQ softmaxArgs_step(DX), DI")
	a.p("ADDQ softmaxArgs_grow(DX), R8")
	a.p("ADDQ $4, R9")
	a.p("ADDQ $4, R10")
}

// softmaxExp writes the exponentials of the row at DI, of R12 vectors and R13 values more, and their sums' lanes to Z12. Z14 is the score that others are less, of rough forms what roughExp adds.
// What becomes codes is multiplied by softmaxArgs.times first; Z28 and Z29 hold lanes of the sum of that, Z30 and Z31 its greatest values.
func (a *asm) softmaxExp(name string, form expForm) {
	size := form.bytes(false)
	a.p("VXORPS X12, X12, X12")
	a.p("VXORPS X13, X13, X13")
	if form == toI16 {
		for i := 28; i < 32; i++ {
			a.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
		}
		a.p("MOVQ softmaxArgs_times(DX), R15")
	}
	a.p("MOVQ DI, SI")
	a.p("MOVQ DI, R14")
	a.vectors(name, func(n int, masked bool) {
		a.sideBySide(rowFunc{own: 3, body: func(b *asm, u int, _ bool) {
			b.load("SI", u, masked, 0)
			if form.rough() {
				b.roughExp(0, 1, 2)
			} else {
				b.p("VSUBPS Z14, Z0, Z0") // first, as scores may be large
				b.tableExp(0, 1, 2, 19+u, 16)
			}
			b.keep(0, masked)
			b.p("VADDPS Z0, Z%d, Z%d", 12+u%2, 12+u%2)
			if form == toI16 {
				b.load("R15", u, masked, 1)
				b.p("VMULPS Z1, Z0, Z0")
				b.p("VADDPS Z0, Z%d, Z%d", 28+u%2, 28+u%2)
				b.p("VMAXPS Z0, Z%d, Z%d", 30+u%2, 30+u%2)
			}
			if form != toBF16 {
				b.p("VMOVUPS Z0, %d(R14)", size*u) // beyond a tail zeros
			}
		}}, n)
		switch {
		case form == toBF16 && n == 1:
			a.cvtBF16(0, 1)
			a.p("VMOVUPS Y1, (R14)")
		case form == toBF16:
			for u := 0; u < n; u += 2 {
				a.cvt2BF16(3*u, 3*u+3, 3*u)
				a.p("VMOVUPS Z%d, %d(R14)", 3*u, size*u)
			}
		}
		a.p("ADDQ $%d, R14", size*n)
		if form == toI16 {
			a.p("ADDQ $%d, R15", 64*n)
		}
	})
	a.p("VADDPS Z13, Z12, Z12")
}

// softmaxFour is four rows of as many values each, from DI on, which goes on as R9 and R10 do.
func (a *asm) softmaxFour(form expForm) {
	a.p("MOVQ softmaxArgs_step(DX), BX")
	a.p("LEAQ (DI)(BX*1), SI")
	a.p("LEAQ (DI)(BX*2), R14")
	a.p("LEAQ (SI)(BX*2), R15")
	ptrs := []string{"DI", "SI", "R14", "R15"}
	for i := range ptrs {
		a.p("VBROADCASTSS %d(R9), Z%d", 4*i, 24+i)
	}
	a.p("XORQ AX, AX")
	a.p("MOVQ R12, CX")
	a.p("TESTQ CX, CX")
	a.p("JZ fourtail")
	a.label("fourmax")
	for i, p := range ptrs {
		a.p("VMAXPS (%s)(AX*1), Z%d, Z%d", p, 24+i, 24+i)
	}
	a.p("ADDQ $64, AX")
	a.p("DECQ CX")
	a.p("JNZ fourmax")
	a.label("fourtail")
	a.p("TESTQ R13, R13")
	a.p("JZ fourfold")
	for i, p := range ptrs {
		a.p("VMAXPS (%s)(AX*1), Z%d, K1, Z%d", p, 24+i, 24+i)
	}
	a.label("fourfold")
	a.foldRows("VMAXPS", "R9")
	if form.rough() {
		a.p("VMULPS %s, Z24, Z24", f(-math.Log2E))
	}
	a.p("VMOVAPS Z24, Z23")
	for i := range 4 {
		a.p("VSHUFF32X4 $%d, Z23, Z23, Z14", 0x55*i)
		a.softmaxExp("exp"+string(rune('a'+i)), form)
		a.p("VMOVAPS Z12, Z%d", 24+i)
		if form == toI16 {
			a.p("MOVQ softmaxArgs_lanes(DX), BX")
			a.p("VADDPS Z29, Z28, Z28")
			a.p("VMAXPS Z31, Z30, Z30")
			a.p("VMOVUPS Z28, %d(BX)", 64*i)
			a.p("VMOVUPS Z30, %d(BX)", 64*(4+i))
		}
		a.p("ADDQ softmaxArgs_step(DX), DI")
	}
	a.foldRows("VADDPS", "R10")
	if form != toI16 {
		return
	}
	lanes := func(from int) {
		a.p("MOVQ softmaxArgs_lanes(DX), BX")
		for i := range 4 {
			a.p("VMOVUPS %d(BX), Z%d", 64*(from+i), 24+i)
		}
	}
	lanes(0)
	a.foldFour("VADDPS")
	a.p("VMOVAPS Z0, Z28")
	lanes(4)
	a.foldFour("VMAXPS")
	a.codeScales("VMOVUPS", 16)
	a.p("VSHUFF32X4 $0, Z0, Z0, Z23")
	a.p("MOVQ softmaxArgs_step(DX), BX")
	a.p("SHLQ $2, BX")
	a.p("SUBQ BX, DI")
	for i := range 4 {
		a.p("VPERMILPS $%d, Z23, Z15", 0x55*i)
		a.softmaxCodes("code" + string(rune('a'+i)))
		a.p("ADDQ softmaxArgs_step(DX), DI")
	}
}

// codeScales makes the scales of codes of one row, or of four, from the sums in X28 and the greatest values in X0, writes them to softmaxArgs.scales, which goes
// on by so many bytes, and leaves their inverses in X0.
func (a *asm) codeScales(store string, bytes int) {
	a.p("VMULPS %s, X28, X28", f(1.0/expSum))
	a.p("VMULPS %s, X0, X0", f(1.0/codeLength))
	a.p("VMOVUPS %s, X1", f(1e-30))
	a.p("VMAXPS X0, X1, X0")
	a.p("VMAXPS X28, X0, X0") // which keeps what is not a number
	a.p("MOVQ softmaxArgs_scales(DX), BX")
	a.p("%s X0, (BX)", store)
	a.p("ADDQ $%d, softmaxArgs_scales(DX)", bytes)
	a.p("VMOVUPS %s, X1", f(1))
	a.p("VDIVPS X0, X1, X0")
}

// evenFirst is what VPERMQ puts in order by what packing two vectors leaves: eighths of the one and of the other in turns.
func evenFirst() string {
	return pattern("evenFirst", func(i int) uint32 { return uint32(1-i%2) * uint32(i/2*2%8+i/8) })
}

// softmaxCodes rounds the row at DI times Z15 to codes, where the row begins.
func (a *asm) softmaxCodes(name string) {
	a.p("VMOVUPS %s, Z14", evenFirst())
	a.p("MOVQ DI, SI")
	a.p("MOVQ DI, R14")
	a.vectors(name, func(n int, masked bool) {
		for u := range n {
			a.load("SI", u, masked, u)
			a.p("VMULPS Z15, Z%d, Z%d", u, u)
			a.p("VCVTPS2DQ Z%d, Z%d", u, u)
		}
		if n == 1 {
			a.p("VPMOVSDW Z0, Y0")
			a.p("VMOVUPS Y0, (R14)")
		}
		for u := 0; u < n-1; u += 2 {
			a.p("VPACKSSDW Z%d, Z%d, Z%d", u+1, u, u)
			a.p("VPERMQ Z%d, Z14, Z%d", u, u)
			a.p("VMOVUPS Z%d, %d(R14)", u, 32*u)
		}
		a.p("ADDQ $%d, R14", 32*n)
	})
}

// foldRows reduces the lanes of Z24 to Z27 with op, each into a quarter of Z24, and writes the four to (to), which goes on.
func (a *asm) foldRows(op, to string) {
	a.foldFour(op)
	a.p("VMOVUPS X0, (%s)", to)
	a.p("ADDQ $16, %s", to)
}

// foldFour reduces the lanes of Z24 to Z27 with op, each into a quarter of Z24; each quarter of Z0 is the four.
func (a *asm) foldFour(op string) {
	for i := 24; i < 28; i += 2 {
		a.p("VSHUFF32X4 $0xee, Z%d, Z%d, Z0", i+1, i)
		a.p("VSHUFF32X4 $0x44, Z%d, Z%d, Z%d", i+1, i, i)
		a.p("%s Z0, Z%d, Z%d", op, i, i)
	}
	a.p("VSHUFF32X4 $0xdd, Z26, Z24, Z0")
	a.p("VSHUFF32X4 $0x88, Z26, Z24, Z24")
	a.p("%s Z0, Z24, Z24", op)
	for _, swap := range []int{0x4e, 0xb1} {
		a.p("VPERMILPS $%d, Z24, Z0", swap)
		a.p("%s Z0, Z24, Z24", op)
	}
	a.p("VMOVUPS %s, Z0", pattern("quarters", func(i int) uint32 { return uint32(i % 4 * 4) }))
	a.p("VPERMPS Z24, Z0, Z0")
}

// roughExp writes register x = e^(x - m), x at most m, near enough to be rounded to bfloat16: Z14 holds -m log2 e. n, p are scratch.
func (a *asm) roughExp(x, n, p int) {
	a.p("VFMADD213PS Z14, Z16, Z%d", x)
	a.p("VMAXPS Z%d, Z17, Z%d", x, x) // which keeps what is not a number
	a.roughPower(x, n, p, 18)
}

// tableExp writes register x = e^x for x of at most 88.7: 2^n for the nearest n/32 of x log2 e, which are a power of two and one of the 32 powers of 2^(1/32), and
// for the rest, at most ln(2)/64 of either sign, a polynomial fitted as roughPower's is, 5e-8. Roundings add about as much. n, p and w are scratch; three registers
// from constants on hold tableExpConstants.
func (a *asm) tableExp(x, n, p, w, constants int) {
	a.p("VMOVUPS %s, Z%d", f(-104), w)
	a.p("VMAXPS Z%d, Z%d, Z%d", x, w, x) // which keeps what is not a number
	a.p("VMOVAPS Z%d, Z%d", constants, p)
	a.p("VFMADD231PS %s, Z%d, Z%d", f(math.Log2E), x, p) // the last bits count 32nds
	a.p("VSUBPS Z%d, Z%d, Z%d", constants, p, n)
	a.p("VFNMADD231PS %s, Z%d, Z%d", f(0.693359375), n, x)
	a.p("VFNMADD231PS %s, Z%d, Z%d", f(-2.12194440e-4), n, x)
	a.p("VPERMI2PS Z%d, Z%d, Z%d", constants+2, constants+1, p)
	a.p("VMOVUPS %s, Z%d", f(0.2402265/math.Ln2/math.Ln2), w)
	a.p("VFMADD213PS %s, Z%d, Z%d", f(0.69315733/math.Ln2), x, w)
	a.p("VMULPS Z%d, Z%d, Z%d", x, w, w)
	a.p("VFMADD213PS Z%d, Z%d, Z%d", p, p, w)
	a.p("VSCALEFPS Z%d, Z%d, Z%d", n, w, x)
}

// overExp writes register x = register y / (1 + e^x); the others are tableExp's.
func (a *asm) overExp(y, x, n, p, w, constants int) {
	a.tableExp(x, n, p, w, constants)
	a.p("VADDPS %s, Z%d, Z%d", f(1), x, x)
	a.p("VRCP14PS Z%d, Z%d", x, n) // and a step of Newton's method: a division takes 16 cycles
	a.p("VFNMADD213PS %s, Z%d, Z%d", f(1), n, x)
	a.p("VFMADD213PS Z%d, Z%d, Z%d", n, n, x)
	a.p("VMULPS Z%d, Z%d, Z%d", x, y, x)
}

func (a *asm) tableExpConstants(to int) {
	a.p("VMOVUPS %s, Z%d", f(3<<17), to)
	for i := range 2 {
		a.p("VMOVUPS %s, Z%d", pattern("root32"+string(rune('a'+i)), func(l int) uint32 { return math.Float32bits(float32(math.Exp2(float64(16*i+l) / 32))) }), to+1+i)
	}
}

// expConstants loads what roughExp or tableExp reads.
func (a *asm) expConstants(form expForm) {
	if !form.rough() {
		a.tableExpConstants(16)
		return
	}
	a.p("VMOVUPS %s, Z16", f(math.Log2E))
	a.p("VMOVUPS %s, Z17", f(-200))
	a.roughPowerConstants(18)
}

// roughPower writes register x = 2^x: the whole part goes into the exponent, and 2 to the rest in [0, 1) is a polynomial, fitted by least squares reweighted
// towards the greatest relative error, 7.5e-5 (a rounding to bfloat16 is off by up to 4e-3). n, p are scratch, and four registers from constants on hold
// roughPowerConstants.
func (a *asm) roughPower(x, n, p, constants int) {
	a.p("VREDUCEPS $9, Z%d, Z%d", x, n)
	a.p("VMOVAPS Z%d, Z%d", constants, p)
	for i := 1; i < 4; i++ {
		a.p("VFMADD213PS Z%d, Z%d, Z%d", constants+i, n, p)
	}
	a.p("VSCALEFPS Z%d, Z%d, Z%d", x, p, x)
}

func (a *asm) roughPowerConstants(to int) {
	for i, c := range []float64{0.07802455207584022, 0.22606718461879155, 0.6958334911830812, 0.9999252278791748} {
		a.p("VMOVUPS %s, Z%d", f(c), to+i)
	}
}

// vectors runs body over R12 vectors from SI on, four at a time, then one by one, then over the R13 values of K1. It uses CX.
func (a *asm) vectors(name string, body func(n int, masked bool)) {
	a.p("MOVQ R12, CX")
	for _, n := range []int{4, 1} {
		a.p("SUBQ $%d, CX", n)
		a.p("JLT %s%dend", name, n)
		a.label(name + string(rune('0'+n)))
		body(n, false)
		a.p("ADDQ $%d, SI", a.bytes()*n)
		a.p("SUBQ $%d, CX", n)
		a.p("JGE %s%d", name, n)
		a.label(name + string(rune('0'+n)) + "end")
		a.p("ADDQ $%d, CX", n)
	}
	a.p("TESTQ R13, R13")
	a.p("JZ %sdone", name)
	body(1, true)
	a.p("ADDQ $64, SI")
	a.label(name + "done")
}

// genDivideRows writes rows divided by a number each, zeros where that is zero.
func genDivideRows(a *asm, s *stubs) {
	a.begin(s, "divideRows", "", "dst *float32", "src *float32", "by *float32", "stepDst int", "stepSrc int", "rows int")
	a.p("MOVQ CX, BX")
	a.p("ANDQ $15, CX")
	a.setMask()
	a.p("SHRQ $4, BX")
	a.p("MOVQ CX, R13")
	a.p("VMOVUPS %s, Z3", f(1))
	a.p("VXORPS X4, X4, X4")
	a.label("row")
	a.p("VBROADCASTSS (DX), Z1")
	a.p("VCMPPS $4, Z4, Z1, K2")
	a.p("VDIVPS.Z Z1, Z3, K2, Z2")
	a.p("MOVQ SI, R11")
	a.p("MOVQ DI, R12")
	a.p("MOVQ BX, CX")
	a.p("TESTQ CX, CX")
	a.p("JZ tail")
	a.label("vector")
	a.p("VMULPS (R11), Z2, Z0")
	a.p("VMOVUPS Z0, (R12)")
	a.p("ADDQ $64, R11")
	a.p("ADDQ $64, R12")
	a.p("DECQ CX")
	a.p("JNZ vector")
	a.label("tail")
	a.p("TESTQ R13, R13")
	a.p("JZ next")
	a.p("VMULPS (R11), Z2, Z0") // src has whole vectors
	a.p("VMOVUPS Z0, K1, (R12)")
	a.label("next")
	a.p("ADDQ R8, DI")
	a.p("ADDQ R9, SI")
	a.p("ADDQ $4, DX")
	a.p("DECQ R10")
	a.p("JNZ row")
	a.ret()
}

// genRowsBF16 rounds rows of n values, a multiple of 32.
func genRowsBF16(a *asm, s *stubs) {
	a.begin(s, "rowsBF16", "", "dst *float32", "src *float32", "stepDst int", "stepSrc int", "rows int")
	a.label("row")
	a.p("XORQ AX, AX")
	a.label("vector")
	a.p("VMOVUPS (SI)(AX*4), Z0")
	a.p("VMOVUPS 64(SI)(AX*4), Z1")
	a.cvt2BF16(0, 1, 0)
	a.p("VMOVUPS Z0, (DI)(AX*2)")
	a.p("ADDQ $32, AX")
	a.p("CMPQ AX, CX")
	a.p("JLT vector")
	a.p("ADDQ DX, DI")
	a.p("ADDQ R8, SI")
	a.p("DECQ R9")
	a.p("JNZ row")
	a.ret()
}

// genPairsBF16 rounds two rows of n values, a multiple of 16, and writes pairs of one of each.
func genPairsBF16(a *asm, s *stubs) {
	a.begin(s, "pairsBF16", "", "dst *float32", "x *float32", "y *float32")
	a.p("VMOVUPS %s, Z2", pattern("pairs", func(i int) uint32 { return uint32(i | (16+i)<<16) }))
	a.p("XORQ AX, AX")
	a.label("vector")
	a.p("VMOVUPS (SI)(AX*4), Z0")
	a.p("VMOVUPS (DX)(AX*4), Z1")
	a.cvt2BF16(0, 1, 0)
	a.p("VPERMW Z0, Z2, Z0")
	a.p("VMOVUPS Z0, (DI)(AX*4)")
	a.p("ADDQ $16, AX")
	a.p("CMPQ AX, CX")
	a.p("JLT vector")
	a.ret()
}

// Codes of 16 bits: the inner product of a query and a key whose codes are scaled to a length of 32,767 each stays within 32 bits (Cauchy and Schwarz), and no
// code is larger. A row's exponentials, each times the scale of its key's values, have codes of at most 32,767 whose sum is at most expSum and rounding, half of
// keyBlock; so values whose codes are scaled to a length of valueLength keep sums within 32 bits. Lengths that are no number or no finite one make scales
// such, and so what comes of them.
const (
	codeLength  = 32767
	valueLength = 8000
	expSum      = 1 << 18
)

// codesOf makes scales, of which none is nothing, of the squares of lengths in register x, and inv their inverses.
func (a *asm) codesOf(x, inv string, length float64) {
	a.p("VSQRTPS %s, %s", x, x)
	a.p("VMULPS %s, %s, %s", f(1/length), x, x)
	a.p("VMOVUPS %s, %s", f(1e-30), inv)
	a.p("VMAXPS %s, %s, %s", x, inv, x) // which keeps what is not a number
	a.p("VMOVUPS %s, %s", f(1), inv)
	a.p("VDIVPS %s, %s, %s", x, inv, inv)
}

// genRowsI16 writes codes of rows of n values, a multiple of 32, and a scale each.
func genRowsI16(a *asm, s *stubs) {
	a.begin(s, "rowsI16", "", "dst *float32", "src *float32", "scales *float32", "stepDst int", "stepSrc int", "rows int")
	a.label("row")
	a.clear(4, 5)
	a.p("XORQ AX, AX")
	a.label("square")
	for u := range 2 {
		a.p("VMOVUPS %d(SI)(AX*4), Z%d", 64*u, u)
		a.p("VFMADD231PS Z%d, Z%d, Z%d", u, u, 4+u)
	}
	a.p("ADDQ $32, AX")
	a.p("CMPQ AX, CX")
	a.p("JLT square")
	a.p("VADDPS Z5, Z4, Z0")
	a.fold("VADDPS")
	a.codesOf("X0", "X1", codeLength)
	a.p("VMOVSS X0, (DX)")
	a.p("VBROADCASTSS X1, Z1")
	a.p("XORQ AX, AX")
	a.label("vector")
	a.p("VMULPS (SI)(AX*4), Z1, Z0")
	a.p("VCVTPS2DQ Z0, Z0")
	a.p("VPMOVSDW Z0, Y0")
	a.p("VMOVUPS Y0, (DI)(AX*2)")
	a.p("ADDQ $16, AX")
	a.p("CMPQ AX, CX")
	a.p("JLT vector")
	a.p("ADDQ $4, DX")
	a.p("ADDQ R8, DI")
	a.p("ADDQ R9, SI")
	a.p("DECQ R10")
	a.p("JNZ row")
	a.ret()
}

// genColumnsI16 writes codes of 16 columns of n values, an even number, as pairs of neighbours of a column, and their scales times scale.
func genColumnsI16(a *asm, s *stubs) {
	a.begin(s, "columnsI16", "", "dst *float32", "src *float32", "scales *float32", "stepDst int", "scale float64")
	a.clear(4, 5)
	a.p("MOVQ SI, AX")
	a.p("MOVQ CX, BX")
	a.label("square")
	for u := range 2 {
		a.p("VMOVUPS %d(AX), Z%d", 64*u, u)
		a.p("VFMADD231PS Z%d, Z%d, Z%d", u, u, 4+u)
	}
	a.p("ADDQ $128, AX")
	a.p("SUBQ $2, BX")
	a.p("JG square")
	a.p("VADDPS Z5, Z4, Z4")
	a.codesOf("Z4", "Z2", codeLength)
	a.p("VCVTSD2SS scale+32(FP), X0, X0")
	a.p("VBROADCASTSS X0, Z0")
	a.p("VMULPS Z0, Z4, Z4")
	a.p("VMOVUPS Z4, (DX)")
	a.oddWords()
	a.label("pair")
	a.p("VMULPS (SI), Z2, Z0")
	a.p("VMULPS 64(SI), Z2, Z1")
	a.wordPairs()
	a.p("VMOVUPS Z0, (DI)")
	a.p("ADDQ R8, DI")
	a.p("ADDQ $128, SI")
	a.p("SUBQ $2, CX")
	a.p("JG pair")
	a.ret()
}

// oddWords lets K1 be the upper halves of words.
func (a *asm) oddWords() {
	a.p("MOVL $0xaaaaaaaa, AX")
	a.p("KMOVD AX, K1")
}

// wordPairs rounds Z0 and Z1 to 16 bits and writes pairs of one of each to Z0.
func (a *asm) wordPairs() {
	a.p("VCVTPS2DQ Z0, Z0")
	a.p("VCVTPS2DQ Z1, Z1")
	a.p("VPSLLD $16, Z1, Z1")
	a.p("VPBLENDMW Z1, Z0, K1, Z0")
}

// genPairsI16 writes two rows of n values, a multiple of 16, as pairs of codes of one of each, and their two scales.
func genPairsI16(a *asm, s *stubs) {
	a.begin(s, "pairsI16", "", "dst *float32", "x *float32", "y *float32", "scales *float32")
	a.clear(4, 5)
	a.p("XORQ AX, AX")
	a.label("square")
	for u, row := range []string{"SI", "DX"} {
		a.p("VMOVUPS (%s)(AX*4), Z%d", row, u)
		a.p("VFMADD231PS Z%d, Z%d, Z%d", u, u, 4+u)
	}
	a.p("ADDQ $16, AX")
	a.p("CMPQ AX, CX")
	a.p("JLT square")
	for u := range 2 {
		a.p("VEXTRACTF64X4 $1, Z%d, Y%d", 4+u, u)
		a.p("VADDPS Y%d, Y%d, Y%d", u, 4+u, 4+u)
	}
	a.p("VHADDPS Y5, Y4, Y4")
	a.p("VHADDPS Y4, Y4, Y4")
	a.p("VEXTRACTF128 $1, Y4, X0")
	a.p("VADDPS X0, X4, X4")
	a.codesOf("X4", "X2", valueLength)
	a.p("VMOVSD X4, (R8)")
	a.p("VBROADCASTSS X2, Z4")
	a.p("VPERMILPS $0x55, X2, X2")
	a.p("VBROADCASTSS X2, Z5")
	a.oddWords()
	a.p("XORQ AX, AX")
	a.label("vector")
	a.p("VMULPS (SI)(AX*4), Z4, Z0")
	a.p("VMULPS (DX)(AX*4), Z5, Z1")
	a.wordPairs()
	a.p("VMOVUPS Z0, (DI)(AX*4)")
	a.p("ADDQ $16, AX")
	a.p("CMPQ AX, CX")
	a.p("JLT vector")
	a.ret()
}
