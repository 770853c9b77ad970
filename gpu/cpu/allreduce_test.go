package cpu_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/devicetest"
)

func TestConformanceOfRanks(t *testing.T) {
	devicetest.Ranks(t, func(_ *testing.T, n int) []gpu.Device {
		m, devices := devicetest.NewMeeting(n), make([]gpu.Device, n)
		for rank := range devices {
			devices[rank] = cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), Workers: 2, AllReduce: func(x []float32) error {
				time.Sleep(time.Millisecond) // so that a device that does not wait shows
				devicetest.AllReduce(m, rank, x)
				return nil
			}})
		}
		return devices
	})
}

func TestProductsRunBesideASum(t *testing.T) {
	released := make(chan struct{})
	d := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), AllReduce: func(x []float32) error {
		<-released
		x[0] = 5
		return nil
	}})
	x, err := gpu.NewBuffer(d, []float32{1, 2})
	require.NoError(t, err)
	require.NoError(t, d.AllReduce(gpu.AllReduceArgs{X: gpu.All(x).Slice(0, 1)}))
	cleared := make(chan error, 1)
	go func() { cleared <- d.Zero(gpu.All(x).Slice(1, 1)) }()
	select {
	case err := <-cleared:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.Fail(t, "an operation waits for its neighbour's sum")
	}
	close(released)
	got, err := gpu.Read[float32](d, gpu.All(x))
	require.NoError(t, err)
	assert.Equal(t, []float32{5, 0}, got)
	require.NoError(t, d.Close())
}

func TestFeedSlotIsNotFilledDuringItsSum(t *testing.T) {
	released := make(chan struct{})
	d := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), AllReduce: func(x []float32) error {
		<-released
		x[0]++
		return nil
	}})
	defer func() { require.NoError(t, d.Close()) }()
	f, err := d.NewFeed(1, gpu.FeedPart{Type: gpu.Float32, Len: 1})
	require.NoError(t, err)
	p, err := d.Record(func() error { return d.AllReduce(gpu.AllReduceArgs{X: gpu.All(f.Buffers(0)[0])}) })
	require.NoError(t, err)
	require.NoError(t, f.Acquire(0))
	require.NoError(t, f.Send(0))
	require.NoError(t, f.Run(0, p))
	acquired := make(chan error, 1)
	go func() { acquired <- f.Acquire(0) }()
	select {
	case err := <-acquired:
		assert.Fail(t, "the slot was handed out during the sum")
		acquired <- err
	case <-time.After(20 * time.Millisecond):
	}
	close(released)
	require.NoError(t, <-acquired)
}

func TestLostRankIsAnErrorAtTheNextWait(t *testing.T) {
	gone := errors.New("rank 1 on node7 has gone")
	calls := 0
	open := func(t *testing.T) (*cpu.Device, gpu.Span) {
		t.Helper()
		calls = 0
		d := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), AllReduce: func([]float32) error { calls++; return gone }})
		b, err := gpu.NewBuffer(d, []float32{1, 2})
		require.NoError(t, err)
		require.NoError(t, d.AllReduce(gpu.AllReduceArgs{X: gpu.All(b)}))
		require.NoError(t, d.AllReduce(gpu.AllReduceArgs{X: gpu.All(b)}))
		return d, gpu.All(b)
	}
	for name, wait := range map[string]func(d *cpu.Device, x gpu.Span) error{
		"sync":     func(d *cpu.Device, _ gpu.Span) error { return d.Sync() },
		"download": func(d *cpu.Device, x gpu.Span) error { _, err := gpu.Read[float32](d, x); return err },
	} {
		t.Run(name, func(t *testing.T) {
			d, x := open(t)
			err := wait(d, x)
			require.EqualError(t, err, name+": all-reduce: rank 1 on node7 has gone")
			require.ErrorIs(t, err, gpu.ErrRanks)
			require.ErrorIs(t, err, gpu.ErrDeviceLost)
			require.ErrorIs(t, err, gone)
			assert.Equal(t, 1, calls, "after a failure no other sum is begun")
			assert.ErrorIs(t, d.Zero(x), gpu.ErrRanks, "the device is lost")
			require.NoError(t, d.Close())
		})
	}
}
