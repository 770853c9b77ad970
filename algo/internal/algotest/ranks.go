package algotest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
)

// Meeting lets the goroutines of a test be the ranks of a run.
type Meeting struct {
	lock    sync.Mutex
	changed *sync.Cond
	parts   []any // of the round, by rank
	came    int
	last    []any // of the round before
	rounds  int
}

// OnRanks calls a function in a goroutine for each of n ranks, with a device of its own that sums over them, and waits
// for all. The calls may use the rank as a group of a run.
func OnRanks(t *testing.T, n int, run func(t *testing.T, r *Rank, dev gpu.Device)) {
	t.Helper()
	m, arrays := newMeeting(n), newMeeting(n)
	var all sync.WaitGroup
	for number := range n {
		all.Go(func() {
			r := &Rank{meeting: m, Number: number, Size: n}
			dev := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), Workers: 1, AllReduce: func(x []float32) error {
				for rank, part := range arrays.exchange(number, slices.Clone(x)) {
					for i, v := range part.([]float32) {
						if rank == 0 {
							x[i] = 0
						}
						x[i] += v
					}
				}
				return nil
			}})
			defer func() { _ = dev.Close() }()
			run(t, r, dev)
		})
	}
	all.Wait()
}

func newMeeting(n int) *Meeting {
	m := &Meeting{parts: make([]any, n)}
	m.changed = sync.NewCond(&m.lock)
	return m
}

// exchange waits until all ranks have come with a part and returns all of them.
func (m *Meeting) exchange(rank int, part any) []any {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.parts[rank] = part
	round := m.rounds
	if m.came++; m.came == len(m.parts) {
		m.last, m.parts, m.came = m.parts, make([]any, len(m.parts)), 0
		m.rounds++
		m.changed.Broadcast()
	}
	for m.rounds == round {
		m.changed.Wait()
	}
	return m.last
}

// Rank is a rank of a meeting. It is a group as package training wants one.
type Rank struct {
	meeting      *Meeting
	Number, Size int
}

// Sum adds x up over all ranks, in place.
func (r *Rank) Sum(_ context.Context, x []float64) error {
	parts := r.meeting.exchange(r.Number, slices.Clone(x))
	clear(x)
	for _, part := range parts {
		for i, v := range part.([]float64) {
			x[i] += v
		}
	}
	return nil
}

// Gather returns the data of all ranks.
func (r *Rank) Gather(_ context.Context, data []byte) (all [][]byte, err error) {
	for _, part := range r.meeting.exchange(r.Number, slices.Clone(data)) {
		all = append(all, part.([]byte))
	}
	return all, nil
}

// Progress does nothing.
func (*Rank) Progress() {}
