//go:build purego || (!amd64 && !arm64)

package kernel

func machineTiers() []Tier { return nil }

func tableFor(Tier) table { return plainTable() }
