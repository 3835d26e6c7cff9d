package main

import (
	"fmt"
	"go/format"
	"log"
	"os"
	"strings"
)

// kind is one micro-kernel's arithmetic.
type kind struct {
	name   string // as in the functions' names: gemmF32AVX512_8x3
	tier   string
	group  int   // bytes of one row of a in one step
	colB   int   // bytes of one column of b in one step
	int    bool  // sums are int32, scaled at the end
	rows   []int // heights of tiles
	units  int   // widest tile in vectors
	input  string
	values int  // of the inner dimension in one step
	pairs  bool // steps come in twos: groups are even, and one call of step does two
	half   bool // sums are pairs of numbers of half precision, added and scaled at the end
	packed bool // a tile's rows of a are interleaved: step by step, a value of each
	// combined is for products by Strassen's algorithm: tiles of other products are added (gemmArgs.plus), and differences of panels computed (gemmArgs.from), with
	// one shape of tile.
	combined bool
	step     func(a *asm, t tile, u int)
}

// tile is the shape of one micro-kernel: accumulators are registers 0 to rows*units-1, row by row.
type tile struct {
	kind
	rows, units int
}

func (t tile) acc(r, c int) int { return r*t.units + c }

// free is the first register that holds no accumulator.
func (t tile) free() int { return t.rows * t.units }

var (
	rows512 = []int{1, 2, 4, 8}
	rows256 = []int{1, 2, 4, 6}
	rows4   = []int{1, 2, 4}
)

var avx512Kinds = []kind{
	{name: "F32", tier: "AVX512", group: 4, colB: 4, rows: rows512, units: 3, input: "inputF32", values: 1, step: stepF32},
	{name: "F32Combined", tier: "AVX512", group: 4, colB: 4, rows: rows512, units: 3, combined: true, step: stepF32},
	{name: "BF16", tier: "AVX512BF16", group: 4, colB: 4, rows: rows512, units: 3, input: "inputBF16", values: 2, step: stepPairs((*asm).dpbf16)},
	{name: "F16", tier: "AVX512FP16", group: 4, colB: 4, half: true, rows: rows512, units: 3, input: "inputF16", values: 2, step: stepPairs((*asm).fmaF16)},
	{name: "Widen", tier: "AVX512", group: 8, colB: 4, rows: rows512, units: 3, input: "inputF32", values: 2, step: stepWiden},
	{name: "U8", tier: "AVX512VNNI", group: 4, colB: 4, int: true, rows: rows512, units: 3, input: "inputU8", values: 4, step: stepPairs((*asm).dpbusd)},
	{name: "S16", tier: "AVX512", group: 4, colB: 2, int: true, rows: rows512, units: 3, input: "inputS16", values: 2, step: stepS16},
	{name: "I16", tier: "AVX512", group: 4, colB: 4, int: true, rows: rows512, units: 3, input: "inputI16", values: 2, step: stepI16},
	{name: "I16", tier: "AVX512VNNI", group: 4, colB: 4, int: true, rows: rows512, units: 3, input: "inputI16", values: 2, step: stepPairs((*asm).dpwssd)},
}

var avx2Kinds = []kind{
	{name: "F32", tier: "AVX2", group: 4, colB: 4, rows: rows256, units: 2, input: "inputF32", values: 1, step: stepF32},
	{name: "F32Wide", tier: "AVX2", group: 4, colB: 4, rows: rows4, units: 3, input: "inputF32", values: 1, step: stepF32},
	{name: "F32Packed", tier: "AVX2", group: 4, colB: 4, rows: rows4, units: 3, input: "inputF32", values: 1, packed: true, step: stepF32},
	{name: "F32Combined", tier: "AVX2", group: 4, colB: 4, rows: rows4, units: 3, packed: true, combined: true, step: stepF32},
	{name: "Widen", tier: "AVX2", group: 8, colB: 4, rows: rows256, units: 2, input: "inputF32", values: 2, step: stepWiden},
	{name: "S16", tier: "AVX2", group: 4, colB: 2, int: true, rows: rows256, units: 2, input: "inputS16", values: 2, step: stepS16},
	{name: "I16", tier: "AVX2", group: 4, colB: 4, int: true, rows: rows256, units: 2, input: "inputI16", values: 2, step: stepI16},
	{name: "U8", tier: "AVX2", group: 4, colB: 4, int: true, rows: rows4, units: 2, input: "inputU8", values: 4, pairs: true, packed: true, step: stepU8Pairs},
	{name: "I16", tier: "AVXVNNI", group: 4, colB: 4, int: true, rows: rows4, units: 3, input: "inputI16", values: 2, step: stepPairs((*asm).dpwssd)},
	{name: "U8", tier: "AVXVNNI", group: 4, colB: 4, int: true, rows: rows4, units: 3, input: "inputU8", values: 4, step: stepPairs((*asm).dpbusd)},
}

// rowA is the address of row r of a, off bytes on. SI is row 0, R10 row 3, R8 the step, R11 three steps.
func rowA(r, off int) string {
	return fmt.Sprintf([]string{"%d(SI)", "%d(SI)(R8*1)", "%d(SI)(R8*2)", "%d(R10)", "%d(SI)(R8*4)", "%d(R10)(R8*2)", "%d(SI)(R11*2)", "%d(R10)(R8*4)"}[r], off)
}

// rowA is the address of the u-th next group of row r of a.
func (t tile) rowA(r, u int) string {
	if t.packed {
		return fmt.Sprintf("%d(SI)", (u*t.rows+r)*t.group)
	}
	return rowA(r, u*t.group)
}

// rowB is the address in the u-th next group of b, off bytes on. DI is the first, R12 the step, R13 three steps; combined products' groups lie without gaps.
func (a *asm) rowB(t tile, u, off int) string {
	if t.combined {
		return fmt.Sprintf("%d(DI)", u*t.units*a.bytes()+off)
	}
	return fmt.Sprintf([]string{"%d(DI)", "%d(DI)(R12*1)", "%d(DI)(R12*2)", "%d(DI)(R13*1)"}[u], off)
}

// ldc is the bytes from one row of out to the next.
func (t tile) ldc() string {
	if t.combined { // which have no register left
		return "gemmArgs_ldc(AX)"
	}
	return "R9"
}

const unroll = 4

func stepF32(a *asm, t tile, u int) {
	b := t.free()
	for c := range t.units {
		a.p("VMOVUPS %s, %s", a.rowB(t, u, c*a.bytes()), a.v(b+c))
	}
	x := b + t.units
	n := a.registers() - x
	for r := range t.rows {
		a.p("VBROADCASTSS %s, %s", t.rowA(r, u), a.v(x+r%n))
		for c := range t.units {
			a.p("VFMADD231PS %s, %s, %s", a.v(b+c), a.v(x+r%n), a.v(t.acc(r, c)))
		}
	}
}

func (a *asm) registers() int {
	switch a.reg {
	case "Z":
		return 32
	case "N": // the others are the translation's
		return 24
	}
	return 16
}

// stepWiden takes pairs of bfloat16 apart: the even values are the lower halves, the odd ones the upper. The last register
// holds the mask of the upper halves.
func stepWiden(a *asm, t tile, u int) {
	b, mask := t.free(), a.registers()-1
	x := b + t.units
	n := mask - x
	for half := range 2 {
		for c := range t.units {
			if half == 0 {
				if a.reg == "Z" {
					a.p("VPSLLD $16, %s, %s", a.rowB(t, u, c*a.bytes()), a.v(b+c))
				} else {
					a.p("VMOVUPS %s, %s", a.rowB(t, u, c*a.bytes()), a.v(b+c))
					a.p("VPSLLD $16, %s, %s", a.v(b+c), a.v(b+c))
				}
			} else {
				a.p("%s %s, %s, %s", a.and(), a.rowB(t, u, c*a.bytes()), a.v(mask), a.v(b+c))
			}
		}
		for r := range t.rows {
			a.p("VBROADCASTSS %s, %s", rowA(r, u*8+half*4), a.v(x+r%n))
			for c := range t.units {
				a.p("VFMADD231PS %s, %s, %s", a.v(b+c), a.v(x+r%n), a.v(t.acc(r, c)))
			}
		}
	}
}

func (a *asm) and() string {
	if a.reg == "Z" {
		return "VPANDD"
	}
	return "VPAND"
}

func (a *asm) xor() string {
	if a.reg == "Z" {
		return "VPXORD"
	}
	return "VPXOR"
}

// stepPairs adds products of what lies in a's and b's words: four bytes or two numbers of 16 bits.
func stepPairs(products func(a *asm, s, u, dst int)) func(a *asm, t tile, u int) {
	return func(a *asm, t tile, u int) {
		b := t.free()
		for c := range t.units {
			a.p("VMOVUPS %s, %s", a.rowB(t, u, c*a.bytes()), a.v(b+c))
		}
		x := b + t.units
		n := a.registers() - x
		for r := range t.rows {
			a.p("VPBROADCASTD %s, %s", t.rowA(r, u), a.v(x+r%n))
			for c := range t.units {
				products(a, b+c, x+r%n, t.acc(r, c))
			}
		}
	}
}

// stepU8Pairs multiplies two groups of bytes without VNNI: VPMADDUBSW's sums of two products are added in 16 bits, the four
// of them widened at once. Packing sees to it that four products of a lane never leave 16 bits (pairLimit). The columns' chains
// stand side by side.
func stepU8Pairs(a *asm, t tile, u int) {
	ones := a.registers() - 1
	b, x, p := t.free(), t.free()+t.units, t.free()+t.units+2
	q := func(c int) string { // products of the second group; the last takes the register of the first broadcast
		if c == t.units-1 {
			return a.v(x)
		}
		return a.v(p + t.units + c)
	}
	for c := range t.units {
		a.p("VMOVDQU %s, %s", a.rowB(t, u, c*a.bytes()), a.v(b+c))
	}
	for r := range t.rows {
		a.p("VPBROADCASTD %s, %s", t.rowA(r, u), a.v(x))
		a.p("VPBROADCASTD %s, %s", t.rowA(r, u+1), a.v(x+1))
		for c := range t.units {
			a.p("VPMADDUBSW %s, %s, %s", a.v(b+c), a.v(x), a.v(p+c))
		}
		for c := range t.units {
			a.p("VPMADDUBSW %s, %s, %s", a.rowB(t, u+1, c*a.bytes()), a.v(x+1), q(c))
		}
		for c := range t.units {
			a.p("VPADDW %s, %s, %s", q(c), a.v(p+c), a.v(p+c))
		}
		for c := range t.units {
			a.p("VPMADDWD %s, %s, %s", a.v(ones), a.v(p+c), a.v(p+c))
		}
		for c := range t.units {
			a.p("VPADDD %s, %s, %s", a.v(p+c), a.v(t.acc(r, c)), a.v(t.acc(r, c)))
		}
	}
}

// stepS16 multiplies int16 with int8, which it widens.
func stepS16(a *asm, t tile, u int) {
	for c := range t.units {
		a.p("VPMOVSXBW %s, %s", a.rowB(t, u, c*a.bytes()/2), a.v(t.free()+c))
	}
	a.wordProducts(t, u)
}

// stepI16 multiplies int16 with int16.
func stepI16(a *asm, t tile, u int) {
	for c := range t.units {
		a.p("VMOVUPS %s, %s", a.rowB(t, u, c*a.bytes()), a.v(t.free()+c))
	}
	a.wordProducts(t, u)
}

// wordProducts adds products of pairs of int16: a's, and b's behind the accumulators.
func (a *asm) wordProducts(t tile, u int) {
	b := t.free()
	x := b + t.units
	left := a.registers() - x
	n := max(1, min(4, left/2)) // broadcasts; the rest are products
	m := left - n
	i := 0
	for r := range t.rows {
		a.p("VPBROADCASTD %s, %s", t.rowA(r, u), a.v(x+r%n))
		for c := range t.units {
			tmp := a.v(x + n + i%m)
			i++
			a.p("VPMADDWD %s, %s, %s", a.v(b+c), a.v(x+r%n), tmp)
			a.p("VPADDD %s, %s, %s", tmp, a.v(t.acc(r, c)), a.v(t.acc(r, c)))
		}
	}
}

func (t tile) name() string {
	return fmt.Sprintf("gemm%s%s_%dx%d", t.kind.name, t.tier, t.rows, t.units)
}

func genGEMM(a *asm, s *stubs, kinds []kind) {
	for _, k := range kinds {
		if k.combined {
			t := tile{k, k.rows[len(k.rows)-1], k.units}
			a.tile(t)
			s.tile(t)
			continue
		}
		for _, rows := range k.rows {
			for units := 1; units <= k.units; units++ {
				t := tile{k, rows, units}
				a.tile(t)
				s.tile(t)
			}
		}
		s.table(k)
	}
}

// tile writes one micro-kernel.
func (a *asm) tile(t tile) {
	fmt.Fprintf(a, "// func %s(a *gemmArgs)\n", t.name())
	a.text(t.name(), "0-8")
	a.p("MOVQ a+0(FP), AX")
	if t.kind.name == "Widen" {
		m := a.registers() - 1
		a.p("MOVL $0xffff0000, BX")
		a.p("VMOVD BX, X%d", m&15)
		a.p("VPBROADCASTD X%d, %s", m&15, a.v(m))
	}
	if t.pairs { // words of one
		m := a.registers() - 1
		a.p("VPCMPEQW %s, %s, %s", a.v(m), a.v(m), a.v(m))
		a.p("VPSRLW $15, %s, %s", a.v(m), a.v(m))
	}
	a.p("MOVQ gemmArgs_ahead(AX), R14")
	a.p("TESTQ R14, R14")
	a.p("CMOVQEQ gemmArgs_b(AX), R14") // which is there already
	a.label("tile")
	for _, m := range []struct{ field, reg string }{{"groups", "CX"}, {"a", "SI"}, {"lda", "R8"}, {"b", "DI"}, {"c", "DX"}} {
		a.p("MOVQ gemmArgs_%s(AX), %s", m.field, m.reg)
	}
	if !t.combined {
		a.p("MOVQ gemmArgs_ldc(AX), R9")
		a.p("MOVQ gemmArgs_ldb(AX), R12")
		a.p("LEAQ (R12)(R12*2), R13")
	}
	if t.rows > 3 && !t.packed {
		a.p("LEAQ (R8)(R8*2), R11")
		a.p("LEAQ (SI)(R11*1), R10")
	}
	a.begins(t)
	if t.combined {
		a.combinedLoop(t)
	} else {
		a.groupLoop(t)
	}
	a.epilogue(t)
	a.nextTile(t)
	a.ret()
}

// begins sets what sums begin with: comp or zeros.
func (a *asm) begins(t tile) {
	if t.input == "inputU8" {
		a.p("MOVQ gemmArgs_comp(AX), BX")
		a.p("TESTQ BX, BX")
		a.p("JZ nocomp")
		for r := range t.rows {
			for c := range t.units {
				if r == 0 {
					a.p("VMOVUPS %d(BX), %s", c*a.bytes(), a.v(c))
				} else {
					a.p("VMOVAPS %s, %s", a.v(c), a.v(t.acc(r, c)))
				}
			}
		}
		a.p("JMP groups")
		a.label("nocomp")
	}
	for i := range t.free() {
		a.p("%s %s, %s, %s", a.xor(), a.v(i), a.v(i), a.v(i))
	}
	a.label("groups")
}

// nextTile goes on with the rows below, where there are more tiles.
func (a *asm) nextTile(t tile) {
	a.p("SUBQ $1, gemmArgs_tiles(AX)")
	a.p("JLE end")
	if !t.packed { // else SI is there
		a.p("MOVQ gemmArgs_a(AX), SI")
		for r := t.rows; r > 0; r &= r - 1 {
			a.p("LEAQ (SI)(R8*%d), SI", r&-r)
		}
	}
	a.p("MOVQ SI, gemmArgs_a(AX)")
	a.p("MOVQ DX, gemmArgs_c(AX)")
	a.p("MOVQ BX, gemmArgs_add(AX)")
	if t.int || t.half {
		a.p("ADDQ $%d, gemmArgs_rowS(AX)", 4*t.rows)
	}
	a.p("JMP tile")
	a.label("end")
}

// groupLoop runs over the groups: four at a time, then what is left one by one or, for kinds with pairs, as one pair.
func (a *asm) groupLoop(t tile) {
	by := 1
	if t.pairs {
		by = 2
	}
	a.fours(t, "loop", "tail", t.step, by, func() { a.p("LEAQ (DI)(R12*4), DI") })
	a.label("tail")
	if a.reg == "Z" {
		a.p("MOVQ gemmArgs_groups(AX), CX")
	}
	a.p("ANDQ $3, CX")
	a.p("JZ done")
	a.label("one")
	t.step(a, t, 0)
	if by == 1 {
		a.advance(t, 1)
		a.p("ADDQ R12, DI")
		a.p("DECQ CX")
		a.p("JNZ one")
	} else if t.packed { // where the next tile begins
		a.advance(t, by)
	}
	a.label("done")
}

// fours runs over groups four at a time and then goes to done, where there are none at once.
func (a *asm) fours(t tile, loop, done string, step func(a *asm, t tile, u int), by int, next func()) {
	a.p("MOVQ CX, BX")
	a.p("SHRQ $2, BX")
	a.p("JZ %s", done)
	if a.reg == "Z" {
		a.p("MOVQ DX, R15")
		a.p("XORQ CX, CX")
	}
	a.p("PCALIGN $64")
	a.label(loop)
	for u := 0; u < unroll; u += by {
		step(a, t, u)
	}
	a.askAhead(t)
	a.p("ADDQ gemmArgs_aheadStep(AX), R14")
	a.advance(t, unroll)
	next()
	a.p("DECQ BX")
	a.p("JZ %s", done)
	a.askLate(t, loop)
	a.p("JMP %s", loop)
}

func (a *asm) advance(t tile, groups int) {
	if t.packed {
		a.p("ADDQ $%d, SI", groups*t.group*t.rows)
		return
	}
	a.p("ADDQ $%d, SI", groups*t.group)
	if t.rows > 3 {
		a.p("ADDQ $%d, R10", groups*t.group)
	}
}

// late is how many times four groups before a tile's end out is asked for: earlier, the panel would push the lines out of the first-level cache again. AVX-512
// asks row by row, from twice as early on for what is added: all at once they would take all of what the processor keeps of lines on their way, and the panel's
// would wait.
const late = 10

// askAhead asks for weights behind the panel, as four groups pass. AVX-512 asks for lines of a row at R15 besides, CX bytes further each time: out's first row, and
// near the end what askLate says.
func (a *asm) askAhead(t tile) {
	if a.reg != "Z" {
		a.p("PREFETCHT1 (R14)")
		return
	}
	cache := "T0"
	if strings.HasPrefix(t.kind.name, "F32") && !t.combined { // few rows: two panels of float32 are more than the first-level cache holds
		cache = "T1"
	}
	for i := range 3 { // with four tiles these are all lines of a panel: gemmSet.ahead
		a.p("PREFETCH%s %d(R14)", cache, 64*i)
	}
	for off := 0; off < t.units*a.bytes(); off += 64 {
		a.p("PREFETCHT0 %d(R15)", off)
	}
	a.p("ADDQ CX, R15")
	if t.rows == 8 && strings.HasPrefix(t.kind.name, "F32") { // rows of the next tile, which may lie in a far cache: the five that registers reach
		for _, at := range []string{"(SI)(R8*8)", "(R10)(R11*2)", "(R10)(R8*8)", "(SI)(R11*4)", "(R10)(R11*4)"} {
			a.p("PREFETCHT0 %s", at)
		}
	}
}

// askLate asks for the lines which the epilogue reads or writes, of out, and of what is added; it goes to loop where it is not time.
func (a *asm) askLate(t tile, loop string) {
	if a.reg == "Z" {
		a.p("CMPQ BX, $%d", 2*late)
		a.p("JNE not%s", loop)
		a.p("MOVQ gemmArgs_add(AX), CX")
		a.p("TESTQ CX, CX")
		a.p("JZ %s", loop)
		a.p("MOVQ CX, R15")
		a.p("MOVQ gemmArgs_ldAdd(AX), CX")
		a.p("JMP %s", loop)
		a.label("not" + loop)
	}
	a.p("CMPQ BX, $%d", late)
	a.p("JNE %s", loop)
	if a.reg != "Z" {
		a.askRows(t, loop+"noadd")
	}
	if t.combined {
		for _, field := range []string{"plus", "plus2"} {
			a.p("MOVQ gemmArgs_%s(AX), R15", field)
			a.p("TESTQ R15, R15")
			a.p("JZ %s%s", loop, field)
			for off := 0; off < t.free()*a.bytes(); off += 64 {
				a.p("PREFETCHT0 %d(R15)", off)
			}
			a.label(loop + field)
		}
	}
	if a.reg == "Z" {
		a.p("MOVQ %s, CX", t.ldc())
		a.p("MOVQ DX, R15")
	}
}

// askRows asks for all rows of out, and of what is added.
func (a *asm) askRows(t tile, done string) {
	rows := func(step string) {
		for r := range t.rows {
			for off := 0; off < t.units*a.bytes(); off += 64 {
				a.p("PREFETCHT0 %d(R15)", off)
			}
			if r < t.rows-1 {
				a.p("ADDQ %s, R15", step)
			}
		}
	}
	a.p("MOVQ DX, R15")
	rows(t.ldc())
	a.p("MOVQ gemmArgs_add(AX), R15")
	a.p("TESTQ R15, R15")
	a.p("JZ %s", done)
	rows("gemmArgs_ldAdd(AX)")
	a.label(done)
}

// epilogue scales sums that are not float32, adds the bias and another matrix, and stores.
func (a *asm) epilogue(t tile) {
	w := t.free()
	if t.int || t.half {
		a.scale(t, w)
	} else {
		a.bias(w, t.units, false)
		a.eachAcc(t, func(r, c int) { a.p("VADDPS %s, %s, %s", a.v(w+c), a.v(t.acc(r, c)), a.v(t.acc(r, c))) })
		a.label("nobias")
	}
	if t.combined {
		a.plus(t)
	}
	a.p("MOVQ gemmArgs_add(AX), BX")
	a.p("TESTQ BX, BX")
	a.p("JZ store")
	a.p("MOVQ gemmArgs_ldAdd(AX), CX")
	for r := range t.rows {
		for c := range t.units {
			a.p("VADDPS %d(BX), %s, %s", c*a.bytes(), a.v(t.acc(r, c)), a.v(t.acc(r, c)))
		}
		a.p("ADDQ CX, BX")
	}
	a.label("store") // BX is where the next tile's addends are, or nil
	for r := range t.rows {
		for c := range t.units {
			a.p("VMOVUPS %s, %d(DX)", a.v(t.acc(r, c)), c*a.bytes())
		}
		a.p("ADDQ %s, DX", t.ldc())
	}
}

func (a *asm) eachAcc(t tile, f func(r, c int)) {
	for r := range t.rows {
		for c := range t.units {
			f(r, c)
		}
	}
}

// bias loads units vectors of the bias into registers from to on. Without a bias it goes to nobias, or these are zeros.
func (a *asm) bias(to, units int, zeros bool) {
	a.p("MOVQ gemmArgs_bias(AX), BX")
	if zeros {
		for c := range units {
			a.p("%s %s, %s, %s", a.xor(), a.v(to+c), a.v(to+c), a.v(to+c))
		}
	}
	a.p("TESTQ BX, BX")
	a.p("JZ nobias")
	for c := range units {
		a.p("VMOVUPS %d(BX), %s", c*a.bytes(), a.v(to+c))
	}
	if zeros {
		a.label("nobias")
	}
}

// scale turns sums into float32, times colS and rowS, plus the bias. w is the first free register. All tiles of a kind round alike, as a row is in one tile
// or another.
func (a *asm) scale(t tile, w int) {
	rowS, b, tmp := w+t.units, w+t.units+1, w+2*t.units+1
	most := t.kind.rows[len(t.kind.rows)-1]*t.kind.units + 2*t.kind.units + 1
	fits := most <= a.registers() // else the bias takes the place of colS, behind it
	if t.half {
		fits = most < a.registers()
	}
	if fits {
		a.bias(b, t.units, true)
	} else {
		tmp = b
	}
	a.p("MOVQ gemmArgs_colS(AX), BX")
	a.p("MOVQ gemmArgs_rowS(AX), DI")
	for c := range t.units {
		a.p("VMOVUPS %d(BX), %s", c*a.bytes(), a.v(w+c))
	}
	for r := range t.rows {
		a.p("VBROADCASTSS %d(DI), %s", 4*r, a.v(rowS))
		for c := range t.units {
			acc := a.v(t.acc(r, c))
			if t.half {
				a.addPairs(t.acc(r, c), tmp)
			} else {
				a.p("VCVTDQ2PS %s, %s", acc, acc)
			}
			a.p("VMULPS %s, %s, %s", a.v(rowS), acc, acc)
			if fits {
				a.p("VFMADD213PS %s, %s, %s", a.v(b+c), a.v(w+c), acc)
			} else {
				a.p("VMULPS %s, %s, %s", a.v(w+c), acc, acc)
			}
		}
	}
	if !fits {
		a.bias(w, t.units, false)
		a.eachAcc(t, func(r, c int) { a.p("VADDPS %s, %s, %s", a.v(w+c), a.v(t.acc(r, c)), a.v(t.acc(r, c))) })
		a.label("nobias")
	}
}

// addPairs adds the pairs of half precision of a register into float32. tmp is a free one.
func (a *asm) addPairs(acc, tmp int) {
	a.p("VPSRLD $16, Z%d, Z%d", acc, tmp)
	a.addF16(tmp, acc, acc)
	a.p("VPMOVDW Z%d, Y%d", acc, tmp)
	a.p("VCVTPH2PS Y%d, Z%d", tmp, acc)
}

// stubs collects the Go side: declarations and tables.
type stubs struct {
	decl, vars strings.Builder
}

func newStubs() *stubs { return &stubs{} }

func (s *stubs) tile(t tile) {
	fmt.Fprintf(&s.decl, "//go:noescape\nfunc %s(a *gemmArgs)\n\n", t.name())
}

func (s *stubs) table(k kind) {
	flags := ""
	if k.pairs {
		flags += "pairs: true, "
	}
	if k.packed {
		flags += "tiled: true, "
	}
	fmt.Fprintf(&s.vars, "var gemm%s%s = gemmKernels{group: %d, input: %s, %sof: [][]gemmFunc{\n", k.name, k.tier, k.values, k.input, flags)
	at := 0
	for rows := 1; rows <= k.rows[len(k.rows)-1]; rows++ {
		if rows != k.rows[at] {
			fmt.Fprintf(&s.vars, "\tnil,\n")
			continue
		}
		at++
		fmt.Fprintf(&s.vars, "\t{")
		for units := 1; units <= k.units; units++ {
			fmt.Fprintf(&s.vars, "%s, ", tile{k, rows, units}.name())
		}
		fmt.Fprintf(&s.vars, "},\n")
	}
	fmt.Fprintf(&s.vars, "}}\n\n")
}

func (s *stubs) save(file string) {
	text := "// Code generated by kernel/gen; DO NOT EDIT.\n\n//go:build !purego\n\npackage kernel\n\n" + s.vars.String() + s.decl.String()
	out, err := format.Source([]byte(text))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(file, out, 0o644); err != nil {
		log.Fatal(err)
	}
}
