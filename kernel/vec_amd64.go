//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// The tables of AVX2 and AVX-512. Where the assembly takes whole vectors only, the rest of a row goes through the plain
// tier's function.

func avx2Table(tier Tier) table {
	t := plainTable()
	t.gemm = gemmSet{lanes: 8, ahead: 64, kBlock: 1536, kPacked: 1024, strassenBlock: 512, strassenInner: 1536, f32: gemmF32WideAVX2, combined: gemmF32CombinedAVX2_4x3, attend: gemmF32AVX2, bf16: gemmWidenAVX2, int16: gemmI16AVX2, int8: gemmU8AVX2, codes: gemmS16AVX2, int16Pays: true}
	t.gemm.f32.packed, t.gemm.f32.interleave, t.gemm.int8.interleave = gemmF32PackedAVX2.of, interleaveAVX2, interleaveAVX2
	t.hammingRows = hammingRows
	t.dot, t.sqL2 = dotAVX2, sqL2AVX2
	t.dotBF16 = wholeBF16(8, dotBF16AVX2)
	t.dot4 = whole4(8, dot4AVX2, plainDot)
	t.sqL24 = whole4(8, sqL24AVX2, plainSqL2)
	t.dot4BF16 = whole4(8, dot4BF16AVX2, plainDotBF16)
	t.dot4Int8 = whole4(16, dot4Int8AVX2, plainDotInt8)
	t.dotInt8 = wholeInt8(16, dotInt8AVX2)
	t.above = wholeAbove(8, aboveAVX2)
	t.greater = wholeGreater(8, greaterAVX2)
	t.add, t.mul, t.scale, t.addScaled = addAVX2, mulAVX2, scaleAVX2, addScaledAVX2
	t.max, t.maxAbs, t.sum, t.sumSquares = maxAVX2, maxAbsAVX2, sumAVX2, sumSquaresAVX2
	t.variance, t.normScale = varianceAVX2, normScaleAVX2
	t.exp, t.expSub, t.silu, t.siluMul = expAVX2, expSubAVX2, siluAVX2, siluMulAVX2
	t.gelu, t.geluTanh, t.softcap, t.rope = geluAVX2, geluTanhAVX2, softcapAVX2, ropeAVX2
	t.geluRough, t.layerNorm = geluRoughAVX2, layerNormAVX2
	t.transpose, t.prefetch = transposeAVX2, prefetchRows
	t.strassenRows = strassenRowsAVX2
	t.toBF16 = wholeConvert(8, toBF16AVX2, plainToBF16)
	t.fromBF16 = wholeConvert(8, fromBF16AVX2, plainFromBF16)
	t.quantS8, t.quantS16 = wholeQuant(8, quantS8AVX2), wholeQuant16(8, quantS16AVX2)
	t.hadamard = hadamardOf(map[int]hadamardFunc{8: hadamard8AVX2, 16: hadamard16AVX2, 32: hadamard32AVX2, 64: hadamard64AVX2}, butterflyAVX2, butterfly4AVX2)
	t.hartley = map[int]func(*float32, int){3: hartley3AVX2, 5: hartley5AVX2, 7: hartley7AVX2, 9: hartley9AVX2}
	if tier >= AVXVNNI {
		t.gemm.int16, t.gemm.int8, t.gemm.codes = gemmI16AVXVNNI, gemmU8AVXVNNI, gemmU8AVXVNNI
		t.dot4Int8 = whole4(32, dot4Int8VNNIAVX2, plainDotInt8)
		t.dotInt8 = wholeInt8(32, dotInt8VNNIAVX2)
	}
	return t
}

func avx512Table(tier Tier) table {
	t := plainTable()
	t.gemm = gemmSet{lanes: 16, ahead: 192, kBlock: 2048, strassenBlock: 512, strassenInner: 1536, f32: gemmF32AVX512, combined: gemmF32CombinedAVX512_8x3, attend: gemmF32AVX512, bf16: gemmWidenAVX512, int16: gemmI16AVX512, int8: gemmS16AVX512, codes: gemmS16AVX512}
	t.hammingRows = hammingRows
	t.dot, t.sqL2 = dotAVX512, sqL2AVX512
	t.dotBF16 = wholeBF16(16, dotBF16AVX512)
	t.dot4 = whole4(16, dot4AVX512, plainDot)
	t.sqL24 = whole4(16, sqL24AVX512, plainSqL2)
	t.dot4BF16 = whole4(16, dot4BF16AVX512, plainDotBF16)
	t.dot4Int8 = whole4(32, dot4Int8AVX512, plainDotInt8)
	t.dotInt8 = wholeInt8(32, dotInt8AVX512)
	t.above = wholeAbove(16, aboveAVX512)
	t.greater = wholeGreater(16, greaterAVX512)
	t.add, t.mul, t.scale, t.addScaled = addAVX512, mulAVX512, scaleAVX512, addScaledAVX512
	t.max, t.maxAbs, t.sum, t.sumSquares = maxAVX512, maxAbsAVX512, sumAVX512, sumSquaresAVX512
	t.variance, t.normScale = varianceAVX512, normScaleAVX512
	t.exp, t.expSub, t.silu, t.siluMul = expAVX512, expSubAVX512, siluAVX512, siluMulAVX512
	t.gelu, t.geluTanh, t.softcap, t.rope = geluAVX512, geluTanhAVX512, softcapAVX512, ropeAVX512
	t.transpose, t.prefetch = transposeAVX512, prefetchRows
	if cpuid.CPU.IsVendor(cpuid.Intel) {
		// whose third-level cache is far: what a pass covers stays in the second, and half a panel in the first; rows are on their way before anybody asks
		t.gemm.strassenBlock, t.gemm.strassenInner, t.prefetch = 256, 384, nil
	}
	t.strassenRows = strassenRowsAVX512
	t.softmaxRows, t.divideRows = softmaxRowsAVX512, divideRowsAVX512
	t.toBF16 = wholeConvert(16, toBF16AVX512, plainToBF16)
	t.fromBF16 = wholeConvert(16, fromBF16AVX512, plainFromBF16)
	t.quantS8, t.quantS16 = wholeQuant(16, quantS8AVX512), wholeQuant16(16, quantS16AVX512)
	t.hadamard = hadamardOf(map[int]hadamardFunc{16: hadamard16AVX512, 32: hadamard32AVX512, 64: hadamard64AVX512,
		128: hadamard128AVX512, 256: hadamard256AVX512}, nil, nil)
	t.hartley = map[int]func(*float32, int){3: hartley3AVX512, 5: hartley5AVX512, 7: hartley7AVX512, 9: hartley9AVX512}
	t.turnU8, t.layerNorm = turnU8AVX512, layerNormAVX512
	t.geluRough, t.siluMulRough = geluRoughAVX512, siluMulRoughAVX512
	if tier >= AVX512VNNI {
		t.gemm.int16Pays = true
		t.gemm.attendHalf, t.softmaxRowsI16 = gemmI16AVX512VNNI, softmaxRowsAVX512I16
		t.rowsI16, t.columnsI16, t.pairsI16 = rowsI16AVX512, columnsI16AVX512, pairsI16AVX512
		t.gemm.int16, t.gemm.int8, t.gemm.codes = gemmI16AVX512VNNI, gemmU8AVX512VNNI, gemmU8AVX512VNNI
		t.dot4Int8 = whole4(64, dot4Int8VNNIAVX512, plainDotInt8)
		t.dotInt8 = wholeInt8(64, dotInt8VNNIAVX512)
	}
	if tier >= AVX512BF16 {
		t.softmaxRowsBF16, t.transposeBF16 = softmaxRowsAVX512BF16, transposeBF16AVX512
		t.rowsBF16, t.pairsBF16 = rowsBF16AVX512, pairsBF16AVX512
		if bf16Pays() {
			t.gemm.bf16, t.gemm.attendHalf = gemmBF16AVX512BF16, gemmBF16AVX512BF16
		}
	}
	if tier >= AVX512FP16 {
		t.gemm.f16, t.scaleF16 = gemmF16AVX512FP16, wholeScaleF16(16, scaleF16AVX512)
		t.turnF16, t.turnGELUF16 = turnF16AVX512, turnGELUF16AVX512
		t.gemm.f16Pays = tier < AMX && f16Pays()
	}
	if tier >= AMX {
		t.splitBF16, t.strassenRows = splitBF16, nil
		t.gemm.f32 = gemmKernels{group: 2, input: inputSplit, tiles: tilesF32AMX, gated: tilesF32GatedAMX, split: true}
		t.gemm.bf16 = gemmKernels{group: 2, input: inputBF16, tiles: tilesBF16AMX, gated: tilesBF16GatedAMX}
		t.gemm.int8 = gemmKernels{group: 4, input: inputU8, tiles: tilesU8AMX, gated: tilesU8GatedAMX}
		t.gemm.codes = t.gemm.int8
		t.gemm.attendHalf = gemmKernels{group: 2, input: inputBF16, tiles: wholeTilesBF16AMX}
	}
	return t
}

// splitBF16 is table.splitBF16.
func splitBF16(dst []BF16, x []float32) {
	splitBF16AVX512(unsafe.SliceData(dst), unsafe.SliceData(x), len(x))
}

func wholeAbove(lanes int, f func(dst *int32, scores, limits *float32, n int) int) func([]int32, []float32, []float32) int {
	return func(dst []int32, scores, limits []float32) int {
		n := len(scores) &^ (lanes - 1)
		hits := f(unsafe.SliceData(dst), unsafe.SliceData(scores), unsafe.SliceData(limits), n)
		for i := n; i < len(scores); i++ {
			if scores[i] > limits[i] {
				dst[hits] = int32(i)
				hits++
			}
		}
		return hits
	}
}

func wholeGreater(lanes int, f func(dst *int32, scores *float32, limit float64, n int) int) func([]int32, []float32, float32) int {
	return func(dst []int32, scores []float32, limit float32) int {
		n := len(scores) &^ (lanes - 1)
		hits := f(unsafe.SliceData(dst), unsafe.SliceData(scores), float64(limit), n)
		for i := n; i < len(scores); i++ {
			if scores[i] > limit {
				dst[hits] = int32(i)
				hits++
			}
		}
		return hits
	}
}

func wholeQuant16(lanes int, f func(dst *int16, src *float32, inv float64, n int)) func([]int16, []float32, float32) {
	return func(dst []int16, src []float32, inv float32) {
		n := len(src) &^ (lanes - 1)
		f(unsafe.SliceData(dst), unsafe.SliceData(src), float64(inv), n)
		plainQuantS16(dst[n:], src[n:], inv)
	}
}

func wholeScaleF16(lanes int, f func(dst *F16, src *float32, by float64, n int)) func([]F16, []float32, float32) {
	return func(dst []F16, src []float32, by float32) {
		n := len(src) &^ (lanes - 1)
		f(unsafe.SliceData(dst), unsafe.SliceData(src), float64(by), n)
		plainScaleF16(dst[n:], src[n:], by)
	}
}

func hammingRows(out []int32, q, rows []uint64) {
	hammingRowsAMD64(unsafe.SliceData(out), unsafe.SliceData(q), unsafe.SliceData(rows), len(q), len(out))
}

// interleaveAVX2 writes rows (rows, cols) that lie stepSrc bytes apart as (cols, rows).
func interleaveAVX2(dst []float32, src *float32, stepSrc, rows, cols int) {
	whole := 0
	if rows == 4 {
		if whole = cols &^ 7; whole > 0 {
			interleave4AVX2(&dst[0], src, stepSrc, whole)
		}
	}
	for r := range rows {
		row := floats(unsafe.Add(unsafe.Pointer(src), r*stepSrc), cols)
		for c := whole; c < cols; c++ {
			dst[c*rows+r] = row[c]
		}
	}
}
