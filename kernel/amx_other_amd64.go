//go:build !purego && !linux

package kernel

// tilesAllowed is false: only Linux is asked for tiles.
func tilesAllowed() bool { return false }
