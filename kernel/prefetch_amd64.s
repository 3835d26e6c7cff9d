//go:build !purego

#include "textflag.h"

// func prefetchRows(p unsafe.Pointer, step, size, rows int)
TEXT ·prefetchRows(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ step+8(FP), R8
	MOVQ size+16(FP), DX
	MOVQ rows+24(FP), CX
	TESTQ CX, CX
	JLE  done
row:
	XORQ AX, AX
line:
	PREFETCHT0 (SI)(AX*1)
	ADDQ $64, AX
	CMPQ AX, DX
	JLT  line
	ADDQ R8, SI
	DECQ CX
	JNZ  row
done:
	RET
