//go:build !amd64 || purego

package index

var bm25SIMD = simdPlain

func simdLevels() []simdLevel { return []simdLevel{simdPlain} }

func unpackDocs(dst *[blockLen]uint32, src []byte, width int, prev uint32) {
	unpackDocsPlain(dst, src, width, prev)
}

func unpackFreqs(dst *[blockLen]uint32, src []byte, width int) { unpackFreqsPlain(dst, src, width) }

func countBelow(docs *[blockLen]uint32, doc uint32) int { return countBelowPlain(docs, doc) }

func places(seen *[windowLen / 64]uint64, at *[windowLen + 64]uint16) int {
	return placesPlain(seen, at)
}

func probe(docs *[blockLen]uint32, ask []uint32, hits *[blockLen + 1]probeHit) int {
	return probePlain(docs, ask, hits)
}

func (w *window) addLucene(p *lucenePostings, lo, hi int) { w.addLucenePlain(p, lo, hi) }
