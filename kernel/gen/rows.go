package main

import (
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
	a.row(s, rowFunc{name: "maxAbs", ptrs: []string{"x"}, result: true, unroll: 4, init: zero(4), end: fold4("VMAXPS"), body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 4)
		a.p("VANDPS %s, %s, %s", word(0x7fffffff), a.v(4), a.v(4))
		a.p("VMAXPS %s, %s, %s", a.v(4), a.v(u), a.v(u))
	}})
}

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

// expLow is exp for x that are at most zero.
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
	sigmoid := func(x int) func(a *asm) { // register x times the logistic function of register 0's negative
		return func(a *asm) {
			a.exp(0, 1, 2)
			a.p("VADDPS %s, %s, %s", f(1), a.v(0), a.v(0))
			a.p("VDIVPS %s, %s, %s", a.v(0), a.v(x), a.v(0))
		}
	}
	for _, mul := range []bool{false, true} {
		name, ptrs := "silu", []string{"dst", "a"}
		if mul {
			name, ptrs = "siluMul", []string{"dst", "gate", "up"}
		}
		a.row(s, rowFunc{name: name, ptrs: ptrs, unroll: 3, own: 4, body: func(a *asm, u int, masked bool) {
			a.load("SI", u, masked, 3)
			a.p("VXORPS %s, %s, %s", word(1<<31), a.v(3), a.v(0))
			sigmoid(3)(a)
			if mul {
				a.load("DX", u, masked, 1)
				a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
			}
			a.store(0, "DI", u, masked)
		}})
	}
	a.row(s, rowFunc{name: "geluTanh", ptrs: []string{"dst", "a"}, unroll: 3, own: 4, body: func(a *asm, u int, masked bool) {
		a.load("SI", u, masked, 3)
		c := -2 * math.Sqrt(2/math.Pi)
		a.p("VMULPS %s, %s, %s", a.v(3), a.v(3), a.v(0))
		a.p("VMOVUPS %s, %s", f(c), a.v(1))
		a.p("VFMADD132PS %s, %s, %s", f(c*0.044715), a.v(1), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(3), a.v(0), a.v(0))
		sigmoid(3)(a)
		a.store(0, "DI", u, masked)
	}})
	a.row(s, rowFunc{name: "gelu", ptrs: []string{"dst", "a"}, unroll: 2, own: 6, body: gelu})
	a.row(s, rowFunc{name: "softcap", ptrs: []string{"dst", "a"}, scalars: []string{"limit"}, init: func(a *asm) {
		a.p("VMOVUPS %s, %s", f(2), a.v(5))
		a.p("VDIVPS %s, %s, %s", a.v(14), a.v(5), a.v(5)) // 2/limit
		a.p("VADDPS %s, %s, %s", a.v(14), a.v(14), a.v(6))
	}, body: func(a *asm, u int, masked bool) { // limit - 2 limit/(1+e^(2a/limit))
		a.load("SI", u, masked, 0)
		a.p("VMULPS %s, %s, %s", a.v(5), a.v(0), a.v(0))
		sigmoid(6)(a)
		a.p("VSUBPS %s, %s, %s", a.v(0), a.v(14), a.v(0))
		a.store(0, "DI", u, masked)
	}})
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
