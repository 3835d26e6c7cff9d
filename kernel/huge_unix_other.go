//go:build unix && !linux

package kernel

// adviseHuge does nothing: the system has no such advice.
func adviseHuge([]byte) {}
