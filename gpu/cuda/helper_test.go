//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/emulated"
	"mdfa/softgpu"
)

// small is a software GPU whose memory costs the tests little.
func small() softgpu.Options {
	o := softgpu.DefaultOptions()
	o.Memory = 64 << 20
	return o
}

// machine starts one that must be left empty: whatever a device took is given back.
func machine(t *testing.T, o softgpu.Options) *softgpu.Machine {
	t.Helper()
	m := softgpu.New(o)
	t.Cleanup(func() {
		require.Empty(t, m.Leaks(), "device memory that was never freed")
		require.Zero(t, m.PinnedLeaks(), "pinned memory that was never freed")
	})
	return m
}

// open opens a device that is closed before the machine is looked at.
func open(t *testing.T, m *softgpu.Machine, o cuda.Options) *cuda.Device {
	t.Helper()
	d, err := emulated.OpenOn(m, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() }) // the test may have closed it
	return d
}

// floats is a buffer of the values.
func floats(t *testing.T, d gpu.Device, v ...float32) gpu.Span {
	t.Helper()
	b, err := gpu.NewBuffer(d, v)
	require.NoError(t, err)
	return gpu.All(b)
}

// zeros is a buffer of n floats.
func zeros(t *testing.T, d gpu.Device, n int) gpu.Span {
	t.Helper()
	b, err := d.Alloc(gpu.Float32, n)
	require.NoError(t, err)
	return gpu.All(b)
}

// ramp is n different small numbers.
func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%17)/16 - 0.5
	}
	return v
}

// dense is a layer of 4 units over 3 inputs, for a batch of 2.
func dense(t *testing.T, d gpu.Device, act gpu.Activation) gpu.DenseArgs {
	t.Helper()
	a := gpu.DenseArgs{
		Out: gpu.Hidden{Act: act, H: zeros(t, d, 8)},
		X:   floats(t, d, ramp(6)...).Mat(2, 3),
		W:   floats(t, d, ramp(12)...).Mat(3, 4),
		B:   floats(t, d, ramp(4)...),
	}
	if act.NeedsPre() {
		a.Out.Pre = zeros(t, d, 8)
	}
	return a
}
