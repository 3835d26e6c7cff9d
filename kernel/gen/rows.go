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
	a.row(s, rowFunc{name: "butterfly", ptrs: []string{"x", "y"}, unroll: 2, body: func(a *asm, u int, masked bool) {
		a.load("DI", u, masked, 0)
		a.load("SI", u, masked, 1)
		a.p("VADDPS %s, %s, %s", a.v(1), a.v(0), a.v(2))
		a.p("VSUBPS %s, %s, %s", a.v(1), a.v(0), a.v(3))
		a.store(2, "DI", u, masked)
		a.store(3, "SI", u, masked)
	}})
	genHadamard(a, s)
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

// exp writes register x = e^x; t, p are scratch. Coefficients: Cephes expf (Moshier 1989), e^r = 1 + r + r^2 P(r) for
// |r| <= ln(2)/2. A NaN stays one: of min and max it is the operand that is returned.
func (a *asm) exp(x, n, p int) {
	low := f(-104)
	if a.reg == "Y" {
		low = f(-87.33654)
	}
	a.p("VMOVUPS %s, %s", low, a.v(n))
	a.p("VMAXPS %s, %s, %s", a.v(x), a.v(n), a.v(x))
	a.p("VMOVUPS %s, %s", f(88.72283), a.v(n))
	a.p("VMINPS %s, %s, %s", a.v(x), a.v(n), a.v(x))
	a.p("VMULPS %s, %s, %s", f(math.Log2E), a.v(x), a.v(n))
	if a.reg == "Z" {
		a.p("VRNDSCALEPS $8, %s, %s", a.v(n), a.v(n))
	} else {
		a.p("VROUNDPS $8, %s, %s", a.v(n), a.v(n))
	}
	a.p("VFNMADD231PS %s, %s, %s", f(0.693359375), a.v(n), a.v(x))
	a.p("VFNMADD231PS %s, %s, %s", f(-2.12194440e-4), a.v(n), a.v(x))
	c := []float64{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1}
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
			a.exp(0, 1, 2)
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
	a.exp(0, 1, 2)
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

// genHadamard writes transforms of blocks that fit in registers, of products of two rows: hadamardN for N floats, over as many blocks as there are.
func genHadamard(a *asm, s *stubs) {
	for n := a.lanes; n <= a.registers()/2*a.lanes; n *= 2 {
		name := fmt.Sprintf("hadamard%d%s", n, map[string]string{"Z": "AVX512", "Y": "AVX2"}[a.reg])
		fmt.Fprintf(&s.decl, "//go:noescape\nfunc %s(dst, x, y []float32)\n\n", name)
		fmt.Fprintf(a, "// func %s(dst, x, y []float32)\n", name)
		a.text(name, "0-72")
		a.p("MOVQ dst_base+0(FP), DI")
		a.p("MOVQ x_base+24(FP), SI")
		a.p("MOVQ y_base+48(FP), DX")
		a.p("MOVQ dst_len+8(FP), CX")
		a.p("SUBQ $%d, CX", n)
		a.p("JLT done")
		a.label("block")
		vectors := n / a.lanes
		for i := range vectors {
			a.p("VMOVUPS %d(SI), %s", i*a.bytes(), a.v(i))
			a.p("VMULPS %d(DX), %s, %s", i*a.bytes(), a.v(i), a.v(i))
			for h := 1; h < a.lanes; h *= 2 {
				a.swapLanes(h, i, vectors+i%(a.registers()-vectors))
			}
		}
		for h := 1; h < vectors; h *= 2 {
			for i := range vectors {
				if i&h == 0 {
					t := a.v(vectors)
					a.p("VADDPS %s, %s, %s", a.v(i+h), a.v(i), t)
					a.p("VSUBPS %s, %s, %s", a.v(i+h), a.v(i), a.v(i+h))
					a.p("VMOVAPS %s, %s", t, a.v(i))
				}
			}
		}
		for i := range vectors {
			a.p("VMOVUPS %s, %d(DI)", a.v(i), i*a.bytes())
		}
		for _, r := range []string{"DI", "SI", "DX"} {
			a.p("ADDQ $%d, %s", n*4, r)
		}
		a.p("SUBQ $%d, CX", n)
		a.p("JGE block")
		a.label("done")
		a.ret()
	}
}

// swapLanes is the stage of distance h within register r: lanes without bit h become their sum with the lane h on, lanes
// with it the difference from the lane h back.
func (a *asm) swapLanes(h, r, tmp int) {
	x, t := a.v(r), a.v(tmp)
	switch {
	case h == 1:
		a.p("VPERMILPS $0xb1, %s, %s", x, t)
	case h == 2:
		a.p("VPERMILPS $0x4e, %s, %s", x, t)
	case h == 4 && a.reg == "Y":
		a.p("VPERM2F128 $1, %s, %s, %s", x, x, t)
	case h == 4:
		a.p("VSHUFF32X4 $0xb1, %s, %s, %s", x, x, t)
	case h == 8:
		a.p("VSHUFF32X4 $0x4e, %s, %s, %s", x, x, t)
	}
	sign := pattern(fmt.Sprint("sign", h), func(i int) uint32 {
		if i&h == 0 {
			return math.Float32bits(1)
		}
		return math.Float32bits(-1)
	})
	a.p("VFMADD132PS %s, %s, %s", sign, t, x)
}

var geluCoefficients = []float64{0.061542376, -0.287346694, 0.432429364, -0.229444765, 0.273744028, 0.121497607, 0.205315165, 0.210649438, 0.211613488}
