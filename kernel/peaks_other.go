//go:build purego || !amd64

package kernel

func peakLoops(Tier) []peakLoop { return plainPeaks() }
