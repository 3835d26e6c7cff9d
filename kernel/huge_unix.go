//go:build unix

package kernel

import (
	"runtime"
	"syscall"
	"unsafe"
)

// hugeSize is where memory of its own pays, and what its pages are aligned to.
const hugeSize = 2 << 20

// hugeBytes is memory for the packed values of w, 64 bytes aligned and zero. Large matrices get pages of the operating
// system's instead of Go's heap: the collector would let the heap grow to twice the size of a model. They are given back when w is
// no longer reachable, so whoever reads them keeps w alive meanwhile.
func hugeBytes(w *Packed, n int) []byte {
	if n < 2*hugeSize {
		return alignedBytes(n)
	}
	whole, err := syscall.Mmap(-1, 0, n+hugeSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return alignedBytes(n)
	}
	runtime.AddCleanup(w, func(b []byte) { _ = syscall.Munmap(b) }, whole)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(whole))) & (hugeSize - 1))
	b := whole[off : off+n : off+n]
	adviseHuge(b[:n/hugeSize*hugeSize])
	return b
}
