package main

import (
	"fmt"
	"math"
)

// genTurnU8 writes AVX-512's turn of rows (rotation) together with their codes: the last stage finds a row's greatest magnitude, and a row is rounded behind
// the turn of the next one, as it waits for two divisions meanwhile. Sizes are those that rotation.whole names. Registers: those of turnRows; Z24 and Z27 are what
// the row and the one before are multiplied with to be rounded, and from Z28 on swapLanes' signs.
func genTurnU8(a *asm, s *stubs) {
	a.declare(s, "turnU8AVX512", "(a *turnArgs)", "0-8")
	a.turnRows(4, 24, 27, func() {
		a.keepLaneSigns()
		a.p("CMPQ R14, $%d", 4*384)
		a.p("JEQ of384")
		for _, n := range []int{64, 128} {
			a.p("CMPQ R10, $%d", n)
			a.p("JEQ blocks%d", n)
		}
		a.until("whole", "DI", "BX", func() { a.largest(24, a.hadamard(256, 13)...) })
		a.p("JMP found")
		a.label("of384")
		a.turn384()
		a.p("JMP found")
		for _, n := range []int{64, 128} {
			a.until(fmt.Sprintf("blocks%d", n), "DI", "BX", func() { a.hadamard(n, 13) })
			if n == 64 {
				a.p("JMP columns")
			}
		}
		a.label("columns")
		a.turnColumns()
		a.label("found")
		a.p("%s Z26, Z25, Z24", maxOfMagnitudes)
		a.codeScale(24, 0, 1)
	}, func() {
		a.p("VMOVAPS Z27, Z4")
		a.p("MOVL $0x80, CX")
		a.p("VPBROADCASTB CX, Z5")
		a.p("MOVQ turnArgs_c(R12), CX")
		a.p("XORQ AX, AX")
		a.quantS8()
	})
	a.ret()
}

// turnRows writes the loop over the rows of turnArgs, whose values take so many bytes as they are turned: turn writes a row to R13 and its scale, and leaves what
// it is multiplied with in register factor; round writes codes to DI of the row before, at SI, from register before. Registers: R12 the arguments, R13 the row that
// is turned, R14 its size in bytes, BX its end, R10 and R11 the rotation's block and odd factor, R15 the rows to be turned, SI the inputs and DX the signs, Z25 and
// Z26 the greatest magnitudes so far.
func (a *asm) turnRows(bytes, factor, before int, turn, round func()) {
	a.p("MOVQ a+0(FP), R12")
	a.p("MOVQ turnArgs_rows(R12), R15")
	a.p("MOVQ turnArgs_c(R12), R14")
	a.p("SHLQ $%d, R14", bytes/2)
	a.label("row")
	for _, m := range []struct{ field, reg string }{{"x", "SI"}, {"signs", "DX"}, {"tmp", "R13"}, {"block", "R10"}, {"odd", "R11"}} {
		a.p("MOVQ turnArgs_%s(R12), %s", m.field, m.reg)
	}
	a.p("MOVQ R13, DI")
	a.p("LEAQ (R13)(R14*1), BX")
	a.p("VPXORD Z25, Z25, Z25")
	a.p("VPXORD Z26, Z26, Z26")
	turn()
	a.p("CMPQ R15, turnArgs_rows(R12)")
	a.p("JEQ next")
	a.label("round") // the row before
	a.p("MOVQ turnArgs_codes(R12), DI")
	a.p("MOVQ turnArgs_before(R12), SI")
	round()
	a.p("TESTQ R15, R15") // nothing is left to point beyond its end
	a.p("JZ done")
	a.p("MOVQ turnArgs_codesStep(R12), DI")
	a.p("ADDQ DI, turnArgs_codes(R12)")
	a.label("next")
	a.p("VMOVAPS Z%d, Z%d", factor, before)
	a.p("MOVQ turnArgs_before(R12), CX")
	a.p("MOVQ R13, turnArgs_before(R12)")
	a.p("MOVQ CX, turnArgs_tmp(R12)")
	a.p("DECQ R15")
	a.p("JZ round")
	a.p("MOVQ turnArgs_xStep(R12), CX")
	a.p("ADDQ CX, turnArgs_x(R12)")
	a.p("ADDQ $4, turnArgs_scales(R12)")
	a.p("JMP row")
	a.label("done")
}

// until repeats body while reg is below limit, once at least.
func (a *asm) until(label, reg, limit string, body func()) {
	a.label(label)
	body()
	a.p("CMPQ %s, %s", reg, limit)
	a.p("JLT %s", label)
}

// largest adds registers to the greatest magnitudes so far. tmp is a free one.
func (a *asm) largest(tmp int, regs ...int) {
	for i, r := range regs {
		a.p("VANDPS %s, Z%d, Z%d", word(0x7fffffff), r, tmp)
		a.p("%s Z%[2]d, Z%[3]d, Z%[3]d", maxOfMagnitudes, tmp, 25+i%2)
	}
}

// columnsOfOdd points DI to the first column of blocks of values of so many bytes, CX behind the last, R8 and R9 the size of a block and of all but one, and goes to
// the label of their odd number.
func (a *asm) columnsOfOdd(bytes int) {
	a.p("LEAQ (R10*%d), R8", bytes)
	a.p("MOVQ R13, DI")
	a.p("LEAQ (DI)(R8*1), CX")
	a.p("MOVQ R14, R9")
	a.p("SUBQ R8, R9")
	for odd := 3; odd <= 9; odd += 2 {
		a.p("CMPQ R11, $%d", odd)
		a.p("JEQ hartley%d", odd)
	}
}

// turnColumns writes the stage across an odd number of blocks.
func (a *asm) turnColumns() {
	a.columnsOfOdd(4)
	for odd := 3; odd <= 9; odd += 2 {
		a.until(fmt.Sprintf("hartley%d", odd), "DI", "CX", func() {
			i := 0
			a.hartley(odd, func(r int) {
				a.p("VANDPS %s, Z%d, Z24", word(0x7fffffff), r)
				a.p("%s Z24, Z%[2]d, Z%[2]d", maxOfMagnitudes, 25+i%2)
				i++
			})
			a.p("ADDQ $64, DI")
		})
		a.p("JMP found")
	}
}

// codeScale writes the scale of codes whose greatest magnitude is one of register r's lanes, and leaves in each of them what values are multiplied with.
func (a *asm) codeScale(r, t, u int) {
	for i, swap := range []string{"VSHUFF32X4 $0x4e,", "VSHUFF32X4 $0xb1,", "VPERMILPS $0x4e,", "VPERMILPS $0xb1,"} {
		if i < 2 {
			swap += fmt.Sprintf(" Z%d,", r)
		}
		a.p("%s Z%d, Z%d", swap, r, t)
		a.p("%s Z%[2]d, Z%[3]d, Z%[3]d", maxOfMagnitudes, t, r)
	}
	a.p("VMOVUPS %s, Z%d", f(127), t)
	a.p("VDIVPS Z%[1]d, Z%[2]d, Z%[2]d", t, r)
	a.p("MOVQ turnArgs_scales(R12), CX")
	a.p("VMOVSS X%d, (CX)", r)
	a.p("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", u)
	a.p("VCMPPS $4, Z%d, Z%d, K1", u, r) // of zeros the codes are zero too
	a.p("VMOVUPS %s, Z%d", f(1), t)
	a.p("VDIVPS.Z Z%[1]d, Z%[2]d, K1, Z%[1]d", r, t)
}

// turn384 is a row of three blocks of 128, which stay in registers through both stages; hartley does the same.
func (a *asm) turn384() {
	var rows [3][]int
	free := 24
	for i := range rows {
		at := upTo(8)
		for j := range at {
			at[j] += 8 * i
		}
		a.hadamardLanes(at, 8*i, 25, 2)
		rows[i], free = a.walsh(at, free)
	}
	const even, odd, size, largest = 25, 26, 30, 28
	sin, cos := math.Sincos(2 * math.Pi / 3)
	for i := range 2 {
		a.p("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", largest+i)
	}
	for j := range 8 {
		x, y, z := rows[0][j], rows[1][j], rows[2][j]
		a.p("VADDPS Z%d, Z%d, Z%d", z, y, even)
		a.p("VSUBPS Z%d, Z%d, Z%d", z, y, odd)
		a.p("VADDPS Z%d, Z%d, Z%d", even, x, free)
		a.p("VFMADD231PS %s, Z%d, Z%d", f(cos), even, x)
		a.p("VMULPS %s, Z%d, Z%d", f(sin), odd, odd)
		a.p("VADDPS Z%d, Z%d, Z%d", odd, x, y)
		a.p("VSUBPS Z%d, Z%d, Z%d", odd, x, z)
		rows[0][j], free = free, x
		for i := range rows {
			a.p("VMOVUPS Z%d, %d(R13)", rows[i][j], 64*(8*i+j))
			a.p("VANDPS %s, Z%d, Z%d", word(0x7fffffff), rows[i][j], size)
			a.p("%s Z%[2]d, Z%[3]d, Z%[3]d", maxOfMagnitudes, size, largest+i%2)
		}
	}
	a.p("VMOVAPS Z%d, Z25", largest)
	a.p("VMOVAPS Z%d, Z26", largest+1)
}
