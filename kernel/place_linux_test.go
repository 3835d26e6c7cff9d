package kernel

import (
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMoveApart: a thread beside another of its team moves, one that is alone stays, and where both may run is what it was.
func TestMoveApart(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Skip(err)
	}
	for range 100 {
		places := make([]atomic.Int32, 3)
		here := place()
		places[0].Store(here)
		places[2].Store(-1)
		moveApart(places, 1)
		// place() may have changed between the two looks, so that nothing was shared.
		if now := places[1].Load(); now < 0 || now == here && before.Count() > 1 {
			t.Errorf("from processor %d to %d of %d", here, now, before.Count())
		}
	}
	if err := unix.SchedGetaffinity(0, &after); err != nil || after != before {
		t.Errorf("may run on %v, before on %v: %v", after, before, err)
	}
	alone := make([]atomic.Int32, 2)
	alone[0].Store(-1)
	if moveApart(alone, 1); alone[1].Load() < 0 {
		t.Error("no processor is known")
	}
}
