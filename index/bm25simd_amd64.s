//go:build !purego

#include "textflag.h"

// func unpackDocsAVX512(dst *[128]uint32, src *byte, t *unpackTable, step uintptr, prev uint32)
// Eight groups of 16 numbers: bytes to lanes (VPERMB), shift, mask; then one is added and running sums are made.
TEXT ·unpackDocsAVX512(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ t+16(FP), DX
	MOVQ step+24(FP), CX
	MOVL prev+32(FP), AX
	VPBROADCASTD AX, Z7
	VMOVDQU64 (DX), Z0    // byte places
	VMOVDQU64 64(DX), Z1  // shifts
	VMOVDQU64 128(DX), Z2 // mask
	VMOVDQU64 192(DX), Z3 // ones
	VMOVDQU64 256(DX), Z4 // fifteens
	VPXORD Z5, Z5, Z5
	MOVQ $8, AX

docs:
	VMOVDQU64 (SI), Z8
	VPERMB Z8, Z0, Z8
	VPSRLVD Z1, Z8, Z8
	VPANDD Z2, Z8, Z8
	VPADDD Z3, Z8, Z8
	VALIGND $15, Z5, Z8, Z9
	VPADDD Z9, Z8, Z8
	VALIGND $14, Z5, Z8, Z9
	VPADDD Z9, Z8, Z8
	VALIGND $12, Z5, Z8, Z9
	VPADDD Z9, Z8, Z8
	VALIGND $8, Z5, Z8, Z9
	VPADDD Z9, Z8, Z8
	VPADDD Z7, Z8, Z8
	VMOVDQU64 Z8, (DI)
	VPERMD Z8, Z4, Z7
	ADDQ CX, SI
	ADDQ $64, DI
	DECQ AX
	JNZ docs
	VZEROUPPER
	RET

// func unpackFreqsAVX512(dst *[128]uint32, src *byte, t *unpackTable, step uintptr)
TEXT ·unpackFreqsAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ t+16(FP), DX
	MOVQ step+24(FP), CX
	VMOVDQU64 (DX), Z0
	VMOVDQU64 64(DX), Z1
	VMOVDQU64 128(DX), Z2
	VMOVDQU64 192(DX), Z3
	MOVQ $8, AX

freqs:
	VMOVDQU64 (SI), Z8
	VPERMB Z8, Z0, Z8
	VPSRLVD Z1, Z8, Z8
	VPANDD Z2, Z8, Z8
	VPADDD Z3, Z8, Z8
	VMOVDQU64 Z8, (DI)
	ADDQ CX, SI
	ADDQ $64, DI
	DECQ AX
	JNZ freqs
	VZEROUPPER
	RET

// func countBelowAVX512(docs *[128]uint32, doc uint32) int
TEXT ·countBelowAVX512(SB), NOSPLIT, $0-24
	MOVQ docs+0(FP), SI
	MOVL doc+8(FP), AX
	VPBROADCASTD AX, Z0
	VMOVDQU64 (SI), Z1
	VMOVDQU64 64(SI), Z2
	VMOVDQU64 128(SI), Z3
	VMOVDQU64 192(SI), Z4
	VPCMPUD $1, Z0, Z1, K1
	VPCMPUD $1, Z0, Z2, K2
	VPCMPUD $1, Z0, Z3, K3
	VPCMPUD $1, Z0, Z4, K4
	KUNPCKWD K1, K2, K1
	KUNPCKWD K3, K4, K3
	KUNPCKDQ K1, K3, K1
	KMOVQ K1, AX
	POPCNTQ AX, AX
	VMOVDQU64 256(SI), Z1
	VMOVDQU64 320(SI), Z2
	VMOVDQU64 384(SI), Z3
	VMOVDQU64 448(SI), Z4
	VPCMPUD $1, Z0, Z1, K1
	VPCMPUD $1, Z0, Z2, K2
	VPCMPUD $1, Z0, Z3, K3
	VPCMPUD $1, Z0, Z4, K4
	KUNPCKWD K1, K2, K1
	KUNPCKWD K3, K4, K3
	KUNPCKDQ K1, K3, K1
	KMOVQ K1, BX
	POPCNTQ BX, BX
	ADDQ BX, AX
	MOVQ AX, ret+16(FP)
	VZEROUPPER
	RET

// func placesAVX512(seen *[windowLen/64]uint64, words int, at *[windowLen+64]uint16, iota *[64]byte) int
// The words that are not 0 first, as bits of R8 and R9; then each word picks bytes of 0..63 (VPCOMPRESSB), widened to 16 bits.
TEXT ·placesAVX512(SB), NOSPLIT, $0-40
	MOVQ seen+0(FP), SI
	MOVQ words+8(FP), R11
	MOVQ at+16(FP), DI
	MOVQ iota+24(FP), DX
	VMOVDQU64 (DX), Z0
	VPXORQ Z6, Z6, Z6
	XORQ R10, R10 // first word of these 64

words:
	XORQ R8, R8
	MOVQ $8, CX
	LEAQ 448(SI), BX

test:
	VMOVDQU64 (BX), Z1
	VPTESTMQ Z1, Z1, K1
	KMOVB K1, AX
	SHLQ $8, R8
	ORQ AX, R8
	SUBQ $64, BX
	DECQ CX
	JNZ test

word:
	TESTQ R8, R8
	JZ next
	TZCNTQ R8, CX
	BLSRQ R8, R8
	MOVQ (SI)(CX*8), AX
	KMOVQ AX, K1
	POPCNTQ AX, AX
	ADDQ R10, CX
	SHLQ $6, CX
	VPBROADCASTW CX, Z2
	VPCOMPRESSB.Z Z0, K1, Z1
	VEXTRACTI64X4 $1, Z1, Y4
	VPMOVZXBW Y1, Z3
	VPMOVZXBW Y4, Z4
	VPADDW Z2, Z3, Z3
	VPADDW Z2, Z4, Z4
	VMOVDQU64 Z3, (DI)
	VMOVDQU64 Z4, 64(DI)
	LEAQ (DI)(AX*2), DI
	JMP word

next:
	VMOVDQU64 Z6, (SI)
	VMOVDQU64 Z6, 64(SI)
	VMOVDQU64 Z6, 128(SI)
	VMOVDQU64 Z6, 192(SI)
	VMOVDQU64 Z6, 256(SI)
	VMOVDQU64 Z6, 320(SI)
	VMOVDQU64 Z6, 384(SI)
	VMOVDQU64 Z6, 448(SI)
	ADDQ $512, SI
	ADDQ $64, R10
	CMPQ R10, R11
	JLT words
	SUBQ at+16(FP), DI
	SHRQ $1, DI
	MOVQ DI, ret+32(FP)
	VZEROUPPER
	RET

// func probeAVX512(docs *[128]uint32, ask *uint32, n int, hits *[129]probeHit, ends *[8]uint32) int
// How many sixteens of the block end below the number says in which one it must be.
TEXT ·probeAVX512(SB), NOSPLIT, $0-48
	MOVQ docs+0(FP), SI
	MOVQ ask+8(FP), DX
	MOVQ n+16(FP), CX
	MOVQ hits+24(FP), DI
	MOVQ ends+32(FP), AX
	VMOVDQU32 (AX), Y0
	KXNORB K1, K1, K1
	VPXORD Y1, Y1, Y1
	VPGATHERDD (SI)(Y0*4), K1, Y1
	XORQ R8, R8 // hits
	XORQ R9, R9 // place in ask, times 128

ask:
	VPBROADCASTD (DX), Z2
	VPCMPUD $1, Y2, Y1, K1
	KMOVB K1, AX
	POPCNTL AX, AX
	SHLQ $4, AX
	VPCMPEQD (SI)(AX*4), Z2, K2
	KMOVW K2, BX
	TZCNTL BX, R10
	ADDQ AX, R10
	ADDQ R9, R10
	MOVL R10, (DI)(R8*4)
	NEGL BX
	ADCQ $0, R8
	ADDQ $4, DX
	ADDQ $128, R9
	DECQ CX
	JNZ ask
	MOVQ R8, ret+40(FP)
	VZEROUPPER
	RET
