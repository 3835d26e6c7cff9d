package weights

import "syscall"

// release tells the system that the pages of a mapping need not stay in this process's memory; they come back when they are
// read. It is advice: nothing depends on it.
func release(data []byte) {
	if len(data) > 0 {
		_ = syscall.Madvise(data, syscall.MADV_DONTNEED)
	}
}
