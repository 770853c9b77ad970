//go:build cuda

package cuda_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
)

// slotBytes is the size of a pinned buffer of the device.
const slotBytes = 4 << 20

func TestCopiesLargerThanThePinnedBuffersArriveWhole(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	for _, n := range []int{slotBytes - 1, slotBytes, slotBytes + 1, 3*slotBytes + 5} {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(i ^ i>>8 ^ i>>16)
		}
		b, err := d.Alloc(gpu.Uint8, n+2)
		require.NoError(t, err)
		require.NoError(t, d.Upload(b, 1, want))
		got := make([]byte, n+2)
		require.NoError(t, d.Download(got, b, 0))
		assert.True(t, bytes.Equal(want, got[1:n+1]), "%d bytes", n)
		assert.Equal(t, []byte{0, 0}, []byte{got[0], got[n+1]}, "beside %d bytes", n)
		require.NoError(t, b.Free())
	}
}

func TestUploadWaitsOnlyForAPinnedBuffer(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	b, err := d.Alloc(gpu.Uint8, 5*slotBytes)
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	before := m.Ledger()
	require.NoError(t, d.Upload(b, 0, make([]byte, 2*slotBytes)))
	assert.Equal(t, before.Syncs, m.Ledger().Syncs, "both pinned buffers were free")
	require.NoError(t, d.Upload(b, 0, make([]byte, 5*slotBytes)))
	assert.Equal(t, before.Syncs+5, m.Ledger().Syncs, "one wait for each use of a pinned buffer after that")
	require.NoError(t, d.Sync())
	l := m.Ledger().Since(before)
	assert.Equal(t, 7, l.HostToDevice)
	assert.EqualValues(t, 7*slotBytes, l.HostToDeviceBytes)
}

// TestFreedMemoryIsUsedAgain allocates and frees more than the device has: everything
// comes out of the same chunks.
func TestFreedMemoryIsUsedAgain(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	for range 20 {
		b, err := d.Alloc(gpu.Float32, 4<<20)
		require.NoError(t, err)
		require.NoError(t, b.Free())
	}
	assert.LessOrEqual(t, m.Ledger().Allocs, 3)
}

// TestIdleMemoryMakesRoom frees memory in small chunks and asks for most of the device.
func TestIdleMemoryMakesRoom(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	var buffers []gpu.Buffer
	for range 8 {
		b, err := d.Alloc(gpu.Uint8, 4<<20)
		require.NoError(t, err)
		buffers = append(buffers, b)
	}
	_, err := d.Alloc(gpu.Uint8, 48<<20)
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	for _, b := range buffers {
		require.NoError(t, b.Free())
	}
	b, err := d.Alloc(gpu.Uint8, 48<<20)
	require.NoError(t, err)
	require.NoError(t, b.Free())
}

func TestDownloadOfNothingWaits(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	args := dense(t, d, gpu.Tanh)
	require.NoError(t, d.Sync())
	before := m.Ledger()
	require.NoError(t, d.Dense(args))
	require.NoError(t, d.Download(nil, args.B.Buf, 0))
	assert.Equal(t, 2, m.Ledger().Since(before).Launches)
}

// TestMemoryIsFreedBehindWhatUsesIt frees buffers, and then the chunk that they came from,
// while a layer that uses them waits in the stream: with a Checker, which forbids a buffer's
// memory when it is freed, and without one, where the driver takes the chunk.
func TestMemoryIsFreedBehindWhatUsesIt(t *testing.T) {
	for name, checked := range map[string]bool{"with a Checker": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			m := machine(t, small())
			d := open(t, m, cuda.Options{})
			if !checked {
				require.NoError(t, d.Close())
				var err error
				d, err = cuda.Open(cuda.Options{})
				require.NoError(t, err)
				t.Cleanup(func() { _ = d.Close() })
			}
			a := dense(t, d, gpu.Tanh)
			var filling []gpu.Buffer // until a is not in the chunk that cuBLAS's workspace lies in
			for range 4 {
				filling = append(filling, zeros(t, d, 1<<18).Buf)
			}
			own := zeros(t, d, 1<<20)
			require.NoError(t, d.Zero(own))
			require.NoError(t, d.Dense(a))
			for _, b := range append(filling, own.Buf, a.Out.H.Buf, a.X.Buf, a.W.Buf, a.B.Buf) {
				require.NoError(t, b.Free())
			}
			large, err := d.Alloc(gpu.Uint8, 56<<20)
			require.NoError(t, err)
			require.NoError(t, large.Free())
			require.NoError(t, d.Sync())
		})
	}
}
