package kernel

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestPool: every number is handed out once, whatever the threads, whether they are awake or asleep when a job comes, and no part outlives its call.
func TestPool(t *testing.T) {
	for _, threads := range []int{1, 2, 5} {
		p := NewPool(threads)
		if p.Threads() != threads {
			t.Fatalf("%d threads, want %d", p.Threads(), threads)
		}
		for round := range 2000 {
			if round%50 == 0 { // long enough for helpers to go to sleep
				time.Sleep(time.Millisecond)
			}
			n := round % 23
			counts := make([]atomic.Int32, n)
			var running atomic.Int32
			p.Each(n, func(thread, i int) {
				running.Add(1)
				if thread < 0 || thread >= threads {
					t.Errorf("thread %d of %d", thread, threads)
				}
				counts[i].Add(1)
				running.Add(-1)
			})
			if running.Load() != 0 {
				t.Fatal("a part still runs")
			}
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Fatalf("%d threads, %d parts: part %d ran %d times", threads, n, i, c)
				}
			}
		}
		p.Close()
	}
}
