//go:build cuda

package cuda_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
)

// products are three kinds of products over one matrix of side n, and a fourth like the third.
func products(d gpu.Device, x, y, z gpu.Mat) func() error {
	return func() error {
		for _, a := range []gpu.GemmArgs{
			{C: y, A: x, B: x}, {C: z, A: x, B: x, TransA: true}, {C: y, A: x, B: z, TransB: true}, {C: z, A: x, B: y, TransB: true},
		} {
			if err := d.Gemm(a); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestEachKindOfProductRunsOnceBeforeItIsCaptured(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{Streams: 1})
	const n = 8
	x, y, z := floats(t, d, ramp(n*n)...).Mat(n, n), zeros(t, d, n*n).Mat(n, n), zeros(t, d, n*n).Mat(n, n)
	step := products(d, x, y, z)
	for recording, warmUps := range []int{3, 0} { // warm products stay warm
		before, free := m.Runs(), d.Info().MemoryFree
		_, err := d.Record(step)
		require.NoError(t, err)
		assert.Equal(t, warmUps, m.Runs()-before, "recording %d", recording)
		assert.Equal(t, free, d.Info().MemoryFree, "the products' memory is given back")
	}
	values := make([]float32, n*n)
	require.NoError(t, gpu.Download(d, values, y.Buf, 0))
	assert.Equal(t, make([]float32, n*n), values, "recording changes nothing")
}

// TestWarmUpMakesDoWithLittleMemory warms up products that are larger than the free memory.
func TestWarmUpMakesDoWithLittleMemory(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{Streams: 1})
	const n = 1024 // 4 MiB
	x, y, z := floats(t, d, ramp(n*n)...).Mat(n, n), zeros(t, d, n*n).Mat(n, n), zeros(t, d, n*n).Mat(n, n)
	occupy(t, d)
	p, err := d.Record(products(d, x, y, z))
	require.NoError(t, err)
	require.NoError(t, p.Run())
	require.NoError(t, d.Sync())
}

// TestWarmUpOfColumnsOfAWideMatrix warms up a product whose rows lie far apart, with memory for all of it and with much
// less.
func TestWarmUpOfColumnsOfAWideMatrix(t *testing.T) {
	const wide = 1 << 16
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprintf("full %v", full), func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{Streams: 1})
			args := gpu.FeedbackGradArgs{
				DB: zeros(t, d, 8*(wide+5)).Mat(8, wide+5), E: floats(t, d, ramp(8*8)...).Mat(8, 8),
				Layers: []gpu.FeedbackInput{{H: zeros(t, d, 8*5), Size: 5}, {H: zeros(t, d, 8*wide), Size: wide}},
			}
			if full {
				occupy(t, d)
			}
			p, err := d.Record(func() error { return d.FeedbackGrad(args) })
			require.NoError(t, err)
			require.NoError(t, p.Run())
			require.NoError(t, d.Sync())
		})
	}
}

// occupy takes all memory of a device but some kB.
func occupy(t *testing.T, d gpu.Device) {
	for _, size := range []int{1 << 20, 1 << 18, 1 << 14} {
		for {
			if _, err := d.Alloc(gpu.Float32, size); err != nil {
				require.ErrorIs(t, err, gpu.ErrOutOfMemory)
				break
			}
		}
	}
}
