//go:build purego || !(amd64 || arm64)

package kernel

import "runtime"

// pause lets others run.
func pause(int) { runtime.Gosched() }
