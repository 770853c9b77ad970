package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

// eachWindow calls work for the windows of lines [from, to) of outputs, which it counts through
// all images: at is the first float of the output, corner that of the window.
func eachWindow(s gpu.PoolShape, from, to int, work func(at, corner int)) {
	for line := from; line < to; line++ {
		n, y := line/s.OutH(), line%s.OutH()
		for x := range s.OutW() {
			work((line*s.OutW()+x)*s.Channels, ((n*s.InH+y*s.Stride)*s.InW+x*s.Stride)*s.Channels)
		}
	}
}

// Pool works on a window's channels at the same time.
func (d *Device) Pool(a gpu.PoolArgs) error {
	return d.submit("pool", a.Check(), []gpu.Span{a.P, a.Index, a.H}, func() []phase {
		s := a.Shape
		p, index, h := floats(a.P), octets(a.Index), floats(a.H)
		lines, line := s.Batch*s.OutH(), s.InW*s.Channels
		parts := partsFor(s.InLen(), elementwise, max(lines, 1))
		return []phase{{parts, func(part, _ int) {
			from, to := cut(lines, parts, part, 1)
			eachWindow(s, from, to, func(at, corner int) {
				out, window := p[at:at+s.Channels], h[corner:]
				switch {
				case s.Kind == gpu.AveragePooling:
					vec.AverageWindow(out, window, s.Kernel, line)
				case index == nil:
					vec.MaxWindow(out, nil, window, s.Kernel, line)
				default:
					vec.MaxWindow(out, index[at:at+s.Channels], window, s.Kernel, line)
				}
			})
		}}}
	})
}

// PoolBackward adds the errors of an image's windows in the order of their positions, so that
// every pixel's sum has one order.
func (d *Device) PoolBackward(a gpu.PoolBackwardArgs) error {
	uses := []gpu.Span{a.DX, a.DY, a.Index, a.Below.H, a.Below.Pre, a.BiasGrad}
	return d.submit("pool backward", a.Check(), uses, func() []phase {
		s := a.Shape
		dx, dy, index, below := floats(a.DX), floats(a.DY), octets(a.Index), unitsOf(a.Below)
		line, pixels := s.InW*s.Channels, s.InH*s.InW
		parts := partsFor(s.InLen(), elementwise, max(s.Batch, 1))
		sums := make([]float32, parts*s.Channels)
		return []phase{
			{parts, func(part, _ int) {
				sum := sums[part*s.Channels : (part+1)*s.Channels]
				clear(sum)
				from, to := cut(s.Batch, parts, part, 1)
				clear(dx[from*pixels*s.Channels : to*pixels*s.Channels])
				eachWindow(s, from*s.OutH(), to*s.OutH(), func(at, corner int) {
					window, e := dx[corner:], dy[at:at+s.Channels]
					if s.Kind == gpu.AveragePooling {
						vec.AddToWindow(window, e, s.Kernel, line)
					} else {
						vec.AddToMax(window, e, index[at:at+s.Channels], s.Kernel, line)
					}
				})
				for start := from * pixels * s.Channels; start < to*pixels*s.Channels; start += s.Channels {
					below.timesSlope(start, dx[start:start+s.Channels], sum)
				}
			}},
			fold(floats(a.BiasGrad), sums),
		}
	})
}
