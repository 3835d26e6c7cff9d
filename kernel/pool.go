package kernel

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/labrador-lab/labrador/internal/pages"
)

// Pool is a team of goroutines with the scratch memory that products and attention need. One caller uses it at a time; a
// program that encodes on several goroutines has a Pool for each.
type Pool struct {
	threads int
	job     job
	n       int64
	next    atomic.Int64
	state   atomic.Int64 // helpers at work, plus closed where no more may join, plus waiting where the caller sleeps until none is at work
	calls   atomic.Int64 // jobs so far: a helper that is awake looks for the next
	helpers []*helper
	places  []atomic.Int32 // per thread: the processor that it was on when it last woke, -1 where that is not known
	spins   int            // how often a thread looks for what it waits for before it sleeps
	idle    chan struct{}  // for the caller that sleeps: no helper is at work any more

	shared []byte // inputs of a product in the form that its micro-kernel reads
	own    []own  // per thread

	each     eachJob
	linear   linearJob
	strassen strassenJob
	attend   attendJob
}

// own is what one thread writes, on lines of the caches that are its own: kernels write to their arguments at every tile, and a line that two threads
// write to goes to and fro between them.
type own struct {
	scratches
	_ [512 - unsafe.Sizeof(scratches{})%512]byte // Go's heap aligns what is as large to lines
}

type scratches struct {
	local    []byte
	args     gemmArgs
	tiles    tileArgs
	rows     softmaxArgs
	turns    turnArgs
	strassen strassenScratch
}

// A job is work in numbered parts; part i runs on one of the pool's threads.
type job interface {
	part(thread, i int)
}

type eachJob struct{ f func(thread, i int) }

func (e *eachJob) part(thread, i int) { e.f(thread, i) }

// helper is a goroutine of the team beside the caller.
type helper struct {
	asleep atomic.Bool
	wake   chan struct{}
}

// spins, of so many pauses each, are .1 to .5 ms of looking: longer than what lies between two products, and than what other work takes a processor for, after
// which a thread that sleeps has to be woken and may be woken behind others.
const spins, pauses = 1000, 10

// NewPool starts a team of threads, the caller's included; 0 means as many as Go may run at once. Close ends it.
func NewPool(threads int) *Pool {
	most := runtime.GOMAXPROCS(0)
	if threads <= 0 {
		threads = most
	}
	p := &Pool{threads: threads, idle: make(chan struct{}, 1), own: make([]own, threads)}
	p.state.Store(closed)
	p.places = make([]atomic.Int32, threads)
	for i := range p.places {
		p.places[i].Store(-1)
	}
	if threads <= most { // else who looks keeps others from work
		p.spins = spins
	}
	for t := 1; t < threads; t++ {
		h := &helper{wake: make(chan struct{}, 1)}
		p.helpers = append(p.helpers, h)
		go p.help(t, h)
	}
	return p
}

// Threads is the size of the team.
func (p *Pool) Threads() int { return p.threads }

// Close ends the team's goroutines. The pool must be idle and is not used again.
func (p *Pool) Close() {
	for _, h := range p.helpers {
		close(h.wake)
	}
	p.helpers = nil
}

// Each runs f(thread, i) for every i in [0, n), handing the numbers out in order by a counter; thread is in [0, Threads).
// f must not use the pool. It returns when all are done.
func (p *Pool) Each(n int, f func(thread, i int)) {
	p.each.f = f
	p.run(n, &p.each)
	p.each.f = nil
}

func (p *Pool) run(n int, j job) {
	if p.threads == 1 || n <= 1 {
		for i := range n {
			j.part(0, i)
		}
		return
	}
	p.job, p.n = j, int64(n)
	p.next.Store(0)
	p.state.Store(0)
	p.calls.Add(1)
	for i, h := range p.helpers[:min(len(p.helpers), n-1)] {
		if h.asleep.Load() && h.asleep.CompareAndSwap(true, false) {
			p.places[0].Store(place())
			p.places[1+i].Store(-1)
			h.wake <- struct{}{}
		}
	}
	p.work(0)
	p.state.Add(closed)
	p.settle()
	p.job = nil
}

// settle waits until no helper is at work.
func (p *Pool) settle() {
	for range p.spins {
		if p.state.Load() == closed {
			return
		}
		pause(pauses)
	}
	if p.state.Add(waiting) != closed+waiting {
		<-p.idle
	}
}

// closed and waiting are more than any number of helpers.
const closed, waiting = 1 << 32, 1 << 33

func (p *Pool) work(thread int) {
	for i := p.next.Add(1) - 1; i < p.n; i = p.next.Add(1) - 1 {
		p.job.part(thread, int(i))
	}
}

// help joins the jobs that are open. The caller does not wait for a helper that wakes after the work is done, as happens when the machine is busy.
func (p *Pool) help(thread int, h *helper) {
	for seen := int64(0); h.await(p, thread, &seen); {
		if !p.join() {
			continue
		}
		p.work(thread)
		if p.state.Add(-1) == closed+waiting { // one step: a helper that is held up behind it would end the wait of a later job
			p.idle <- struct{}{}
		}
	}
}

// await waits for a job that the helper has not seen, and returns false where the pool is closed.
func (h *helper) await(p *Pool, thread int, seen *int64) bool {
	for range p.spins {
		if n := p.calls.Load(); n != *seen {
			*seen = n
			return true
		}
		pause(pauses)
	}
	h.asleep.Store(true)
	if n := p.calls.Load(); n != *seen && h.asleep.CompareAndSwap(true, false) {
		*seen = n
		return true
	}
	_, open := <-h.wake
	if open && p.spins > 0 {
		moveApart(p.places, thread)
	}
	*seen = p.calls.Load()
	return open
}

func (p *Pool) join() bool {
	for {
		s := p.state.Load()
		if s >= closed {
			return false
		}
		if p.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// scratch returns n bytes from *buf, growing it where it is too small; they start at a multiple of 64 and hold anything.
func scratch(buf *[]byte, n int) unsafe.Pointer {
	if len(*buf) < n {
		*buf = pages.Aligned(n + n/4)
	}
	return unsafe.Pointer(unsafe.SliceData(*buf))
}

// floats views n float32 at p.
func floats(p unsafe.Pointer, n int) []float32 { return unsafe.Slice((*float32)(p), n) }
