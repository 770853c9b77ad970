//go:build cuda

package cuda_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/emulated"
	"mdfa/gpu/devicetest"
	"mdfa/softgpu"
)

// share returns each rank's function to share an id, for ranks in one process.
func share(n int) func(rank int) func(id []byte) error {
	ids := make(chan []byte, n)
	return func(rank int) func(id []byte) error {
		return func(id []byte) error {
			if rank == 0 {
				for range n - 1 {
					ids <- append([]byte(nil), id...)
				}
				return nil
			}
			copy(id, <-ids)
			return nil
		}
	}
}

// openRanks opens the devices of n ranks, each on its own GPU of a machine.
func openRanks(t *testing.T, m *softgpu.Machine, c cuda.Options, n int) []gpu.Device {
	t.Helper()
	devices, failures := make([]gpu.Device, n), make([]error, n)
	shared := share(n)
	var all sync.WaitGroup
	for rank := range n {
		all.Go(func() {
			mine := c
			mine.Ordinal, mine.Group = rank, cuda.Group{Rank: rank, Size: n, Share: shared(rank), Failed: c.Group.Failed}
			devices[rank], failures[rank] = emulated.OpenOn(m, mine)
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(failures...))
	t.Cleanup(func() {
		for _, d := range devices {
			_ = d.Close() // the test may have closed it
		}
		require.Zero(t, m.CommLeaks(), "communicators that were neither destroyed nor aborted")
	})
	return devices
}

// pair is a machine with two GPUs. A device that is lost leaves its memory behind.
func pair() *softgpu.Machine {
	o := small()
	o.Devices = 2
	return softgpu.New(o)
}

func TestConformanceOfRanks(t *testing.T) {
	for name, c := range map[string]struct {
		seed   uint64
		device cuda.Options
	}{
		"natural order":           {},
		"seed 1":                  {seed: 1},
		"one stream for products": {seed: 2, device: cuda.Options{Streams: 1}},
		"every launch waited for": {device: cuda.Options{Sync: true}},
	} {
		t.Run(name, func(t *testing.T) {
			devicetest.Ranks(t, func(t *testing.T, n int) []gpu.Device {
				o := small()
				o.Seed, o.Devices = c.seed, n
				m := machine(t, o)
				t.Cleanup(func() { require.Zero(t, m.Handles()) })
				return openRanks(t, m, c.device, n)
			})
		})
	}
}

// TestRankThatIsLostEndsTheOthers closes rank 1 while rank 0 waits for it.
func TestRankThatIsLostEndsTheOthers(t *testing.T) {
	devices := openRanks(t, pair(), cuda.Options{}, 2)
	x := floats(t, devices[0], 1, 2)
	p, err := devices[0].Record(func() error { return devices[0].AllReduce(gpu.AllReduceArgs{X: x}) })
	require.NoError(t, err)
	require.NoError(t, p.Run())
	require.NoError(t, devices[1].Close())
	err = devices[0].Sync()
	require.ErrorIs(t, err, gpu.ErrRanks)
	require.ErrorIs(t, err, gpu.ErrDeviceLost)
	assert.ErrorContains(t, err, "ncclAllReduce number 1: rank 1 has destroyed its communicator, and rank 0 waits")
	assert.ErrorIs(t, devices[0].Zero(x), gpu.ErrRanks, "the device is lost")
	require.NoError(t, devices[0].Close())
}

func TestRanksThatCallForOtherSizesAreTold(t *testing.T) {
	devices := openRanks(t, pair(), cuda.Options{}, 2)
	var all sync.WaitGroup
	var failures [2]error
	for rank, d := range devices {
		x := zeros(t, d, 5+rank)
		all.Go(func() {
			assert.NoError(t, d.AllReduce(gpu.AllReduceArgs{X: x}))
			_, failures[rank] = gpu.Read[float32](d, x)
			assert.ErrorIs(t, failures[rank], gpu.ErrRanks)
		})
	}
	all.Wait()
	// A machine, which the two share here, explains its last refusal.
	assert.ErrorContains(t, errors.Join(failures[:]...), "ncclAllReduce number 1: rank 0 calls for the sum of 5 float32, rank 1 for the sum of 6 float32")
}

// TestLossThatOnlyTheCallerKnows holds that a device gives up when the group says so: NCCL may wait for ever.
func TestLossThatOnlyTheCallerKnows(t *testing.T) {
	gone := errors.New("rank 1 on node7 has gone")
	var mu sync.Mutex
	var failure error
	devices := openRanks(t, pair(), cuda.Options{Group: cuda.Group{Failed: func() error {
		mu.Lock()
		defer mu.Unlock()
		return failure
	}}}, 2)
	require.NoError(t, devices[0].AllReduce(gpu.AllReduceArgs{X: floats(t, devices[0], 1, 2)}))
	time.AfterFunc(20*time.Millisecond, func() {
		mu.Lock()
		defer mu.Unlock()
		failure = gone
	})
	err := devices[0].Sync()
	require.ErrorIs(t, err, gone)
	require.ErrorIs(t, err, gpu.ErrRanks)
	require.EqualError(t, err, "sync: all-reduce: rank 1 on node7 has gone")
}

// TestGroupsThatCannotBe opens devices with wrong groups.
func TestGroupsThatCannotBe(t *testing.T) {
	m := softgpu.New(small())
	for name, g := range map[string]cuda.Group{
		"negative rank":  {Rank: -1, Size: 2, Share: func([]byte) error { return nil }},
		"rank too large": {Rank: 2, Size: 2, Share: func([]byte) error { return nil }},
		"no sharing":     {Rank: 1, Size: 2},
	} {
		_, err := emulated.OpenOn(m, cuda.Options{Group: g})
		assert.ErrorContains(t, err, "a rank is counted from 0, and needs a way to share NCCL's unique id", name)
	}
	_, err := emulated.OpenOn(m, cuda.Options{Group: cuda.Group{Rank: 1, Size: 2, Share: func([]byte) error { return nil }}})
	assert.ErrorContains(t, err, "ncclCommInitRank: ncclInvalidUsage: softgpu: ncclCommInitRank: the unique id is none that ncclGetUniqueId has made")
	assert.ErrorIs(t, err, gpu.ErrRanks)
	_, err = emulated.OpenOn(m, cuda.Options{Group: cuda.Group{Rank: 1, Size: 2, Share: func([]byte) error { return errors.New("no TCP") }}})
	assert.ErrorContains(t, err, "sharing NCCL's unique id: no TCP")
	require.Zero(t, m.Handles(), "a failed Open leaves nothing behind")
}
