//go:build !unix

package kernel

func hugeBytes(_ *Packed, n int) []byte { return alignedBytes(n) }
