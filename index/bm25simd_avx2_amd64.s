//go:build !purego

#include "textflag.h"
#include "go_asm.h"

DATA sevens<>+0(SB)/8, $0x0000000700000007
DATA sevens<>+8(SB)/8, $0x0000000700000007
DATA sevens<>+16(SB)/8, $0x0000000700000007
DATA sevens<>+24(SB)/8, $0x0000000700000007
GLOBL sevens<>(SB), RODATA|NOPTR, $32

// func unpackDocsAVX2(dst *[128]uint32, src *byte, t *halvesTable, half, step uintptr, prev uint32)
// Sixteen groups of 8 numbers, four in each half of a register: bytes to lanes (VPSHUFB), shift, mask; then one is added and
// running sums are made, first in the halves, then over both. Only the addition of the sums so far waits for the group before.
TEXT ·unpackDocsAVX2(SB), NOSPLIT, $0-44
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ t+16(FP), DX
	MOVQ half+24(FP), R8
	MOVQ step+32(FP), CX
	MOVL prev+40(FP), AX
	VMOVD AX, X7
	VPBROADCASTD X7, Y7
	VMOVDQU (DX), Y0   // byte places
	VMOVDQU 32(DX), Y1 // shifts
	VMOVDQU 64(DX), Y2 // mask
	VMOVDQU sevens<>(SB), Y4
	VPCMPEQD Y3, Y3, Y3 // -1: subtracted, it adds one
	MOVQ $16, AX

docs:
	VMOVDQU (SI), X8
	VINSERTI128 $1, (SI)(R8*1), Y8, Y8
	VPSHUFB Y0, Y8, Y8
	VPSRLVD Y1, Y8, Y8
	VPAND Y2, Y8, Y8
	VPSUBD Y3, Y8, Y8
	VPSLLDQ $4, Y8, Y9
	VPADDD Y9, Y8, Y8
	VPSLLDQ $8, Y8, Y9
	VPADDD Y9, Y8, Y8
	VPSHUFD $0xff, Y8, Y9
	VPERM2I128 $0x08, Y9, Y9, Y9 // the low half's sum for the high half
	VPADDD Y9, Y8, Y8
	VPADDD Y7, Y8, Y9
	VMOVDQU Y9, (DI)
	VPERMD Y8, Y4, Y8
	VPADDD Y8, Y7, Y7
	ADDQ CX, SI
	ADDQ $32, DI
	DECQ AX
	JNZ docs
	VZEROUPPER
	RET

// func unpackFreqsAVX2(dst *[128]uint32, src *byte, t *halvesTable, half, step uintptr)
TEXT ·unpackFreqsAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ t+16(FP), DX
	MOVQ half+24(FP), R8
	MOVQ step+32(FP), CX
	VMOVDQU (DX), Y0
	VMOVDQU 32(DX), Y1
	VMOVDQU 64(DX), Y2
	VPCMPEQD Y3, Y3, Y3
	MOVQ $16, AX

freqs:
	VMOVDQU (SI), X8
	VINSERTI128 $1, (SI)(R8*1), Y8, Y8
	VPSHUFB Y0, Y8, Y8
	VPSRLVD Y1, Y8, Y8
	VPAND Y2, Y8, Y8
	VPSUBD Y3, Y8, Y8
	VMOVDQU Y8, (DI)
	ADDQ CX, SI
	ADDQ $32, DI
	DECQ AX
	JNZ freqs
	VZEROUPPER
	RET

// Four times eight numbers at 32*i of SI: adds -1 to Y8..Y11 for each that is Y0 or above.
#define ATLEAST(i) \
	VPMAXUD (32*i)(SI), Y0, Y1 \
	VPMAXUD (32*i+32)(SI), Y0, Y2 \
	VPMAXUD (32*i+64)(SI), Y0, Y3 \
	VPMAXUD (32*i+96)(SI), Y0, Y4 \
	VPCMPEQD (32*i)(SI), Y1, Y1 \
	VPCMPEQD (32*i+32)(SI), Y2, Y2 \
	VPCMPEQD (32*i+64)(SI), Y3, Y3 \
	VPCMPEQD (32*i+96)(SI), Y4, Y4 \
	VPADDD Y1, Y8, Y8 \
	VPADDD Y2, Y9, Y9 \
	VPADDD Y3, Y10, Y10 \
	VPADDD Y4, Y11, Y11

// func countBelowAVX2(docs *[128]uint32, doc uint32) int
TEXT ·countBelowAVX2(SB), NOSPLIT, $0-24
	MOVQ docs+0(FP), SI
	MOVL doc+8(FP), AX
	VMOVD AX, X0
	VPBROADCASTD X0, Y0
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11
	ATLEAST(0)
	ATLEAST(4)
	ATLEAST(8)
	ATLEAST(12)
	VPADDD Y9, Y8, Y8
	VPADDD Y11, Y10, Y10
	VPADDD Y10, Y8, Y8
	VEXTRACTI128 $1, Y8, X9
	VPADDD X9, X8, X8
	VPSHUFD $0x4e, X8, X9
	VPADDD X9, X8, X8
	VPSHUFD $0xb1, X8, X9
	VPADDD X9, X8, X8
	VMOVD X8, AX
	MOVLQSX AX, AX
	ADDQ $128, AX
	MOVQ AX, ret+16(FP)
	VZEROUPPER
	RET

// Writes the lowest bit's number of AX plus CX at i of DI and clears the bit.
#define PLACE(i) \
	TZCNTQ AX, BX \
	BLSRQ AX, AX \
	ADDL CX, BX \
	MOVW BX, (2*i)(DI)

// func placesAVX2(seen *[windowLen/64]uint64, words int, at *[windowLen+64]uint16) int
// 64 words at a time: those that are not 0 first, as bits of R8; then the bits of each, four whether it has them or not.
TEXT ·placesAVX2(SB), NOSPLIT, $0-32
	MOVQ seen+0(FP), SI
	MOVQ words+8(FP), R11
	MOVQ at+16(FP), DI
	VPXOR Y6, Y6, Y6
	XORQ R10, R10 // first word

words:
	XORQ R8, R8
	LEAQ 448(SI), BX

test:
	VPCMPEQQ (BX), Y6, Y1
	VPCMPEQQ 32(BX), Y6, Y2
	VMOVMSKPD Y1, AX
	VMOVMSKPD Y2, CX
	SHLL $4, CX
	ORL CX, AX
	SHLQ $8, R8
	ORQ AX, R8
	SUBQ $64, BX
	CMPQ BX, SI
	JAE test
	NOTQ R8

word:
	TESTQ R8, R8
	JZ next
	TZCNTQ R8, CX
	BLSRQ R8, R8
	MOVQ (SI)(CX*8), AX
	POPCNTQ AX, DX
	ADDQ R10, CX
	SHLQ $6, CX
	LEAQ (DI)(DX*2), R9 // where the next word's begin
	PLACE(0)
	PLACE(1)
	PLACE(2)
	PLACE(3)
	CMPQ DX, $4
	JA more
	MOVQ R9, DI
	JMP word

more:
	ADDQ $8, DI
	PLACE(0)
	PLACE(1)
	PLACE(2)
	PLACE(3)
	TESTQ AX, AX
	JNZ more
	MOVQ R9, DI
	JMP word

next:
	MOVQ $16, AX

clear:
	VMOVDQU Y6, (SI)
	ADDQ $32, SI
	DECQ AX
	JNZ clear
	ADDQ $64, R10
	CMPQ R10, R11
	JLT words
	SUBQ at+16(FP), DI
	SHRQ $1, DI
	MOVQ DI, ret+24(FP)
	VZEROUPPER
	RET

// func probeAVX2(docs *[128]uint32, ask *uint32, n int, hits *[129]probeHit) int
// The first sixteen of the block that does not end below the number is the one in which it must be.
TEXT ·probeAVX2(SB), NOSPLIT, $0-40
	MOVQ docs+0(FP), SI
	MOVQ ask+8(FP), DX
	MOVQ n+16(FP), CX
	MOVQ hits+24(FP), DI
	VMOVD 60(SI), X1 // the last of each sixteen
	VPINSRD $1, 124(SI), X1, X1
	VPINSRD $2, 188(SI), X1, X1
	VPINSRD $3, 252(SI), X1, X1
	VMOVD 316(SI), X2
	VPINSRD $1, 380(SI), X2, X2
	VPINSRD $2, 444(SI), X2, X2
	VPINSRD $3, 508(SI), X2, X2
	VINSERTI128 $1, X2, Y1, Y1
	XORQ R8, R8 // hits
	XORQ R9, R9 // place in ask, times 128

ask:
	VPBROADCASTD (DX), Y2
	VPMAXUD Y2, Y1, Y3
	VPCMPEQD Y3, Y1, Y3
	VMOVMSKPS Y3, AX
	TZCNTL AX, AX
	SHLL $4, AX
	VPCMPEQD (SI)(AX*4), Y2, Y3
	VPCMPEQD 32(SI)(AX*4), Y2, Y4
	VMOVMSKPS Y3, BX
	VMOVMSKPS Y4, R11
	SHLL $8, R11
	ORL R11, BX
	TZCNTL BX, R10
	ADDL AX, R10
	ADDL R9, R10
	MOVL R10, (DI)(R8*4)
	NEGL BX
	ADCQ $0, R8
	ADDQ $4, DX
	ADDQ $128, R9
	DECQ CX
	JNZ ask
	MOVQ R8, ret+32(FP)
	VZEROUPPER
	RET

// Adds score i to its sum and sets its bit.
#define ADDSCORE(i) \
	MOVL (SI)(i*4), AX \
	MOVSD (R13)(i*8), X0 \
	SUBL BX, AX \
	ANDL $(const_windowLen-1), AX \
	MOVL AX, CX \
	SHRL $6, CX \
	MOVQ (R10)(CX*8), DX \
	BTSQ AX, DX \
	ADDSD window_sum(DI)(AX*8), X0 \
	MOVQ DX, (R10)(CX*8) \
	MOVSD X0, window_sum(DI)(AX*8)

// func addAVX2(w *window, p *lucenePostings, inverse *[128]float32, scores *[128]float64, lo, hi int)
// Three passes over postings lo to hi: 1/K by document and code, scores of whole eights (what is not asked for has no
// meaning), and each score to its sum.
TEXT ·addAVX2(SB), NOSPLIT, $0-48
	MOVQ w+0(FP), DI
	MOVQ p+8(FP), BX
	MOVQ inverse+16(FP), R12
	MOVQ scores+24(FP), R13
	MOVQ lo+32(FP), R8
	MOVQ hi+40(FP), R9
	MOVQ lucenePostings_docs(BX), SI
	MOVQ lucenePostings_codes(BX), R10
	MOVQ lucenePostings_table(BX), R11
	MOVQ R8, CX

inverse:
	MOVL (SI)(CX*4), AX
	MOVBLZX (R10)(AX*1), AX
	MOVL (R11)(AX*4), AX
	MOVL AX, (R12)(CX*4)
	INCQ CX
	CMPQ CX, R9
	JLT inverse

	MOVQ lucenePostings_freqs(BX), DX
	VBROADCASTSS lucenePostings_weight(BX), Y0
	VPCMPEQD Y1, Y1, Y1
	VPSRLD $25, Y1, Y1
	VPSLLD $23, Y1, Y1 // 1.0
	MOVQ R8, CX
	ANDQ $~7, CX

score:
	VCVTDQ2PS (DX)(CX*4), Y2
	VMULPS (R12)(CX*4), Y2, Y2
	VADDPS Y1, Y2, Y2
	VDIVPS Y2, Y0, Y2
	VSUBPS Y2, Y0, Y2
	VEXTRACTF128 $1, Y2, X3
	VCVTPS2PD X2, Y2
	VCVTPS2PD X3, Y3
	VMOVUPD Y2, (R13)(CX*8)
	VMOVUPD Y3, 32(R13)(CX*8)
	ADDQ $8, CX
	CMPQ CX, R9
	JLT score
	VZEROUPPER

	MOVL lucenePostings_start(BX), BX
	LEAQ window_seen(DI), R10
	MOVQ R9, CX
	SUBQ R8, CX
	SHRQ $2, CX
	JZ rest
	MOVQ CX, R12
	MOVQ CX, R11

// One from each quarter: two of one word of bits would wait for each other.
quarters:
	ADDSCORE(R8)
	ADDQ R11, R8
	ADDSCORE(R8)
	ADDQ R11, R8
	ADDSCORE(R8)
	ADDQ R11, R8
	ADDSCORE(R8)
	LEAQ (R11)(R11*2), AX
	SUBQ AX, R8
	INCQ R8
	DECQ R12
	JNZ quarters
	ADDQ AX, R8

rest:
	CMPQ R8, R9
	JGE done
	ADDSCORE(R8)
	INCQ R8
	JMP rest

done:
	RET
