package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// constants are kept as whole vectors of 64 bytes, so that both widths use them as memory operands.
type constants struct {
	index map[uint32]int
	bits  []uint32
	lists map[string]int // patterns: name -> index of a vector in tail
	tail  [][16]uint32
}

var consts = constants{index: map[uint32]int{}, lists: map[string]int{}}

// f is the operand of a float32 constant.
func f(v float64) string { return word(math.Float32bits(float32(v))) }

// word is the operand of a constant of 32 bits in every lane.
func word(b uint32) string {
	i, ok := consts.index[b]
	if !ok {
		i = len(consts.bits)
		consts.index[b] = i
		consts.bits = append(consts.bits, b)
	}
	return fmt.Sprintf("vecConst<>+%d(SB)", 64*i)
}

// pattern is the operand of a constant with a value of its own in every lane.
func pattern(name string, lane func(i int) uint32) string {
	i, ok := consts.lists[name]
	if !ok {
		i = len(consts.tail)
		consts.lists[name] = i
		var v [16]uint32
		for l := range v {
			v[l] = lane(l)
		}
		consts.tail = append(consts.tail, v)
	}
	return fmt.Sprintf("vecPattern<>+%d(SB)", 64*i)
}

// data writes the constants that this file used.
func (a *asm) data() {
	var b strings.Builder
	for i, bits := range consts.bits {
		for l := range 16 {
			fmt.Fprintf(&b, "DATA vecConst<>+%d(SB)/4, $0x%08x\n", 64*i+4*l, bits)
		}
	}
	fmt.Fprintf(&b, "GLOBL vecConst<>(SB), RODATA|NOPTR, $%d\n\n", 64*len(consts.bits))
	for i, v := range consts.tail {
		for l, bits := range v {
			fmt.Fprintf(&b, "DATA vecPattern<>+%d(SB)/4, $0x%08x\n", 64*i+4*l, bits)
		}
	}
	fmt.Fprintf(&b, "GLOBL vecPattern<>(SB), RODATA|NOPTR, $%d\n\n", max(64, 64*len(consts.tail)))
	a.WriteString(b.String())
	consts = constants{index: map[uint32]int{}, lists: map[string]int{}}
}

// rowFunc is one row operation: pointers to slices of equal length, then scalars, then perhaps a result.
type rowFunc struct {
	name    string
	ptrs    []string // slices of float32 in the order of ptrRegs; the first one's length counts
	scalars []string // float32
	result  bool     // float32
	unroll  int
	// own is how many registers from 0 on a body uses for itself: then the unrolled bodies take registers of their own and stand
	// line by line beside each other, as the scheduler does not look past one long chain.
	own  int
	init func(a *asm)
	body func(a *asm, u int, masked bool)
	end  func(a *asm) // leaves the result in lane 0 of register 0
}

// Registers of pointers in order; the counter is CX.
var ptrRegs = []string{"DI", "SI", "DX", "R8", "R9"}

// Scalars are broadcast to these vector registers.
var scalarRegs = []int{14, 13, 12}

// maskReg holds AVX2's mask of a tail; AVX-512 has it in K1.
const maskReg = 15

func (a *asm) load(ptr string, u int, masked bool, dst int) {
	off := fmt.Sprintf("%d(%s)", u*a.bytes(), ptr)
	switch {
	case !masked:
		a.p("VMOVUPS %s, %s", off, a.v(dst))
	case a.reg == "N":
		a.p("LOAD1 %s, %s", off, a.v(dst))
	case a.reg == "Z":
		a.p("VMOVUPS.Z %s, K1, %s", off, a.v(dst))
	default:
		a.p("VMASKMOVPS %s, %s, %s", off, a.v(maskReg), a.v(dst))
	}
}

func (a *asm) store(src int, ptr string, u int, masked bool) {
	off := fmt.Sprintf("%d(%s)", u*a.bytes(), ptr)
	switch {
	case !masked:
		a.p("VMOVUPS %s, %s", a.v(src), off)
	case a.reg == "N":
		a.p("STORE1 %s, %s", a.v(src), off)
	case a.reg == "Z":
		a.p("VMOVUPS %s, K1, %s", a.v(src), off)
	default:
		a.p("VMASKMOVPS %s, %s, %s", a.v(src), a.v(maskReg), off)
	}
}

// keep zeroes the lanes beyond a tail, or sets them to minus infinity.
func (a *asm) keep(r int, masked bool) {
	if !masked {
		return
	}
	switch a.reg {
	case "Z":
		a.p("VMOVAPS.Z %s, K1, %s", a.v(r), a.v(r))
	case "N":
		a.p("KEEP1 %s", a.v(r))
	default:
		a.p("VANDPS %s, %s, %s", a.v(maskReg), a.v(r), a.v(r))
	}
}

func (a *asm) keepOrMinusInf(r, tmp int, masked bool) {
	if !masked {
		return
	}
	a.p("VMOVUPS %s, %s", f(math.Inf(-1)), a.v(tmp))
	switch a.reg {
	case "Z":
		a.p("VMOVAPS %s, K1, %s", a.v(r), a.v(tmp))
		a.p("VMOVAPS %s, %s", a.v(tmp), a.v(r))
	case "N":
		a.p("MERGE1 %s, %s", a.v(r), a.v(tmp))
		a.p("VMOVAPS %s, %s", a.v(tmp), a.v(r))
	default:
		a.p("VBLENDVPS %s, %s, %s, %s", a.v(maskReg), a.v(r), a.v(tmp), a.v(r))
	}
}

// setMask makes the mask of the first CX lanes; it uses AX.
func (a *asm) setMask() {
	if a.reg == "Z" {
		a.p("MOVL $1, AX")
		a.p("SHLL CX, AX")
		a.p("DECL AX")
		a.p("KMOVW AX, K1")
		return
	}
	a.p("VMOVD CX, X%d", maskReg)
	a.p("VPBROADCASTD X%d, Y%d", maskReg, maskReg)
	a.p("VPCMPGTD %s, Y%d, Y%d", pattern("iota", func(i int) uint32 { return uint32(i) }), maskReg, maskReg)
}

// row writes a rowFunc.
func (a *asm) row(s *stubs, r rowFunc) {
	name := r.name + a.suffix()
	args := 24*len(r.ptrs) + (4*len(r.scalars)+7)/8*8
	sig := ""
	if len(r.ptrs) > 0 {
		sig = strings.Join(r.ptrs, ", ") + " []float32"
	}
	if len(r.scalars) > 0 {
		sig += ", " + strings.Join(r.scalars, ", ") + " float32"
	}
	ret := ""
	if r.result {
		ret = " float32"
		args += 8
	}
	size := args
	if r.result {
		size = args - 4
	} else if len(r.scalars)%2 == 1 {
		size = args - 4
	}
	a.declare(s, name, "("+sig+")"+ret, fmt.Sprintf("0-%d", size))
	a.p("MOVQ %s_len+8(FP), CX", r.ptrs[0])
	for i, p := range r.ptrs {
		a.p("MOVQ %s_base+%d(FP), %s", p, 24*i, ptrRegs[i])
	}
	for i, p := range r.scalars {
		a.p("VBROADCASTSS %s+%d(FP), %s", p, 24*len(r.ptrs)+4*i, a.v(scalarRegs[i]))
	}
	if r.init != nil {
		r.init(a)
	}
	if r.unroll > 1 {
		a.loop(r, "many", r.unroll)
	}
	a.loop(r, "one", 1)
	if a.reg == "N" {
		a.label("tail")
	}
	a.p("TESTQ CX, CX")
	a.p("JZ done")
	if a.reg == "N" { // value by value
		r.body(a, 0, true)
		a.advanceRow(r, 1)
		a.p("JMP tail")
	} else {
		a.setMask()
		r.body(a, 0, true)
	}
	a.label("done")
	if r.end != nil {
		r.end(a)
	}
	if r.result {
		a.p("VMOVSS X0, ret+%d(FP)", args-8)
	}
	a.ret()
}

func (a *asm) loop(r rowFunc, name string, unroll int) {
	n := unroll * a.lanes
	a.p("CMPQ CX, $%d", n)
	a.p("JLT %send", name)
	a.p("PCALIGN $32")
	a.label(name)
	if r.own > 0 {
		a.sideBySide(r, unroll)
	} else {
		for u := range unroll {
			r.body(a, u, false)
		}
	}
	a.advanceRow(r, n)
	a.p("CMPQ CX, $%d", n)
	a.p("JGE %s", name)
	a.label(name + "end")
}

// advanceRow goes n values on.
func (a *asm) advanceRow(r rowFunc, n int) {
	for i := range r.ptrs {
		a.p("ADDQ $%d, %s", 4*n, ptrRegs[i])
	}
	a.p("SUBQ $%d, CX", n)
}

var vectorName = regexp.MustCompile(`\b[NXYZ]\d+\b`)

// sideBySide writes unroll bodies line by line, the u-th one's own registers moved up by u times their number.
func (a *asm) sideBySide(r rowFunc, unroll int) {
	var bodies [][]string
	for u := range unroll {
		b := newAsm(a.reg, a.lanes)
		b.Reset()
		r.body(b, u, false)
		bodies = append(bodies, strings.SplitAfter(vectorName.ReplaceAllStringFunc(b.String(), func(v string) string {
			n, _ := strconv.Atoi(v[1:])
			if n < r.own {
				n += u * r.own
			}
			return fmt.Sprint(v[:1], n)
		}), "\n"))
	}
	for line := range bodies[0] {
		for _, b := range bodies {
			a.WriteString(b[line])
		}
	}
}

// fold reduces vector register 0 to its lane 0 with op.
func (a *asm) fold(op string) {
	if a.reg == "N" {
		a.p("FOLD %s, %s", op, a.v(0))
		return
	}
	if a.reg == "Z" {
		a.p("VEXTRACTF64X4 $1, Z0, Y1")
		a.p("%s Y1, Y0, Y0", op)
	}
	a.p("VEXTRACTF128 $1, Y0, X1")
	a.p("%s X1, X0, X0", op)
	a.p("VPERMILPS $0x4e, X0, X1")
	a.p("%s X1, X0, X0", op)
	a.p("VPERMILPS $0xb1, X0, X1")
	a.p("%s X1, X0, X0", op)
}

// zero clears registers 0 to n-1.
func zero(n int) func(a *asm) {
	return func(a *asm) {
		for i := range n {
			a.p("VXORPS %s, %s, %s", "X"+fmt.Sprint(i), "X"+fmt.Sprint(i), "X"+fmt.Sprint(i))
		}
	}
}

// sum4 adds the accumulators 0 to 3 and folds.
func sum4(a *asm) {
	a.p("VADDPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
	a.p("VADDPS %s, %s, %s", a.v(3), a.v(2), a.v(2))
	a.p("VADDPS %s, %s, %s", a.v(2), a.v(0), a.v(0))
	a.fold("VADDPS")
}
