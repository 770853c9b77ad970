//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Operations of compare for one element: three products and sums, six comparisons.
const compareFLOPs = 12

// Compare is one kernel, and a second where more than one block works.
func (d *Device) Compare(a gpu.CompareArgs) error {
	uses := touched{reads: []gpu.Span{a.A.Span, a.B.Span}, writes: []gpu.Span{a.Out}}
	return d.submit("compare", a.Check(), uses, func(b *builder) func(*queue) {
		x, y, out := address(a.A.Span), address(a.B.Span), address(a.Out)
		n := a.A.Len
		b.count(n)
		rows, cols := b.count(a.A.Rows), b.count(a.A.Cols)
		transposed := int32(0)
		if a.TransB {
			transposed = 1
		}
		shape := kernels.CompareShape(n)
		blocks := int(shape.Grid[0])
		const sums = 8 * gpu.NumCompared // bytes
		read, written := 8*n, blocks*sums
		var partials *area
		if blocks == 1 {
			read += sums
		} else {
			partials = b.scratch(written)
		}
		return func(q *queue) {
			partial := kernels.DevicePtr(0)
			if blocks > 1 {
				partial = partials.in(q)
			}
			q.note(q.kernel(read, written, compareFLOPs*n).
				Compare(shape, x, y, out, partial, rows, cols, transposed, a.Low, a.High))
			if blocks > 1 {
				q.note(q.kernel(written+sums, sums, blocks*gpu.NumCompared).
					CompareFinish(kernels.CompareFinishShape(), partial, out, int32(blocks)))
			}
		}
	})
}
