//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/kernels"
)

// ints is a buffer of the values.
func ints(t *testing.T, d gpu.Device, v ...int32) gpu.Span {
	t.Helper()
	b, err := gpu.NewBuffer(d, v)
	require.NoError(t, err)
	return gpu.All(b)
}

// gathers launch gather, and gather_images without a mean and without a step, which does the same.
var gathers = map[string]func(k kernels.Kernels, shape kernels.Shape, a kernels.ImageArgs) error{
	"gather": func(k kernels.Kernels, shape kernels.Shape, a kernels.ImageArgs) error {
		return k.Gather(shape, a.X, a.Y, a.Data, a.Labels, a.Order, a.Cursor, a.Batch, a.Features, a.Rows, a.OrderLen, a.Scale, a.Width)
	},
	"gather_images": func(k kernels.Kernels, shape kernels.Shape, a kernels.ImageArgs) error {
		a.Line, a.Channels = a.Features, 1
		return k.GatherImages(shape, &a)
	},
}

// TestGatherReachesBeyond4GiB gives the kernels addresses before those of a row's pixels and
// label, as far as a data set of 6 GiB would begin before them.
func TestGatherReachesBeyond4GiB(t *testing.T) {
	const row, features = 6 << 10, 1 << 20
	for name, gather := range gathers {
		t.Run(name, func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			pixels, err := d.Alloc(gpu.Uint8, features)
			require.NoError(t, err)
			require.NoError(t, d.Upload(pixels, 5, []byte{7}))
			x, y := zeros(t, d, features), ints(t, d, 0)
			label, order, cursor := ints(t, d, 3), ints(t, d, row), ints(t, d, 0)
			require.NoError(t, cuda.Launch(d, func(k kernels.Kernels) error {
				return gather(k, kernels.GatherShape(1, features, 4), kernels.ImageArgs{
					X: cuda.Address(x), Y: cuda.Address(y),
					Data: cuda.Address(gpu.All(pixels)) - row*features, Labels: cuda.Address(label) - 4*row,
					Order: cuda.Address(order), Cursor: cuda.Address(cursor),
					Batch: 1, Features: features, Rows: row + 1, OrderLen: 1, Scale: 1, Width: 4,
				})
			}))
			assert.Equal(t, []float32{0, 7, 0}, read(t, d, x.Slice(4, 3)))
			got, err := gpu.Read[int32](d, y)
			require.NoError(t, err)
			assert.Equal(t, []int32{3}, got)
		})
	}
}

// TestGatherTakesSeveralRounds has more examples than a grid has rows of blocks.
func TestGatherTakesSeveralRounds(t *testing.T) {
	const batch, rowsOfBlocks = 7, 2
	for name, gather := range gathers {
		t.Run(name, func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			pixels, err := gpu.NewBuffer(d, []uint8{1, 2, 3, 4, 5, 6, 7})
			require.NoError(t, err)
			x, y := zeros(t, d, batch), ints(t, d, make([]int32, batch)...)
			labels, cursor := ints(t, d, 10, 20, 30, 40, 50, 60, 70), ints(t, d, 0)
			shape := kernels.GatherShape(batch, 1, 1)
			shape.Grid[1] = rowsOfBlocks
			require.NoError(t, cuda.Launch(d, func(k kernels.Kernels) error {
				return gather(k, shape, kernels.ImageArgs{
					X: cuda.Address(x), Y: cuda.Address(y), Data: cuda.Address(gpu.All(pixels)), Labels: cuda.Address(labels),
					Cursor: cuda.Address(cursor), Batch: batch, Features: 1, Rows: batch, Scale: 1, Width: 1,
				})
			}))
			assert.Equal(t, []float32{1, 2, 3, 4, 5, 6, 7}, read(t, d, x))
			got, err := gpu.Read[int32](d, y)
			require.NoError(t, err)
			assert.Equal(t, []int32{10, 20, 30, 40, 50, 60, 70}, got)
		})
	}
}

// TestIm2colTakesSeveralRounds has more lines of outputs than a grid has rows of blocks.
func TestIm2colTakesSeveralRounds(t *testing.T) {
	const images, rowsOfBlocks = 7, 2
	d := open(t, machine(t, small()), cuda.Options{})
	image, patches := floats(t, d, ramp(2*images)...), zeros(t, d, images)
	shape := kernels.Im2colShape(images, 1, 2, 1, 1, 1, 1, 1)
	shape.Grid[1] = rowsOfBlocks
	require.NoError(t, cuda.Launch(d, func(k kernels.Kernels) error {
		return k.Im2col(shape, cuda.Address(image), cuda.Address(patches), images, 1, 2, 1, 1, 2, 0, 1, 1, 1)
	}))
	var want []float32
	for i, v := range ramp(2 * images) {
		if i%2 == 0 {
			want = append(want, v)
		}
	}
	assert.Equal(t, want, read(t, d, patches))
}

// unaligned makes arrays of which one, number odd, lies one element off every alignment.
type unaligned struct {
	t    *testing.T
	d    gpu.Device
	odd  int
	made int
	outs []gpu.Span
}

func (u *unaligned) offset() int {
	u.made++
	if u.made-1 == u.odd {
		return 1
	}
	return 0
}

func (u *unaligned) in(n int) gpu.Span {
	off := u.offset()
	s := floats(u.t, u.d, make([]float32, n+off)...).Slice(off, n)
	values := ramp(n)
	for i := range values {
		values[i]++ // none is negative, as Adam's second state must not be
	}
	require.NoError(u.t, gpu.Upload(u.d, s.Buf, off, values))
	return s
}

// places makes an index of max pooling.
func (u *unaligned) places(n int) gpu.Span {
	off := u.offset()
	b, err := gpu.NewBuffer(u.d, make([]uint8, n+off))
	require.NoError(u.t, err)
	return gpu.All(b).Slice(off, n)
}

func (u *unaligned) out(n int) gpu.Span {
	s := u.in(n)
	u.outs = append(u.outs, s)
	return s
}

// TestOneUnalignedArrayIsEnough gives each operation arrays of which one is not aligned to
// vectors: the software GPU refuses an access that is not aligned to its size.
func TestOneUnalignedArrayIsEnough(t *testing.T) {
	const rows, cols = 3, 8
	shape := gpu.ConvShape{Batch: 2, InH: 3, InW: 3, InC: 4, Kernel: 2, Stride: 1, OutC: 4}
	pooling := gpu.PoolShape{Kind: gpu.MaxPooling, Batch: 2, InH: 3, InW: 3, Channels: 4, Kernel: 2, Stride: 1}
	for name, c := range map[string]struct {
		arrays int
		call   func(u *unaligned) error
	}{
		"tanh": {4, func(u *unaligned) error {
			return u.d.Dense(gpu.DenseArgs{Out: gpu.Hidden{H: u.out(rows * cols)}, X: u.in(rows*2).Mat(rows, 2), W: u.in(2*cols).Mat(2, cols), B: u.in(cols)})
		}},
		"relu": {5, func(u *unaligned) error {
			out := gpu.Hidden{Act: gpu.ReLU, H: u.out(rows * cols), Pre: u.out(rows * cols)}
			return u.d.Dense(gpu.DenseArgs{Out: out, X: u.in(rows*2).Mat(rows, 2), W: u.in(2*cols).Mat(2, cols), B: u.in(cols)})
		}},
		"feedback": {5, func(u *unaligned) error {
			layer := gpu.FeedbackLayer{Out: gpu.Hidden{H: u.in(rows * cols)}, Delta: u.out(rows * cols), Size: cols, BiasGrad: u.out(cols)}
			return u.d.Feedback(gpu.FeedbackArgs{E: u.in(rows*2).Mat(rows, 2), B: u.in(2*cols).Mat(2, cols), Layers: []gpu.FeedbackLayer{layer}})
		}},
		"label feedback": {4, func(u *unaligned) error {
			layer := gpu.FeedbackLayer{Out: gpu.Hidden{H: u.in(rows * cols)}, Delta: u.out(rows * cols), Size: cols, BiasGrad: u.out(cols)}
			return u.d.Feedback(gpu.FeedbackArgs{Labels: ints(u.t, u.d, 1, 0, 1), Classes: 2, Scale: 1, B: u.in(2*cols).Mat(2, cols), Layers: []gpu.FeedbackLayer{layer}})
		}},
		"convolution": {4, func(u *unaligned) error {
			return u.d.Conv(gpu.ConvArgs{Shape: shape, Out: gpu.Hidden{H: u.out(shape.OutLen())}, X: u.in(shape.InLen()), W: u.in(shape.Patch() * shape.OutC), B: u.in(shape.OutC)})
		}},
		"convolution backward": {5, func(u *unaligned) error {
			return u.d.ConvBackward(gpu.ConvBackwardArgs{Shape: shape, DX: u.out(shape.InLen()), DY: u.in(shape.OutLen()),
				W: u.in(shape.Patch() * shape.OutC), Below: gpu.Hidden{H: u.in(shape.InLen())}, BiasGrad: u.out(shape.InC)})
		}},
		"sign": {3, func(u *unaligned) error {
			return u.d.Sign(gpu.SignArgs{Dst: u.out(cols), Src: u.in(cols), M: u.in(cols)})
		}},
		"drawn signs": {2, func(u *unaligned) error {
			return u.d.Sign(gpu.SignArgs{Dst: u.out(cols), Src: u.in(cols), Gen: gpu.Generator{Draw: gpu.DrawNormal, High: 1}, Step: ints(u.t, u.d, 1)})
		}},
		"pooling": {3, func(u *unaligned) error {
			return u.d.Pool(gpu.PoolArgs{Shape: pooling, P: u.out(pooling.OutLen()), Index: u.places(pooling.OutLen()), H: u.in(pooling.InLen())})
		}},
		"pooling backward": {5, func(u *unaligned) error {
			return u.d.PoolBackward(gpu.PoolBackwardArgs{Shape: pooling, DX: u.out(pooling.InLen()), DY: u.in(pooling.OutLen()),
				Index: u.places(pooling.OutLen()), Below: gpu.Hidden{H: u.in(pooling.InLen())}, BiasGrad: u.out(pooling.Channels)})
		}},
		"adam": {4, func(u *unaligned) error {
			return u.d.Optimize(gpu.OptimizeArgs{Kind: gpu.Adam, W: u.out(cols), G: u.in(cols), S1: u.out(cols), S2: u.out(cols),
				Step: ints(u.t, u.d, 1), LR: 0.1})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			var want [][]float32
			for odd := -1; odd < c.arrays; odd++ {
				u := &unaligned{t: t, d: d, odd: odd}
				require.NoError(t, c.call(u))
				require.Equal(t, c.arrays, u.made)
				var got [][]float32
				for _, s := range u.outs {
					got = append(got, read(t, d, s))
				}
				if odd < 0 {
					want = got
				}
				assert.Equal(t, len(want), len(got))
				for i := range want {
					assert.InDeltaSlice(t, want[i], got[i], elementTolerance, "array %d is off", odd)
				}
			}
		})
	}
}

// TestUnalignedPixelsAreGatheredOneByOne has an aligned X and pixels at an odd address.
func TestUnalignedPixelsAreGatheredOneByOne(t *testing.T) {
	for name, want := range map[string][]float32{"scaled": {1, 2, 3, 4}, "normalized": {0, 0, 4, 20}} {
		t.Run(name, func(t *testing.T) {
			d := open(t, machine(t, small()), cuda.Options{})
			pixels, err := gpu.NewBuffer(d, []uint8{99, 1, 2, 3, 4})
			require.NoError(t, err)
			x := zeros(t, d, 4)
			args := gpu.GatherArgs{
				X: x.Mat(1, 4), Y: ints(t, d, 0), Data: gpu.All(pixels).Slice(1, 4), Labels: ints(t, d, 0), Cursor: ints(t, d, 0), Scale: 1,
			}
			if name == "normalized" {
				args.Mean, args.Scales = floats(t, d, 1, 2), floats(t, d, 2, 10)
			}
			require.NoError(t, d.Gather(args))
			assert.Equal(t, want, read(t, d, x))
		})
	}
}
