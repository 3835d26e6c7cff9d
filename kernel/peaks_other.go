//go:build purego || (!amd64 && !arm64)

package kernel

func peakLoops(Tier) []peakLoop { return plainPeaks() }
