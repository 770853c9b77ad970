package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// pool runs the parts of one phase on all processors. The shapes alone determine the parts
// of a phase, not the number of workers, so that the bits of a result do not depend on the
// number of processors.
//
// Phases follow each other within microseconds, so a worker without work spins for a moment
// before it sleeps.
type pool struct {
	workers int // including the caller

	tickets []ticket // one for each worker
	phase   uint64
	left    atomic.Int64
	work    func(part, worker int)

	sleeping atomic.Int32
	wake     chan struct{}
	closed   atomic.Bool
	done     sync.WaitGroup
}

// ticket is a worker's share of a phase, a range of its parts: it packs the phase's number,
// the end of the range and the next part to be taken. Taking a part is one compare-and-swap:
// a worker that slept while the phase changed fails the swap and never reads the fields of
// a phase that is over.
//
// A worker takes its own parts first, and then those that others have not begun. So the
// same worker has the same rows of a matrix in its cache from step to step: loading them from
// another worker's cache takes ten times as long.
type ticket struct {
	atomic.Uint64
	_ [56]byte // a cache line each
}

const (
	partBits  = 20
	maxParts  = 1<<partBits - 1
	idleSpins = 20000 // about a tenth of a millisecond of looking before a worker sleeps
)

func newPool(workers int) *pool {
	p := &pool{workers: workers, tickets: make([]ticket, workers), wake: make(chan struct{}, workers)}
	for w := 1; w < workers; w++ {
		p.done.Add(1)
		go p.loop(w)
	}
	return p
}

// run calls work(part, worker) once for each part in [0, parts) and returns when all
// are done; worker is below the number of workers and unique among concurrent calls.
func (p *pool) run(parts int, work func(part, worker int)) {
	if parts == 1 || p.workers == 1 {
		for part := range parts {
			work(part, 0)
		}
		return
	}
	p.work = work
	p.left.Store(int64(parts))
	p.phase++
	for w := range p.tickets {
		from, end := parts*w/p.workers, parts*(w+1)/p.workers
		p.tickets[w].Store(p.phase<<(2*partBits) | uint64(end)<<partBits | uint64(from))
	}
	for n := min(p.sleeping.Load(), int32(parts-1)); n > 0; n-- {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	for p.take(0) {
	}
	for spins := 0; p.left.Load() > 0; spins++ {
		if spins%1024 == 1023 {
			runtime.Gosched()
		}
	}
}

// take runs one part of the current phase, and returns false if no part is left.
func (p *pool) take(worker int) bool {
	for n := range p.workers {
		t := &p.tickets[(worker+n)%p.workers]
		for {
			ticket := t.Load()
			part, end := int(ticket&maxParts), int(ticket>>partBits&maxParts)
			if part >= end {
				break
			}
			if t.CompareAndSwap(ticket, ticket+1) {
				p.work(part, worker)
				p.left.Add(-1)
				return true
			}
		}
	}
	return false
}

func (p *pool) loop(worker int) {
	defer p.done.Done()
	for spins := 0; !p.closed.Load(); spins++ {
		if p.take(worker) {
			spins = 0
			continue
		}
		if spins%1024 == 1023 {
			runtime.Gosched()
		}
		if spins > idleSpins {
			p.sleeping.Add(1)
			if !p.pending() && !p.closed.Load() {
				<-p.wake
			}
			p.sleeping.Add(-1)
			spins = 0
		}
	}
}

// pending says whether a part is left to be taken. A worker must ask between announcing its
// sleep and sleeping, or it misses a phase that starts in between.
func (p *pool) pending() bool {
	for w := range p.tickets {
		ticket := p.tickets[w].Load()
		if ticket&maxParts < ticket>>partBits&maxParts {
			return true
		}
	}
	return false
}

func (p *pool) close() {
	p.closed.Store(true)
	for range p.workers {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.done.Wait()
}
