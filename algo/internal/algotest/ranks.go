package algotest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/devicetest"
)

// OnRanks calls a function in a goroutine for each of n ranks, with a device of its own that sums over them, and waits
// for all. The calls may use the rank as a group of a run.
func OnRanks(t *testing.T, n int, run func(t *testing.T, r *Rank, dev gpu.Device)) {
	t.Helper()
	m, arrays := devicetest.NewMeeting(n), devicetest.NewMeeting(n)
	var all sync.WaitGroup
	for number := range n {
		all.Go(func() {
			r := &Rank{meeting: m, Number: number, Size: n}
			dev := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), Workers: 1, AllReduce: func(x []float32) error {
				devicetest.AllReduce(arrays, number, x)
				return nil
			}})
			defer func() { _ = dev.Close() }()
			run(t, r, dev)
		})
	}
	all.Wait()
}

// Rank is a rank of a meeting. It is a group as package training wants one.
type Rank struct {
	meeting      *devicetest.Meeting
	Number, Size int
}

// Sum adds x up over all ranks, in place.
func (r *Rank) Sum(_ context.Context, x []float64) error {
	devicetest.AllReduce(r.meeting, r.Number, x)
	return nil
}

// Gather returns the data of all ranks.
func (r *Rank) Gather(_ context.Context, data []byte) (all [][]byte, err error) {
	for _, part := range r.meeting.Exchange(r.Number, slices.Clone(data)) {
		all = append(all, part.([]byte))
	}
	return all, nil
}

// Progress does nothing.
func (*Rank) Progress() {}
