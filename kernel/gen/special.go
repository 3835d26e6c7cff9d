package main

import (
	"fmt"
	"strings"
)

// Functions over whole vectors of other types: their Go callers do the tails.

func (a *asm) suffix() string {
	return map[string]string{"Z": "AVX512", "Y": "AVX2", "N": "NEON"}[a.reg]
}

// begin declares a function of pointers (with their types) and a last argument n, the number of values, into registers
// ptrRegs6 and CX. A float64 is rounded to float32 and broadcast to register 4.
func (a *asm) begin(s *stubs, name, result string, params ...string) {
	name += a.suffix()
	sig := strings.Join(params, ", ") + ", n int"
	size := 8*len(params) + 8
	size += map[string]int{"": 0, "float32": 4, "int32": 4, "int": 8}[result]
	a.declare(s, name, "("+sig+") "+result, fmt.Sprintf("0-%d", size))
	for i, p := range params {
		name, typ, _ := strings.Cut(p, " ")
		if name == "scale" {
			continue
		}
		if typ == "float64" {
			a.p("VCVTSD2SS %s+%d(FP), X4, X4", name, 8*i)
			a.p("VBROADCASTSS X4, %s", a.v(4))
			continue
		}
		a.p("MOVQ %s+%d(FP), %s", name, 8*i, ptrRegs6[i])
	}
	a.p("MOVQ n+%d(FP), CX", 8*len(params))
}

var ptrRegs6 = []string{"DI", "SI", "DX", "R8", "R9", "R10"}

// times runs body once for every vector of values of n, index register AX counting values.
func (a *asm) times(label string, values int, body func()) {
	a.p("SUBQ $%d, CX", values)
	a.p("JLT %send", label)
	a.p("PCALIGN $32")
	a.label(label)
	body()
	a.p("ADDQ $%d, AX", values)
	a.p("SUBQ $%d, CX", values)
	a.p("JGE %s", label)
	a.label(label + "end")
	a.p("ADDQ $%d, CX", values)
}

func (a *asm) clear(regs ...int) {
	for _, r := range regs {
		a.p("VPXOR X%d, X%d, X%d", r, r, r)
	}
}

func genSpecial(a *asm, s *stubs) {
	genConvert(a, s)
	genDot4(a, s, "dot4", "float32", a.dotStep)
	genDot4(a, s, "sqL24", "float32", a.sqL2Step)
	genDot4(a, s, "dot4BF16", "BF16", a.dotBF16Step)
	genDot4Int8(a, s)
	genDotInt8(a, s)
	genHamming(a, s)
	genAbove(a, s)
	genTranspose(a, s)
	genSoftmax(a, s)
	genLayerNorm(a, s)
	genStrassen(a, s)
	if a.reg == "Y" {
		genInterleave4(a, s)
	}
}

// genInterleave4 writes four rows as fours of a value of each, lanes values of a row at a time.
func genInterleave4(a *asm, s *stubs) {
	a.begin(s, "interleave4", "", "dst *float32", "src *float32", "step int")
	a.p("LEAQ (DX)(DX*2), R8")
	a.label("eight")
	for r, from := range []string{"(SI)", "(SI)(DX*1)", "(SI)(DX*2)", "(SI)(R8*1)"} {
		a.p("VMOVUPS %s, Y%d", from, r)
	}
	a.p("VUNPCKLPS Y1, Y0, Y4")
	a.p("VUNPCKHPS Y1, Y0, Y5")
	a.p("VUNPCKLPS Y3, Y2, Y6")
	a.p("VUNPCKHPS Y3, Y2, Y7")
	a.p("VSHUFPS $0x44, Y6, Y4, Y0") // columns 0 and 4
	a.p("VSHUFPS $0xee, Y6, Y4, Y1")
	a.p("VSHUFPS $0x44, Y7, Y5, Y2")
	a.p("VSHUFPS $0xee, Y7, Y5, Y3")
	for i, half := range []string{"0x20", "0x31"} {
		a.p("VPERM2F128 $%s, Y1, Y0, Y%d", half, 4+2*i)
		a.p("VPERM2F128 $%s, Y3, Y2, Y%d", half, 5+2*i)
	}
	for i := range 4 {
		a.p("VMOVUPS Y%d, %d(DI)", 4+i, 32*i)
	}
	a.p("ADDQ $32, SI")
	a.p("ADDQ $128, DI")
	a.p("SUBQ $8, CX")
	a.p("JG eight")
	a.ret()
}

// genTranspose writes the transposition of squares of lanes by lanes: pairs of values, of pairs, then of 128-bit lanes. The second one's values are
// pairs of neighbours, rounded to bfloat16.
func genTranspose(a *asm, s *stubs) {
	genTransposed(a, s, "transpose", false)
	if a.reg == "Z" {
		genTransposed(a, s, "transposeBF16", true)
	}
}

func genTransposed(a *asm, s *stubs, name string, pairs bool) {
	n := a.lanes
	a.begin(s, name, "", "dst *float32", "src *float32", "stepDst int", "stepSrc int", "scale float64")
	in, tmp, scale, wide := 16, 0, 0, 1
	if a.reg == "Y" {
		in, tmp, scale = 0, 8, 15
	}
	if pairs {
		wide = 2
	}
	a.label("square")
	a.p("VCVTSD2SS scale+32(FP), X%d, X%d", scale, scale)
	a.p("VBROADCASTSS X%d, %s", scale, a.v(scale))
	a.p("MOVQ SI, AX")
	for i := range n {
		a.p("VMULPS (AX), %s, %s", a.v(scale), a.v(in+i))
		if pairs {
			a.p("VMULPS 64(AX), Z%d, Z%d", scale, tmp+1+i%8)
			a.cvt2BF16(in+i, tmp+1+i%8, in+i)
		}
		a.p("ADDQ R8, AX")
	}
	a.transpose(in, tmp)
	for c := range n {
		a.p("VMOVUPS %s, (DI)", a.v(in+c))
		a.p("ADDQ DX, DI")
	}
	a.p("ADDQ $%d, SI", wide*a.bytes())
	a.p("SUBQ $%d, CX", wide*n)
	a.p("JG square")
	a.ret()
}

// transpose turns the square in registers in, in+1, ... with as many from tmp on as scratch.
func (a *asm) transpose(in, tmp int) {
	op := func(ins string, y, x, dst int) { a.p("%s %s, %s, %s", ins, a.v(y), a.v(x), a.v(dst)) }
	for i := 0; i < a.lanes; i += 2 {
		op("VUNPCKLPS", in+i+1, in+i, tmp+i)
		op("VUNPCKHPS", in+i+1, in+i, tmp+i+1)
	}
	for i := 0; i < a.lanes; i += 4 { // in+i+j now holds columns j, 4+j, ... of rows i to i+3
		op("VSHUFPS $0x44,", tmp+i+2, tmp+i, in+i)
		op("VSHUFPS $0xee,", tmp+i+2, tmp+i, in+i+1)
		op("VSHUFPS $0x44,", tmp+i+3, tmp+i+1, in+i+2)
		op("VSHUFPS $0xee,", tmp+i+3, tmp+i+1, in+i+3)
	}
	if a.reg == "Y" {
		for j := range 4 {
			op("VPERM2F128 $0x20,", in+4+j, in+j, tmp+j)
			op("VPERM2F128 $0x31,", in+4+j, in+j, tmp+4+j)
		}
	} else {
		for j := range 4 {
			op("VSHUFF32X4 $0x44,", in+4+j, in+j, tmp+j)
			op("VSHUFF32X4 $0xee,", in+4+j, in+j, tmp+4+j)
			op("VSHUFF32X4 $0x44,", in+12+j, in+8+j, tmp+8+j)
			op("VSHUFF32X4 $0xee,", in+12+j, in+8+j, tmp+12+j)
		}
		for j := range 4 {
			op("VSHUFF32X4 $0x88,", tmp+8+j, tmp+j, in+j)
			op("VSHUFF32X4 $0xdd,", tmp+8+j, tmp+j, in+4+j)
			op("VSHUFF32X4 $0x88,", tmp+12+j, tmp+4+j, in+8+j)
			op("VSHUFF32X4 $0xdd,", tmp+12+j, tmp+4+j, in+12+j)
		}
		return
	}
	for i := range a.lanes {
		a.p("VMOVAPS %s, %s", a.v(tmp+i), a.v(in+i))
	}
}

func genConvert(a *asm, s *stubs) {
	genBF16(a, s)
	genQuantS8(a, s)
	genHalf(a, s)
	genDotBF16(a, s)
}

// split writes the 32 values of Z0 and Z1 rounded to bfloat16, what they leave so, and what that leaves.
func (a *asm) split(to func(part int) string) {
	for part := range 3 {
		a.cvt2BF16(0, 1, 2)
		a.p("VMOVDQU64 Z2, %s", to(part))
		if part == 2 {
			break
		}
		a.p("VEXTRACTI64X4 $1, Z2, Y3")
		for i, r := range []int{2, 3} {
			a.p("VPMOVZXWD Y%d, Z%d", r, r)
			a.p("VPSLLD $16, Z%d, Z%d", r, r)
			a.p("VSUBPS Z%d, Z%d, Z%d", r, i, i)
		}
	}
}

func genBF16(a *asm, s *stubs) {
	a.begin(s, "fromBF16", "", "dst *float32", "src *BF16")
	a.p("XORQ AX, AX")
	a.times("loop", a.lanes, func() {
		a.p("VPMOVZXWD (SI)(AX*2), %s", a.v(0))
		a.p("VPSLLD $16, %s, %s", a.v(0), a.v(0))
		a.p("VMOVUPS %s, (DI)(AX*4)", a.v(0))
	})
	a.ret()

	if a.reg == "Z" {
		a.begin(s, "splitBF16", "", "dst *BF16", "x *float32")
		a.p("XORQ AX, AX")
		a.times("loop", 32, func() {
			a.p("VMOVUPS (SI)(AX*4), Z0")
			a.p("VMOVUPS 64(SI)(AX*4), Z1")
			a.split(func(part int) string { return fmt.Sprintf("%d(DI)", 64*part) })
			a.p("ADDQ $192, DI")
		})
		a.ret()
	}

	a.begin(s, "toBF16", "", "dst *BF16", "src *float32")
	a.p("XORQ AX, AX")
	a.times("loop", a.lanes, func() {
		a.p("VMOVUPS (SI)(AX*4), %s", a.v(0))
		a.p("VPSRLD $16, %s, %s", a.v(0), a.v(1))
		a.p("%s %s, %s, %s", a.and(), word(1), a.v(1), a.v(1))
		a.p("VPADDD %s, %s, %s", a.v(0), a.v(1), a.v(1))
		a.p("VPADDD %s, %s, %s", word(0x7fff), a.v(1), a.v(1))
		if a.reg == "Z" {
			a.p("VCMPPS $3, Z0, Z0, K1") // not a number
			a.p("VPORD %s, Z0, K1, Z1", word(0x400000))
			a.p("VPSRLD $16, Z1, Z1")
			a.p("VPMOVDW Z1, (DI)(AX*2)")
			return
		}
		a.p("VCMPPS $3, Y0, Y0, Y2")
		a.p("VPOR %s, Y0, Y3", word(0x400000))
		a.p("VBLENDVPS Y2, Y3, Y1, Y1")
		a.p("VPSRLD $16, Y1, Y1")
		a.p("VPACKUSDW Y1, Y1, Y1")
		a.p("VPERMQ $0x08, Y1, Y1")
		a.p("VMOVDQU X1, (DI)(AX*2)")
	})
	a.ret()
}

func genQuantS8(a *asm, s *stubs) {
	a.begin(s, "quantS8", "", "dst *int8", "src *float32", "inv float64", "shift int")
	a.p("XORQ AX, AX")
	a.p("VMOVQ R8, X5")
	a.p("VPBROADCASTB X5, %s", a.v(5))
	a.quantS8()
	a.ret()
}

// quantS8 writes codes of CX values: of what is at SI times register 4, plus the bytes of register 5, to DI. AX counts.
func (a *asm) quantS8() {
	a.packOrder(6)
	a.times("four", 4*a.lanes, func() {
		for u := range 4 {
			a.p("VMULPS %d(SI)(AX*4), %s, %s", u*a.bytes(), a.v(4), a.v(u))
		}
		a.packS8("(DI)(AX*1)", 0, 1, 2, 3, 5, 6)
	})
	a.times("loop", a.lanes, func() {
		a.p("VMULPS (SI)(AX*4), %s, %s", a.v(4), a.v(0))
		a.p("VCVTPS2DQ %s, %s", a.v(0), a.v(0))
		if a.reg == "Z" {
			a.p("VPMOVSDB Z0, X0")
			a.p("VPADDB X5, X0, X0")
			a.p("VMOVDQU X0, (DI)(AX*1)")
			return
		}
		a.p("VEXTRACTI128 $1, Y0, X1")
		a.p("VPACKSSDW X1, X0, X0")
		a.p("VPACKSSWB X0, X0, X0")
		a.p("VPADDB X5, X0, X0")
		a.p("VMOVQ X0, (DI)(AX*1)")
	})
}

// packOrder loads what packS8 puts fours in order by: packing leaves fours of each of the four vectors in every 128 bits.
func (a *asm) packOrder(r int) {
	quarters := a.lanes / 4
	a.p("VMOVDQU%s %s, %s", a.whole(), pattern(fmt.Sprint("packed", a.lanes), func(i int) uint32 { return uint32(i/quarters + i%quarters*4) }), a.v(r))
}

// packS8 rounds four vectors, in registers w to z, to bytes, adds those of register plus and stores them to dst. order is packOrder's register.
func (a *asm) packS8(dst string, w, x, y, z, plus, order int) {
	for _, r := range []int{w, x, y, z} {
		a.p("VCVTPS2DQ %s, %s", a.v(r), a.v(r))
	}
	a.p("VPACKSSDW %s, %s, %s", a.v(x), a.v(w), a.v(w))
	a.p("VPACKSSDW %s, %s, %s", a.v(z), a.v(y), a.v(y))
	a.p("VPACKSSWB %s, %s, %s", a.v(y), a.v(w), a.v(w))
	a.p("VPERMD %s, %s, %s", a.v(w), a.v(order), a.v(w))
	a.p("VPADDB %s, %s, %s", a.v(plus), a.v(w), a.v(w))
	a.p("VMOVDQU%s %s, %s", a.whole(), a.v(w), dst)
}

// whole is what the name of a move of a whole vector ends with.
func (a *asm) whole() string {
	if a.reg == "Z" {
		return "8"
	}
	return ""
}

// genHalf writes the conversions to numbers of 16 bits that have a scale.
func genHalf(a *asm, s *stubs) {
	a.begin(s, "quantS16", "", "dst *int16", "src *float32", "inv float64")
	a.p("XORQ AX, AX")
	a.times("loop", a.lanes, func() {
		a.p("VMULPS (SI)(AX*4), %s, %s", a.v(4), a.v(0))
		a.p("VCVTPS2DQ %s, %s", a.v(0), a.v(0))
		if a.reg == "Z" {
			a.p("VPMOVSDW Z0, (DI)(AX*2)")
			return
		}
		a.p("VEXTRACTI128 $1, Y0, X1")
		a.p("VPACKSSDW X1, X0, X0")
		a.p("VMOVDQU X0, (DI)(AX*2)")
	})
	a.ret()

	if a.reg == "Z" { // only there are products of half precision
		a.begin(s, "scaleF16", "", "dst *F16", "src *float32", "by float64")
		a.p("XORQ AX, AX")
		a.times("loop", a.lanes, func() {
			a.p("VMULPS (SI)(AX*4), Z4, Z0")
			a.p("VCVTPS2PH $0, Z0, (DI)(AX*2)")
		})
		a.ret()
	}
}

func genDotBF16(a *asm, s *stubs) {
	a.begin(s, "dotBF16", "float32", "a *float32", "b *BF16")
	a.p("XORQ AX, AX")
	a.clear(0, 1, 2, 3)
	for _, unroll := range []int{4, 1} {
		a.times(fmt.Sprint("loop", unroll), unroll*a.lanes, func() {
			for u := range unroll {
				a.p("VPMOVZXWD %d(SI)(AX*2), %s", u*a.bytes()/2, a.v(4+u))
				a.p("VPSLLD $16, %s, %s", a.v(4+u), a.v(4+u))
				a.p("VFMADD231PS %d(DI)(AX*4), %s, %s", u*a.bytes(), a.v(4+u), a.v(u))
			}
		})
	}
	sum4(a)
	a.p("VMOVSS X0, ret+24(FP)")
	a.ret()
}

// Steps of the products of one row of q (registers 8 and up by u) with rows in SI, DX, R8, R9... into accumulator acc.

func (a *asm) dotStep(row string, u, acc, q int) {
	a.p("VFMADD231PS %d(%s)(AX*4), %s, %s", u*a.bytes(), row, a.v(q), a.v(acc))
}

func (a *asm) sqL2Step(row string, u, acc, q int) {
	a.p("VSUBPS %d(%s)(AX*4), %s, %s", u*a.bytes(), row, a.v(q), a.v(q+2))
	a.p("VFMADD231PS %s, %s, %s", a.v(q+2), a.v(q+2), a.v(acc))
}

func (a *asm) dotBF16Step(row string, u, acc, q int) {
	a.p("VPMOVZXWD %d(%s)(AX*2), %s", u*a.bytes()/2, row, a.v(q+2))
	a.p("VPSLLD $16, %s, %s", a.v(q+2), a.v(q+2))
	a.p("VFMADD231PS %s, %s, %s", a.v(q+2), a.v(q), a.v(acc))
}

var rowRegs = []string{"DX", "R8", "R9", "R10"}

// genDot4 writes the products of q with four rows at once, two vectors at a time.
func genDot4(a *asm, s *stubs, name, elem string, step func(row string, u, acc, q int)) {
	a.begin(s, name, "", "out *[4]float32", "q *float32", "a *"+elem, "b *"+elem, "c *"+elem, "d *"+elem)
	a.p("XORQ AX, AX")
	a.clear(0, 1, 2, 3, 4, 5, 6, 7)
	for _, unroll := range []int{2, 1} {
		a.times(fmt.Sprint("loop", unroll), unroll*a.lanes, func() {
			for u := range unroll {
				a.p("VMOVUPS %d(SI)(AX*4), %s", u*a.bytes(), a.v(8+u))
			}
			for u := range unroll {
				for i, r := range rowRegs {
					step(r, u, i+4*u, 8+u)
				}
			}
		})
	}
	for i := range 4 {
		a.p("VADDPS %s, %s, %s", a.v(i+4), a.v(i), a.v(i+4))
	}
	a.fold4("VADDPS", "VHADDPS")
	a.p("VMOVUPS X0, (DI)")
	a.ret()
}

// fold4 leaves the sums of the lanes of registers 4 to 7 in X0.
func (a *asm) fold4(add, pairs string) {
	for i := 4; i < 8; i++ {
		if a.reg == "Z" {
			a.p("VEXTRACTF64X4 $1, Z%d, Y%d", i, i-4)
			a.p("%s Y%d, Y%d, Y%d", add, i-4, i, i)
		}
	}
	a.p("%s Y5, Y4, Y4", pairs)
	a.p("%s Y7, Y6, Y6", pairs)
	a.p("%s Y6, Y4, Y4", pairs)
	a.p("VEXTRACTF128 $1, Y4, X0")
	a.p("%s X4, X0, X0", add)
}

// genDot4Int8 writes exact products of bytes. With VNNI the rows plus 128 are the unsigned side, and 128 times the sum of
// q is taken off; without it both are widened to int16.
func genDot4Int8(a *asm, s *stubs) {
	params := []string{"out *[4]int32", "q *int8", "a *int8", "b *int8", "c *int8", "d *int8"}
	a.begin(s, "dot4Int8", "", params...)
	a.p("XORQ AX, AX")
	a.clear(4, 5, 6, 7)
	a.times("loop", 2*a.lanes, func() {
		a.p("VPMOVSXBW (SI)(AX*1), %s", a.v(8))
		for i, r := range rowRegs {
			a.p("VPMOVSXBW (%s)(AX*1), %s", r, a.v(9))
			a.p("VPMADDWD %s, %s, %s", a.v(8), a.v(9), a.v(9))
			a.p("VPADDD %s, %s, %s", a.v(9), a.v(4+i), a.v(4+i))
		}
	})
	a.fold4("VPADDD", "VPHADDD")
	a.p("VMOVUPS X0, (DI)")
	a.ret()
	a.begin(s, "dot4Int8VNNI", "", params...)
	a.p("XORQ AX, AX")
	a.clear(4, 5, 6, 7, 10)
	a.p("VMOVUPS %s, %s", word(0x80808080), a.v(11))
	a.p("VMOVUPS %s, %s", word(0x01010101), a.v(12))
	a.times("loop", a.bytes(), func() {
		a.p("VMOVUPS (SI)(AX*1), %s", a.v(8))
		a.dpbusd(8, 12, 10)
		for i, r := range rowRegs {
			a.p("%s (%s)(AX*1), %s, %s", a.xor(), r, a.v(11), a.v(i))
			a.dpbusd(8, i, 4+i)
		}
	})
	a.p("VPSLLD $7, %s, %s", a.v(10), a.v(10))
	for i := range 4 {
		a.p("VPSUBD %s, %s, %s", a.v(10), a.v(4+i), a.v(4+i))
	}
	a.fold4("VPADDD", "VPHADDD")
	a.p("VMOVUPS X0, (DI)")
	a.ret()
}

// genDotInt8 writes the exact product of two rows of bytes, by the same two ways.
func genDotInt8(a *asm, s *stubs) {
	params := []string{"a *int8", "b *int8"}
	a.begin(s, "dotInt8", "int32", params...)
	a.p("XORQ AX, AX")
	a.clear(0, 1)
	for _, unroll := range []int{2, 1} {
		a.times(fmt.Sprint("loop", unroll), 2*unroll*a.lanes, func() {
			for u := range unroll {
				a.p("VPMOVSXBW %d(DI)(AX*1), %s", u*a.bytes()/2, a.v(2+u))
				a.p("VPMOVSXBW %d(SI)(AX*1), %s", u*a.bytes()/2, a.v(4+u))
				a.p("VPMADDWD %s, %s, %s", a.v(2+u), a.v(4+u), a.v(4+u))
				a.p("VPADDD %s, %s, %s", a.v(4+u), a.v(u), a.v(u))
			}
		})
	}
	a.sumInt32(0, 1)
	a.begin(s, "dotInt8VNNI", "int32", params...)
	a.p("XORQ AX, AX")
	a.clear(0, 1, 8, 9)
	a.p("VMOVUPS %s, %s", word(0x80808080), a.v(11))
	a.p("VMOVUPS %s, %s", word(0x01010101), a.v(12))
	for _, unroll := range []int{2, 1} {
		a.times(fmt.Sprint("loop", unroll), unroll*a.bytes(), func() {
			for u := range unroll {
				a.p("VMOVUPS %d(DI)(AX*1), %s", u*a.bytes(), a.v(2+u))
				a.p("%s %d(SI)(AX*1), %s, %s", a.xor(), u*a.bytes(), a.v(11), a.v(4+u))
				a.dpbusd(2+u, 12, 8+u)
				a.dpbusd(2+u, 4+u, u)
			}
		})
	}
	a.p("VPADDD %s, %s, %s", a.v(9), a.v(8), a.v(8))
	a.p("VPSLLD $7, %s, %s", a.v(8), a.v(8))
	a.p("VPSUBD %s, %s, %s", a.v(8), a.v(0), a.v(0))
	a.sumInt32(0, 1)
}

// sumInt32 returns the sum of the lanes of two registers.
func (a *asm) sumInt32(x, y int) {
	a.p("VPADDD %s, %s, %s", a.v(y), a.v(x), a.v(0))
	a.fold("VPADDD")
	a.p("VMOVD X0, AX")
	a.p("MOVL AX, ret+24(FP)")
	a.ret()
}

// genHamming writes the distances in bits of q (d) to n rows (n, d), by the scalar count of bits.
func genHamming(a *asm, s *stubs) {
	if a.reg != "Y" {
		return
	}
	const sig = "func hammingRowsAMD64(out *int32, q, rows *uint64, d, n int)"
	fmt.Fprintf(&s.decl, "//go:noescape\n%s\n\n", sig)
	fmt.Fprintf(a, "// %s\n", sig)
	a.text("hammingRowsAMD64", "0-40")
	for i, p := range []string{"out DI", "q SI", "rows DX", "d R8", "n CX"} {
		name, reg, _ := strings.Cut(p, " ")
		a.p("MOVQ %s+%d(FP), %s", name, 8*i, reg)
	}
	a.p("TESTQ CX, CX")
	a.p("JZ done")
	a.label("row")
	a.p("XORQ AX, AX")
	a.p("XORQ R9, R9")
	a.p("XORQ R10, R10")
	word := func(off int, sum string) {
		a.p("MOVQ %d(SI)(AX*8), BX", off)
		a.p("XORQ %d(DX)(AX*8), BX", off)
		a.p("POPCNTQ BX, BX")
		a.p("ADDQ BX, %s", sum)
	}
	a.p("MOVQ R8, R11")
	a.p("SUBQ $4, R11")
	a.p("JLT fourend")
	a.label("four")
	for u := range 4 {
		word(8*u, []string{"R9", "R10"}[u%2])
	}
	a.p("ADDQ $4, AX")
	a.p("SUBQ $4, R11")
	a.p("JGE four")
	a.label("fourend")
	a.p("ADDQ $4, R11")
	a.p("JZ next")
	a.label("one")
	word(0, "R9")
	a.p("INCQ AX")
	a.p("DECQ R11")
	a.p("JNZ one")
	a.label("next")
	a.p("ADDQ R10, R9")
	a.p("MOVL R9, (DI)")
	a.p("ADDQ $4, DI")
	a.p("LEAQ (DX)(R8*8), DX")
	a.p("DECQ CX")
	a.p("JNZ row")
	a.label("done")
	a.p("RET")
	a.WriteString("\n")
}

// genAbove writes the search for scores above limits: comparisons of whole vectors, bits taken one by one, as hits are few.
func genAbove(a *asm, s *stubs) {
	for _, one := range []bool{false, true} {
		name, last := "above", "limits *float32"
		if one {
			name, last = "greater", "limit float64"
		}
		a.begin(s, name, "int", "dst *int32", "scores *float32", last)
		a.p("MOVQ DI, R8")
		a.p("XORQ AX, AX")
		a.times("loop", a.lanes, func() {
			limit := a.v(4)
			if !one {
				limit = "(DX)(AX*4)"
			}
			a.p("VMOVUPS (SI)(AX*4), %s", a.v(0))
			// limit < score, ordered
			if a.reg == "Z" {
				a.p("VCMPPS $0x1e, %s, Z0, K1", limit)
				a.p("KMOVW K1, BX")
				a.p("TESTL BX, BX")
			} else {
				a.p("VCMPPS $0x1e, %s, Y0, Y2", limit)
				a.p("VMOVMSKPS Y2, BX")
				a.p("TESTL BX, BX")
			}
			a.p("JZ next")
			a.label("bit")
			a.p("BSFL BX, R9")
			a.p("ADDL AX, R9")
			a.p("MOVL R9, (DI)")
			a.p("ADDQ $4, DI")
			a.p("LEAL -1(BX), R9")
			a.p("ANDL R9, BX")
			a.p("JNZ bit")
			a.label("next")
		})
		a.p("SUBQ R8, DI")
		a.p("SHRQ $2, DI")
		a.p("MOVQ DI, ret+32(FP)")
		a.ret()
	}
}
