//go:build unix && !linux

package pages

// adviseHuge does nothing: the system has no such advice.
func adviseHuge([]byte) {}
