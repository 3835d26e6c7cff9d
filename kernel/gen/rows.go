package main

import (
	"fmt"
	"math"
)

func genRows(a *asm, s *stubs) {
	for _, op := range []struct{ name, ins string }{{"add", "VADDPS"}, {"mul", "VMULPS"}} {
		a.row(s, rowFunc{name: op.name, ptrs: []string{"dst", "a", "b"}, unroll: 2, body: func(a *asm, u int, masked bool) {
			a.load("SI", u, masked, 0)
			a.load("DX", u, masked, 1)
			a.p("%s %s, %s, %s", op.ins, a.v(1), a.v(0), a.v(0))
			a.store(0, "DI", u, masked)
		}})
	}
	a.row(s, rowFunc{name: "scale", ptrs: []string{"dst", "a"}, scalars: []string{"s"}, unroll: 2, body: func(a *asm, u int, masked bool) {
		a.load("SI", u, masked, 0)
		a.p("VMULPS %s, %s, %s", a.v(14), a.v(0), a.v(0))
		a.store(0, "DI", u, masked)
	}})
	a.row(s, rowFunc{name: "addScaled", ptrs: []string{"dst", "a"}, scalars: []string{"s"}, unroll: 2, body: func(a *asm, u int, masked bool) {
		a.load("SI", u, masked, 0)
		a.load("DI", u, masked, 1)
		a.p("VFMADD231PS %s, %s, %s", a.v(14), a.v(0), a.v(1))
		a.store(1, "DI", u, masked)
	}})
	genNorms(a, s)
	genDots(a, s)
	genActivations(a, s)
	a.row(s, rowFunc{name: "rope", ptrs: []string{"x", "y", "cos", "sin"}, body: func(a *asm, u int, masked bool) {
		for i, p := range []string{"DI", "SI", "DX", "R8"} {
			a.load(p, u, masked, i)
		}
		a.p("VMULPS %s, %s, %s", a.v(2), a.v(0), a.v(4))
		a.p("VMULPS %s, %s, %s", a.v(2), a.v(1), a.v(5))
		a.p("VFNMADD231PS %s, %s, %s", a.v(3), a.v(1), a.v(4))
		a.p("VFMADD231PS %s, %s, %s", a.v(3), a.v(0), a.v(5))
		a.store(4, "DI", u, masked)
		a.store(5, "SI", u, masked)
	}})
	genTurns(a, s)
}

func genNorms(a *asm, s *stubs) {
	a.row(s, rowFunc{name: "sum", ptrs: []string{"x"}, result: true, unroll: 4, init: zero(4), end: sum4, body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4)
		a.p("VADDPS %s, %s, %s", a.v(4), a.v(u), a.v(u))
	}})
	a.row(s, rowFunc{name: "sumSquares", ptrs: []string{"x"}, result: true, unroll: 4, init: zero(4), end: sum4, body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4)
		a.p("VFMADD231PS %s, %s, %s", a.v(4), a.v(4), a.v(u))
	}})
	a.row(s, rowFunc{name: "variance", ptrs: []string{"x"}, scalars: []string{"mean"}, result: true, unroll: 4, init: zero(4), end: sum4,
		body: func(a *asm, u int, masked bool) {
			a.load("DI", u, masked, 4+u)
			a.p("VSUBPS %s, %s, %s", a.v(14), a.v(4+u), a.v(4+u))
			a.keep(4+u, masked)
			a.p("VFMADD231PS %s, %s, %s", a.v(4+u), a.v(4+u), a.v(u))
		}})
	a.row(s, rowFunc{name: "normScale", ptrs: []string{"dst", "x", "w"}, scalars: []string{"mean", "inv"}, unroll: 2, body: func(a *asm, u int, masked bool) {
		a.load("SI", u, masked, 0)
		a.load("DX", u, masked, 1)
		a.p("VSUBPS %s, %s, %s", a.v(14), a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(13), a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
		a.store(0, "DI", u, masked)
	}})
	minusInf := func(a *asm) {
		for i := range 4 {
			a.p("VMOVUPS %s, %s", f(math.Inf(-1)), a.v(i))
		}
	}
	fold4 := func(op string) func(a *asm) {
		return func(a *asm) {
			for i := 1; i < 4; i++ {
				a.p("%s %s, %s, %s", op, a.v(i), a.v(0), a.v(0))
			}
			a.fold(op)
		}
	}
	a.row(s, rowFunc{name: "max", ptrs: []string{"x"}, result: true, unroll: 4, init: minusInf, end: fold4("VMAXPS"), body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4)
		a.keepOrMinusInf(4, 5, masked)
		a.p("VMAXPS %s, %s, %s", a.v(4), a.v(u), a.v(u))
	}})
	greater := maxOfMagnitudes
	if a.reg == "N" {
		greater = "VMAXPS" // whose translation keeps what is not a number
	}
	a.row(s, rowFunc{name: "maxAbs", ptrs: []string{"x"}, result: true, unroll: 4, init: zero(4), end: fold4(greater), body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4)
		a.p("VANDPS %s, %s, %s", word(0x7fffffff), a.v(4), a.v(4))
		a.p("%s %s, %s, %s", greater, a.v(4), a.v(u), a.v(u))
	}})
}

// maxOfMagnitudes compares numbers without a sign by their bits, where what is not a number is the greatest: VMAXPS would drop it, and codes of 8 bits
// would make numbers of it.
const maxOfMagnitudes = "VPMAXUD"

func genDots(a *asm, s *stubs) {
	a.row(s, rowFunc{name: "dot", ptrs: []string{"a", "b"}, result: true, unroll: 4, init: zero(4), end: sum4, body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4+u)
		a.load("SI", u, masked, 8+u)
		a.p("VFMADD231PS %s, %s, %s", a.v(4+u), a.v(8+u), a.v(u))
	}})
	a.row(s, rowFunc{name: "sqL2", ptrs: []string{"a", "b"}, result: true, unroll: 4, init: zero(4), end: sum4, body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4+u)
		a.load("SI", u, masked, 8+u)
		a.p("VSUBPS %s, %s, %s", a.v(4+u), a.v(8+u), a.v(4+u))
		a.p("VFMADD231PS %s, %s, %s", a.v(4+u), a.v(4+u), a.v(u))
	}})
}

// exp writes register x = e^x; n, p are scratch. The reduction is that of Cephes' expf (Moshier 1989), e^x = 2^n e^r with |r| <= ln(2)/2; e^r is
// 1 + r + r^2 P(r), P fitted by least squares reweighted towards the greatest relative error of the whole, 3e-9. A NaN stays one: of min and
// max it is the operand that is returned.
func (a *asm) exp(x, n, p int) {
	a.p("VMOVUPS %s, %s", f(88.72283), a.v(n))
	a.p("VMINPS %s, %s, %s", a.v(x), a.v(n), a.v(x))
	a.expLow(x, n, p)
}

// expLow is exp for x of at most 88.7.
func (a *asm) expLow(x, n, p int) {
	low := f(-104)
	if a.reg != "Z" {
		low = f(-87.33654)
	}
	a.p("VMOVUPS %s, %s", low, a.v(n))
	a.p("VMAXPS %s, %s, %s", a.v(x), a.v(n), a.v(x))
	a.p("VMULPS %s, %s, %s", f(math.Log2E), a.v(x), a.v(n))
	if a.reg == "Z" {
		a.p("VRNDSCALEPS $8, %s, %s", a.v(n), a.v(n))
	} else {
		a.p("VROUNDPS $8, %s, %s", a.v(n), a.v(n))
	}
	a.p("VFNMADD231PS %s, %s, %s", f(0.693359375), a.v(n), a.v(x))
	a.p("VFNMADD231PS %s, %s, %s", f(-2.12194440e-4), a.v(n), a.v(x))
	c := []float64{1.3814539415761828e-3, 8.36874544620514e-3, 4.166838899254799e-2, 0.1666652113199234, 0.4999999403953552, 1, 1}
	a.p("VMOVUPS %s, %s", f(c[0]), a.v(p))
	for _, c := range c[1:] {
		a.p("VFMADD213PS %s, %s, %s", f(c), a.v(x), a.v(p))
	}
	if a.reg == "Z" {
		a.p("VSCALEFPS %s, %s, %s", a.v(n), a.v(p), a.v(x))
		return
	}
	// times 2^n by adding n to the exponent: p is at least 1 where n is -126, and less where it is 128
	a.p("VCVTPS2DQ %s, %s", a.v(n), a.v(n))
	a.p("VPSLLD $23, %s, %s", a.v(n), a.v(n))
	a.p("VPADDD %s, %s, %s", a.v(n), a.v(p), a.v(x))
}

func genActivations(a *asm, s *stubs) {
	a.row(s, rowFunc{name: "exp", ptrs: []string{"dst", "a"}, unroll: 4, own: 3, body: func(a *asm, u int, masked bool) {
		a.load("SI", u, masked, 0)
		a.exp(0, 1, 2)
		a.store(0, "DI", u, masked)
	}})
	a.row(s, rowFunc{name: "expSub", ptrs: []string{"dst", "a"}, scalars: []string{"m"}, result: true, unroll: 4, own: 3, init: func(a *asm) { a.p("VXORPS X12, X12, X12") },
		end: func(a *asm) { a.p("VMOVAPS %s, %s", a.v(12), a.v(0)); a.fold("VADDPS") },
		body: func(a *asm, u int, masked bool) {
			a.load("SI", u, masked, 0)
			a.p("VSUBPS %s, %s, %s", a.v(14), a.v(0), a.v(0))
			a.expLow(0, 1, 2)
			a.keep(0, masked)
			a.p("VADDPS %s, %s, %s", a.v(0), a.v(12), a.v(12))
			a.store(0, "DI", u, masked)
		}})
	own, unroll, constants := 4, 3, func(*asm) {}
	if a.reg == "Z" {
		own, unroll, constants = 5, 4, func(a *asm) { a.tableExpConstants(20) }
	}
	// over writes register 0 = register x / (1 + e^(register 0)), which is at most 88.7. Registers 1, 2 and on AVX-512, which reads constants, 4 are scratch.
	over := func(a *asm, x int) {
		if a.reg == "Z" {
			a.overExp(x, 0, 1, 2, 4, 20)
			return
		}
		a.expLow(0, 1, 2)
		a.p("VADDPS %s, %s, %s", f(1), a.v(0), a.v(0))
		a.p("VDIVPS %s, %s, %s", a.v(0), a.v(x), a.v(0))
	}
	// atLeast loads a value, or a bound below which the activation is less than 1e-36, into register 3.
	atLeast := func(a *asm, bound float64, u int, masked bool) {
		a.load("SI", u, masked, 3)
		a.p("VMOVUPS %s, %s", f(bound), a.v(0))
		a.p("VMAXPS %s, %s, %s", a.v(3), a.v(0), a.v(3)) // which keeps what is not a number
	}
	for _, mul := range []bool{false, true} {
		name, ptrs := "silu", []string{"dst", "a"}
		if mul {
			name, ptrs = "siluMul", []string{"dst", "gate", "up"}
		}
		a.row(s, rowFunc{name: name, ptrs: ptrs, unroll: unroll, own: own, init: constants, body: func(a *asm, u int, masked bool) {
			atLeast(a, leastSiLU, u, masked)
			a.p("VXORPS %s, %s, %s", word(1<<31), a.v(3), a.v(0))
			over(a, 3)
			if mul {
				a.load("DX", u, masked, 1)
				a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
			}
			a.store(0, "DI", u, masked)
		}})
	}
	if a.reg == "Z" {
		genSiLUMulRough(a, s)
	}
	a.row(s, rowFunc{name: "geluTanh", ptrs: []string{"dst", "a"}, unroll: unroll, own: own, init: constants, body: func(a *asm, u int, masked bool) {
		atLeast(a, -9.99, u, masked)
		c := -2 * math.Sqrt(2/math.Pi)
		a.p("VMULPS %s, %s, %s", a.v(3), a.v(3), a.v(0))
		a.p("VMOVUPS %s, %s", f(c), a.v(1))
		a.p("VFMADD132PS %s, %s, %s", f(c*0.044715), a.v(1), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(3), a.v(0), a.v(0))
		over(a, 3)
		a.store(0, "DI", u, masked)
	}})
	switch a.reg {
	case "Z":
		a.row(s, geluSegments.row("gelu", 4))
		a.row(s, geluRoughSegments.row("geluRough", 4))
	case "Y":
		a.row(s, geluFour.row("gelu", 2))
		a.row(s, geluRoughFour.row("geluRough", 2))
	default:
		a.row(s, rowFunc{name: "gelu", ptrs: []string{"dst", "a"}, unroll: 2, own: 6, body: gelu})
	}
	a.row(s, rowFunc{name: "softcap", ptrs: []string{"dst", "a"}, scalars: []string{"limit"}, init: func(a *asm) {
		constants(a)
		a.p("VMOVUPS %s, %s", f(2), a.v(5))
		a.p("VDIVPS %s, %s, %s", a.v(14), a.v(5), a.v(5)) // 2/limit
		a.p("VADDPS %s, %s, %s", a.v(14), a.v(14), a.v(6))
	}, body: func(a *asm, u int, masked bool) { // limit - 2 limit/(1+e^(2a/limit))
		a.load("SI", u, masked, 0)
		a.p("VMULPS %s, %s, %s", a.v(5), a.v(0), a.v(0))
		a.p("VMOVUPS %s, %s", f(88.7), a.v(1))
		a.p("VMINPS %s, %s, %s", a.v(0), a.v(1), a.v(0))
		over(a, 6)
		a.p("VSUBPS %s, %s, %s", a.v(0), a.v(14), a.v(0))
		a.store(0, "DI", u, masked)
	}})
}

// genSiLUMulRough writes siluMul by roughSiLU.
func genSiLUMulRough(a *asm, s *stubs) {
	const constants = 24
	a.row(s, rowFunc{name: "siluMulRough", ptrs: []string{"dst", "gate", "up"}, unroll: 4, own: 4, init: func(a *asm) { a.roughSiLUConstants(constants) },
		body: func(a *asm, u int, masked bool) {
			a.load("SI", u, masked, 3)
			a.roughSiLU(3, 0, 1, 2, constants)
			a.load("DX", u, masked, 1)
			a.p("VMULPS Z1, Z0, Z0")
			a.store(0, "DI", u, masked)
		}})
}

// leastSiLU stands for all gates below it, where SiLU is less than 3e-37: e^88.7 is finite.
const leastSiLU = -88.7

// roughSiLU writes register x = SiLU of register gate, which it bounds from below, by roughPower and an approximate reciprocal (2^-14); n and p are scratch, constants the first of seven registers.
func (a *asm) roughSiLU(gate, x, n, p, constants int) {
	a.p("VMAXPS Z%d, Z%d, Z%d", gate, constants+1, gate) // which keeps what is not a number
	a.p("VMULPS Z%d, Z%d, Z%d", constants, gate, x)
	a.roughPower(x, n, p, constants+3)
	a.p("VADDPS Z%d, Z%d, Z%d", constants+2, x, x)
	a.p("VRCP14PS Z%d, Z%d", x, x)
	a.p("VMULPS Z%d, Z%d, Z%d", gate, x, x)
}

func (a *asm) roughSiLUConstants(to int) {
	for i, c := range []float64{-math.Log2E, leastSiLU, 1} {
		a.p("VMOVUPS %s, Z%d", f(c), to+i)
	}
	a.roughPowerConstants(to + 3)
}

// gelu is max(x, 0) - |x| erfc(|x|/sqrt 2)/2, with erfc(z) = e^(-z^2) t P(t), t = 1/(1+0.375z), P fitted by least squares
// reweighted towards the greatest relative error, 1.2e-8 on z in [0, 10].
func gelu(a *asm, u int, masked bool) {
	c := geluCoefficients
	a.load("SI", u, masked, 4)
	a.p("VANDPS %s, %s, %s", word(0x7fffffff), a.v(4), a.v(5))
	a.p("VMULPS %s, %s, %s", a.v(4), a.v(4), a.v(0))
	a.p("VMULPS %s, %s, %s", f(-.5), a.v(0), a.v(0))
	a.expLow(0, 1, 2)
	a.p("VMOVUPS %s, %s", f(1), a.v(1))
	a.p("VMOVAPS %s, %s", a.v(5), a.v(3))
	a.p("VFMADD132PS %s, %s, %s", f(.375/math.Sqrt2), a.v(1), a.v(3))
	a.p("VDIVPS %s, %s, %s", a.v(3), a.v(1), a.v(3))
	a.p("VMOVUPS %s, %s", f(c[0]), a.v(2))
	for _, c := range c[1:] {
		a.p("VFMADD213PS %s, %s, %s", f(c), a.v(3), a.v(2))
	}
	a.p("VMULPS %s, %s, %s", a.v(3), a.v(2), a.v(2))
	a.p("VMULPS %s, %s, %s", a.v(5), a.v(2), a.v(2))
	a.p("VMULPS %s, %s, %s", f(.5), a.v(2), a.v(2))
	a.p("VXORPS X1, X1, X1")
	a.p("VMAXPS %s, %s, %s", a.v(4), a.v(1), a.v(1))
	a.p("VFNMADD231PS %s, %s, %s", a.v(2), a.v(0), a.v(1))
	a.store(1, "DI", u, masked)
}

var geluCoefficients = []float64{0.061542376, -0.287346694, 0.432429364, -0.229444765, 0.273744028, 0.121497607, 0.205315165, 0.210649438, 0.211613488}

// segments are polynomials of a segment of |x| each, as wide as one over perUnit, in |x| less its middle, both times perUnit: for each power a vector of
// coefficients, in which VPERMPS looks, or of four, in which VPERMILPS does.
type segments struct {
	perUnit, last float64
	powers        [][]float32
}

// row is GELU as max(x, 0) - |x| Q(|x|), Q(t) = erfc(t/sqrt 2)/2 by segments, which stays as it is from last on. Interpolated at Chebyshev's nodes.
func (g segments) row(name string, unroll int) rowFunc {
	const magic = 3 << 22 // added, it leaves the nearest integer in the lowest bits
	const x, t, segment, r, p, c, own = 0, 1, 2, 3, 4, 5, 6
	first := own * unroll // register behind the bodies'
	degree, few := len(g.powers)-1, len(g.powers[0]) == 4
	table := func(a *asm, power int) string {
		return pattern(fmt.Sprint(name, power), func(lane int) uint32 { return math.Float32bits(g.powers[power][lane%len(g.powers[power])]) })
	}
	look := func(a *asm, power, to int) {
		if few { // of AVX2, which has no registers left for tables; Zen does VPERMPS in two steps
			a.p("VMOVUPS %s, %s", table(a, power), a.v(to))
			a.p("VPERMILPS %s, %s, %s", a.v(segment), a.v(to), a.v(to))
		} else {
			a.p("VPERMPS %s, %s, %s", a.v(first+2+power), a.v(segment), a.v(to))
		}
	}
	return rowFunc{name: name, ptrs: []string{"dst", "a"}, unroll: unroll, own: own, init: func(a *asm) {
		a.p("VMOVUPS %s, %s", f(magic), a.v(first))
		a.p("VMOVUPS %s, %s", f(g.perUnit), a.v(first+1))
		for i := 0; i <= degree && !few; i++ {
			a.p("VMOVUPS %s, %s", table(a, i), a.v(first+2+i))
		}
	}, body: func(a *asm, u int, masked bool) {
		a.load("SI", u, masked, x)
		a.p("VANDPS %s, %s, %s", word(0x7fffffff), a.v(x), a.v(t))
		a.p("VMOVUPS %s, %s", f(g.last), a.v(p))
		a.p("VMINPS %s, %s, %s", a.v(t), a.v(p), a.v(t))
		a.p("VMOVAPS %s, %s", a.v(first), a.v(segment))
		a.p("VFMADD231PS %s, %s, %s", a.v(first+1), a.v(t), a.v(segment))
		a.p("VSUBPS %s, %s, %s", a.v(first), a.v(segment), a.v(c))
		a.p("VMOVAPS %s, %s", a.v(t), a.v(r))
		a.p("VFMSUB132PS %s, %s, %s", a.v(first+1), a.v(c), a.v(r))
		look(a, degree, p)
		for i := degree - 1; i >= 0; i-- {
			look(a, i, c)
			a.p("VFMADD213PS %s, %s, %s", a.v(c), a.v(r), a.v(p))
		}
		a.p("VXORPS X%d, X%d, X%d", c, c, c)
		a.p("VMAXPS %s, %s, %s", a.v(x), a.v(c), a.v(c))
		a.p("VFNMADD231PS %s, %s, %s", a.v(t), a.v(p), a.v(c))
		a.store(c, "DI", u, masked)
	}}
}

// geluSegments are within 3.1e-8 of |x| Q, relatively within 7e-7 up to 3 and 2e-4 up to 6.
var geluSegments = segments{perUnit: 2.5, last: 6.19, powers: [][]float32{
	{0.5, 0.344578266, 0.211855412, 0.115069672, 0.0547992885, 0.0227501299, 0.00819753483, 0.00255513028, 0.000687138294, 0.000159108909, 3.16714068e-05, 5.41260397e-06, 7.93345009e-07, 9.96480054e-08, 1.07182627e-08, 9.8668651e-10},
	{-0.159576908, -0.147308052, -0.115876622, -0.0776744261, -0.0443683341, -0.021596387, -0.00895781163, -0.00316618057, -0.000953635259, -0.000244760799, -5.35321124e-05, -9.97699863e-06, -1.58452303e-06, -2.14442281e-07, -2.47306566e-08, -2.43038145e-09},
	{-7.18908169e-08, 0.0117842518, 0.0185398441, 0.0186417364, 0.0141980089, 0.00863874797, 0.00429985113, 0.00177307019, 0.000610300165, 0.000176204296, 4.28137573e-05, 8.77541333e-06, 1.51992595e-06, 2.22749676e-07, 2.76497545e-08, 2.90931434e-09},
	{0.00425596675, 0.0032996661, 0.00111244153, -0.000911332027, -0.00184569904, -0.00172771758, -0.00113706081, -0.000577520579, -0.000234977211, -7.80608098e-05, -2.14113679e-05, -4.88402202e-06, -9.31034037e-07, -1.48846212e-07, -2.00092742e-08, -2.26629293e-09},
	{-2.01765056e-06, -0.000442048447, -0.000578964013, -0.000386419415, -8.48131385e-05, 0.000113115428, 0.000157149901, 0.000114326649, 5.91989192e-05, 2.36534524e-05, 7.55014935e-06, 1.96134079e-06, 4.19354706e-07, 7.43487973e-08, 1.09874216e-08, 1.3586442e-09},
	{-9.94149959e-05, -6.45469408e-05, 1.03618768e-05, 5.85860435e-05, 5.47066775e-05, 2.31075246e-05, -2.92167488e-06, -1.16714518e-05, -9.42757561e-06, -4.88327487e-06, -1.87714681e-06, -5.64488687e-07, -1.36292428e-07, -2.68228924e-08, -4.34483649e-09, -5.83149529e-10},
}}

// geluFour are four segments, within 3.2e-8 of |x| Q, relatively within 1.3e-6 up to 3 and 8e-5 up to 5.
var geluFour = segments{perUnit: .6, last: 5.83, powers: [][]float32{
	{0.5, 0.0477903485, 0.000429060194, 2.86671877e-07},
	{-0.66490382, -0.165795237, -0.00257046521, -2.47786807e-06},
	{-2.32859549e-07, 0.230272084, 0.00714021036, 1.03203784e-05},
	{0.307831764, -0.13645722, -0.0120324818, -2.75314014e-05},
	{-7.63807038e-05, -0.0118748834, 0.0134052197, 5.27086304e-05},
	{-0.127698675, 0.0634457096, -0.00988364033, -7.61731935e-05},
	{-0.00249441643, -0.0246471483, 0.00419653067, 8.48305281e-05},
	{0.0491373688, -0.0111553054, -3.77087272e-05, -7.73850334e-05},
	{-0.0104641439, 0.00971580669, -0.00126718264, 6.19403145e-05},
	{-0.00374286203, -6.0245191e-05, 0.000689078355, -3.09489915e-05},
}}

// geluRoughSegments are within 4.5e-6, and the GELU relatively within 6.3e-4 from -3 on.
var geluRoughSegments = segments{perUnit: 2.5, last: 6.19, powers: [][]float32{
	{0.50000006, 0.344581723, 0.211859927, 0.11507269, 0.0547999516, 0.0227492433, 0.00819630548, 0.00255423691, 0.000686676183, 0.000158924449, 3.16125879e-05, 5.39734128e-06, 7.90085664e-07, 9.90709097e-08, 1.06330988e-08, 9.76171366e-10},
	{-0.159580037, -0.147307545, -0.115876704, -0.0776748806, -0.0443687625, -0.0215965677, -0.00895778928, -0.0031660893, -0.000953561568, -0.000244722673, -5.35174659e-05, -9.97259849e-06, -1.58346154e-06, -2.1423358e-07, -2.46968863e-08, -2.42585396e-09},
	{2.85186161e-05, 0.0116736963, 0.0183950569, 0.0185451172, 0.0141768213, 0.00866704807, 0.00433914969, 0.00180165283, 0.000625097018, 0.000182115051, 4.46999693e-05, 9.26526536e-06, 1.62462925e-06, 2.41306765e-07, 3.03911918e-08, 3.24817795e-09},
	{0.00418560067, 0.00328352558, 0.00111503492, -0.000896680227, -0.00183201977, -0.0017219414, -0.00113779306, -0.000580439519, -0.000237334272, -7.92814535e-05, -2.18804926e-05, -5.02506509e-06, -9.65080289e-07, -1.55545024e-07, -2.10940847e-08, -2.4118525e-09},
}}

// geluRoughFour are four segments, within 5.5e-6, and the GELU relatively within 1.6e-4 from -3 on.
var geluRoughFour = segments{perUnit: .7, last: 4.99, powers: [][]float32{
	{0.499999851, 0.0765627101, 0.0021372179, 9.29096223e-06},
	{-0.569896996, -0.205429211, -0.00961931702, -5.86274036e-05},
	{-0.000469782244, 0.209692165, 0.0196432807, 0.000166014186},
	{0.197680146, -0.0724582151, -0.0234987233, -0.000338898099},
	{-0.013411493, -0.0350598358, 0.017153725, 0.000606676622},
	{-0.0409801751, 0.0333498642, -0.00626553083, -0.000540558482},
}}
