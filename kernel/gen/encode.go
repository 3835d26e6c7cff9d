package main

import (
	"fmt"
	"strings"
)

// Instructions that the assembler lacks, as bytes (Intel SDM volume 2). Operands stand in the assembler's order.

// dpbusd adds to each lane of dst the products of its four bytes, signed in s and unsigned in u.
func (a *asm) dpbusd(s, u, dst int) { a.vnni("VPDPBUSD", 0x50, s, u, dst) }

// dpwssd adds to each lane of dst the products of its two words.
func (a *asm) dpwssd(s, u, dst int) { a.vnni("VPDPWSSD", 0x52, s, u, dst) }

// vnni writes an instruction of which the assembler has the form of AVX-512 VNNI but not AVX-VNNI's: VEX.256, map 0F38, prefix 66, W0.
func (a *asm) vnni(name string, opcode, s, u, dst int) {
	if a.reg == "Z" {
		a.p("%s Z%d, Z%d, Z%d", name, s, u, dst)
		return
	}
	code := []int{0xC4, 0x42 | (^dst&8)<<4 | (^s&8)<<2, (^u&15)<<3 | 4 | 1, opcode, 0xC0 | dst&7<<3 | s&7}
	a.p("%s // %s Y%d, Y%d, Y%d", bytesOf(code), name, s, u, dst)
}

// dpbf16 writes VDPBF16PS: dst adds the products of its pairs. Map 0F38, prefix F3, opcode 52.
func (a *asm) dpbf16(s2, s1, dst int) {
	a.p("%s // VDPBF16PS Z%d, Z%d, Z%d", bytesOf(evex(2, 2, 0x52, dst, s1, s2)), s2, s1, dst)
}

// cvtBF16 writes VCVTNEPS2BF16: dst, half a vector, is src rounded. Map 0F38, prefix F3, opcode 72.
func (a *asm) cvtBF16(src, dst int) {
	a.p("%s // VCVTNEPS2BF16 Z%d, Y%d", bytesOf(evex(2, 2, 0x72, dst, 0, src)), src, dst)
}

// cvt2BF16 writes VCVTNE2PS2BF16: dst is low and high rounded. Map 0F38, prefix F2, opcode 72.
func (a *asm) cvt2BF16(low, high, dst int) {
	a.p("%s // VCVTNE2PS2BF16 Z%d, Z%d, Z%d", bytesOf(evex(2, 3, 0x72, dst, high, low)), low, high, dst)
}

// fmaF16 writes VFMADD231PH: dst adds the products of its 32 numbers of half precision. Map 6, prefix 66, opcode B8.
func (a *asm) fmaF16(s2, s1, dst int) { a.half("VFMADD231PH", 6, 1, 0xB8, s2, s1, dst) }

// subFMAF16 writes VFNMADD231PH: dst loses them. Map 6, prefix 66, opcode BC.
func (a *asm) subFMAF16(s2, s1, dst int) { a.half("VFNMADD231PH", 6, 1, 0xBC, s2, s1, dst) }

// fma132F16 writes VFMADD132PH: dst becomes itself times s2 plus s1. Map 6, prefix 66, opcode 98.
func (a *asm) fma132F16(s2, s1, dst int) { a.half("VFMADD132PH", 6, 1, 0x98, s2, s1, dst) }

// addF16 writes VADDPH: dst is s1 plus s2. Map 5, no prefix, opcode 58.
func (a *asm) addF16(s2, s1, dst int) { a.half("VADDPH", 5, 0, 0x58, s2, s1, dst) }

// subF16 writes VSUBPH: dst is s1 less s2. Map 5, no prefix, opcode 5C.
func (a *asm) subF16(s2, s1, dst int) { a.half("VSUBPH", 5, 0, 0x5C, s2, s1, dst) }

// mulF16 writes VMULPH: dst is s1 times s2. Map 5, no prefix, opcode 59.
func (a *asm) mulF16(s2, s1, dst int) { a.half("VMULPH", 5, 0, 0x59, s2, s1, dst) }

// minF16 and maxF16 write VMINPH and VMAXPH: dst is the less or the greater of both, s2 where one is not a number. Map 5, no prefix, opcodes 5D and 5F.
func (a *asm) minF16(s2, s1, dst int) { a.half("VMINPH", 5, 0, 0x5D, s2, s1, dst) }
func (a *asm) maxF16(s2, s1, dst int) { a.half("VMAXPH", 5, 0, 0x5F, s2, s1, dst) }

// fma213F16 writes VFMADD213PH: dst becomes itself times s1 plus s2. Map 6, prefix 66, opcode A8.
func (a *asm) fma213F16(s2, s1, dst int) { a.half("VFMADD213PH", 6, 1, 0xA8, s2, s1, dst) }

// fmsub132F16 writes VFMSUB132PH: dst becomes itself times s2 less s1. Map 6, prefix 66, opcode 9A.
func (a *asm) fmsub132F16(s2, s1, dst int) { a.half("VFMSUB132PH", 6, 1, 0x9A, s2, s1, dst) }

// mulF16From is mulF16 by the vector at vectors of 64 bytes behind base, DX or SI.
func (a *asm) mulF16From(base string, vectors, s1, dst int) {
	code := evex(5, 0, 0x59, dst, s1, map[string]int{"DX": 2, "SI": 6}[base])
	code[5] -= 0x80 // in memory, at a distance of one byte, which counts vectors
	a.p("%s // VMULPH %d(%s), Z%d, Z%d", bytesOf(append(code, vectors)), 64*vectors, base, s1, dst)
}

// wordsF16 writes VCVTPH2W: dst is src rounded to words. Map 5, prefix 66, opcode 7D.
func (a *asm) wordsF16(src, dst int) {
	a.p("%s // VCVTPH2W Z%d, Z%d", bytesOf(evex(5, 1, 0x7D, dst, 0, src)), src, dst)
}

func (a *asm) half(name string, opmap, prefix, opcode, s2, s1, dst int) {
	a.p("%s // %s Z%d, Z%d, Z%d", bytesOf(evex(opmap, prefix, opcode, dst, s1, s2)), name, s2, s1, dst)
}

// evex encodes an instruction of three zmm registers, W0: its map, its prefix (0 none, 1 66, 2 F3, 3 F2), its opcode.
func evex(opmap, prefix, opcode, dst, s1, s2 int) []int {
	p0 := opmap
	for _, bit := range []struct{ set, flag int }{{dst & 8, 0x80}, {s2 & 16, 0x40}, {s2 & 8, 0x20}, {dst & 16, 0x10}} {
		if bit.set == 0 {
			p0 |= bit.flag
		}
	}
	p2 := 0x40
	if s1&16 == 0 {
		p2 |= 8
	}
	return []int{0x62, p0, (^s1&15)<<3 | 4 | prefix, p2, opcode, 0xC0 | dst&7<<3 | s2&7}
}

func bytesOf(code []int) string {
	var s []string
	for _, b := range code {
		s = append(s, fmt.Sprintf("BYTE $0x%02x", b))
	}
	return strings.Join(s, "; ")
}
