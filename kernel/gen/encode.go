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

// dpbf16 encodes VDPBF16PS: zmm[dst] += pairs of zmm[s1] times pairs of zmm[s2]. EVEX, map 0F38, prefix F3, W0, opcode 52.
func dpbf16(dst, s1, s2 int) string {
	p0 := 2
	for _, bit := range []struct{ set, flag int }{{dst & 8, 0x80}, {s2 & 16, 0x40}, {s2 & 8, 0x20}, {dst & 16, 0x10}} {
		if bit.set == 0 {
			p0 |= bit.flag
		}
	}
	p2 := 0x40
	if s1&16 == 0 {
		p2 |= 8
	}
	return bytesOf([]int{0x62, p0, (^s1&15)<<3 | 4 | 2, p2, 0x52, 0xC0 | dst&7<<3 | s2&7})
}

func bytesOf(code []int) string {
	var s []string
	for _, b := range code {
		s = append(s, fmt.Sprintf("BYTE $0x%02x", b))
	}
	return strings.Join(s, "; ")
}
