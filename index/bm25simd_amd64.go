//go:build !purego

package index

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/labrador-lab/labrador/kernel"
)

// bm25SIMD says that the AVX-512 versions run here: they need VBMI and VBMI2 too, which came with Ice Lake and Zen 4. LABRADOR_CPU can
// choose a lower tier.
var bm25SIMD = kernel.Current().Tier() >= kernel.AVX512 && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasAVX512BW && cpu.X86.HasPOPCNT

// unpackTable is what unpacking 16 numbers of one width takes: for each byte of the 16 lanes its place in the source, then for
// each lane its shift, the mask, 1 and 15.
type unpackTable struct {
	place [64]byte
	lanes [4][16]uint32
}

// maxFastWidth is the widest number whose bits lie in four bytes wherever it begins.
const maxFastWidth = 25

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

//go:noescape
func unpackDocsAVX512(dst *[blockLen]uint32, src *byte, t *unpackTable, step uintptr, prev uint32)

//go:noescape
func unpackFreqsAVX512(dst *[blockLen]uint32, src *byte, t *unpackTable, step uintptr)

//go:noescape
func countBelowAVX512(docs *[blockLen]uint32, doc uint32) int

//go:noescape
func placesAVX512(seen *[windowLen / 64]uint64, at *[windowLen + 64]uint16, iota *[64]byte) int

//go:noescape
func probeAVX512(docs *[blockLen]uint32, ask *uint32, n int, hits *[blockLen + 1]probeHit, ends *[8]uint32) int

func unpackDocs(dst *[blockLen]uint32, src []byte, width int, prev uint32) {
	if bm25SIMD && width <= maxFastWidth && len(src) >= blockLen/8*width+packPad {
		unpackDocsAVX512(dst, unsafe.SliceData(src), &unpackTables[width], uintptr(2*width), prev)
		return
	}
	unpackDocsPlain(dst, src, width, prev)
}

func unpackFreqs(dst *[blockLen]uint32, src []byte, width int) {
	if bm25SIMD && width <= maxFastWidth && len(src) >= blockLen/8*width+packPad {
		unpackFreqsAVX512(dst, unsafe.SliceData(src), &unpackTables[width], uintptr(2*width))
		return
	}
	unpackFreqsPlain(dst, src, width)
}

// countBelow is how many of the docs, ascending, are below doc.
func countBelow(docs *[blockLen]uint32, doc uint32) int {
	if bm25SIMD {
		return countBelowAVX512(docs, doc)
	}
	return countBelowPlain(docs, doc)
}

// places writes the numbers of the bits that are set in seen, ascending, clears them and returns how many they were. What it
// writes behind them has no meaning.
func places(seen *[windowLen / 64]uint64, at *[windowLen + 64]uint16) int {
	if bm25SIMD {
		return placesAVX512(seen, at, &firstBytes)
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
	if bm25SIMD {
		return probeAVX512(docs, unsafe.SliceData(ask), len(ask), hits, &sixteenths)
	}
	return probePlain(docs, ask, hits)
}

// sixteenths are the places of the last of each 16 numbers of a block.
var sixteenths = [8]uint32{15, 31, 47, 63, 79, 95, 111, 127}
