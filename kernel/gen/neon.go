package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"strings"
)

// NEON: tiles of 1, 2, 4 and 8 rows by 4 or 8 columns. Registers: R0 to R7 the rows of a, R8 b, R9 its step, R10 c, R11 its
// step, R12 groups, R13 the arguments, R14 scratch. V16 and up are accumulators; V0 to V7 hold values of a, V8 to V15 are b and
// scratch. Multiplications by one element of a vector have no mnemonic in the assembler.

// neonRows are the heights of tiles.
var neonRows = []int{1, 2, 4, 8}

const neonUnits = 2

type neonKind struct {
	name, input string
	tier        string // NEON where it is empty
	int         bool
	pairs       bool // sums are of two rows and two columns
	values      int  // of the inner dimension in one group
	ahead       int  // values of a row of a that one load brings
	bytes       int  // of one value of a
	step        func(a *asm, t neonTile, v int)
	one         func(a *asm, t neonTile)
}

type neonTile struct {
	neonKind
	rows, units int
}

// acc is the accumulator of row r and columns 4c to 4c+3. In pairs it is, until the epilogue, that of r's two rows and of columns 4c and 4c+1 for
// even r, 4c+2 and 4c+3 for odd.
func (t neonTile) acc(r, c int) int { return 16 + r*t.units + c }

// accs is how many vectors sums take.
func (t neonTile) accs() int {
	if t.pairs {
		return max(2, t.rows) * t.units
	}
	return t.rows * t.units
}

// fmla is FMLA Vd.4S, Vn.4S, Vm.S[i] (Arm ARM C7.2, by element).
func fmla(d, n, m, i int) string {
	return fmt.Sprintf("WORD $0x%08x // FMLA V%d.4S, V%d.4S, V%d.S[%d]", 0x4f801000|i&1<<21|m<<16|i>>1<<11|n<<5|d, d, n, m, i)
}

// smlal is SMLAL or SMLAL2 Vd.4S, Vn.4H or 8H, Vm.H[i], m below 16.
func smlal(d, n, m, i, upper int) string {
	return fmt.Sprintf("WORD $0x%08x // SMLAL%s V%d.4S, V%d, V%d.H[%d]", 0x0f402000|upper<<30|i&1<<20|i>>1&1<<21|i>>2<<11|m<<16|n<<5|d,
		map[int]string{0: "", 1: "2"}[upper], d, n, m, i)
}

// three is an instruction of three registers of 4 lanes.
func three(name string, code, d, n, m int) string {
	return fmt.Sprintf("WORD $0x%08x // %s V%d.4S, V%d.4S, V%d.4S", code|m<<16|n<<5|d, name, d, n, m)
}

func fadd(d, n, m int) string { return three("FADD", 0x4e20d400, d, n, m) }
func fmul(d, n, m int) string { return three("FMUL", 0x6e20dc00, d, n, m) }

// scvtf is SCVTF Vd.4S, Vd.4S; sxtl is SSHLL Vd.8H, Vn.8B, #0.
func scvtf(d int) string { return fmt.Sprintf("WORD $0x%08x // SCVTF V%d.4S", 0x4e21d800|d<<5|d, d) }
func sxtl(d, n int) string {
	return fmt.Sprintf("WORD $0x%08x // SXTL V%d.8H, V%d.8B", 0x0f08a400|n<<5|d, d, n)
}

// sdot is SDOT Vd.4S, Vn.16B, Vm.16B (FEAT_DotProd): each lane of d adds the products of its four bytes.
func sdot(d, n, m int) string {
	return fmt.Sprintf("WORD $0x%08x // SDOT V%d.4S, V%d.16B, V%d.16B", 0x4e809400|m<<16|n<<5|d, d, n, m)
}

// smmla is SMMLA Vd.4S, Vn.16B, Vm.16B (FEAT_I8MM): d, two by two, adds the products of the two rows of eight bytes of n with those of m.
func smmla(d, n, m int) string {
	return fmt.Sprintf("WORD $0x%08x // SMMLA V%d.4S, V%d.16B, V%d.16B", 0x4e80a400|m<<16|n<<5|d, d, n, m)
}

// bfmmla is BFMMLA Vd.4S, Vn.8H, Vm.8H (FEAT_BF16): the same of rows of four bfloat16, in float32.
func bfmmla(d, n, m int) string {
	return fmt.Sprintf("WORD $0x%08x // BFMMLA V%d.4S, V%d.8H, V%d.8H", 0x6e40ec00|m<<16|n<<5|d, d, n, m)
}

// sdotOf is sdot with the four bytes of one lane of m.
func sdotOf(d, n, m, i int) string {
	return fmt.Sprintf("WORD $0x%08x // SDOT V%d.4S, V%d.16B, V%d.4B[%d]", 0x4f80e000|i&1<<21|m<<16|i>>1<<11|n<<5|d, d, n, m, i)
}

var neonKinds = []neonKind{
	{name: "F32", input: "inputF32", values: 1, ahead: 4, bytes: 4, step: neonF32, one: func(a *asm, t neonTile) { neonF32(a, t, 0) }},
	{name: "Widen", input: "inputF32", values: 2, ahead: 4, bytes: 4, step: neonWiden, one: func(a *asm, t neonTile) { neonWiden(a, t, 0) }},
	{name: "S16", input: "inputS16", int: true, values: 1, ahead: 8, bytes: 2, step: neonS16, one: func(a *asm, t neonTile) { neonS16(a, t, 0) }},
	{name: "S8", tier: "DotProd", input: "inputS8", int: true, values: 4, ahead: 16, bytes: 1, step: neonS8, one: func(a *asm, t neonTile) { neonS8(a, t, 0) }},
	{name: "S8", tier: "I8MM", input: "inputS8", int: true, pairs: true, values: 8, ahead: 16, bytes: 1, step: neonPairs(smmla), one: func(a *asm, t neonTile) { neonPairs(smmla)(a, t, 0) }},
	{name: "BF16", tier: "I8MM", input: "inputBF16", pairs: true, values: 4, ahead: 8, bytes: 2, step: neonPairs(bfmmla), one: func(a *asm, t neonTile) { neonPairs(bfmmla)(a, t, 0) }},
}

func (t neonTile) vectors(first int) string {
	var v []string
	for c := range t.units {
		v = append(v, fmt.Sprintf("V%d.S4", first+c))
	}
	return strings.Join(v, ", ")
}

func neonF32(a *asm, t neonTile, v int) {
	b := 8 + v%4*t.units
	a.p("VLD1 (R8), [%s]", t.vectors(b))
	a.p("ADD R9, R8, R8")
	for r := range t.rows {
		for c := range t.units {
			a.p("%s", fmla(t.acc(r, c), b+c, r, v))
		}
	}
}

// neonWiden takes the group of the values v and v+1: b holds pairs, the even value in the lower half.
func neonWiden(a *asm, t neonTile, v int) {
	if v%2 == 1 {
		return
	}
	a.p("VLD1 (R8), [%s]", t.vectors(8))
	a.p("ADD R9, R8, R8")
	for c := range t.units {
		a.p("VSHL $16, V%d.S4, V%d.S4", 8+c, 10+c)
		a.p("VUSHR $16, V%d.S4, V%d.S4", 8+c, 8+c)
		a.p("VSHL $16, V%d.S4, V%d.S4", 8+c, 8+c)
	}
	for half := range 2 {
		for r := range t.rows {
			for c := range t.units {
				a.p("%s", fmla(t.acc(r, c), 10-2*half+c, r, v+half))
			}
		}
	}
}

func neonS16(a *asm, t neonTile, v int) {
	if t.units == 1 {
		a.p("FMOVS (R8), F8")
	} else {
		a.p("FMOVD (R8), F8")
	}
	a.p("ADD R9, R8, R8")
	a.p("%s", sxtl(9, 8))
	for r := range t.rows {
		for c := range t.units {
			a.p("%s", smlal(t.acc(r, c), 9, r, v, c))
		}
	}
}

// neonS8 takes the group of the values v to v+3.
func neonS8(a *asm, t neonTile, v int) {
	if v%4 != 0 {
		return
	}
	b := 8 + v/4%4*t.units
	a.p("VLD1 (R8), [%s]", t.vectors(b))
	a.p("ADD R9, R8, R8")
	for r := range t.rows {
		for c := range t.units {
			a.p("%s", sdotOf(t.acc(r, c), b+c, r, v/4))
		}
	}
}

// neonPairs takes a group, eight bytes, of rows by twos, in one vector.
func neonPairs(product func(d, n, m int) string) func(a *asm, t neonTile, v int) {
	return func(a *asm, t neonTile, v int) {
		if v%t.values != 0 {
			return
		}
		if v == 0 { // both groups of rows r and r+1 into V r and V r+1
			for r := 0; r < t.rows; r += 2 {
				second := r + min(1, t.rows-1)
				a.p("VTRN1 V%d.D2, V%d.D2, V12.D2", second, r)
				a.p("VTRN2 V%d.D2, V%d.D2, V%d.D2", second, r, r+1)
				a.p("VMOV V12.B16, V%d.B16", r)
			}
		}
		if t.units == 1 {
			a.p("VLD1 (R8), [V8.B16, V9.B16]")
		} else {
			a.p("VLD1 (R8), [V8.B16, V9.B16, V10.B16, V11.B16]")
		}
		a.p("ADD R9, R8, R8")
		for r := 0; r < t.rows; r += 2 {
			for c := range t.units {
				for half := range 2 {
					a.p("%s", product(t.acc(r+half, c), r+v/t.values, 8+2*c+half))
				}
			}
		}
	}
}

func (k neonKind) suffix() string { return cmp.Or(k.tier, "NEON") }

func genNEON(a *asm, s *stubs) {
	for _, k := range neonKinds {
		for _, rows := range neonRows {
			for units := 1; units <= neonUnits; units++ {
				t := neonTile{k, rows, units}
				a.neonTile(t)
				fmt.Fprintf(&s.decl, "//go:noescape\nfunc %s(a *gemmArgs)\n\n", t.name())
			}
		}
		fmt.Fprintf(&s.vars, "var gemm%s%s = gemmKernels{group: %d, input: %s, of: [][]gemmFunc{\n", k.name, k.suffix(), k.values, k.input)
		at := 0
		for rows := 1; rows <= 8; rows++ {
			if neonRows[at] != rows {
				fmt.Fprintf(&s.vars, "nil,\n")
				continue
			}
			at++
			fmt.Fprintf(&s.vars, "{%s, %s},\n", neonTile{k, rows, 1}.name(), neonTile{k, rows, 2}.name())
		}
		fmt.Fprintf(&s.vars, "}}\n\n")
	}
	genNEONSpecial(a, s)
	genNEONPeak(a, s)
}

func (t neonTile) name() string {
	return fmt.Sprintf("gemm%s%s_%dx%d", t.neonKind.name, t.suffix(), t.rows, t.units)
}

func (a *asm) neonTile(t neonTile) {
	fmt.Fprintf(a, "// func %s(a *gemmArgs)\n", t.name())
	a.text(t.name(), "0-8")
	a.p("MOVD a+0(FP), R13")
	a.label("tile")
	for _, m := range []struct{ field, reg string }{{"groups", "R12"}, {"a", "R0"}, {"lda", "R14"}, {"b", "R8"}, {"ldb", "R9"}, {"c", "R10"}, {"ldc", "R11"}} {
		a.p("MOVD gemmArgs_%s(R13), %s", m.field, m.reg)
	}
	for r := 1; r < t.rows; r++ {
		a.p("ADD R14, R%d, R%d", r-1, r)
	}
	a.neonClear(16, t.accs())
	groups := t.ahead / t.values
	a.label("loop")
	a.p("CMP $%d, R12", groups)
	a.p("BLT tail")
	for r := range t.rows {
		a.p("VLD1.P 16(R%d), [V%d.S4]", r, r)
	}
	for v := range t.ahead {
		t.step(a, t, v)
	}
	a.p("SUB $%d, R12, R12", groups)
	a.p("B loop")
	a.label("tail")
	a.p("CBZ R12, done")
	for r := range t.rows {
		if size := t.bytes * t.values; size == 2 {
			a.p("MOVHU.P 2(R%d), R14", r)
			a.p("VMOV R14, V%d.S[0]", r)
		} else if size == 4 {
			a.p("FMOVS.P 4(R%d), F%d", r, r)
		} else {
			a.p("FMOVD.P 8(R%d), F%d", r, r)
		}
	}
	t.one(a, t)
	a.p("SUB $1, R12, R12")
	a.p("B tail")
	a.label("done")
	a.neonEpilogue(t)
	a.neonNextTile(t)
	a.neonRet()
}

// neonNextTile goes on with the rows below, where there are more tiles.
func (a *asm) neonNextTile(t neonTile) {
	a.p("MOVD gemmArgs_tiles(R13), R0")
	a.p("SUBS $1, R0, R0")
	a.p("BLE end")
	a.p("MOVD R0, gemmArgs_tiles(R13)")
	a.p("MOVD gemmArgs_a(R13), R1")
	a.p("MOVD gemmArgs_lda(R13), R2")
	a.p("ADD R2<<%d, R1, R1", bits.TrailingZeros(uint(t.rows)))
	a.p("MOVD R1, gemmArgs_a(R13)")
	a.p("MOVD R10, gemmArgs_c(R13)")
	a.p("MOVD R3, gemmArgs_add(R13)")
	if t.int {
		a.p("MOVD gemmArgs_rowS(R13), R1")
		a.p("ADD $%d, R1, R1", 4*t.rows)
		a.p("MOVD R1, gemmArgs_rowS(R13)")
	}
	a.p("B tile")
	a.label("end")
}

func (a *asm) neonEpilogue(t neonTile) {
	each := func(f func(r, c int)) {
		for r := range t.rows {
			for c := range t.units {
				f(r, c)
			}
		}
	}
	if t.pairs { // rows of four columns
		for r := 0; r < t.rows; r += 2 {
			for c := range t.units {
				x, y := t.acc(r, c), t.acc(r+1, c)
				a.p("VTRN1 V%d.D2, V%d.D2, V12.D2", y, x)
				a.p("VTRN2 V%d.D2, V%d.D2, V%d.D2", y, x, y)
				a.p("VMOV V12.B16, V%d.B16", x)
			}
		}
	}
	if t.int {
		a.p("MOVD gemmArgs_colS(R13), R0")
		a.p("MOVD gemmArgs_rowS(R13), R1")
		a.p("VLD1 (R0), [%s]", t.vectors(0))
		for r := range t.rows {
			a.p("VLD1R.P 4(R1), [V8.S4]")
			for c := range t.units {
				a.p("%s", scvtf(t.acc(r, c)))
				a.p("%s", fmul(t.acc(r, c), t.acc(r, c), c))
				a.p("%s", fmul(t.acc(r, c), t.acc(r, c), 8))
			}
		}
	}
	a.p("MOVD gemmArgs_bias(R13), R0")
	a.p("CBZ R0, nobias")
	a.p("VLD1 (R0), [%s]", t.vectors(0))
	each(func(r, c int) { a.p("%s", fadd(t.acc(r, c), t.acc(r, c), c)) })
	a.label("nobias")
	a.p("MOVD gemmArgs_add(R13), R3")
	a.p("CBZ R3, store")
	a.p("MOVD gemmArgs_ldAdd(R13), R1")
	for r := range t.rows {
		a.p("VLD1 (R3), [%s]", t.vectors(0))
		a.p("ADD R1, R3, R3")
		for c := range t.units {
			a.p("%s", fadd(t.acc(r, c), t.acc(r, c), c))
		}
	}
	a.label("store")
	for r := range t.rows {
		a.p("VST1 [%s], (R10)", t.vectors(t.acc(r, 0)))
		a.p("ADD R11, R10, R10")
	}
}

// genNEONSpecial writes functions of whole vectors of other types: their Go callers do the tails.
func genNEONSpecial(a *asm, s *stubs) {
	// round(src*inv) + shift, in 8 bits, sixteen values at a time
	a.neonBegin(s, "quantS8NEON", "", "dst *int8", "src *float32", "inv float64", "shift int")
	a.p("FCVTDS F4, F4")
	a.p("VDUP V4.S[0], V4.S4")
	a.p("VDUP R3, V5.B16")
	a.neonTimes(16, func() {
		a.p("VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]")
		for i := range 4 {
			a.p("%s", fmul(i, i, 4))
			a.p("%s", two("FCVTNS", 0x4e21a800, i, i))
		}
		a.p("%s", two("SQXTN.4H", 0x0e614800, 0, 0))
		a.p("%s", two("SQXTN2.8H", 0x4e614800, 0, 1))
		a.p("%s", two("SQXTN.4H", 0x0e614800, 2, 2))
		a.p("%s", two("SQXTN2.8H", 0x4e614800, 2, 3))
		a.p("%s", two("SQXTN.8B", 0x0e214800, 0, 0))
		a.p("%s", two("SQXTN2.16B", 0x4e214800, 0, 2))
		a.p("VADD V5.B16, V0.B16, V0.B16")
		a.p("VST1.P [V0.B16], 16(R0)")
	})
	a.neonRet()

	a.neonBegin(s, "fromBF16NEON", "", "dst *float32", "src *BF16")
	a.neonTimes(8, func() {
		a.p("VLD1.P 16(R1), [V0.H8]")
		a.widenBF16(0, 1)
		a.p("VST1.P [V1.S4, V2.S4], 32(R0)")
	})
	a.neonRet()

	a.neonBegin(s, "toBF16I8MM", "", "dst *BF16", "src *float32")
	a.neonTimes(8, func() {
		a.p("VLD1.P 32(R1), [V0.S4, V1.S4]")
		a.p("%s", two("BFCVTN.4H", 0x0ea16800, 2, 0))
		a.p("%s", two("BFCVTN2.8H", 0x4ea16800, 2, 1))
		a.p("VST1.P [V2.H8], 16(R0)")
	})
	a.neonRet()

	a.neonBegin(s, "dotBF16NEON", "float32", "a *float32", "b *BF16")
	a.neonClear(16, 4)
	a.neonTimes(16, func() {
		a.p("VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]")
		a.p("VLD1.P 32(R1), [V4.H8, V5.H8]")
		a.widenBF16(4, 6)
		a.widenBF16(5, 8)
		for i := range 4 {
			a.p("VFMLA V%d.S4, V%d.S4, V%d.S4", i, 6+i, 16+i)
		}
	})
	a.p("%s", fadd(16, 16, 17))
	a.p("%s", fadd(18, 18, 19))
	a.p("%s", fadd(16, 16, 18))
	a.p("%s", three("FADDP", 0x6e20d400, 16, 16, 16))
	a.p("%s", three("FADDP", 0x6e20d400, 16, 16, 16))
	a.p("FMOVS F16, ret+24(FP)")
	a.neonRet()

	genNEONTranspose(a, s)
	genNEONDotProd(a, s)
}

// widenBF16 writes eight numbers as float32 into two vectors.
func (a *asm) widenBF16(from, to int) {
	a.p("VUSHLL $0, V%d.H4, V%d.S4", from, to)
	a.p("VUSHLL2 $0, V%d.H8, V%d.S4", from, to+1)
	a.p("VSHL $16, V%d.S4, V%d.S4", to, to)
	a.p("VSHL $16, V%d.S4, V%d.S4", to+1, to+1)
}

// genNEONDotProd writes exact products of bytes.
func genNEONDotProd(a *asm, s *stubs) {
	a.neonBegin(s, "dotInt8DotProd", "int32", "a *int8", "b *int8")
	a.neonClear(16, 2)
	a.neonTimes(32, func() {
		a.p("VLD1.P 32(R0), [V0.B16, V1.B16]")
		a.p("VLD1.P 32(R1), [V2.B16, V3.B16]")
		a.p("%s", sdot(16, 0, 2))
		a.p("%s", sdot(17, 1, 3))
	})
	a.p("VADD V17.S4, V16.S4, V16.S4")
	a.p("VADDV V16.S4, V16")
	a.p("FMOVS F16, ret+24(FP)") // its 32 bits
	a.neonRet()

	a.neonBegin(s, "dot4Int8DotProd", "", "out *[4]int32", "q *int8", "a *int8", "b *int8", "c *int8", "d *int8")
	a.neonClear(16, 4)
	a.neonTimes(16, func() {
		a.p("VLD1.P 16(R1), [V0.B16]")
		for i := range 4 {
			a.p("VLD1.P 16(R%d), [V%d.B16]", 2+i, 1+i)
			a.p("%s", sdot(16+i, 0, 1+i))
		}
	})
	for i := 0; i < 4; i += 2 {
		a.p("VADDP V%d.S4, V%d.S4, V%d.S4", 17+i, 16+i, 16+i)
	}
	a.p("VADDP V18.S4, V16.S4, V16.S4")
	a.p("VST1 [V16.S4], (R0)")
	a.neonRet()
}

// genNEONTranspose writes the transposition of squares of four by four.
func genNEONTranspose(a *asm, s *stubs) {
	a.neonBegin(s, "transposeNEON", "", "dst *float32", "src *float32", "stepDst int", "stepSrc int", "scale float64")
	a.p("FCVTDS F4, F4")
	a.p("VDUP V4.S[0], V4.S4")
	a.neonTimes(4, func() {
		a.p("MOVD R1, R9")
		for i := range 4 {
			a.p("VLD1 (R9), [V%d.S4]", i)
			a.p("ADD R3, R9, R9")
			a.p("%s", fmul(i, i, 4))
		}
		for i := 0; i < 4; i += 2 {
			a.p("VTRN1 V%d.S4, V%d.S4, V%d.S4", i+1, i, 16+i)
			a.p("VTRN2 V%d.S4, V%d.S4, V%d.S4", i+1, i, 17+i)
		}
		for i := range 2 {
			a.p("VTRN1 V%d.D2, V%d.D2, V%d.D2", 18+i, 16+i, i)
			a.p("VTRN2 V%d.D2, V%d.D2, V%d.D2", 18+i, 16+i, 2+i)
		}
		for i := range 4 {
			a.p("VST1 [V%d.S4], (R0)", i)
			a.p("ADD R2, R0, R0")
		}
		a.p("ADD $16, R1, R1")
	})
	a.neonRet()
}

// neonBegin declares a function of pointers and numbers into R0 and up, of float64 into V4, and a last argument n, the number of values, in R8.
func (a *asm) neonBegin(s *stubs, name, result string, params ...string) {
	a.declare(s, name, "("+strings.Join(params, ", ")+", n int) "+result, fmt.Sprintf("0-%d", 8*len(params)+8+map[string]int{"": 0, "float32": 4, "int32": 4}[result]))
	for i, p := range params {
		name, typ, _ := strings.Cut(p, " ")
		if typ == "float64" {
			a.p("FMOVD %s+%d(FP), F4", name, 8*i)
			continue
		}
		a.p("MOVD %s+%d(FP), R%d", name, 8*i, i)
	}
	a.p("MOVD n+%d(FP), R8", 8*len(params))
}

func (a *asm) neonRet() {
	a.p("RET")
	a.WriteString("\n")
}

// neonTimes runs body once for every so many values of R8.
func (a *asm) neonTimes(values int, body func()) {
	a.label("loop")
	a.p("SUBS $%d, R8, R8", values)
	a.p("BLT done")
	body()
	a.p("B loop")
	a.label("done")
}

func (a *asm) neonClear(first, n int) {
	for i := range n {
		a.p("VEOR V%d.B16, V%d.B16, V%d.B16", first+i, first+i, first+i)
	}
}
