package index

import "syscall"

// threadSeconds is the processor time of the calling thread, which other programs on the machine disturb less than the clock.
func threadSeconds() float64 {
	const thisThread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thisThread, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
