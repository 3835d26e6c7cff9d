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

// func aboveAVX512(sums *[64]float64, limit float64) uint64
// Bit i is set where sums[i] > limit.
TEXT ·aboveAVX512(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), SI
	VBROADCASTSD limit+8(FP), Z0
	XORQ AX, AX
	MOVQ $8, CX
	ADDQ $448, SI

above:
	VMOVUPD (SI), Z1
	VCMPPD $30, Z0, Z1, K1
	KMOVB K1, BX
	SHLQ $8, AX
	ORQ BX, AX
	SUBQ $64, SI
	DECQ CX
	JNZ above
	MOVQ AX, ret+16(FP)
	VZEROUPPER
	RET
