package main

import (
	"fmt"
	"log"
	"regexp"
	"strconv"
	"strings"
)

// Row operations are written once, in the three-operand form of AVX. For NEON ("N", four lanes) their text is translated: one instruction becomes one or
// two. What AVX-512 and AVX2 do to tails by masks is done value by value, in lane 0.

// neonPtr are the general registers that stand for amd64's.
var neonPtr = map[string]string{"DI": "R0", "SI": "R1", "DX": "R2", "R8": "R3", "R9": "R4", "CX": "R5", "AX": "R6"}

// Registers of the translation itself: the addresses of constants and patterns, a number; a vector from memory, and the vector that takes
// the next sum of products whose addend has to stay.
const (
	neonConst, neonPattern, neonNumber = "R11", "R12", "R13"
	neonMemory, neonSpare              = 30, 31
)

// neonThree are instructions of three vectors of four lanes: d = n op m.
var neonThree = map[string]int{"VADDPS": 0x4e20d400, "VSUBPS": 0x4ea0d400, "VMULPS": 0x6e20dc00, "VDIVPS": 0x6e20fc00, "VMAXPS": 0x4e20f400, "VMINPS": 0x4ea0f400}

// neonBits are instructions of three vectors with mnemonics.
var neonBits = map[string]string{"VANDPS": "VAND", "VXORPS": "VEOR", "VORPS": "VORR"}

// neonBranch are branches on the flags of a comparison or subtraction.
var neonBranch = map[string]string{"JLT": "BLT", "JGE": "BGE", "JG": "BGT", "JZ": "BEQ", "JMP": "B"}

// neonFrom translates the text of row operations.
func neonFrom(text string) string {
	var out strings.Builder
	for i, function := range regexp.MustCompile(`(?m)^TEXT `).Split(text, -1) {
		if i > 0 {
			function = "TEXT " + function
			function = newNEONFunc(function).translate(function)
		}
		out.WriteString(function)
	}
	return out.String()
}

// neonFunc is the translation of one function.
type neonFunc struct {
	strings.Builder
	at    map[int]int    // the vector in which a register's value is
	spare int            // the vector that is free
	held  map[string]int // constants that have a vector of their own
	begun bool           // constants are loaded
}

var (
	neonVector   = regexp.MustCompile(`^[NXY](\d+)$`)
	neonConstant = regexp.MustCompile(`vec(Const|Pattern)<>\+\d+\(SB\)`)
	neonAddress  = regexp.MustCompile(`^(-?\d*)\((\w+)\)$`)
)

// newNEONFunc gives the constants of a function the vectors that it does not use, as far as they go.
func newNEONFunc(text string) *neonFunc {
	n := &neonFunc{at: map[int]int{}, spare: neonSpare, held: map[string]int{}}
	used := map[int]bool{neonMemory: true, neonSpare: true}
	for _, v := range regexp.MustCompile(`\b[NXY](\d+)\b`).FindAllStringSubmatch(text, -1) {
		r, _ := strconv.Atoi(v[1])
		used[r] = true
	}
	free := 0
	for _, c := range neonConstant.FindAllString(text, -1) {
		for free < 32 && used[free] {
			free++
		}
		if _, ok := n.held[c]; !ok && free < 32 {
			n.held[c] = free
			used[free] = true
		}
	}
	return n
}

func (n *neonFunc) p(format string, args ...any) { fmt.Fprintf(n, "\t"+format+"\n", args...) }

func (n *neonFunc) translate(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		code, _, _ := strings.Cut(strings.TrimPrefix(line, "\t"), " //")
		if !strings.HasPrefix(line, "\t") {
			if strings.HasSuffix(line, ":") {
				n.constants(text)
			}
			n.WriteString(line + "\n")
			continue
		}
		mnemonic, rest, _ := strings.Cut(code, " ")
		if mnemonic != "MOVQ" {
			n.constants(text)
		}
		n.instruction(line, mnemonic, strings.Split(rest, ", "))
	}
	return n.String()
}

// constants loads the constants that have vectors, once.
func (n *neonFunc) constants(text string) {
	if n.begun {
		return
	}
	n.begun = true
	for _, base := range [][2]string{{"vecPattern", neonPattern}, {"vecConst", neonConst}} {
		if strings.Contains(text, base[0]) {
			n.p("MOVD $%s<>(SB), %s", base[0], base[1])
		}
	}
	done := map[string]bool{}
	for _, c := range neonConstant.FindAllString(text, -1) {
		if v, ok := n.held[c]; ok && !done[c] {
			done[c] = true
			n.p("FMOVQ %s, F%d", constantAddress(c), v)
		}
	}
}

// constantAddress is where a constant of 64 bytes begins, its first four lanes.
func constantAddress(c string) string {
	name, rest, _ := strings.Cut(c, "<>+")
	offset := strings.TrimSuffix(rest, "(SB)")
	if name == "vecConst" {
		return fmt.Sprintf("%s(%s)", offset, neonConst)
	}
	return fmt.Sprintf("%s(%s)", offset, neonPattern)
}

// vector is where the value of a register is.
func (n *neonFunc) vector(operand string) int {
	m := neonVector.FindStringSubmatch(operand)
	if m == nil {
		log.Fatalf("no vector: %q", operand)
	}
	r, _ := strconv.Atoi(m[1])
	if v, ok := n.at[r]; ok {
		return v
	}
	return r
}

// source is a vector that holds an operand: a register, a constant, or memory, which is loaded.
func (n *neonFunc) source(operand string) int {
	switch {
	case neonVector.MatchString(operand):
		return n.vector(operand)
	case neonConstant.MatchString(operand):
		if v, ok := n.held[operand]; ok {
			return v
		}
		n.p("FMOVQ %s, F%d", constantAddress(operand), neonMemory)
	default:
		n.p("FMOVQ %s, F%d", neonMem(operand), neonMemory)
	}
	return neonMemory
}

// neonMem is an address, an amd64 register and an offset.
func neonMem(operand string) string {
	m := neonAddress.FindStringSubmatch(operand)
	if m == nil || neonPtr[m[2]] == "" {
		log.Fatalf("no address: %q", operand)
	}
	return fmt.Sprintf("%s(%s)", m[1], neonPtr[m[2]])
}

// general is a general register or an immediate.
func general(operand string) string {
	if r := neonPtr[operand]; r != "" {
		return r
	}
	if !strings.HasPrefix(operand, "$") {
		log.Fatalf("no register: %q", operand)
	}
	return operand
}

// sum writes d = addend + x y for a d that is x: the sum takes the spare vector.
func (n *neonFunc) sum(addend string, x, y int, d string) {
	m := neonVector.FindStringSubmatch(d)
	r, _ := strconv.Atoi(m[1])
	before := n.vector(d)
	if _, held := n.held[addend]; neonConstant.MatchString(addend) && !held {
		n.p("FMOVQ %s, F%d", constantAddress(addend), n.spare)
	} else {
		n.p("VMOV V%d.B16, V%d.B16", n.source(addend), n.spare)
	}
	n.p("VFMLA V%d.S4, V%d.S4, V%d.S4", y, x, n.spare)
	n.at[r], n.spare = n.spare, before
}

func (n *neonFunc) instruction(line, name string, o []string) {
	if code, ok := neonThree[name]; ok {
		m, s := n.source(o[0]), n.source(o[1])
		n.p("%s", three("F"+strings.TrimSuffix(name[1:], "PS"), code, n.vector(o[2]), s, m))
		return
	}
	if mnemonic, ok := neonBits[name]; ok {
		m, s := n.source(o[0]), n.source(o[1])
		n.p("%s V%d.B16, V%d.B16, V%d.B16", mnemonic, m, s, n.vector(o[2]))
		return
	}
	if branch, ok := neonBranch[name]; ok {
		n.p("%s %s", branch, o[0])
		return
	}
	if !n.move(name, o) && !n.arithmetic(name, o) && !n.count(name, o) {
		log.Fatalf("no translation to NEON: %q", line)
	}
}

// move translates moves of vectors.
func (n *neonFunc) move(name string, o []string) bool {
	_, held := n.held[o[0]]
	switch name {
	case "VMOVUPS", "VMOVAPS":
		switch {
		case !neonVector.MatchString(o[1]):
			n.p("FMOVQ F%d, %s", n.vector(o[0]), neonMem(o[1]))
		case neonVector.MatchString(o[0]) || held:
			n.p("VMOV V%d.B16, V%d.B16", n.source(o[0]), n.vector(o[1]))
		case neonConstant.MatchString(o[0]):
			n.p("FMOVQ %s, F%d", constantAddress(o[0]), n.vector(o[1]))
		default:
			n.p("FMOVQ %s, F%d", neonMem(o[0]), n.vector(o[1]))
		}
	case "VMOVSS": // the result
		n.p("FMOVS F%d, %s", n.vector(o[0]), o[1])
	case "VBROADCASTSS":
		n.p("FMOVS %s, F%d", o[0], neonMemory)
		n.p("VDUP V%d.S[0], V%d.S4", neonMemory, n.vector(o[1]))
	case "LOAD1": // lane 0; the others are zero
		n.p("FMOVS %s, F%d", neonMem(o[0]), n.vector(o[1]))
	case "STORE1":
		n.p("FMOVS F%d, %s", n.vector(o[0]), neonMem(o[1]))
	case "KEEP1": // zeroes the lanes but 0
		n.p("FMOVS F%d, F%d", n.vector(o[0]), n.vector(o[0]))
	case "MERGE1": // lane 0 of the first into the second
		n.p("VMOV V%d.S[0], V%d.S[0]", n.vector(o[0]), n.vector(o[1]))
	case "VPERMILPS":
		x, d := n.vector(o[1]), n.vector(o[2])
		if o[0] == "$0xb1" {
			n.p("VREV64 V%d.S4, V%d.S4", x, d)
		} else {
			n.p("VEXT $8, V%d.B16, V%d.B16, V%d.B16", x, x, d)
		}
	default:
		return false
	}
	return true
}

// arithmetic translates what is not one instruction of three vectors.
func (n *neonFunc) arithmetic(name string, o []string) bool {
	switch name {
	case "VFMADD231PS", "VFNMADD231PS":
		m, s := n.source(o[0]), n.source(o[1])
		n.p("%s V%d.S4, V%d.S4, V%d.S4", map[string]string{"VFMADD231PS": "VFMLA", "VFNMADD231PS": "VFMLS"}[name], m, s, n.vector(o[2]))
	case "VFMADD213PS":
		n.sum(o[0], n.vector(o[2]), n.vector(o[1]), o[2])
	case "VFMADD132PS":
		n.sum(o[1], n.vector(o[2]), n.source(o[0]), o[2])
	case "VROUNDPS": // to the nearest, ties to even
		n.p("%s", two("FRINTN", 0x4e218800, n.vector(o[2]), n.vector(o[1])))
	case "VCVTPS2DQ":
		n.p("%s", two("FCVTNS", 0x4e21a800, n.vector(o[1]), n.vector(o[0])))
	case "VPSLLD":
		n.p("VSHL %s, V%d.S4, V%d.S4", o[0], n.vector(o[1]), n.vector(o[2]))
	case "VPADDD":
		n.p("VADD V%d.S4, V%d.S4, V%d.S4", n.vector(o[0]), n.vector(o[1]), n.vector(o[2]))
	case "FOLD": // the lanes of a vector to its lane 0
		v := n.vector(o[1])
		if o[0] == "VMAXPS" {
			n.p("%s", two("FMAXV", 0x6e30f800, v, v))
			return true
		}
		n.p("%s", three("FADDP", 0x6e20d400, v, v, v))
		n.p("%s", three("FADDP", 0x6e20d400, v, v, v))
	default:
		return false
	}
	return true
}

// two is an instruction of two registers of 4 lanes.
func two(name string, code, d, n int) string {
	return fmt.Sprintf("WORD $0x%08x // %s V%d.4S, V%d.4S", code|n<<5|d, name, d, n)
}

var neonSumOf = regexp.MustCompile(`^\((\w+)\)\((\w+)\*1\)$`)

// count translates what is done to addresses and counters.
func (n *neonFunc) count(name string, o []string) bool {
	switch name {
	case "MOVQ":
		n.p("MOVD %s, %s", o[0], general(o[1]))
	case "ADDQ":
		n.p("ADD %s, %s, %s", general(o[0]), general(o[1]), general(o[1]))
	case "SUBQ":
		n.p("SUBS %s, %s, %s", general(o[0]), general(o[1]), general(o[1]))
	case "CMPQ":
		n.p("CMP %s, %s", general(o[1]), general(o[0]))
	case "TESTQ":
		n.p("CMP $0, %s", general(o[0]))
	case "LEAQ":
		if m := neonSumOf.FindStringSubmatch(o[0]); m != nil {
			n.p("ADD %s, %s, %s", general(m[2]), general(m[1]), general(o[1]))
		} else if o[0] == "(CX*4)" {
			n.p("LSL $2, %s, %s", general("CX"), general(o[1]))
		} else {
			return false
		}
	case "IMUL3Q":
		n.p("MOVD %s, %s", o[0], neonNumber)
		n.p("MUL %s, %s, %s", neonNumber, general(o[1]), general(o[2]))
	case "PCALIGN":
		n.p("PCALIGN %s", o[0])
	case "VZEROUPPER":
	case "RET":
		n.p("RET")
	default:
		return false
	}
	return true
}
