//go:build !purego

package kernel

func machineTiers() []Tier { return nil }

func tableFor(Tier) table { return plainTable() }
