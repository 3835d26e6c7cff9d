//go:build !linux

package index

// threadSeconds is not known here.
func threadSeconds() float64 { return 0 }
