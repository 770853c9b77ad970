//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Zero clears a span.
func (d *Device) Zero(s gpu.Span) error {
	return d.submit("zero", s.Check("zero"), touched{writes: []gpu.Span{s}}, func(*builder) func(*queue) {
		at, n := address(s), bytesOf(s)
		return func(q *queue) { q.zero(at, n) }
	})
}

// Copy copies a span.
func (d *Device) Copy(dst, src gpu.Span) error {
	return d.submit("copy", gpu.CheckCopy(dst, src), touched{reads: []gpu.Span{src}, writes: []gpu.Span{dst}}, func(*builder) func(*queue) {
		to, from, n := address(dst), address(src), bytesOf(src)
		return func(q *queue) { q.copy(to, from, n) }
	})
}

// Gather is one kernel.
func (d *Device) Gather(a gpu.GatherArgs) error {
	uses := touched{reads: []gpu.Span{a.Data, a.Labels, a.Order, a.Cursor}, writes: []gpu.Span{a.X.Span, a.Y}}
	return d.submit("gather", a.Check(), uses, func(b *builder) func(*queue) {
		x, y, data, labels := address(a.X.Span), address(a.Y), address(a.Data), address(a.Labels)
		order, cursor := address(a.Order), address(a.Cursor)
		b.count(a.X.Len)
		batch, features, rows, orderLen := b.count(a.X.Rows), b.count(a.X.Cols), b.count(a.Labels.Len), b.count(a.Order.Len)
		n := a.X.Len
		return func(q *queue) {
			width := kernels.GatherWidth(a.X.Cols, x, data)
			read := n + 4*a.X.Rows + 4 // pixels, labels, the cursor
			if order != 0 {
				read += 4 * a.X.Rows
			}
			q.note(q.kernel(read, 4*n+4*a.X.Rows, n).Gather(kernels.GatherShape(a.X.Rows, a.X.Cols, width),
				x, y, data, labels, order, cursor, batch, features, rows, orderLen, a.Scale, width))
		}
	})
}

// Operations of the loss kernels for one logit, about: bias, largest, two exponentials,
// two sums, quotient, scale.
const lossFLOPs = 8

// Loss is one kernel where one block can do it all, and up to three where not.
func (d *Device) Loss(a gpu.LossArgs) error {
	uses := touched{
		reads:  []gpu.Span{a.Bias, a.Labels},
		writes: []gpu.Span{a.Logits.Span, a.E.Span, a.BiasGrad, a.Metrics, a.Step},
	}
	return d.submit("loss", a.Check(), uses, func(b *builder) func(*queue) {
		logits, bias, labels := address(a.Logits.Span), address(a.Bias), address(a.Labels)
		e, biasGrad := address(a.E.Span), address(a.BiasGrad)
		metrics, step := address(a.Metrics), address(a.Step)
		n := a.Logits.Len
		b.count(n)
		rows, cols, steps := b.count(a.Logits.Rows), b.count(a.Logits.Cols), b.count(a.Step.Len)

		shape := kernels.LossShape(a.Logits.Rows, a.Logits.Cols)
		blocks := int(shape.Grid[0])
		const sums = 8 * gpu.NumMetrics // bytes
		counters := sums + 4*a.Step.Len
		read, written := 4*n+4*a.Bias.Len+4*a.Labels.Len, 4*n
		if e != 0 {
			written += 4 * n
		}
		single := blocks == 1
		var partials *area
		if single {
			read += counters
			written += counters + 4*a.BiasGrad.Len
		} else {
			partials = b.scratch(blocks * sums)
			written += blocks * sums
		}
		return func(q *queue) {
			partial := kernels.DevicePtr(0)
			if !single {
				partial = partials.in(q)
			}
			k := q.kernel(read, written, lossFLOPs*n)
			if a.Logits.Cols == 1 {
				q.note(k.LossSigmoid(shape, logits, bias, labels, e, biasGrad, metrics, step, partial, rows, steps, a.Scale))
			} else {
				q.note(k.LossSoftmax(shape, logits, bias, labels, e, biasGrad, metrics, step, partial, rows, cols, steps, a.Scale))
			}
			if single {
				return
			}
			q.note(q.kernel(blocks*sums+counters, counters, blocks*gpu.NumMetrics).
				LossFinish(kernels.LossFinishShape(), partial, metrics, step, int32(blocks), steps))
			if e != 0 {
				q.columnSums(sumsOf{e, biasGrad, a.Logits.Rows, a.Logits.Cols})
			}
		}
	})
}

// Optimize is one kernel.
func (d *Device) Optimize(a gpu.OptimizeArgs) error {
	uses := touched{reads: []gpu.Span{a.G, a.Step}, writes: []gpu.Span{a.W, a.S1, a.S2}}
	return d.submit(a.Kind.String(), a.Check(), uses, func(b *builder) func(*queue) {
		n := b.count(a.W.Len)
		from, to := int32(a.ClampFrom), int32(a.ClampTo) // within n
		states := a.Kind.States()
		arenas := []kernels.DevicePtr{address(a.W), address(a.G), address(a.S1), address(a.S2)}[:2+states]
		step := address(a.Step)
		// A length that is no multiple of four is the kernels' own business.
		width := kernels.Width(4, arenas...)
		shape := kernels.ElementsShape(a.W.Len, width, b.maxBlocks)
		return func(q *queue) {
			k := q.kernel(4*(2+states)*a.W.Len, 4*(1+states)*a.W.Len, a.Kind.FLOPs()*a.W.Len)
			q.note(k.Optimize(a.Kind, shape, arenas, step, n, a.LR, a.L2, from, to, a.Floor, width))
		}
	})
}
