//go:build unix

package pages

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapped is New, nil where the system refuses.
func mapped(n int) *Block {
	if n == 0 {
		return nil
	}
	page := os.Getpagesize()
	size, spare := (n+page-1)/page*page, 0
	if size >= hugeSize {
		spare = hugeSize
	}
	start, err := unix.MmapPtr(-1, 0, nil, uintptr(size+spare), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	if spare > 0 { // from a multiple of hugeSize on, without what lies before and behind
		before := -uintptr(start) & (hugeSize - 1)
		unmap(start, before)
		start = unsafe.Add(start, before)
		unmap(unsafe.Add(start, size), uintptr(spare)-before)
	}
	data := unsafe.Slice((*byte)(start), size)
	adviseHuge(data[:size/hugeSize*hugeSize])
	b := &Block{Data: data[:n:n], mapped: true}
	b.cleanup = runtime.AddCleanup(b, func(data []byte) { unmap(unsafe.Pointer(unsafe.SliceData(data)), uintptr(len(data))) }, data)
	return b
}

// Room says whether the system gives n bytes now. It takes none of them.
func Room(n int) bool {
	if n == 0 {
		return true
	}
	b := mapped(n)
	if b != nil {
		b.Free()
	}
	return b != nil
}

func unmap(start unsafe.Pointer, n uintptr) {
	if n > 0 {
		_ = unix.MunmapPtr(start, n)
	}
}

// Free gives the memory back now. The block must not be used afterwards.
func (b *Block) Free() {
	if b.mapped {
		b.cleanup.Stop()
		page := os.Getpagesize()
		unmap(unsafe.Pointer(unsafe.SliceData(b.Data)), uintptr((len(b.Data)+page-1)/page*page))
	}
	*b = Block{}
}
