package stats

import (
	"runtime"
	"sync"
)

// Random numbers are SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 16)
// read by position: number i of a seed is mix(start(seed) + (i+1)*gamma). A position fixes the number, so work can be
// divided over threads in any way without changing a result.
const gamma = 0x9e3779b97f4a7c15

// mix is SplitMix64's finaliser.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// start spreads seeds that lie close together over the generator's cycle.
func start(seed uint64) uint64 { return mix(seed + gamma) }

// parallel calls do for ranges that divide [0, n), on as many goroutines as there are processors, and waits.
func parallel(n int, do func(low, high int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		do(0, n)
		return
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { do(n*w/workers, n*(w+1)/workers) })
	}
	group.Wait()
}
