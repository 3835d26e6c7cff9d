//go:build !purego

package index

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/labrador-lab/labrador/kernel"
)

// bm25SIMD says that the AVX-512 versions run here: they need VBMI too, which came with Ice Lake and Zen 4. LABRADOR_CPU can
// choose a lower tier.
var bm25SIMD = kernel.Current().Tier() >= kernel.AVX512 && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512BW && cpu.X86.HasPOPCNT

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
func aboveAVX512(sums *[64]float64, limit float64) uint64

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

// above has bit i set where sums[i] > limit.
func above(sums *[64]float64, limit float64) uint64 {
	if bm25SIMD {
		return aboveAVX512(sums, limit)
	}
	return abovePlain(sums, limit)
}
