package main

import (
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
	int         bool
	values      int // of the inner dimension in one group
	ahead       int // values of a row of a that one load brings
	bytes       int // of one value of a
	step        func(a *asm, t neonTile, v int)
	one         func(a *asm, t neonTile)
}

type neonTile struct {
	neonKind
	rows, units int
}

func (t neonTile) acc(r, c int) int { return 16 + r*t.units + c }

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

var neonKinds = []neonKind{
	{name: "F32", input: "inputF32", values: 1, ahead: 4, bytes: 4, step: neonF32, one: func(a *asm, t neonTile) { neonF32(a, t, 0) }},
	{name: "Widen", input: "inputF32", values: 2, ahead: 4, bytes: 4, step: neonWiden, one: func(a *asm, t neonTile) { neonWiden(a, t, 0) }},
	{name: "S16", input: "inputS16", int: true, values: 1, ahead: 8, bytes: 2, step: neonS16, one: func(a *asm, t neonTile) { neonS16(a, t, 0) }},
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

func genNEON(a *asm, s *stubs) {
	for _, k := range neonKinds {
		for _, rows := range neonRows {
			for units := 1; units <= neonUnits; units++ {
				t := neonTile{k, rows, units}
				a.neonTile(t)
				fmt.Fprintf(&s.decl, "//go:noescape\nfunc %s(a *gemmArgs)\n\n", t.name())
			}
		}
		fmt.Fprintf(&s.vars, "var gemm%sNEON = gemmKernels{group: %d, input: %s, of: [][]gemmFunc{\n", k.name, k.values, k.input)
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
	a.neonDot(s)
}

func (t neonTile) name() string {
	return fmt.Sprintf("gemm%sNEON_%dx%d", t.neonKind.name, t.rows, t.units)
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
	for i := range t.rows * t.units {
		a.p("VEOR V%d.B16, V%d.B16, V%d.B16", 16+i, 16+i, 16+i)
	}
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
	a.p("RET")
	a.WriteString("\n")
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

// neonDot writes dot products and squared distances of n values, a multiple of 16.
func (a *asm) neonDot(s *stubs) {
	for _, name := range []string{"dotNEON", "sqL2NEON"} {
		a.declare(s, name, "(a, b *float32, n int) float32", "0-28")
		a.p("MOVD a+0(FP), R0")
		a.p("MOVD b+8(FP), R1")
		a.p("MOVD n+16(FP), R2")
		for i := range 4 {
			a.p("VEOR V%d.B16, V%d.B16, V%d.B16", 16+i, 16+i, 16+i)
		}
		a.label("loop")
		a.p("CMP $16, R2")
		a.p("BLT done")
		a.p("VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]")
		a.p("VLD1.P 64(R1), [V4.S4, V5.S4, V6.S4, V7.S4]")
		for i := range 4 {
			if name == "dotNEON" {
				a.p("VFMLA V%d.S4, V%d.S4, V%d.S4", i, 4+i, 16+i)
			} else {
				a.p("%s", three("FSUB", 0x4ea0d400, i, i, 4+i))
				a.p("VFMLA V%d.S4, V%d.S4, V%d.S4", i, i, 16+i)
			}
		}
		a.p("SUB $16, R2, R2")
		a.p("B loop")
		a.label("done")
		a.p("%s", fadd(16, 16, 17))
		a.p("%s", fadd(18, 18, 19))
		a.p("%s", fadd(16, 16, 18))
		a.p("%s", three("FADDP", 0x6e20d400, 16, 16, 16))
		a.p("%s", three("FADDP", 0x6e20d400, 16, 16, 16))
		a.p("FMOVS F16, ret+24(FP)")
		a.p("RET")
		a.WriteString("\n")
	}
}
