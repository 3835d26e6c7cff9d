package pages

import (
	"math"
	"runtime"
	"testing"
	"unsafe"
)

// TestBlocks takes blocks of many sizes, checks that they are aligned, zero and apart, and gives them back, some by Free and
// some by the collector.
func TestBlocks(t *testing.T) {
	sizes := []int{0, 1, 63, 4096, 4097, 1 << 20, hugeSize - 1, hugeSize, hugeSize + 1, 3*hugeSize + 12345}
	var blocks []*Block
	for _, n := range sizes {
		b := New(n)
		if len(b.Data) != n || cap(b.Data) != n {
			t.Fatalf("%d bytes: got %d of %d", n, len(b.Data), cap(b.Data))
		}
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(b.Data))); at%64 != 0 {
			t.Errorf("%d bytes begin at %#x", n, at)
		}
		for i, v := range b.Data {
			if v != 0 {
				t.Fatalf("%d bytes: byte %d is %d", n, i, v)
			}
			b.Data[i] = byte(n)
		}
		blocks = append(blocks, b)
	}
	for k, b := range blocks {
		for i, v := range b.Data {
			if v != byte(sizes[k]) {
				t.Fatalf("block of %d bytes: byte %d was overwritten", sizes[k], i)
			}
		}
		if k%2 == 0 {
			b.Free()
		}
	}
	clear(blocks)
	runtime.GC()
}

// TestRoom: more than any address space has is refused, not a fatal error of Go's.
func TestRoom(t *testing.T) {
	if !Room(0) || !Room(1<<20) {
		t.Error("no room for 1 MiB")
	}
	if mapped(1) != nil && Room(math.MaxInt-4*hugeSize) { // a system that is asked
		t.Error("room for everything that has an address")
	}
}
