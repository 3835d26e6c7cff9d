package kernel

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Ceiling is what a machine can do at most of one thing.
type Ceiling struct {
	Name string // "f32", "bf16", "f16", "int8", "int16": multiplications in registers; "memory": reading
	// Rate is 1e9 operations a second, two for each multiply-add; for memory 1e9 bytes a second.
	Rate float64
}

// Peaks measures, on a number of threads, the rate of each of the tier's multiplications in loops that touch no memory, and
// of reading memory larger than any cache. It takes about a second and ends early, with ctx's error, when ctx does. On a
// machine that is busy with other work the rates are lower bounds.
func (k *Kernels) Peaks(ctx context.Context, threads int) ([]Ceiling, error) {
	var out []Ceiling
	for _, l := range peakLoops(k.tier) {
		n := l.count(20 * time.Millisecond)
		best := 0.
		for range 5 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			best = max(best, l.together(threads, n))
		}
		out = append(out, Ceiling{l.name, best})
	}
	rate, err := k.memoryRate(ctx, threads)
	return append(out, Ceiling{"memory", rate / 1e9}), err
}

// Ceiling measures one of Peaks' multiplications, as the machine is at this moment: a call of sample runs its loop once for about d on each thread. It
// returns 1e9 operations a second. sample is nil where the tier has no such multiplication.
func (k *Kernels) Ceiling(name string, threads int, d time.Duration) (sample func() float64) {
	for _, l := range peakLoops(k.tier) {
		if l.name == name {
			n := l.count(d)
			return func() float64 { return l.together(threads, n) }
		}
	}
	return nil
}

// memoryRate reads 64 MiB a thread, several times.
func (k *Kernels) memoryRate(ctx context.Context, threads int) (float64, error) {
	const values = 16 << 20
	data := make([][]float32, threads)
	together(threads, func(t int) {
		data[t] = make([]float32, values)
		for i := range data[t] {
			data[t][i] = 1
		}
	})
	best := 0.
	sums := make([]float32, threads)
	for range 5 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		d := together(threads, func(t int) { sums[t] = k.t.sumSquares(data[t]) })
		best = max(best, float64(threads)*4*values/d.Seconds())
	}
	return best, nil
}

// together runs f on threads goroutines, each with an operating system's thread of its own, and returns how long all took.
func together(threads int, f func(thread int)) time.Duration {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for t := range threads {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-start
			f(t)
		}()
	}
	ready.Wait()
	begin := time.Now()
	close(start)
	done.Wait()
	return time.Since(begin)
}

// peakLoop is a loop of multiplications without memory: run(n) does n*ops operations, two for each multiply-add.
type peakLoop struct {
	name string
	ops  float64
	run  func(n int)
}

// together runs n rounds on each of several threads and returns their rate, 1e9 operations a second.
func (l peakLoop) together(threads, n int) float64 {
	d := together(threads, func(int) { l.run(n) })
	return float64(threads) * l.ops * float64(n) / d.Seconds() / 1e9
}

// count returns for which n run(n) takes about d.
func (l peakLoop) count(d time.Duration) int {
	n := 1000
	for {
		begin := time.Now()
		l.run(n)
		if took := time.Since(begin); took > d/10 {
			return max(1, int(float64(n)*float64(d)/float64(took)))
		}
		n *= 4
	}
}

// plainSink keeps the compiler from dropping the loop of plainPeaks.
var plainSink atomic.Pointer[[8]float32]

func plainPeaks() []peakLoop {
	return []peakLoop{{"f32", 16, func(n int) {
		var s [8]float32
		x := float32(n)
		for range n {
			for i := range s {
				s[i] += x * x
			}
		}
		plainSink.Store(&s)
	}}}
}
