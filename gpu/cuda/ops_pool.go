//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Pool launches one kernel.
func (d *Device) Pool(a gpu.PoolArgs) error {
	return d.submit("pool", a.Check(), func(b *builder) func(*queue) {
		s := a.Shape
		p, index, h := b.write(a.P), b.write(a.Index), b.read(a.H)
		n := int(b.count(s.OutLen()))
		b.count(s.InLen())
		average := int32(0)
		if s.Kind == gpu.AveragePooling {
			average = 1
		}
		return func(q *queue) {
			width := kernels.BytesWidth(s.Channels, index, h, p)
			q.note(q.kernel(4*coveredByPool(s), 4*n+a.Index.Len, n*s.Kernel*s.Kernel).Pool(
				kernels.PoolShape(s.Rows(), s.Channels, width), h, p, index,
				int32(s.Batch), int32(s.InH), int32(s.InW), int32(s.Channels), int32(s.Kernel), int32(s.Stride),
				int32(s.OutH()), int32(s.OutW()), average, width))
		}
	})
}

// coveredByPool returns the number of inputs that some window of a pooling sees.
func coveredByPool(s gpu.PoolShape) int {
	down, _ := covered(s.InH, s.OutH(), s.Kernel, s.Stride, 0)
	across, _ := covered(s.InW, s.OutW(), s.Kernel, s.Stride, 0)
	return s.Batch * down * across * s.Channels
}

// PoolBackward launches one kernel, and the sums of its blocks' bias gradients.
func (d *Device) PoolBackward(a gpu.PoolBackwardArgs) error {
	return d.submit("pool backward", a.Check(), func(b *builder) func(*queue) {
		s := a.Shape
		below := layerOf(b.read, a.Below)
		dx, dy, index, biasGrad := b.write(a.DX), b.read(a.DY), b.read(a.Index), b.write(a.BiasGrad)
		n, errors := int(b.count(s.InLen())), s.OutLen()
		width := kernels.BytesWidth(s.Channels, index, dx, dy, below.slope)
		shape, rowsPerBlock := kernels.Col2imShape(s.Batch*s.InH*s.InW, s.Channels, width)
		blocks := int(shape.Grid[0])
		sums := b.scratch(4 * blocks * s.Channels)
		return func(q *queue) {
			taps := errors * s.Kernel * s.Kernel
			q.note(q.kernel(4*errors+below.slopeBytes(n)+a.Index.Len, 4*(n+blocks*s.Channels), taps+3*n).PoolBack(shape,
				dy, index, below.slope, dx, sums.in(q),
				int32(s.Batch), int32(s.InH), int32(s.InW), int32(s.Channels), int32(s.Kernel), int32(s.Stride),
				int32(s.OutH()), int32(s.OutW()), rowsPerBlock, int32(below.act), width))
			q.columnSums(sumsOf{sums.in(q), biasGrad, blocks, s.Channels})
		}
	})
}
