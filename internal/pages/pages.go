// Package pages gives memory of the operating system's, outside of Go's heap: the collector would let a heap that holds a model grow to
// twice its size, and keeps what was given up for a while.
package pages

import (
	"runtime"
	"unsafe"
)

// hugeSize is what large blocks are aligned to: the size of the pages that are asked for.
const hugeSize = 2 << 20

// Block is a piece of memory. Whoever reads or writes Data keeps the block reachable meanwhile: it is given back when nothing refers to it.
type Block struct {
	Data    []byte // zero at first
	mapped  bool   // not of Go's heap
	cleanup runtime.Cleanup
}

// New gives a block of n bytes that starts at a multiple of 64. It takes real memory page by page, when they are written first; large
// blocks get pages of 2 MiB where the system has them, so that reading through is few translations of addresses.
func New(n int) *Block {
	if b := mapped(n); b != nil {
		return b
	}
	return &Block{Data: Aligned(n)}
}

// Aligned is n zero bytes of Go's heap that start at a multiple of 64.
func Aligned(n int) []byte {
	b := make([]byte, n+64)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63)
	return b[off : off+n : off+n]
}
