package index

func unpackDocs(dst *[blockLen]uint32, src []byte, width int, prev uint32) {
	unpackDocsPlain(dst, src, width, prev)
}

func unpackFreqs(dst *[blockLen]uint32, src []byte, width int) { unpackFreqsPlain(dst, src, width) }
