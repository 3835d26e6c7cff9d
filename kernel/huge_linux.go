package kernel

import "syscall"

// adviseHuge asks the kernel for pages of 2 MiB, before they are touched: a panel is then a few translations instead of
// dozens. It is advice only: without it everything works, slower.
func adviseHuge(b []byte) {
	const advice = 14 // MADV_HUGEPAGE
	_ = syscall.Madvise(b, advice)
}
