//go:build !amd64 || purego

package index

const bm25SIMD = false

func unpackDocs(dst *[blockLen]uint32, src []byte, width int, prev uint32) {
	unpackDocsPlain(dst, src, width, prev)
}

func unpackFreqs(dst *[blockLen]uint32, src []byte, width int) { unpackFreqsPlain(dst, src, width) }

func countBelow(docs *[blockLen]uint32, doc uint32) int { return countBelowPlain(docs, doc) }

func above(sums *[64]float64, limit float64) uint64 { return abovePlain(sums, limit) }
