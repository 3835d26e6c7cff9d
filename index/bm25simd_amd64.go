//go:build !purego

package index

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"

	"github.com/labrador-lab/labrador/kernel"
)

// bm25SIMD is the fastest set of inner loops that runs here. LABRADOR_CPU can choose a lower tier.
var bm25SIMD = simdLevels()[len(simdLevels())-1]

// simdLevels are the sets that run here, the fastest last. AVX2 takes the bit instructions that came with it in Haswell and
// Zen; AVX-512 takes VBMI and VBMI2 too, which came with Ice Lake and Zen 4.
func simdLevels() []simdLevel {
	levels, tier, has := []simdLevel{simdPlain}, kernel.Current().Tier(), cpuid.CPU.Supports
	if tier < kernel.AVX2 || !has(cpuid.BMI1, cpuid.BMI2, cpuid.POPCNT) {
		return levels
	}
	levels = append(levels, simdAVX2)
	if tier >= kernel.AVX512 && has(cpuid.AVX512VBMI, cpuid.AVX512VBMI2, cpuid.AVX512BW) {
		levels = append(levels, simdAVX512)
	}
	return levels
}

// maxFastWidth is the widest number whose bits lie in four bytes wherever it begins.
const maxFastWidth = 25

// unpackTable is what unpacking 16 numbers of one width takes: for each byte of the 16 lanes its place in the source, then for
// each lane its shift, the mask, 1 and 15.
type unpackTable struct {
	place [64]byte
	lanes [4][16]uint32
}

var unpackTables = func() (t [maxFastWidth + 1]unpackTable) {
	for width := range t {
		for i := range 16 {
			for b := range 4 {
				t[width].place[4*i+b] = byte(i*width/8 + b)
			}
			t[width].lanes[0][i] = uint32(i * width % 8)
			t[width].lanes[1][i] = 1<<width - 1
			t[width].lanes[2][i] = 1
			t[width].lanes[3][i] = 15
		}
	}
	return t
}()

// halvesTable is what unpacking 8 numbers of one width takes with AVX2, the upper four from width/2 bytes on: places of bytes
// in each half, and for each lane its shift and the mask.
type halvesTable struct {
	place [32]byte
	lanes [2][8]uint32
}

var halvesTables = func() (t [maxFastWidth + 1]halvesTable) {
	for width := range t {
		for i := range 8 {
			at := i*width - i/4*(width/2*8)
			for b := range 4 {
				t[width].place[4*i+b] = byte(at/8 + b)
			}
			t[width].lanes[0][i] = uint32(at % 8)
			t[width].lanes[1][i] = 1<<width - 1
		}
	}
	return t
}()

//go:noescape
func unpackDocsAVX512(dst *[blockLen]uint32, src *byte, t *unpackTable, step uintptr, prev uint32)

//go:noescape
func unpackFreqsAVX512(dst *[blockLen]uint32, src *byte, t *unpackTable, step uintptr)

//go:noescape
func countBelowAVX512(docs *[blockLen]uint32, doc uint32) int

//go:noescape
func placesAVX512(seen *[windowLen / 64]uint64, words int, at *[windowLen + 64]uint16, iota *[64]byte) int

//go:noescape
func probeAVX512(docs *[blockLen]uint32, ask *uint32, n int, hits *[blockLen + 1]probeHit, ends *[8]uint32) int

//go:noescape
func unpackDocsAVX2(dst *[blockLen]uint32, src *byte, t *halvesTable, half, step uintptr, prev uint32)

//go:noescape
func unpackFreqsAVX2(dst *[blockLen]uint32, src *byte, t *halvesTable, half, step uintptr)

//go:noescape
func countBelowAVX2(docs *[blockLen]uint32, doc uint32) int

//go:noescape
func placesAVX2(seen *[windowLen / 64]uint64, words int, at *[windowLen + 64]uint16) int

//go:noescape
func probeAVX2(docs *[blockLen]uint32, ask *uint32, n int, hits *[blockLen + 1]probeHit) int

//go:noescape
func addAVX2(w *window, p *lucenePostings, inverse *[blockLen]float32, scores *[blockLen]float64, lo, hi int)

func unpackDocs(dst *[blockLen]uint32, src []byte, width int, prev uint32) {
	if width <= maxFastWidth && len(src) >= blockLen/8*width+packPad {
		switch bm25SIMD {
		case simdAVX512:
			unpackDocsAVX512(dst, unsafe.SliceData(src), &unpackTables[width], uintptr(2*width), prev)
			return
		case simdAVX2:
			unpackDocsAVX2(dst, unsafe.SliceData(src), &halvesTables[width], uintptr(width/2), uintptr(width), prev)
			return
		}
	}
	unpackDocsPlain(dst, src, width, prev)
}

func unpackFreqs(dst *[blockLen]uint32, src []byte, width int) {
	if width <= maxFastWidth && len(src) >= blockLen/8*width+packPad {
		switch bm25SIMD {
		case simdAVX512:
			unpackFreqsAVX512(dst, unsafe.SliceData(src), &unpackTables[width], uintptr(2*width))
			return
		case simdAVX2:
			unpackFreqsAVX2(dst, unsafe.SliceData(src), &halvesTables[width], uintptr(width/2), uintptr(width))
			return
		}
	}
	unpackFreqsPlain(dst, src, width)
}

// countBelow is how many of the docs, ascending, are below doc.
func countBelow(docs *[blockLen]uint32, doc uint32) int {
	switch bm25SIMD {
	case simdAVX512:
		return countBelowAVX512(docs, doc)
	case simdAVX2:
		return countBelowAVX2(docs, doc)
	}
	return countBelowPlain(docs, doc)
}

// places writes the numbers of the bits that are set in seen, ascending, clears them and returns how many they were. What it
// writes behind them has no meaning.
func places(seen *[windowLen / 64]uint64, at *[windowLen + 64]uint16) int {
	switch bm25SIMD {
	case simdAVX512:
		return placesAVX512(seen, len(seen), at, &firstBytes)
	case simdAVX2:
		return placesAVX2(seen, len(seen), at)
	}
	return placesPlain(seen, at)
}

// firstBytes are the numbers 0 to 63.
var firstBytes = func() (b [64]byte) {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}()

// probe looks for the numbers ask, ascending and none above the last of docs, in the block docs, and returns how many hits it wrote.
func probe(docs *[blockLen]uint32, ask []uint32, hits *[blockLen + 1]probeHit) int {
	switch bm25SIMD {
	case simdAVX512:
		return probeAVX512(docs, unsafe.SliceData(ask), len(ask), hits, &sixteenths)
	case simdAVX2:
		return probeAVX2(docs, unsafe.SliceData(ask), len(ask), hits)
	}
	return probePlain(docs, ask, hits)
}

// sixteenths are the places of the last of each 16 numbers of a block.
var sixteenths = [8]uint32{15, 31, 47, 63, 79, 95, 111, 127}

// addLucene adds the scores of postings lo to hi, at least one, to the window. Every processor with AVX-512 has AVX2.
func (w *window) addLucene(p *lucenePostings, lo, hi int) {
	if bm25SIMD == simdPlain {
		w.addLucenePlain(p, lo, hi)
		return
	}
	addAVX2(w, p, &w.inverse, &w.scores, lo, hi)
}
