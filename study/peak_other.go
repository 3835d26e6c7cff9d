//go:build !linux

package study

// Peak memory, total memory and the processor's name are read on Linux only; elsewhere the report says unknown.

func resetPeak() {}

func peak() int64 { return 0 }

func totalMemory() int64 { return 0 }

func processor() string { return "" }
