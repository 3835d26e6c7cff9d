package kernel

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// place is the number of the processor that the caller runs on, -1 where the system does not say.
func place() int32 {
	var cpu uint32
	if _, _, err := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); err != 0 {
		return -1
	}
	return int32(cpu)
}

// moveApart moves the system's thread that runs thread t of a team to a processor where none of the others was seen when they last woke, if it shares one
// with them and may run elsewhere. Where it may run afterwards stays as it was.
//
// Linux leaves a thread that was just woken on the processor of the one that woke it, for as long as a query takes, where as few as two processors share a
// cache and one of them is busy (select_idle_cpu with SIS_UTIL, Linux 6.18).
func moveApart(places []atomic.Int32, t int) {
	here, shared := place(), false
	places[t].Store(here)
	for i := range places {
		shared = shared || i != t && places[i].Load() == here
	}
	if !shared || here < 0 {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil {
		return
	}
	free := all
	for i := range places {
		if p := places[i].Load(); p >= 0 {
			free.Clear(int(p))
		}
	}
	if free.Count() == 0 || unix.SchedSetaffinity(0, &free) != nil {
		return
	}
	places[t].Store(place())
	_ = unix.SchedSetaffinity(0, &all)
}
