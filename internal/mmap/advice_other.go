//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package mmap

// Random does nothing: the system has no such advice.
func Random([]byte) {}

// Normal does nothing: the system has no such advice.
func Normal([]byte) {}

// WillNeed does nothing: the system has no such advice.
func WillNeed([]byte) {}
