package cpu

import (
	"fmt"
	"slices"
	"sync"

	"mdfa/gpu"
	"mdfa/gpu/internal/state"
)

// AllReduce starts a sum in the background. The operations that use a part of X wait for it.
func (d *Device) AllReduce(a gpu.AllReduceArgs) error {
	return d.submit("all-reduce", a.Check(), []gpu.Span{a.X}, func() []phase {
		if d.sums == nil || a.X.Len == 0 {
			return nil
		}
		x := floats(a.X)
		return []phase{serial(func() { d.sums.start(a.X, x) })}
	})
}

// drain waits for all sums. After a failure the device is lost.
func (d *Device) drain(op string) error {
	err := d.sums.finish()
	if err == nil {
		return nil
	}
	d.state.Lost = state.LostRank{Reason: fmt.Errorf("all-reduce: %w", err)}
	return fmt.Errorf("%s: %w", op, d.state.Lost)
}

// sums adds up spans over all ranks in one goroutine, in the order of the calls. The other methods belong to the
// device's goroutine; on nil, the sums of a device without other ranks, they do nothing.
type sums struct {
	queue   chan []float32
	started []gpu.Span // those that nobody has waited for yet, in their order
	count   int        // of all that were started

	mu       sync.Mutex
	changed  sync.Cond // finished or err
	finished int
	err      error // of the first that failed; the later ones are left out
}

func newSums(add func(x []float32) error) *sums {
	if add == nil {
		return nil
	}
	const ahead = 64 // sums that wait before the device does
	s := &sums{queue: make(chan []float32, ahead)}
	s.changed.L = &s.mu
	go s.run(add)
	return s
}

func (s *sums) run(add func(x []float32) error) {
	var err error
	for x := range s.queue {
		if err == nil {
			err = add(x)
		}
		s.mu.Lock()
		s.finished++
		s.err = err
		s.mu.Unlock()
		s.changed.Signal()
	}
}

func (s *sums) start(x gpu.Span, memory []float32) {
	s.count++
	s.started = append(s.started, x)
	s.queue <- memory
}

// wait returns the phase that waits for the sums that overlap with one of the spans when it runs.
func (s *sums) wait(uses []gpu.Span) phase {
	uses = slices.Clone(uses)
	return serial(func() {
		for i := len(s.started) - 1; i >= 0; i-- {
			if slices.ContainsFunc(uses, func(use gpu.Span) bool { return overlap(use, s.started[i]) }) {
				_ = s.await(i + 1) // the next Sync or Download has the failure
				return
			}
		}
	})
}

// overlap reports whether two spans have an element in common.
func overlap(a, b gpu.Span) bool { return a.Buf == b.Buf && a.Off < b.Off+b.Len && b.Off < a.Off+a.Len }

// waitFor waits for the sums in a buffer.
func (s *sums) waitFor(b *buffer) {
	if s == nil {
		return
	}
	for i := len(s.started) - 1; i >= 0; i-- {
		if s.started[i].Buf == gpu.Buffer(b) {
			_ = s.await(i + 1) // the next Sync or Download has the failure
			return
		}
	}
}

// await waits for the first n of the started sums and takes them off the list.
func (s *sums) await(n int) error {
	number := s.count - len(s.started) + n
	s.started = slices.Delete(s.started, 0, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.finished < number {
		s.changed.Wait()
	}
	return s.err
}

// finish waits for all sums and returns the first failure.
func (s *sums) finish() error {
	if s == nil {
		return nil
	}
	return s.await(len(s.started))
}

// close ends the goroutine, after all sums.
func (s *sums) close() {
	if s == nil {
		return
	}
	_ = s.finish() // the caller of Close has no use for the results
	close(s.queue)
}
