//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/softgpu"
)

func TestMemoryIsCounted(t *testing.T) {
	start(t)
	free, total, err := cu.MemInfo()
	require.NoError(t, err)
	assert.EqualValues(t, 64*mib, total)
	p := alloc(t, mib)
	now, _, err := cu.MemInfo()
	require.NoError(t, err)
	assert.EqualValues(t, free-mib, now)
	n, base, err := (p + 100).AddressRange()
	require.NoError(t, err)
	assert.Equal(t, p, base)
	assert.EqualValues(t, mib, n)
	_, err = cu.MemAlloc(64 * mib)
	require.ErrorIs(t, err, cu.OutOfMemory)
}

func TestFillsAndCopiesWithinTheDevice(t *testing.T) {
	start(t)
	const n = 8
	a, b := alloc(t, n), alloc(t, n)
	s := stream(t)
	require.NoError(t, cu.MemsetD8(a, 1, n))
	require.NoError(t, cu.MemsetD16(a, 0x0202, 3))
	require.NoError(t, cu.MemsetD32(a, 0x03030303, 1))
	require.NoError(t, cu.MemcpyDtoD(b, a, n))
	assert.Equal(t, []byte{3, 3, 3, 3, 2, 2, 1, 1}, get[byte](t, b, n))

	require.NoError(t, cu.MemsetD8Async(a, 4, n, s))
	require.NoError(t, cu.MemsetD16Async(a, 0x0505, 3, s))
	require.NoError(t, cu.MemsetD32Async(a, 0x06060606, 1, s))
	require.NoError(t, cu.MemcpyDtoDAsync(b, a, n, s))
	require.NoError(t, s.Synchronize())
	assert.Equal(t, []byte{6, 6, 6, 6, 5, 5, 4, 4}, get[byte](t, b, n))

	require.NoError(t, cu.MemsetD8(a, 9, n))
	require.NoError(t, cu.Memcpy(b, a, n/2))
	require.NoError(t, cu.MemcpyAsync(b+n/2, a, 1, s))
	require.NoError(t, s.Synchronize())
	assert.Equal(t, []byte{9, 9, 9, 9, 9, 5, 4, 4}, get[byte](t, b, n))
}

func TestPinnedCopiesRunLate(t *testing.T) {
	start(t)
	const n = 5
	var p unsafe.Pointer
	require.Equal(t, success, call("cuMemHostAlloc", &p, 4*n, 0))
	host := unsafe.Slice((*float32)(p), n)
	s := stream(t)
	device := alloc(t, 4*n)

	copy(host, full(1, n))
	require.NoError(t, cu.MemcpyHtoDAsync(device, p, 4*n, s))
	copy(host, full(2, n)) // too early: the copy has not run
	require.NoError(t, s.Synchronize())
	assert.Equal(t, full(2, n), get[float32](t, device, n))

	copy(host, full(3, n))
	require.NoError(t, cu.MemcpyDtoHAsync(p, device, 4*n, s))
	assert.NotEqual(t, full(2, n), slices.Clone(host), "nothing has been waited for")
	require.NoError(t, s.Synchronize())
	assert.Equal(t, full(2, n), host)

	pageable := full(4, n)
	require.NoError(t, cu.MemcpyHtoDAsync(device, unsafe.Pointer(&pageable[0]), 4*n, s))
	clear(pageable)
	require.NoError(t, cu.MemcpyDtoHAsync(unsafe.Pointer(&pageable[0]), device, 4*n, s))
	assert.Equal(t, full(4, n), pageable, "pageable memory is read at the call and waited for")
	require.NoError(t, cu.MemFreeHost(p))
	require.ErrorIs(t, cu.MemFreeHost(p), cu.InvalidValue)
}

func TestPinnedMemoryIsWholePages(t *testing.T) {
	m := start(t, func(o *softgpu.Options) { o.FailAlloc = 4 }) // after the context and the first two
	var p unsafe.Pointer
	for _, n := range []int{1, 5000} {
		require.Equal(t, success, call("cuMemHostAlloc", &p, n, 0))
		assert.Zero(t, uintptr(p)%4096)
		require.NoError(t, cu.MemFreeHost(p))
	}
	assert.Equal(t, int(softgpu.ErrorOutOfMemory), call("cuMemHostAlloc", &p, 64, 0))
	assert.Equal(t, invalidValue, call("cuMemHostAlloc", &p, 0, 0))
	assert.Equal(t, invalidValue, call("cuMemHostAlloc", &p, 64, 8))
	assert.EqualError(t, m.Explain(), "softgpu: cuMemHostAlloc: flags 0x8")
	assert.Equal(t, int(softgpu.ErrorOutOfMemory), call("cuMemHostAlloc", &p, -1, 0), "nothing wraps around")
}

func TestArraysKeepTheirShape(t *testing.T) {
	start(t)
	box := cu.Array3Desc{Width: 8, Height: 4, Depth: 2, Format: cu.Uint16, NumChannels: 2, Flags: 1}
	free, _, err := cu.MemInfo()
	require.NoError(t, err)
	a, err := cu.Make3DArray(box)
	require.NoError(t, err)
	now, _, err := cu.MemInfo()
	require.NoError(t, err)
	assert.EqualValues(t, 8*4*2*2*2, free-now, "bytes")
	got, err := a.Descriptor3()
	require.NoError(t, err)
	assert.Equal(t, box, got)
	require.NoError(t, a.Destroy())
	require.ErrorIs(t, a.Destroy(), cu.InvalidHandle)

	flat := cu.ArrayDesc{Width: 5, Height: 3, Format: cu.Float32, NumChannels: 4}
	a, err = cu.MakeArray(flat)
	require.NoError(t, err)
	same, err := a.Descriptor()
	require.NoError(t, err)
	assert.Equal(t, flat, same)
	require.NoError(t, a.Destroy())

	for name, wrong := range map[string]cu.ArrayDesc{
		"no width":       {Height: 3, Format: cu.Float32, NumChannels: 4},
		"three channels": {Width: 5, Format: cu.Float32, NumChannels: 3},
		"no format":      {Width: 5, NumChannels: 1},
	} {
		_, err = cu.MakeArray(wrong)
		assert.ErrorIs(t, err, cu.InvalidValue, name)
	}
}
