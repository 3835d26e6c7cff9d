//go:build !purego && (amd64 || arm64)

package kernel

// pause tells the processor n times that the program waits in a loop.
//
//go:noescape
func pause(n int)
