package kernel

import (
	"syscall"
	"unsafe"
)

// hugeBytes is alignedBytes with the kernel asked for pages of 2 MiB under the whole ones of them, before they are
// touched: a panel is then a few translations instead of dozens.
func hugeBytes(n int) []byte {
	const page, advise = 2 << 20, 14 // MADV_HUGEPAGE
	if n < 2*page {
		return alignedBytes(n)
	}
	b := make([]byte, n+page)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (page - 1))
	b = b[off : off+n : off+n]
	// Advice only: without it everything works, slower.
	_ = syscall.Madvise(b[:n/page*page], advise)
	return b
}
