//go:build cuda

package cuda_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/emulated"
	"mdfa/softgpu"
)

// rows is the number of images in a slot of these feeds. An image has two pixels.
const rows = 64

// feedOf returns a feed with a program for each slot, which gathers its images to x.
func feedOf(t *testing.T, d gpu.Device, slots int) (f gpu.Feed, programs []gpu.Program, x gpu.Span) {
	t.Helper()
	f, err := d.NewFeed(slots, gpu.FeedPart{Type: gpu.Uint8, Len: 2 * rows}, gpu.FeedPart{Type: gpu.Int32, Len: rows})
	require.NoError(t, err)
	x = zeros(t, d, 2*rows)
	y, err := d.Alloc(gpu.Int32, rows)
	require.NoError(t, err)
	cursor, err := d.Alloc(gpu.Int32, 1)
	require.NoError(t, err)
	for slot := range slots {
		b := f.Buffers(slot)
		p, err := d.Record(func() error {
			return d.Gather(gpu.GatherArgs{
				X: x.Mat(rows, 2), Y: gpu.All(y), Data: gpu.All(b[0]), Labels: gpu.All(b[1]), Cursor: gpu.All(cursor), Scale: 1,
			})
		})
		require.NoError(t, err)
		programs = append(programs, p)
	}
	return f, programs, x
}

// fill opens a slot and writes one value to all its pixels.
func fill(t *testing.T, f gpu.Feed, slot int, value byte) {
	t.Helper()
	require.NoError(t, f.Acquire(slot))
	require.NoError(t, f.Fill(slot, func(host [][]byte) {
		for i := range host[0] {
			host[0][i] = value
		}
	}))
}

func TestFeedDoesNotWaitAndAllocatesNothingOnTheDevice(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	const slots, steps = 4, 12
	f, programs, _ := feedOf(t, d, slots)
	require.NoError(t, d.Sync())
	before := m.Ledger()
	for step := range steps {
		slot := step % slots
		fill(t, f, slot, byte(step))
		require.NoError(t, f.Send(slot))
		require.NoError(t, f.Run(slot, programs[slot]))
	}
	l := m.Ledger().Since(before)
	assert.Equal(t, steps-slots, l.Syncs, "one wait for each slot that is used again, and no other")
	assert.Zero(t, l.Allocs+l.HostAllocs+l.Frees+l.DeviceToHost)
	require.NoError(t, d.Sync())
	l = m.Ledger().Since(before)
	assert.Equal(t, steps, l.GraphLaunches)
	assert.Equal(t, steps, l.Launches)
	assert.Equal(t, 2*steps, l.HostToDevice, "images and labels")
	assert.EqualValues(t, steps*rows*(2+4), l.HostToDeviceBytes)
	require.NoError(t, f.Free())
}

// TestCopiesOverlapPrograms lets the copy of a slot arrive while the program of another
// has not run: the two wait for nothing of each other.
func TestCopiesOverlapPrograms(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	f, programs, _ := feedOf(t, d, 2)
	require.NoError(t, d.Sync())
	before := m.Ledger()
	fill(t, f, 0, 1)
	require.NoError(t, f.Send(0))
	require.NoError(t, f.Run(0, programs[0]))
	fill(t, f, 1, 2)
	require.NoError(t, f.Send(1))
	require.NoError(t, f.Acquire(1)) // waits for the copy
	l := m.Ledger().Since(before)
	assert.Equal(t, 4, l.HostToDevice, "both slots' copies ran")
	assert.Zero(t, l.Launches, "and no program")
	require.NoError(t, f.Free())
}

// TestSoftwareGPUFindsAMissingWait leaves out one of the two waits between the streams.
func TestSoftwareGPUFindsAMissingWait(t *testing.T) {
	for name, c := range map[string]struct {
		waits cuda.FeedWaits
		want  string // "" for both: nothing is wrong
	}{
		"both waits":                        {cuda.FeedWaits{Used: true, Sent: true}, ""},
		"programs do not wait for the copy": {cuda.FeedWaits{Used: true}, `^sync: .*not ordered after an earlier operation`},
		"copies do not wait for programs":   {cuda.FeedWaits{Sent: true}, `^sync: .*not ordered after an earlier operation`},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, softgpu.New(small()), cuda.Options{}) // an error loses the device, and all that it held
			f, programs, x := feedOf(t, d, 1)
			require.NoError(t, d.Sync())
			for value := range 2 {
				if value == 0 {
					fill(t, f, 0, byte(value))
				} else {
					require.NoError(t, cuda.OpenWithoutWaiting(f, 0)) // waiting would order the streams as well
				}
				require.NoError(t, cuda.CarryWith(f, 0, programs[0], c.waits))
			}
			err := d.Sync()
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, make([]float32, 2*rows), read(t, d, x))
				return
			}
			require.ErrorIs(t, err, gpu.ErrDeviceLost)
			assert.Regexp(t, c.want, err.Error())
		})
	}
}

// TestHostMemoryMustNotBeFilledTooEarly shows that the software GPU reads host memory
// late: only the wait of Acquire keeps a batch whole.
func TestHostMemoryMustNotBeFilledTooEarly(t *testing.T) {
	for name, wait := range map[string]bool{"with the wait": true, "without it": false} {
		t.Run(name, func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			f, programs, x := feedOf(t, d, 1)
			fill(t, f, 0, 1)
			require.NoError(t, f.Send(0))
			require.NoError(t, f.Run(0, programs[0]))
			if wait {
				require.NoError(t, f.Acquire(0))
			} else {
				require.NoError(t, cuda.OpenWithoutWaiting(f, 0))
			}
			require.NoError(t, f.Fill(0, func(host [][]byte) { host[0][0] = 9 }))
			got := read(t, d, x)[0]
			if wait {
				assert.EqualValues(t, 1, got, "the batch that was sent")
			} else {
				assert.EqualValues(t, 9, got, "what was written over it")
			}
		})
	}
}

func TestProfileOfAFeedsProgramTrainsOnItsSlot(t *testing.T) {
	for name, c := range map[string]struct {
		o     cuda.Options
		count int
	}{"graphs": {cuda.Options{}, 1}, "every launch waited for": {cuda.Options{Sync: true}, 1}} {
		t.Run(name, func(t *testing.T) {
			d := open(t, machine(t, small()), c.o)
			f, programs, x := feedOf(t, d, 2)
			for value := range 4 {
				slot := value % 2
				fill(t, f, slot, byte(value))
				require.NoError(t, f.Send(slot))
				require.NoError(t, f.Run(slot, programs[slot]))
			}
			p, err := programs[1].(gpu.Profiler).Profile(3)
			require.NoError(t, err)
			require.Len(t, p.Kernels, 1)
			assert.Equal(t, "gather", p.Kernels[0].Kernel)
			assert.Equal(t, c.count, p.Kernels[0].Launches, "the copy is no part of the program")
			assert.EqualValues(t, 3, read(t, d, x)[0])
			fill(t, f, 1, 8)
			require.NoError(t, f.Send(1))
			require.NoError(t, f.Run(1, programs[1]))
			assert.EqualValues(t, 8, read(t, d, x)[0])
			require.NoError(t, f.Free())
		})
	}
}

func TestLostDeviceEndsItsFeeds(t *testing.T) {
	d := open(t, faulty(func(o *softgpu.Options) { o.FailLaunch = 2 }), cuda.Options{})
	f, programs, _ := feedOf(t, d, 1)
	var err error
	for value := 0; err == nil; value++ {
		require.Less(t, value, 5, "the loss was not seen")
		for _, call := range []func() error{
			func() error { return f.Acquire(0) },
			func() error { return f.Send(0) },
			func() error { return f.Run(0, programs[0]) },
		} {
			if err = call(); err != nil {
				break
			}
		}
	}
	require.ErrorIs(t, err, gpu.ErrDeviceLost)
	assert.Regexp(t, `^acquire: cuEventSynchronize: CUDA_ERROR_LAUNCH_FAILED: softgpu: gather `, err.Error())
	for name, call := range map[string]func() error{
		"feed":    func() error { _, err := d.NewFeed(1, gpu.FeedPart{Len: 1}); return err },
		"acquire": func() error { return f.Acquire(0) },
		"send":    func() error { return f.Send(0) },
		"run":     func() error { return f.Run(0, programs[0]) },
	} {
		again := call()
		require.ErrorIs(t, again, gpu.ErrDeviceLost, name)
		assert.Contains(t, again.Error(), name+": the device failed before: ")
	}
	assert.NoError(t, f.Free())
	assert.ErrorIs(t, f.Buffers(0)[0].Free(), gpu.ErrBuffer)
	assert.NoError(t, d.Close(), "what failed was said")
}

// TestFeedThatDoesNotFitGivesBackWhatItTook lets each allocation of a feed fail.
func TestFeedThatDoesNotFitGivesBackWhatItTook(t *testing.T) {
	part := gpu.FeedPart{Type: gpu.Uint8, Len: 3 << 20}
	counter := softgpu.New(small())
	d, err := emulated.OpenOn(counter, cuda.Options{})
	require.NoError(t, err)
	before := counter.Allocations()
	_, err = d.NewFeed(2, part)
	require.NoError(t, err)
	after := counter.Allocations()
	require.NoError(t, d.Close())
	require.GreaterOrEqual(t, after-before, 1+2*3, "a stream; pinned memory and two events for each slot")
	failed := 0
	for i := before + 1; i <= after; i++ {
		t.Run(fmt.Sprint("allocation ", i-before), func(t *testing.T) {
			o := small()
			o.FailAlloc = i
			d := open(t, machine(t, o), cuda.Options{})
			free := d.Info().MemoryFree
			_, err := d.NewFeed(2, part)
			if err == nil { // a chunk is asked for a second time
				return
			}
			failed++
			require.ErrorIs(t, err, gpu.ErrOutOfMemory)
			assert.Equal(t, free, d.Info().MemoryFree)
			f, programs, x := feedOf(t, d, 2)
			fill(t, f, 0, 5)
			require.NoError(t, f.Send(0))
			require.NoError(t, f.Run(0, programs[0]))
			assert.EqualValues(t, 5, read(t, d, x)[0], "the device goes on")
		})
	}
	assert.GreaterOrEqual(t, failed, 1+2*3)
	d = open(t, machine(t, small()), cuda.Options{})
	_, err = d.NewFeed(2, gpu.FeedPart{Type: gpu.Uint8, Len: 48 << 20})
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assert.ErrorContains(t, err, "feed of 2 slots: ")
}

// TestRunThatBrokeOffHasUsedTheSlot fills the slot again after a program that failed when
// it was in the stream already: the copy has to wait for it all the same.
func TestRunThatBrokeOffHasUsedTheSlot(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	f, programs, x := feedOf(t, d, 1)
	cuda.BreakOff(programs[0])
	for value := range 3 {
		fill(t, f, 0, byte(value))
		require.NoError(t, f.Send(0))
		require.ErrorIs(t, f.Run(0, programs[0]), cuda.ErrOrdered)
	}
	require.NoError(t, d.Sync())
	assert.EqualValues(t, 2, read(t, d, x)[0])
	require.NoError(t, f.Free())
}

func TestSyncWaitsForCopies(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	f, _, _ := feedOf(t, d, 1)
	require.NoError(t, d.Sync())
	before := m.Ledger()
	fill(t, f, 0, 1)
	require.NoError(t, f.Send(0))
	require.Zero(t, m.Ledger().Since(before).HostToDevice, "the copies wait")
	require.NoError(t, d.Sync())
	assert.Equal(t, 2, m.Ledger().Since(before).HostToDevice)
}

// TestFreeOfAFeedTellsWhatFailed frees a feed whose program fails only when somebody waits
// for it. Without a Checker nothing but Free itself waits.
func TestFreeOfAFeedTellsWhatFailed(t *testing.T) {
	open(t, faulty(func(o *softgpu.Options) { o.FailLaunch = 1 }), cuda.Options{}) // the machine behind the driver
	d, err := cuda.Open(cuda.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	f, programs, _ := feedOf(t, d, 1)
	fill(t, f, 0, 1)
	require.NoError(t, f.Send(0))
	require.NoError(t, f.Run(0, programs[0]))
	assert.ErrorIs(t, f.Free(), gpu.ErrDeviceLost)
}
