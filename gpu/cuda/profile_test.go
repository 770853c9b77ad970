//go:build cuda

package cuda_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/softgpu"
)

func TestProfileCountsEveryKernelOfAStep(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	args := dense(t, d, gpu.ReLU)
	other := zeros(t, d, 8)
	program, err := d.Record(func() error {
		for range 2 {
			if err := d.Dense(args); err != nil {
				return err
			}
		}
		return d.Copy(other, args.Out.H)
	})
	require.NoError(t, err)
	profiler, ok := program.(gpu.Profiler)
	require.True(t, ok)
	require.NoError(t, program.Run(), "a step that waits, and is not to be counted")
	p, err := profiler.Profile(3)
	require.NoError(t, err)

	assert.Equal(t, 3, p.Steps)
	assert.Positive(t, p.PeakBytesPerSecond)
	assert.Positive(t, p.PeakFLOPS)
	require.Len(t, p.Kernels, 3)
	gemm, relu, copied := p.Kernels[0], p.Kernels[1], p.Kernels[2]
	assert.Equal(t, []string{"sgemm", "bias_relu", "copy"}, []string{gemm.Kernel, relu.Kernel, copied.Kernel})
	assert.Equal(t, []int{2, 2, 1}, []int{gemm.Launches, relu.Launches, copied.Launches})
	// A [2, 3] product with [3, 4], twice.
	assert.EqualValues(t, 2*4*(6+12), gemm.FloorRead)
	assert.EqualValues(t, 2*4*8, gemm.FloorWritten)
	assert.EqualValues(t, 2*2*2*3*4, gemm.FLOPs)
	// Sums and biases in, sums and activations out.
	assert.EqualValues(t, 2*4*(8+4), relu.FloorRead)
	assert.EqualValues(t, 2*8*8, relu.FloorWritten)
	assert.GreaterOrEqual(t, relu.Read, relu.FloorRead, "measured")
	assert.Equal(t, relu.FloorWritten, relu.Written, "measured")
	assert.EqualValues(t, 4*8, copied.FloorRead)
	assert.Zero(t, copied.Read, "copies are not measured")

	_, err = profiler.Profile(0)
	assert.ErrorIs(t, err, gpu.ErrShape)
	require.NoError(t, program.Free())
	_, err = profiler.Profile(1)
	assert.Error(t, err)
}

// TestProfileWithoutACheckerMeasuresTime hides the software GPU's own counts, so that
// the profile is taken as on hardware.
func TestProfileWithoutACheckerMeasuresTime(t *testing.T) {
	m := machine(t, small())
	open(t, m, cuda.Options{}) // makes m the machine behind the driver
	d, err := cuda.Open(cuda.Options{})
	require.NoError(t, err)
	args := dense(t, d, gpu.Tanh)
	program, err := d.Record(func() error { return d.Dense(args) })
	require.NoError(t, err)
	const steps = 40
	start := time.Now()
	p, err := program.(gpu.Profiler).Profile(steps)
	require.NoError(t, err)
	require.Len(t, p.Kernels, 2)
	assert.LessOrEqual(t, steps*(p.Kernels[0].Seconds+p.Kernels[1].Seconds), time.Since(start).Seconds(), "the seconds are those of a step")
	for _, k := range p.Kernels {
		assert.Positive(t, k.Seconds, k.Kernel)
		assert.Zero(t, k.Read, k.Kernel)
		assert.Positive(t, k.FLOPs, k.Kernel)
	}
	assert.Equal(t, "cuda", d.Info().Kind)
	require.NoError(t, d.Close())
}

func TestDevicesAreDescribed(t *testing.T) {
	o := small()
	o.Devices, o.SM, o.Multiprocessors = 2, 90, 132
	m := machine(t, o)
	d := open(t, m, cuda.Options{Ordinal: 1, Detail: "made of software"})
	list, err := cuda.Devices()
	require.NoError(t, err)
	require.Len(t, list, 2)
	for i, about := range list {
		assert.Equal(t, i, about.Ordinal)
		assert.Equal(t, []int{9, 0, 132}, []int{about.Major, about.Minor, about.Multiprocessors})
		assert.EqualValues(t, o.Memory, about.MemoryTotal)
		assert.Positive(t, about.MemoryFree)
		assert.Positive(t, about.ClockHz)
		assert.InDelta(t, 898e9, about.BytesPerSecond, 1e9, "two transfers of 4,096 bits at 877 MHz")
		assert.Equal(t, fmt.Sprintf("00000000:%02x:00.0", i+1), about.PCI)
		assert.InDelta(t, 2*128*132*about.ClockHz, about.FLOPS(), 1)
	}
	assert.Contains(t, list[0].String(), "0: "+list[0].Name+", sm_90, ")
	_, active, result := m.PrimaryCtxGetState(0, 0)
	assert.Equal(t, softgpu.Success, result)
	assert.False(t, active, "the context that was asked in is given back")
	info := d.Info()
	assert.Equal(t, "emu", info.Kind)
	assert.Equal(t, list[1].PCI, info.PCI)
	assert.Equal(t, "sm_90, made of software", info.Detail)
	assert.EqualValues(t, o.Memory, info.MemoryTotal)
}

// TestFloorsOfPaddedConvolutions compares the least bytes with the measured ones where each pixel is read
// once: the padding is neither read nor added up.
func TestFloorsOfPaddedConvolutions(t *testing.T) {
	for _, s := range []gpu.ConvShape{
		{Batch: 2, InH: 6, InW: 7, InC: 4, Kernel: 3, Stride: 2, Pad: 2, OutC: 3},
		{Batch: 2, InH: 9, InW: 8, InC: 4, Kernel: 2, Stride: 3, Pad: 1, OutC: 3},
		{Batch: 2, InH: 4, InW: 5, InC: 4, Kernel: 3, Stride: 9, Pad: 0, OutC: 3},
	} {
		t.Run(s.String(), func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			l := newLayerOf(t, d, s)
			dx, db := zeros(t, d, s.InLen()), zeros(t, d, s.InC)
			program, err := d.Record(func() error {
				if err := l.forward(); err != nil {
					return err
				}
				return d.ConvBackward(gpu.ConvBackwardArgs{Shape: s, DX: dx, DY: l.dy, W: l.w, Below: gpu.Hidden{Act: gpu.Linear}, BiasGrad: db})
			})
			require.NoError(t, err)
			p, err := program.(gpu.Profiler).Profile(1)
			require.NoError(t, err)
			found := 0
			for _, k := range p.Kernels {
				switch k.Kernel {
				case "im2col":
					assert.Equal(t, k.FloorRead, k.Read, k.Kernel)
					assert.Equal(t, k.FloorWritten, k.Written, k.Kernel)
					found++
				case "col2im": // f' of the linear function reads nothing
					assert.Equal(t, k.FloorRead, k.Read, k.Kernel)
					assert.Equal(t, k.FloorWritten, k.Written, k.Kernel)
					found++
				}
			}
			assert.Equal(t, 2, found)
		})
	}
}

// TestFloorsOfPooling compares the least bytes with the measured ones where each pixel is in one
// window at most.
func TestFloorsOfPooling(t *testing.T) {
	for _, s := range []gpu.PoolShape{
		{Kind: gpu.MaxPooling, Batch: 2, InH: 7, InW: 6, Channels: 8, Kernel: 2, Stride: 2},
		{Kind: gpu.AveragePooling, Batch: 2, InH: 9, InW: 8, Channels: 3, Kernel: 2, Stride: 3},
	} {
		t.Run(s.String(), func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			h, p, dx, db := floats(t, d, ramp(s.InLen())...), zeros(t, d, s.OutLen()), zeros(t, d, s.InLen()), zeros(t, d, s.Channels)
			var index gpu.Span
			if s.Kind == gpu.MaxPooling {
				b, err := d.Alloc(gpu.Uint8, s.OutLen())
				require.NoError(t, err)
				index = gpu.All(b)
			}
			program, err := d.Record(func() error {
				if err := d.Pool(gpu.PoolArgs{Shape: s, P: p, Index: index, H: h}); err != nil {
					return err
				}
				return d.PoolBackward(gpu.PoolBackwardArgs{Shape: s, DX: dx, DY: p, Index: index, Below: gpu.Hidden{H: h}, BiasGrad: db})
			})
			require.NoError(t, err)
			profile, err := program.(gpu.Profiler).Profile(1)
			require.NoError(t, err)
			require.Len(t, profile.Kernels, 3)
			// Each pixel of a window reads the window's error and index, which are in the cache.
			again := int64((s.Kernel*s.Kernel - 1) * (4*s.OutLen() + index.Len))
			for i, more := range []int64{0, again} {
				k := profile.Kernels[i]
				assert.Equal(t, []string{"pool", "pool_back"}[i], k.Kernel)
				assert.Equal(t, k.FloorRead+more, k.Read, k.Kernel)
				assert.Equal(t, k.FloorWritten, k.Written, k.Kernel)
			}
		})
	}
}
