package main

import (
	"fmt"
	"math"
	"math/bits"
)

// Transforms that turn inputs before they are quantised.

func genTurns(a *asm, s *stubs) {
	if a.reg != "Z" { // whose registers hold the largest block
		a.row(s, rowFunc{name: "butterfly", ptrs: []string{"x", "y"}, unroll: 2, body: func(a *asm, u int, masked bool) { a.butterflies(2, u, masked) }})
		a.row(s, rowFunc{name: "butterfly4", ptrs: []string{"x", "y", "z", "w"}, body: func(a *asm, u int, masked bool) { a.butterflies(4, u, masked) }})
	}
	genHadamard(a, s)
	for n := 3; n <= 9; n += 2 {
		genHartley(a, s, n)
	}
	if a.reg == "Z" {
		genTurnU8(a, s)
		genTurnF16(a, s, false)
		genTurnF16(a, s, true)
	}
}

// butterflies transforms the vectors at n pointers, across them.
func (a *asm) butterflies(n, u int, masked bool) {
	for i := range n {
		a.load(ptrRegs[i], u, masked, i)
	}
	at, _ := a.walsh(upTo(n), n)
	for i, r := range at {
		a.store(r, ptrRegs[i], u, masked)
	}
}

// walsh transforms the registers at, across them, with a free one, and returns where the results are and the free one then.
func (a *asm) walsh(at []int, free int) ([]int, int) {
	add := func(y, x, dst int) { a.p("VADDPS %s, %s, %s", a.v(y), a.v(x), a.v(dst)) }
	sub := func(y, x, dst int) { a.p("VSUBPS %s, %s, %s", a.v(y), a.v(x), a.v(dst)) }
	return a.walshBy(at, free, add, sub)
}

// walshBy is walsh with sums and differences written by add and sub: dst is x plus or less y.
func (a *asm) walshBy(at []int, free int, add, sub func(y, x, dst int)) ([]int, int) {
	for h := 1; h < len(at); h *= 2 {
		for i := range at {
			if i&h == 0 {
				add(at[i+h], at[i], free)
				sub(at[i+h], at[i], at[i+h])
				at[i], free = free, at[i]
			}
		}
	}
	return at, free
}

// upTo is 0 to n-1.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// genHartley writes the discrete Hartley transform, unnormalised, of the columns of x (n, block), in place: of the sums and the differences of the
// rows j and n-j the one take cosines, the other sines.
func genHartley(a *asm, s *stubs, n int) {
	name := fmt.Sprintf("hartley%d%s", n, a.suffix())
	a.declare(s, name, "(x *float32, block int)", "0-16")
	a.p("MOVQ x+0(FP), DI")
	a.p("MOVQ block+8(FP), CX")
	a.p("LEAQ (CX*4), R8")
	a.p("IMUL3Q $%d, R8, R9", n-1)
	a.label("column")
	a.hartley(n, func(int) {})
	a.p("ADDQ $%d, DI", a.bytes())
	a.p("SUBQ $%d, CX", a.lanes)
	a.p("JG column")
	a.ret()
}

// hartley writes one vector of columns, at DI, of rows R8 bytes apart, the last one R9 on, and calls each with the register of each result.
func (a *asm) hartley(n int, each func(r int)) {
	m := n / 2
	even, odd, cosines, sines := 1, 1+m, 1+2*m, 2+2*m // registers
	a.p("LEAQ (DI)(R8*1), SI")
	a.p("LEAQ (DI)(R9*1), DX")
	a.p("VMOVUPS (DI), %s", a.v(0))
	for j := range m {
		a.p("VMOVUPS (SI), %s", a.v(even+j))
		a.p("VSUBPS (DX), %s, %s", a.v(even+j), a.v(odd+j))
		a.p("VADDPS (DX), %s, %s", a.v(even+j), a.v(even+j))
		a.p("ADDQ R8, SI")
		a.p("SUBQ R8, DX")
	}
	a.p("VADDPS %s, %s, %s", a.v(even), a.v(0), a.v(cosines))
	for j := 1; j < m; j++ {
		a.p("VADDPS %s, %s, %s", a.v(even+j), a.v(cosines), a.v(cosines))
	}
	a.p("VMOVUPS %s, (DI)", a.v(cosines))
	each(cosines)
	a.p("LEAQ (DI)(R8*1), SI")
	a.p("LEAQ (DI)(R9*1), DX")
	for i := 1; i <= m; i++ {
		a.p("VMOVAPS %s, %s", a.v(0), a.v(cosines))
		for j := 1; j <= m; j++ {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*j%n) / float64(n))
			a.p("VFMADD231PS %s, %s, %s", f(cos), a.v(even+j-1), a.v(cosines))
			if j == 1 {
				a.p("VMULPS %s, %s, %s", f(sin), a.v(odd), a.v(sines))
			} else {
				a.p("VFMADD231PS %s, %s, %s", f(sin), a.v(odd+j-1), a.v(sines))
			}
		}
		a.p("VADDPS %s, %s, %s", a.v(sines), a.v(cosines), a.v(sines+1))
		a.p("VSUBPS %s, %s, %s", a.v(sines), a.v(cosines), a.v(cosines))
		a.p("VMOVUPS %s, (SI)", a.v(sines+1))
		a.p("VMOVUPS %s, (DX)", a.v(cosines))
		each(sines + 1)
		each(cosines)
		a.p("ADDQ R8, SI")
		a.p("SUBQ R8, DX")
	}
}

// genHadamard writes transforms of blocks that fit in registers, of products of two rows: hadamardN for N floats, over as many blocks as there are.
func genHadamard(a *asm, s *stubs) {
	for n := a.lanes; n <= a.registers()/2*a.lanes; n *= 2 {
		name := fmt.Sprintf("hadamard%d%s", n, a.suffix())
		a.declare(s, name, "(dst, x, y []float32)", "0-72")
		a.p("MOVQ dst_base+0(FP), DI")
		a.p("MOVQ x_base+24(FP), SI")
		a.p("MOVQ y_base+48(FP), DX")
		a.p("MOVQ dst_len+8(FP), CX")
		if a.reg == "Z" {
			a.keepLaneSigns()
		}
		a.p("SUBQ $%d, CX", n)
		a.p("JLT done")
		a.label("block")
		a.hadamard(n, a.registers()-n/a.lanes)
		a.p("SUBQ $%d, CX", n)
		a.p("JGE block")
		a.label("done")
		a.ret()
	}
}

// keepLaneSigns puts the signs of lanes into the last registers, for swapLanes.
func (a *asm) keepLaneSigns() {
	for i := range 4 {
		a.p("VMOVUPS %s, Z%d", laneSigns(1<<i), 28+i)
	}
}

// hadamard writes the transform of n products of what SI and DX point to, to DI, all of which go on, and returns the registers of the results. It takes
// tmps registers behind the n values, of which AVX-512's last four are not for it.
func (a *asm) hadamard(n, tmps int) []int {
	vectors := n / a.lanes
	if a.reg == "Z" {
		tmps -= 4
	}
	at := upTo(vectors)
	a.hadamardLanes(at, 0, vectors, tmps)
	at, _ = a.walsh(at, vectors)
	for i, r := range at {
		a.p("VMOVUPS %s, %d(DI)", a.v(r), i*a.bytes())
	}
	for _, r := range []string{"DI", "SI", "DX"} {
		a.p("ADDQ $%d, %s", n*4, r)
	}
	return at
}

// hadamardLanes loads products of vectors of what SI and DX point to, from vector first on, into registers at, and does the stages within vectors with tmps
// registers from tmp on.
func (a *asm) hadamardLanes(at []int, first, tmp, tmps int) {
	for i, r := range at {
		a.p("VMOVUPS %d(SI), %s", (first+i)*a.bytes(), a.v(r))
		a.p("VMULPS %d(DX), %s, %s", (first+i)*a.bytes(), a.v(r), a.v(r))
	}
	for stage := 1; stage < a.lanes; stage *= 2 {
		for i, r := range at {
			h := stage
			if i%2 == 0 { // cheap stages beside dear ones: those of AVX-512's parts of 128 bits share ports with multiplications
				if h = stage * 4; h >= a.lanes {
					h /= a.lanes
				}
			}
			a.swapLanes(h, r, tmp+i%tmps)
		}
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
	sign := laneSigns(h)
	if a.reg == "Z" {
		sign = a.v(28 + bits.TrailingZeros(uint(h)))
	}
	a.p("VFMADD132PS %s, %s, %s", sign, t, x)
}

// laneSigns is -1 in the lanes of bit h, 1 in the others.
func laneSigns(h int) string {
	return pattern(fmt.Sprint("sign", h), func(i int) uint32 {
		if i&h == 0 {
			return math.Float32bits(1)
		}
		return math.Float32bits(-1)
	})
}
