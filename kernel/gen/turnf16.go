package main

import (
	"fmt"
	"math"
	"math/bits"
)

// genTurnF16 writes turnU8AVX512 in half precision, twice as many values a vector. Rounding them to 11 bits before they become codes of 8 adds a hundredth to
// the latter's error. A row whose greatest magnitude is none that half precision is exact enough for gets a scale of -1 and codes that mean nothing. With gelu
// values are GELU of those at x, and blocks are of 256.
// Registers: those of turnRows; Z22 and Z23 are what the row and the one before are multiplied with, from geluF16 on stands what GELU takes, and from laneSignsF16
// on swapLanesF16's signs.
func genTurnF16(a *asm, s *stubs, gelu bool) {
	name := "turnF16AVX512"
	if gelu {
		name = "turnGELUF16AVX512"
	}
	a.declare(s, name, "(a *turnArgs)", "0-8")
	if gelu {
		a.geluConstantsF16()
	}
	for i := range 5 {
		a.p("VMOVUPS %s, Z%d", pairSigns(1<<i), laneSignsF16+i)
	}
	a.p("MOVL $0x80, CX")
	a.p("VPBROADCASTB CX, Z20")
	a.p("VMOVUPS %s, Z21", evenFirst())
	a.turnRows(2, 22, 23, func() {
		if gelu {
			a.until("whole", "DI", "BX", func() { a.largestF16(10, a.hadamardF16(256, true)...) })
		} else {
			a.turnF16()
		}
		a.codeScaleF16()
	}, func() {
		a.p("LEAQ (SI)(R14*1), CX")
		a.until("codes", "SI", "CX", func() {
			for i := range 2 {
				a.mulF16From("SI", i, 23, i)
			}
			for i := range 2 {
				a.wordsF16(i, i)
			}
			a.p("VPACKSSWB Z1, Z0, Z0")
			a.p("VPERMQ Z0, Z21, Z0")
			a.p("VPADDB Z20, Z0, Z0")
			a.p("VMOVDQU64 Z0, (DI)")
			a.p("ADDQ $128, SI")
			a.p("ADDQ $64, DI")
		})
	})
	a.ret()
}

// turnF16 is a row of any of the sizes, and its greatest magnitudes.
func (a *asm) turnF16() {
	a.p("CMPQ R14, $%d", 2*384)
	a.p("JEQ of384")
	for _, n := range []int{64, 128} {
		a.p("CMPQ R10, $%d", n)
		a.p("JEQ blocks%d", n)
	}
	a.until("whole", "DI", "BX", func() { a.largestF16(10, a.hadamardF16(256, false)...) })
	a.p("JMP found")
	a.label("of384")
	a.turn384F16()
	a.p("JMP found")
	for _, n := range []int{64, 128} {
		a.until(fmt.Sprintf("blocks%d", n), "DI", "BX", func() { a.hadamardF16(n, false) })
		if n == 64 {
			a.p("JMP columns")
		}
	}
	a.label("columns")
	a.turnColumnsF16()
	a.label("found")
}

const laneSignsF16 = 27

// pairSigns are laneSigns in half precision.
func pairSigns(h int) string {
	return pattern(fmt.Sprint("pairSigns", h), func(i int) uint32 {
		sign := func(lane int) uint32 {
			if lane&h == 0 {
				return uint32(f16Bits(1))
			}
			return uint32(f16Bits(-1))
		}
		return sign(2*i) | sign(2*i+1)<<16
	})
}

// f16 is the operand of a constant of half precision in every lane.
func f16(v float64) string { return word(uint32(f16Bits(v)) * 0x10001) }

// f16Bits rounds v to half precision, in whose range it is.
func f16Bits(v float64) uint16 {
	frac, exp := math.Frexp(math.Abs(v)) // a half to one, times 2^exp
	ulp := math.Exp2(float64(max(exp-11, -24)))
	n := math.RoundToEven(math.Abs(v) / ulp)
	bits := uint16(n) // subnormal
	if frac > 0 && n >= 1<<10 {
		bits = uint16(exp+14)<<10 + uint16(n) - 1<<10 // a carry counts the exponent up
	}
	if v < 0 {
		bits |= 1 << 15
	}
	return bits
}

// largestF16 adds registers to the greatest magnitudes so far, which compare as whole numbers do. tmp is a free one.
func (a *asm) largestF16(tmp int, regs ...int) {
	for i, r := range regs {
		a.p("VPANDD %s, Z%d, Z%d", word(0x7fff7fff), r, tmp)
		a.p("VPMAXUW Z%d, Z%[2]d, Z%[2]d", tmp, 25+i%2)
	}
}

// hadamardF16 writes the transform of n values at SI, or of their GELU, each times what DX points to, to DI, all of which go on, and returns the registers of
// the results. Of those of 256 values registers from 9 to 13 are scratch.
func (a *asm) hadamardF16(n int, gelu bool) []int {
	at := upTo(n / 32)
	a.lanesF16(at, 0, 9, gelu)
	at, _ = a.walshBy(at, n/32, a.addF16, a.subF16)
	for i, r := range at {
		a.p("VMOVDQU64 Z%d, %d(DI)", r, 64*i)
	}
	a.p("ADDQ $%d, SI", 4*n)
	a.p("ADDQ $%d, DX", 2*n)
	a.p("ADDQ $%d, DI", 2*n)
	return at
}

// lanesF16 loads vectors from the first on into registers at, as hadamardF16 reads them, and does the stages within vectors with five registers from tmp on.
func (a *asm) lanesF16(at []int, first, tmp int, gelu bool) {
	for i, r := range at {
		t := tmp + i%4
		a.p("VMOVUPS %d(SI), Z%d", 128*(first+i), r)
		a.p("VMOVUPS %d(SI), Z%d", 128*(first+i)+64, t)
		a.p("VCVTPS2PH $0, Z%d, Y%[1]d", r)
		a.p("VCVTPS2PH $0, Z%d, Y%[1]d", t)
		a.p("VINSERTI64X4 $1, Y%d, Z%d, Z%[2]d", t, r)
		if gelu {
			a.geluF16(r, tmp)
		}
		a.mulF16From("DX", first+i, r, r)
	}
	for stage := range 5 {
		for i, r := range at { // those of one distance wait for other ports than those of another
			a.swapLanesF16(1<<((stage+i)%5), r, tmp+i%5)
		}
	}
}

// swapLanesF16 is swapLanes in half precision.
func (a *asm) swapLanesF16(h, r, tmp int) {
	switch h {
	case 1:
		a.p("VPRORD $16, Z%d, Z%d", r, tmp)
	case 2:
		a.p("VPERMILPS $0xb1, Z%d, Z%d", r, tmp)
	case 4:
		a.p("VPERMILPS $0x4e, Z%d, Z%d", r, tmp)
	case 8:
		a.p("VSHUFF32X4 $0xb1, Z%d, Z%[1]d, Z%d", r, tmp)
	case 16:
		a.p("VSHUFF32X4 $0x4e, Z%d, Z%[1]d, Z%d", r, tmp)
	}
	a.fma132F16(laneSignsF16+bits.TrailingZeros(uint(h)), tmp, r)
}

// turn384F16 is turn384 in half precision.
func (a *asm) turn384F16() {
	const even, odd, cosine, sine = 13, 14, 15, 16
	var rows [3][]int
	free := 12
	for i := range rows {
		at := upTo(4)
		for j := range at {
			at[j] += 4 * i
		}
		a.lanesF16(at, 4*i, 13, false)
		rows[i], free = a.walshBy(at, free, a.addF16, a.subF16)
	}
	sin, cos := math.Sincos(2 * math.Pi / 3)
	a.p("VMOVUPS %s, Z%d", f16(cos), cosine)
	a.p("VMOVUPS %s, Z%d", f16(sin), sine)
	for j := range 4 {
		x, y, z := rows[0][j], rows[1][j], rows[2][j]
		a.addF16(z, y, even)
		a.subF16(z, y, odd)
		a.addF16(even, x, free)
		a.fmaF16(cosine, even, x)
		a.mulF16(sine, odd, odd)
		a.addF16(odd, x, y)
		a.subF16(odd, x, z)
		rows[0][j], free = free, x
		for i := range rows {
			a.p("VMOVDQU64 Z%d, %d(R13)", rows[i][j], 64*(4*i+j))
		}
		a.largestF16(17, rows[0][j], rows[1][j], rows[2][j])
	}
}

// turnColumnsF16 is turnColumns in half precision.
func (a *asm) turnColumnsF16() {
	a.columnsOfOdd(2)
	for odd := 3; odd <= 9; odd += 2 {
		const constants = 12
		a.label(fmt.Sprintf("hartley%d", odd))
		for k := 1; k <= odd/2; k++ {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(odd))
			a.p("VMOVUPS %s, Z%d", f16(cos), constants+2*(k-1))
			a.p("VMOVUPS %s, Z%d", f16(sin), constants+2*(k-1)+1)
		}
		a.until(fmt.Sprintf("columns%d", odd), "DI", "CX", func() {
			a.hartleyF16(odd, constants)
			a.p("ADDQ $64, DI")
		})
		a.p("JMP found")
	}
}

// hartleyF16 is hartley in half precision, with cosines and sines of the m multiples of a turn's nth part in registers from constants on. It keeps the greatest
// magnitudes.
func (a *asm) hartleyF16(n, constants int) {
	m := n / 2
	even, odd, cosines, sines := 1, 1+m, 1+2*m, 2+2*m // registers
	a.p("LEAQ (DI)(R8*1), SI")
	a.p("LEAQ (DI)(R9*1), DX")
	a.p("VMOVDQU64 (DI), Z0")
	for j := range m {
		a.p("VMOVDQU64 (SI), Z%d", even+j)
		a.p("VMOVDQU64 (DX), Z%d", sines+1)
		a.subF16(sines+1, even+j, odd+j)
		a.addF16(sines+1, even+j, even+j)
		a.p("ADDQ R8, SI")
		a.p("SUBQ R8, DX")
	}
	a.addF16(even, 0, cosines)
	for j := 1; j < m; j++ {
		a.addF16(even+j, cosines, cosines)
	}
	a.p("VMOVDQU64 Z%d, (DI)", cosines)
	a.largestF16(sines, cosines)
	a.p("LEAQ (DI)(R8*1), SI")
	a.p("LEAQ (DI)(R9*1), DX")
	for i := 1; i <= m; i++ {
		a.p("VMOVAPS Z0, Z%d", cosines)
		for j := 1; j <= m; j++ {
			k, sine := i*j%n, a.fmaF16
			if k > m {
				k, sine = n-k, a.subFMAF16
			}
			if k == 0 { // of nine, three times three
				a.addF16(even+j-1, cosines, cosines)
				continue
			}
			at := constants + 2*(k-1)
			a.fmaF16(at, even+j-1, cosines)
			if j == 1 {
				a.mulF16(at+1, odd, sines)
			} else {
				sine(at+1, odd+j-1, sines)
			}
		}
		a.addF16(sines, cosines, sines+1)
		a.subF16(sines, cosines, cosines)
		a.p("VMOVDQU64 Z%d, (SI)", sines+1)
		a.p("VMOVDQU64 Z%d, (DX)", cosines)
		a.largestF16(sines, sines+1, cosines)
		a.p("ADDQ R8, SI")
		a.p("SUBQ R8, DX")
	}
}

// codeScaleF16 writes the scale of a row's codes, and what its values are multiplied with to Z22.
func (a *asm) codeScaleF16() {
	a.p("VPMAXUW Z26, Z25, Z25")
	a.p("VEXTRACTI64X4 $1, Z25, Y0")
	a.p("VPMAXUW Y0, Y25, Y0")
	a.p("VEXTRACTI128 $1, Y0, X1")
	a.p("VPMAXUW X1, X0, X0")
	a.p("VPCMPEQD X1, X1, X1")
	a.p("VPXOR X1, X0, X0")
	a.p("VPHMINPOSUW X0, X0")
	a.p("VMOVD X0, AX")
	a.p("XORL $0xffff, AX")
	a.p("MOVWLZX AX, AX")
	a.p("MOVQ turnArgs_scales(R12), CX")
	a.p("VPXORD Z22, Z22, Z22")
	a.p("MOVL $0xbf800000, DX")
	a.p("CMPL AX, $0x7c00")
	a.p("JGE scaled")
	a.p("CMPL AX, $0x1400") // 2^-10: a code's step is 2^-17 then, half precision's least 2^-24; zeros may be less
	a.p("JLT scaled")
	a.p("VMOVD AX, X0")
	a.p("VCVTPH2PS X0, X0")
	a.p("MOVL $0x%x, DX", math.Float32bits(127))
	a.p("VMOVD DX, X1")
	a.p("VDIVSS X0, X1, X1")
	a.p("VCVTPS2PH $0, X1, X1")
	a.p("VPBROADCASTW X1, Z22")
	a.p("VCVTPH2PS X1, X1")
	a.p("VMOVSS turnArgs_norm(R12), X0")
	a.p("VDIVSS X1, X0, X0")
	a.p("VMOVD X0, DX")
	a.label("scaled")
	a.p("MOVL DX, (CX)")
}

// geluF16 is where GELU's constants stand: what rounds to a segment, segments a unit, the end of the last, and the tables from the least power on.
const geluF16 = 14

// geluSegmentsF16 are segments a unit of |x|, each with a polynomial of degree 2 of |x| Q(|x|), Q(t) = erfc(t/sqrt 2)/2, interpolated at Chebyshev's nodes:
// within 3e-5, less than half precision rounds a half to a third of.
const geluSegmentsF16 = 6

func (a *asm) geluConstantsF16() {
	for i, c := range []float64{3 << 9, geluSegmentsF16, 31. / geluSegmentsF16} {
		a.p("VMOVUPS %s, Z%d", f16(c), geluF16+i)
	}
	var powers [3][32]uint16
	for k := range 32 {
		node := .5 * math.Cos(math.Pi/6) // and 0, and less that
		at := func(r float64) float64 {
			t := (float64(k) + r) / geluSegmentsF16
			return t * math.Erfc(t/math.Sqrt2) / 2
		}
		low, middle, high := at(-node), at(0), at(node)
		for i, c := range []float64{middle, (high - low) / (2 * node), (high + low - 2*middle) / (2 * node * node)} {
			powers[i][k] = f16Bits(c)
		}
	}
	for i := range powers {
		a.p("VMOVUPS %s, Z%d", pattern(fmt.Sprint("geluF16", i), func(lane int) uint32 {
			return uint32(powers[i][2*lane]) | uint32(powers[i][2*lane+1])<<16
		}), geluF16+3+i)
	}
}

// geluF16 writes register x = GELU of it in half precision, as segments.row does, with five registers from tmp on. What is not a number stays so.
func (a *asm) geluF16(x, tmp int) {
	const magic, perUnit, last = geluF16, geluF16 + 1, geluF16 + 2
	t, segment, p, c := tmp, tmp+1, tmp+2, tmp+3
	a.p("VPANDD %s, Z%d, Z%d", word(0x7fff7fff), x, t)
	a.minF16(last, t, t)
	a.p("VMOVAPS Z%d, Z%d", magic, segment)
	a.fmaF16(perUnit, t, segment)
	a.subF16(magic, segment, c)
	a.fmsub132F16(perUnit, c, t)
	a.p("VPERMW Z%d, Z%d, Z%d", geluF16+5, segment, p)
	for power := 1; power >= 0; power-- {
		a.p("VPERMW Z%d, Z%d, Z%d", geluF16+3+power, segment, c)
		a.fma213F16(c, t, p)
	}
	a.p("VPXORD Z%d, Z%[1]d, Z%[1]d", c)
	a.maxF16(x, c, c)
	a.subF16(p, c, x)
}
