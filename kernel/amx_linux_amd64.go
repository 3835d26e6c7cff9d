//go:build !purego

package kernel

import (
	"sync"
	"syscall"
)

// tilesAllowed asks Linux, once, to keep the tiles' registers for this process (arch_prctl(2), ARCH_REQ_XCOMP_PERM): without that their instructions are not to be had.
var tilesAllowed = sync.OnceValue(func() bool {
	const request, tileData = 0x1023, 18
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, request, tileData, 0)
	return errno == 0
})
