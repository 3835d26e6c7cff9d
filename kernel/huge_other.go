//go:build !linux

package kernel

func hugeBytes(n int) []byte { return alignedBytes(n) }
