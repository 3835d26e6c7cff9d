package main

import "fmt"

// Tiles of AMX: eight registers of 16 rows of 64 bytes. Sums are 0 to 3 (two by two), rows of a 4 and 5, columns of b 6 and 7. Go's assembler knows none of the
// instructions (Intel, Instruction Set Extensions Programming Reference, chapter 3): they are written as bytes.

var gpr = map[string]int{"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SI": 6, "DI": 7, "R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R14": 14, "R15": 15}

func (a *asm) bytesOf(comment string, code ...int) {
	text := ""
	for _, b := range code {
		text += fmt.Sprintf("BYTE $0x%02x; ", b&255)
	}
	a.p("%s// %s", text, comment)
}

// The prefixes that tell AMX's instructions of one opcode apart.
const vexNone, vex66, vexF3, vexF2 = 0, 1, 2, 3

// vex3 is the VEX prefix of an instruction of the map 0F38 with 128 bits and W0; numbers of registers may be up to 15.
func vex3(prefix, reg, index, base, vvvv int) []int {
	return []int{0xc4, (^reg>>3&1)<<7 | (^index>>3&1)<<6 | (^base>>3&1)<<5 | 2, (^vvvv&15)<<3 | prefix}
}

// tileMemory is an instruction on a tile and memory: rows of 64 bytes at off(base), step apart.
func (a *asm) tileMemory(name string, prefix, opcode, tile int, base string, off int, step string) {
	b, i := gpr[base], gpr[step]
	code := append(vex3(prefix, tile, i, b, 0), opcode, 0x84|tile<<3, (i&7)<<3|b&7, off, off>>8, off>>16, off>>24)
	a.bytesOf(fmt.Sprintf("%s tmm%d, %d(%s)(%s*1)", name, tile, off, base, step), code...)
}

func (a *asm) tileLoad(tile int, base string, off int, step string) {
	a.tileMemory("TILELOADD", vexF2, 0x4b, tile, base, off, step)
}

// tileStream is tileLoad for what is not needed again soon.
func (a *asm) tileStream(tile int, base string, off int, step string) {
	a.tileMemory("TILELOADDT1", vex66, 0x4b, tile, base, off, step)
}

func (a *asm) tileStore(tile int, base string, off int, step string) {
	a.tileMemory("TILESTORED", vexF3, 0x4b, tile, base, off, step)
}

func (a *asm) tileZero(tile int) {
	a.bytesOf(fmt.Sprintf("TILEZERO tmm%d", tile), append(vex3(vexF2, tile, 0, 0, 0), 0x49, 0xc0|tile<<3)...)
}

func (a *asm) tileRelease() {
	a.bytesOf("TILERELEASE", append(vex3(vexNone, 0, 0, 0, 0), 0x49, 0xc0)...)
}

// tileConfig loads the shapes at (base).
func (a *asm) tileConfig(base string) {
	a.bytesOf("LDTILECFG ("+base+")", append(vex3(vexNone, 0, 0, gpr[base], 0), 0x49, gpr[base]&7)...)
}

// tileProduct is how tile kernels multiply: sum += x times y.
type tileProduct struct {
	name           string
	prefix, opcode int
}

var (
	tileU8   = tileProduct{"TDPBUSD", vex66, 0x5e} // x without a sign, y with one
	tileBF16 = tileProduct{"TDPBF16PS", vexF3, 0x5c}
)

func (a *asm) tileMultiply(p tileProduct, sum, x, y int) {
	a.bytesOf(fmt.Sprintf("%s tmm%d, tmm%d, tmm%d", p.name, sum, x, y), append(vex3(p.prefix, sum, 0, x, y), p.opcode, 0xc0|sum<<3|x)...)
}

// genAMX writes the products by tiles, and their peaks.
func genAMX(a *asm, s *stubs) {
	a.WriteString("// The shapes of all eight tiles: palette 1, 64 bytes by 16 rows.\nDATA tileShapes<>+0(SB)/8, $1\nDATA tileShapes<>+8(SB)/8, $0\n")
	for i := range 2 {
		fmt.Fprintf(a, "DATA tileShapes<>+%d(SB)/8, $0x0040004000400040\n", 16+8*i)
	}
	a.WriteString("DATA tileShapes<>+32(SB)/8, $0\nDATA tileShapes<>+40(SB)/8, $0\nDATA tileShapes<>+48(SB)/8, $0x1010101010101010\nDATA tileShapes<>+56(SB)/8, $0\nGLOBL tileShapes<>(SB), RODATA|NOPTR, $64\n\n")
	for _, gated := range []bool{false, true} {
		a.tiles(s, "U8", tileKind{by: tileU8, gated: gated})
		a.tiles(s, "BF16", tileKind{by: tileBF16, gated: gated})
		a.tiles(s, "F32", tileKind{by: tileBF16, split: true, gated: gated})
	}
	a.wholeTiles(s)
	for _, l := range []struct {
		name string
		p    tileProduct
	}{{"peakU8AMX", tileU8}, {"peakBF16AMX", tileBF16}} {
		a.declare(s, l.name, "(n int)", "0-8")
		a.p("MOVQ n+0(FP), CX")
		a.p("LEAQ tileShapes<>(SB), BX")
		a.tileConfig("BX")
		a.label("loop")
		for sum := range 4 {
			a.tileMultiply(l.p, sum, 4+sum/2, 6+sum%2)
		}
		a.p("DECQ CX")
		a.p("JNZ loop")
		a.tileRelease()
		a.ret()
	}
	a.data()
}

// tileKind is one product: split is float32 as three numbers of bfloat16 each; gated ones store SiLU of the first 16 columns of a pair times the other 16.
type tileKind struct {
	by           tileProduct
	split, gated bool
}

// tiles writes one product: for pairs of 16 columns, chunks of steps, and pairs of 16 rows. Of split ones rows of a have the three parts of every 32 values one
// behind the other, and b is float32, taken apart chunk by chunk. What becomes of a pair's sums waits for the next pair's multiplications and goes beside them.
//
// SI and R10 are rows of a, DI and BX columns of b, R14, and R15 behind that, what is asked for, or taken apart, meanwhile. R9 are the sums that wait, DX where
// they go, R11 their rows' scales.
func (a *asm) tiles(s *stubs, name string, k tileKind) {
	name = "tiles" + name
	if k.gated {
		name += "Gated"
	}
	name += "AMX"
	a.declare(s, name, "(a *tileArgs)", "0-8")
	a.p("MOVQ a+0(FP), AX")
	a.p("LEAQ tileShapes<>(SB), BX")
	a.tileConfig("BX")
	a.p("MOVQ %s, R8", tileArg("lda"))
	a.p("MOVQ $64, R12")
	a.p("MOVQ %s, R15", tileArg("unit"))
	if k.gated && k.split {
		a.tableExpConstants(gateConstants)
	} else if k.gated {
		a.roughSiLUConstants(gateConstants)
	}

	if k.split {
		a.tileFirst()
	}
	a.tilesColumns(k)
	a.tilesChunk(k)
	a.tilesRows(k)
	a.tilesSums(k)
	a.tilesNext(k)
	a.label("end")
	a.tileRelease()
	a.ret()
}

// step is how much of b and of a one step takes: bytes of a unit, as a power of two, and of a row.
func (k tileKind) step() (shiftB, bytesA int) {
	if k.split {
		return 11, 192
	}
	return 10, 64
}

// tileArg is the operand of a field of tileArgs; setTileArg copies one to another.
func tileArg(f string) string { return "tileArgs_" + f + "(AX)" }

func (a *asm) setTileArg(to, from, by string) {
	a.p("MOVQ %s, %s", tileArg(from), by)
	a.p("MOVQ %s, %s", by, tileArg(to))
}

// tileFirst takes the first chunk of the first columns apart.
func (a *asm) tileFirst() {
	a.p("MOVQ R15, R13")
	a.p("CMPQ %s, $16", tileArg("cols"))
	a.p("JGT two")
	a.p("XORQ R13, R13")
	a.label("two")
	a.p("MOVQ R13, %s", tileArg("splitUnit"))
	a.p("MOVQ %s, R14", tileArg("b"))
	a.setTileArg("splitTo", "parts", "CX")
	a.p("MOVQ %s, CX", tileArg("chunk"))
	a.p("MOVQ CX, %s", tileArg("splitLeft"))
	a.splitAll("first")
	a.setTileArg("partsAt", "parts", "CX")
	a.p("ADDQ $%d, CX", 6144*splitChunk)
	a.p("MOVQ CX, %s", tileArg("partsNext"))
}

// tilesColumns begins a pair of units: which of its columns there are, and what is the same for all rows.
func (a *asm) tilesColumns(k tileKind) {
	a.label("columns")
	a.p("MOVQ %s, CX", tileArg("cols"))
	a.p("MOVQ $32, BX")
	a.p("CMPQ CX, BX")
	a.p("CMOVQGT BX, CX")
	a.p("MOVQ $-1, BX")
	a.p("BZHIQ CX, BX, BX")
	a.p("KMOVW BX, K1")
	a.p("SHRQ $16, BX")
	a.p("KMOVW BX, K2")
	a.p("CMPQ CX, $16")
	a.p("JGT even")
	a.p("XORQ R15, R15") // the second half repeats the first and is not stored
	a.label("even")
	a.tileColumns(k.by)
	a.p("MOVQ %s, DX", tileArg("c"))
	a.p("MOVQ %s, R11", tileArg("rowS"))
	a.setTileArg("addAt", "add", "CX")
	a.setTileArg("aStart", "a", "CX")
	a.setTileArg("bStart", "b", "CX")
	a.setTileArg("stepsAt", "steps", "CX")
}

// tilesChunk begins a chunk of steps: how many, and what comes behind it.
func (a *asm) tilesChunk(k tileKind) {
	shiftB, _ := k.step()
	a.label("chunks")
	a.p("MOVQ %s, CX", tileArg("chunk"))
	a.p("MOVQ CX, R14")
	a.p("SHLQ $%d, R14", shiftB)
	a.p("ADDQ %s, R14", tileArg("bStart")) // what comes next of these columns
	a.p("CMPQ %s, CX", tileArg("stepsAt"))
	a.p("JGT some")
	a.p("MOVQ %s, CX", tileArg("stepsAt"))
	a.p("MOVQ %s, R14", tileArg("b"))
	a.p("LEAQ (R14)(R15*2), R14") // or of the columns behind
	a.label("some")
	a.p("MOVQ CX, %s", tileArg("chunkAt"))
	if k.split {
		a.nextSplit()
	}
	a.p("MOVQ $%d, %s", tileSums, tileArg("slotStep"))
	a.setTileArg("slotAt", "sums", "CX")
	a.setTileArg("aAt", "aStart", "CX")
	a.setTileArg("rowsAt", "rows", "CX")
	a.p("MOVQ $0, %s", tileArg("left"))
}

// tilesRows multiplies a pair of rows with a chunk, and stores beside that some of the sums that wait.
func (a *asm) tilesRows(k tileKind) {
	a.label("rows")
	a.p("MOVQ %s, SI", tileArg("aAt"))
	a.p("MOVQ R8, R10")
	a.p("SHLQ $4, R10")
	a.p("ADDQ SI, R10")
	if k.split {
		a.p("MOVQ %s, DI", tileArg("partsAt"))
	} else {
		a.p("MOVQ %s, DI", tileArg("bStart"))
	}
	for sum := range 4 {
		a.tileZero(sum)
	}
	a.p("MOVQ %s, CX", tileArg("stepsAt"))
	a.p("CMPQ CX, %s", tileArg("steps"))
	a.p("JEQ begun")
	a.p("MOVQ %s, BX", tileArg("slotAt"))
	a.p("MOVQ $128, R13")
	for sum := range 4 {
		a.tileLoad(sum, "BX", slotOf(sum), "R13")
	}
	a.label("begun")
	a.p("MOVQ %s, CX", tileArg("chunkAt"))
	a.p("CMPQ %s, $16", tileArg("rowsAt"))
	a.p("JLE few")
	for _, few := range []bool{false, true} {
		label := "loop"
		if few {
			label = "few"
		}
		a.p("PCALIGN $64")
		a.label(label)
		a.tileStep(k.by, k.split, few)
		if k.split {
			a.splitNext("split" + label)
		}
		a.p("MOVQ %s, R13", tileArg("left"))
		a.p("TESTQ R13, R13")
		a.p("JZ none%s", label)
		a.p("CMPQ R13, %s", tileArg("perStep"))
		a.p("CMOVQGT %s, R13", tileArg("perStep"))
		a.p("SUBQ R13, %s", tileArg("left"))
		a.tileEpilogue("beside"+label, k)
		a.label("none" + label)
		a.p("DECQ CX")
		a.p("JNZ %s", label)
		if !few {
			a.p("JMP done")
		}
	}
}

// tilesSums keeps the sums of a pair of rows, which wait if they are whole, and goes on with the rows below.
func (a *asm) tilesSums(k tileKind) {
	a.label("done")
	if k.split {
		a.splitAll("rest")
	}
	a.p("MOVQ %s, BX", tileArg("slotAt"))
	a.p("MOVQ $128, R13")
	for sum := range 4 {
		a.tileStore(sum, "BX", slotOf(sum), "R13")
	}
	a.p("MOVQ %s, CX", tileArg("slotStep"))
	a.p("ADDQ CX, %s", tileArg("slotAt"))
	a.p("MOVQ %s, CX", tileArg("steps"))
	a.p("CMPQ CX, %s", tileArg("chunk"))
	a.p("JGT chunked")
	a.p("NEGQ %s", tileArg("slotStep")) // two places in turns
	a.label("chunked")
	a.p("MOVQ %s, CX", tileArg("stepsAt"))
	a.p("CMPQ CX, %s", tileArg("chunk"))
	a.p("JGT behind") // these are not the last steps
	a.p("MOVQ BX, R9")
	a.p("MOVQ $32, CX")
	a.p("CMPQ CX, %s", tileArg("rowsAt"))
	a.p("CMOVQGT %s, CX", tileArg("rowsAt"))
	a.p("MOVQ CX, %s", tileArg("left"))
	a.label("behind")
	a.p("SUBQ $32, %s", tileArg("rowsAt"))
	a.p("JLE nextchunk")
	a.p("MOVQ R8, CX")
	a.p("SHLQ $5, CX")
	a.p("ADDQ CX, %s", tileArg("aAt"))
	a.p("JMP rows")
}

// tilesNext goes on with the next chunk, or stores the last sums and goes on with the next columns.
func (a *asm) tilesNext(k tileKind) {
	shiftB, bytesA := k.step()
	a.label("nextchunk")
	if k.split {
		a.p("MOVQ %s, BX", tileArg("partsAt"))
		a.setTileArg("partsAt", "partsNext", "CX")
		a.p("MOVQ BX, %s", tileArg("partsNext"))
	}
	a.p("MOVQ %s, CX", tileArg("chunk"))
	a.p("MOVQ CX, BX")
	a.p("SHLQ $%d, BX", shiftB)
	a.p("ADDQ BX, %s", tileArg("bStart"))
	a.p("IMUL3Q $%d, CX, BX", bytesA)
	a.p("ADDQ BX, %s", tileArg("aStart"))
	a.p("SUBQ CX, %s", tileArg("stepsAt"))
	a.p("JGT chunks")
	a.p("MOVQ %s, R13", tileArg("left"))
	a.tileEpilogue("last", k)
	a.p("SUBQ $32, %s", tileArg("cols"))
	a.p("JLE end")
	a.p("LEAQ (R15)(R15*1), CX")
	a.p("ADDQ CX, %s", tileArg("b"))
	for _, f := range []string{"c", "add", "bias", "colS", "comp"} {
		a.p("CMPQ %s, $0", tileArg(f))
		a.p("JEQ no%s", f)
		if f == "c" && k.gated {
			a.p("ADDQ $64, %s", tileArg(f))
		} else {
			a.p("ADDQ $128, %s", tileArg(f))
		}
		a.label("no" + f)
	}
	a.p("JMP columns")
}

// tileSums is the size of the sums of a pair of rows and columns: 32 rows of 128 bytes. slotOf is where a tile begins there.
const tileSums = 4096

func slotOf(sum int) int { return sum/2*16*128 + sum%2*64 }

// wholeTiles writes the products of bfloat16 of attention, which have few steps: whole tiles of sums go from c, or zeros, to c.
func (a *asm) wholeTiles(s *stubs) {
	a.declare(s, "wholeTilesBF16AMX", "(a *tileArgs)", "0-8")
	a.p("MOVQ a+0(FP), AX")
	a.p("LEAQ tileShapes<>(SB), BX")
	a.tileConfig("BX")
	for _, m := range []struct{ field, reg string }{{"lda", "R8"}, {"ldb", "R12"}, {"ldc", "R9"}, {"b", "R14"}, {"c", "DX"}} {
		a.p("MOVQ %s, %s", tileArg(m.field), m.reg)
	}
	a.p("MOVQ R12, R13")
	a.p("SHLQ $4, R13")
	a.label("columns")
	a.p("MOVQ R14, BX")
	a.p("CMPQ %s, $16", tileArg("cols"))
	a.p("JLE odd") // the second half repeats the first and is not stored
	a.p("ADDQ %s, BX", tileArg("unit"))
	a.label("odd")
	a.p("MOVQ BX, %s", tileArg("b2"))
	a.p("MOVQ DX, %s", tileArg("cAt"))
	a.p("MOVQ %s, SI", tileArg("a"))
	a.p("MOVQ %s, CX", tileArg("rows"))
	a.p("MOVQ CX, %s", tileArg("rowsAt"))

	a.label("rows")
	a.p("MOVQ R9, R11") // where the lower half of the sums goes
	a.p("SHLQ $4, R11")
	a.p("ADDQ DX, R11")
	for sum := range 4 {
		a.tileZero(sum)
	}
	a.p("CMPQ %s, $0", tileArg("add"))
	a.p("JEQ begun")
	a.eachTile("begun", func(sum int, base string) { a.tileLoad(sum, base, 64*(sum%2), "R9") })
	a.p("MOVQ SI, BX")
	a.p("MOVQ R8, R10")
	a.p("SHLQ $4, R10")
	a.p("ADDQ SI, R10")
	a.p("MOVQ R14, DI")
	a.p("MOVQ %s, R15", tileArg("b2"))
	a.p("MOVQ %s, CX", tileArg("steps"))
	a.p("PCALIGN $64")
	a.label("loop")
	a.tileLoad(4, "BX", 0, "R8")
	a.tileLoad(6, "DI", 0, "R12")
	a.tileMultiply(tileBF16, 0, 4, 6)
	a.tileLoad(7, "R15", 0, "R12")
	a.tileMultiply(tileBF16, 1, 4, 7)
	a.tileLoad(5, "R10", 0, "R8")
	a.tileMultiply(tileBF16, 2, 5, 6)
	a.tileMultiply(tileBF16, 3, 5, 7)
	a.p("ADDQ $64, BX")
	a.p("ADDQ $64, R10")
	a.p("ADDQ R13, DI")
	a.p("ADDQ R13, R15")
	a.p("DECQ CX")
	a.p("JNZ loop")
	a.eachTile("stored", func(sum int, base string) { a.tileStore(sum, base, 64*(sum%2), "R9") })
	a.p("SUBQ $32, %s", tileArg("rowsAt"))
	a.p("JLE nextcolumns")
	a.p("MOVQ R9, DX")
	a.p("SHLQ $4, DX")
	a.p("ADDQ R11, DX")
	a.p("MOVQ R8, CX")
	a.p("SHLQ $5, CX")
	a.p("ADDQ CX, SI")
	a.p("JMP rows")

	a.label("nextcolumns")
	a.p("SUBQ $32, %s", tileArg("cols"))
	a.p("JLE end")
	a.p("MOVQ %s, CX", tileArg("unit"))
	a.p("LEAQ (R14)(CX*2), R14")
	a.p("MOVQ %s, DX", tileArg("cAt"))
	a.p("ADDQ $128, DX")
	a.p("JMP columns")
	a.label("end")
	a.tileRelease()
	a.ret()
}

// eachTile calls f for the sums that have rows and columns, with the register that points to their row; then it is at the label done.
func (a *asm) eachTile(done string, f func(sum int, base string)) {
	f(0, "DX")
	a.p("CMPQ tileArgs_cols(AX), $16")
	a.p("JLE %sone", done)
	f(1, "DX")
	a.p("CMPQ tileArgs_rowsAt(AX), $16")
	a.p("JLE %s", done)
	f(3, "R11")
	a.label(done + "one")
	a.p("CMPQ tileArgs_rowsAt(AX), $16")
	a.p("JLE %s", done)
	f(2, "R11")
	a.label(done)
}

// tileStep multiplies 64 bytes of 32 rows, or of 16, with 32 columns.
func (a *asm) tileStep(by tileProduct, split, few bool) {
	product := func(sum, x, y int) { a.tileMultiply(by, sum, x, y) }
	if split {
		a.splitStep(few)
		return
	}
	a.p("LEAQ (DI)(R15*1), BX")
	a.tileStream(4, "SI", 0, "R8")
	a.tileLoad(6, "DI", 0, "R12")
	product(0, 4, 6)
	a.tileLoad(7, "BX", 0, "R12")
	product(1, 4, 7)
	if !few {
		a.tileStream(5, "R10", 0, "R8")
		product(2, 5, 6)
		product(3, 5, 7)
	}
	a.ask()
	a.p("ADDQ $64, SI")
	a.p("ADDQ $64, R10")
	a.p("ADDQ $1024, DI")
}

// splitStep is tileStep of float32: of the nine products of three parts each the six largest.
func (a *asm) splitStep(few bool) {
	rows := func(part int) {
		a.tileLoad(4, "SI", 64*part, "R8")
		if !few {
			a.tileLoad(5, "R10", 64*part, "R8")
		}
	}
	columns := func(part int) {
		a.tileLoad(6, "DI", 2048*part, "R12")
		a.tileLoad(7, "DI", 2048*part+1024, "R12")
	}
	products := func() {
		for sum := range 4 {
			if sum < 2 || !few {
				a.tileMultiply(tileBF16, sum, 4+sum/2, 6+sum%2)
			}
		}
	}
	rows(2)
	columns(0)
	products()
	rows(1)
	products()
	columns(1)
	products()
	rows(0)
	products()
	columns(2)
	products()
	columns(0)
	products()
	a.p("ADDQ $192, SI")
	a.p("ADDQ $192, R10")
	a.p("ADDQ $6144, DI")
}

// splitChunk is how many steps a chunk has at most (tiles.go).
const splitChunk = 4

// nextSplit says what splitNext takes apart beside the chunk at hand, of CX steps: R14 is there already.
func (a *asm) nextSplit() {
	a.p("MOVQ tileArgs_partsNext(AX), BX")
	a.p("MOVQ BX, tileArgs_splitTo(AX)")
	a.p("MOVQ R15, R13")
	a.p("MOVQ tileArgs_stepsAt(AX), BX") // these columns' steps behind
	a.p("SUBQ CX, BX")
	a.p("JGT splitsome")
	a.p("XORQ BX, BX")
	a.p("CMPQ tileArgs_cols(AX), $32") // or those of the columns behind, if there are any
	a.p("JLE splitnone")
	a.p("MOVQ tileArgs_steps(AX), BX")
	a.p("CMPQ tileArgs_cols(AX), $48")
	a.p("JGT splitsome")
	a.p("XORQ R13, R13")
	a.label("splitsome")
	a.p("CMPQ BX, tileArgs_chunk(AX)")
	a.p("CMOVQGT tileArgs_chunk(AX), BX")
	a.label("splitnone")
	a.p("MOVQ BX, tileArgs_splitLeft(AX)")
	a.p("MOVQ R13, tileArgs_splitUnit(AX)")
}

// splitNext takes the float32 of one step of two units, at R14 and away from it, apart: three parts of both. It is beside the products of the chunk before, which
// wait for tiles; with nothing left to split it goes on. It uses BX and R13.
func (a *asm) splitNext(label string) {
	a.p("CMPQ tileArgs_splitLeft(AX), $0")
	a.p("JEQ %s", label)
	a.p("MOVQ tileArgs_splitTo(AX), BX")
	a.p("MOVQ tileArgs_splitUnit(AX), R13")
	a.label(label + "group")
	for u, from := range []string{"(R14)", "(R14)(R13*1)"} {
		a.p("VMOVUPS %s, Z0", from)
		a.p("VMOVUPS 64%s, Z1", from)
		a.p("PREFETCHT0 4096%s", from)
		a.p("PREFETCHT0 4160%s", from)
		a.split(func(part int) string { return fmt.Sprintf("%d(BX)", 2048*part+1024*u) })
	}
	a.p("SUBQ $-128, R14")
	a.p("ADDQ $64, BX")
	a.p("TESTQ $1023, BX")
	a.p("JNZ %sgroup", label)
	a.p("ADDQ $%d, BX", 6144-1024)
	a.p("MOVQ BX, tileArgs_splitTo(AX)")
	a.p("DECQ tileArgs_splitLeft(AX)")
	a.label(label)
}

// splitAll is splitNext until nothing is left.
func (a *asm) splitAll(label string) {
	a.label(label + "all")
	a.splitNext(label)
	a.p("CMPQ tileArgs_splitLeft(AX), $0")
	a.p("JNE %sall", label)
}

// ask asks for two lines of each of the two units that come next: with eight pairs of rows these are all.
func (a *asm) ask() {
	for off := 0; off < 128; off += 64 {
		a.p("PREFETCHT1 %d(R14)", off)
		a.p("PREFETCHT1 %d(R14)(R15*1)", off)
	}
	a.p("SUBQ $-128, R14")
}

// The registers of what is the same for all rows of a pair of columns, two each.
const tileBias, tileColS, tileComp = 26, 28, 30

// tileColumns loads them, zeros where there is none.
func (a *asm) tileColumns(by tileProduct) {
	load := func(field string, to int) {
		a.p("VPXORD Z%d, Z%d, Z%d", to, to, to)
		a.p("VPXORD Z%d, Z%d, Z%d", to+1, to+1, to+1)
		a.p("MOVQ tileArgs_%s(AX), CX", field)
		a.p("TESTQ CX, CX")
		a.p("JZ without%s", field)
		a.p("VMOVUPS.Z (CX), K1, Z%d", to)
		a.p("VMOVUPS.Z 64(CX), K2, Z%d", to+1)
		a.label("without" + field)
	}
	load("bias", tileBias)
	if by == tileU8 {
		load("colS", tileColS)
		load("comp", tileComp)
	}
}

// tileEpilogue stores R13 rows of sums, at least one, scaled where they are integers, with what is added.
func (a *asm) tileEpilogue(label string, k tileKind) {
	by := k.by
	a.label(label)
	for c := range 2 {
		a.p("VMOVUPS %d(R9), Z%d", 64*c, c)
		if by == tileU8 {
			a.p("VPADDD Z%d, Z%d, Z%d", tileComp+c, c, c)
			a.p("VCVTDQ2PS Z%d, Z%d", c, c)
			a.p("VMULPS.BCST (R11), Z%d, Z%d", c, c)
			a.p("VFMADD213PS Z%d, Z%d, Z%d", tileBias+c, tileColS+c, c)
		} else {
			a.p("VADDPS Z%d, Z%d, Z%d", tileBias+c, c, c)
		}
	}
	if k.gated {
		a.tileGate(k.split)
	} else {
		a.p("MOVQ tileArgs_addAt(AX), BX")
		a.p("TESTQ BX, BX")
		a.p("JZ %sadded", label)
		for c := range 2 {
			a.p("VADDPS %d(BX), Z%d, K%d, Z%d", 64*c, c, 1+c, c)
		}
		a.p("ADDQ tileArgs_ldAdd(AX), BX")
		a.p("MOVQ BX, tileArgs_addAt(AX)")
		a.label(label + "added")
		for c := range 2 {
			a.p("VMOVUPS Z%d, K%d, %d(DX)", c, 1+c, 64*c)
		}
	}
	if by == tileU8 {
		a.p("ADDQ $4, R11")
	}
	a.p("ADDQ $128, R9")
	a.p("ADDQ tileArgs_ldc(AX), DX")
	a.p("DECQ R13")
	a.p("JNZ %s", label)
}

// gateConstants is the first register of what gates need.
const gateConstants = 16

// tileGate stores SiLU(Z0) times Z1, as siluMul of float32 and siluMulRough of the others.
func (a *asm) tileGate(exact bool) {
	if exact {
		a.p("VMOVUPS %s, Z2", f(leastSiLU))
		a.p("VMAXPS Z0, Z2, Z0")
		a.p("VPXORD %s, Z0, Z2", word(1<<31))
		a.overExp(0, 2, 3, 4, 5, gateConstants)
		a.p("VMULPS Z1, Z2, Z0")
	} else {
		a.roughSiLU(0, 2, 3, 4, gateConstants)
		a.p("VMULPS Z1, Z2, Z0")
	}
	a.p("VMOVUPS Z0, (DX)")
}
