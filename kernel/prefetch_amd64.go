//go:build !purego

package kernel

import "unsafe"

// prefetchRows asks for the lines of rows of size bytes, step bytes apart. It reads nothing, so p may be anything.
//
//go:noescape
func prefetchRows(p unsafe.Pointer, step, size, rows int)
