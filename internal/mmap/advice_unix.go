//go:build linux || darwin || freebsd || netbsd || openbsd

package mmap

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Random tells the system that b, a part of a mapping, will be read here and there: a read of one page from the disk is then not
// of its neighbours too. Normal takes it back, WillNeed asks for b to be read meanwhile. All are advice: nothing depends on them.
func Random(b []byte) { advise(b, unix.MADV_RANDOM) }

// Normal is described with Random.
func Normal(b []byte) { advise(b, unix.MADV_NORMAL) }

// WillNeed is described with Random.
func WillNeed(b []byte) { advise(b, unix.MADV_WILLNEED) }

// advise widens b to whole pages, as the system wants them.
func advise(b []byte, advice int) {
	if len(b) == 0 {
		return
	}
	start := unsafe.Pointer(unsafe.SliceData(b))
	before := uintptr(start) % uintptr(os.Getpagesize())
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(start, -int(before))), len(b)+int(before)), advice)
}
