//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Zero clears a span.
func (d *Device) Zero(s gpu.Span) error {
	return d.submit("zero", s.Check("zero"), func(b *builder) func(*queue) {
		at, n := b.write(s), bytesOf(s)
		return func(q *queue) { q.zero(at, n) }
	})
}

// Copy copies a span.
func (d *Device) Copy(dst, src gpu.Span) error {
	return d.submit("copy", gpu.CheckCopy(dst, src), func(b *builder) func(*queue) {
		to, from, n := b.write(dst), b.read(src), bytesOf(src)
		return func(q *queue) { q.copy(to, from, n) }
	})
}

// Gather launches one kernel: gather, or gather_images for images that are normalized or augmented.
func (d *Device) Gather(a gpu.GatherArgs) error {
	return d.submit("gather", a.Check(), func(b *builder) func(*queue) {
		x, y, data, labels := b.write(a.X.Span), b.write(a.Y), b.read(a.Data), b.read(a.Labels)
		order, cursor := b.read(a.Order), b.read(a.Cursor)
		mean, scales := b.read(a.Mean), b.read(a.Scales)
		n := int(b.count(a.X.Len))
		batch, features, rows, orderLen := b.count(a.X.Rows), b.count(a.X.Cols), b.count(a.Labels.Len), b.count(a.Order.Len)
		read := n + 4*a.X.Rows + 4 // pixels, labels, the cursor
		if order != 0 {
			read += 4 * a.X.Rows
		}
		if mean == 0 && !a.Augment.Changes() {
			return func(q *queue) {
				width := kernels.BytesWidth(a.X.Cols, data, x)
				q.note(q.kernel(read, 4*n+4*a.X.Rows, n).Gather(kernels.GatherShape(a.X.Rows, a.X.Cols, width),
					x, y, data, labels, order, cursor, batch, features, rows, orderLen, a.Scale, width))
			}
		}
		args := kernels.ImageArgs{
			X: x, Y: y, Data: data, Labels: labels, Order: order, Cursor: cursor, Mean: mean, Scales: scales,
			Batch: batch, Features: features, Rows: rows, OrderLen: orderLen,
			Line: features, Channels: int32(a.Mean.Len), Scale: a.Scale,
		}
		flops := n
		if mean != 0 {
			flops, read = 2*n, read+8*a.Mean.Len
		}
		if m := a.Augment; m.Changes() {
			args.Step, read = b.read(m.Step), read+4
			args.Line, args.Channels, args.Shift = b.count(m.Width*m.Channels), b.count(m.Channels), int32(m.Shift)
			args.SeedLow, args.SeedHigh, args.First = int32(m.Seed), int32(m.Seed>>32), b.count(m.First)
			if m.Flip {
				args.Flip = 1
			}
		}
		return func(q *queue) {
			args.Width = kernels.BytesWidth(a.X.Cols, data, x)
			q.note(q.kernel(read, 4*n+4*a.X.Rows, flops).GatherImages(kernels.GatherShape(a.X.Rows, a.X.Cols, args.Width), &args))
		}
	})
}

// partials are the sums of a kernel's blocks, which a second kernel adds up. One block writes
// its sums to their destination, and needs no partials.
type partials struct {
	area   *area
	blocks int
	bytes  int // of all blocks
}

// partialSums lays out float64 sums of each block of a shape.
func (b *builder) partialSums(shape kernels.Shape, sums int) partials {
	p := partials{blocks: int(shape.Grid[0])}
	p.bytes = 8 * sums * p.blocks
	if p.blocks != 1 {
		p.area = b.scratch(p.bytes)
	}
	return p
}

// single reports whether one block does all.
func (p partials) single() bool { return p.area == nil }

func (p partials) in(q *queue) kernels.DevicePtr {
	if p.single() {
		return 0
	}
	return p.area.in(q)
}

// lossFLOPs estimates the operations of the loss kernels for one logit: bias, largest, two
// exponentials, two sums, quotient, scale.
const lossFLOPs = 8

// Loss launches one kernel if one block can do all, and up to three otherwise.
func (d *Device) Loss(a gpu.LossArgs) error {
	return d.submit("loss", a.Check(), func(b *builder) func(*queue) {
		logits, bias, labels := b.write(a.Logits.Span), b.read(a.Bias), b.read(a.Labels)
		e, biasGrad := b.write(a.E.Span), b.write(a.BiasGrad)
		metrics, step := b.write(a.Metrics), b.write(a.Step)
		n := int(b.count(a.Logits.Len))
		rows, cols, steps := b.count(a.Logits.Rows), b.count(a.Logits.Cols), b.count(a.Step.Len)

		shape := kernels.LossShape(a.Logits.Rows, a.Logits.Cols)
		p := b.partialSums(shape, gpu.NumMetrics)
		counters := 8*gpu.NumMetrics + 4*a.Step.Len // bytes of the metrics and the step counters
		read, written := 4*n+4*a.Bias.Len+4*a.Labels.Len, 4*n
		if e != 0 {
			written += 4 * n
		}
		if p.single() {
			read += counters
			written += counters + 4*a.BiasGrad.Len
		} else {
			written += p.bytes
		}
		return func(q *queue) {
			partial := p.in(q)
			k := q.kernel(read, written, lossFLOPs*n)
			if a.Logits.Cols == 1 {
				q.note(k.LossSigmoid(shape, logits, bias, labels, e, biasGrad, metrics, step, partial, rows, steps, a.Scale))
			} else {
				q.note(k.LossSoftmax(shape, logits, bias, labels, e, biasGrad, metrics, step, partial, rows, cols, steps, a.Scale))
			}
			if p.single() {
				return
			}
			q.note(q.kernel(p.bytes+counters, counters, p.blocks*gpu.NumMetrics).
				LossFinish(kernels.LossFinishShape(), partial, metrics, step, int32(p.blocks), steps))
			if e != 0 {
				q.columnSums(sumsOf{e, biasGrad, a.Logits.Rows, a.Logits.Cols})
			}
		}
	})
}

// compareFLOPs counts the operations of compare for one element: three products and sums, six
// comparisons.
const compareFLOPs = 12

// Compare launches one kernel, and a second one if several blocks work.
func (d *Device) Compare(a gpu.CompareArgs) error {
	return d.submit("compare", a.Check(), func(b *builder) func(*queue) {
		x, y, out := b.read(a.A.Span), b.read(a.B.Span), b.write(a.Out)
		n := int(b.count(a.A.Len))
		rows, cols := b.count(a.A.Rows), b.count(a.A.Cols)
		transposed := int32(0)
		if a.TransB {
			transposed = 1
		}
		shape := kernels.CompareShape(n)
		p := b.partialSums(shape, gpu.NumCompared)
		const sums = 8 * gpu.NumCompared // bytes
		read := 8 * n
		if p.single() {
			read += sums
		}
		return func(q *queue) {
			partial := p.in(q)
			q.note(q.kernel(read, p.bytes, compareFLOPs*n).
				Compare(shape, x, y, out, partial, rows, cols, transposed, a.Low, a.High))
			if !p.single() {
				q.note(q.kernel(p.bytes+sums, sums, p.blocks*gpu.NumCompared).
					CompareFinish(kernels.CompareFinishShape(), partial, out, int32(p.blocks)))
			}
		}
	})
}

// Sign launches one kernel.
func (d *Device) Sign(a gpu.SignArgs) error {
	return d.submit("sign", a.Check(), func(b *builder) func(*queue) {
		dst, src, m, step := b.write(a.Dst), b.read(a.Src), b.read(a.M), b.read(a.Step)
		n, g := b.count(a.Dst.Len), a.Gen
		width := kernels.Width(4, dst, src, m) // the kernels take any length
		shape := kernels.ElementsShape(a.Dst.Len, width, b.maxBlocks)
		bytes := 4 * a.Dst.Len
		return func(q *queue) {
			switch {
			case g.Draw == gpu.DrawNone:
				q.note(q.kernel(2*bytes, bytes, signFLOPs*a.Dst.Len).Sign(shape, dst, src, m, n, 0, width))
			case g.Draw == gpu.DrawConstant:
				q.note(q.kernel(bytes, bytes, signFLOPs*a.Dst.Len).Sign(shape, dst, src, 0, n, g.High, width))
			default:
				low, high := seedWords(g)
				q.note(q.kernel(bytes, bytes, (signFLOPs+drawFLOPs)*a.Dst.Len).SignDrawn(shape, dst, src, step, n,
					int32(g.Draw), low, high, int32(a.Layer), g.Low, g.High, width))
			}
		}
	})
}

// signFLOPs counts the operations of sign for one element: magnitude, two comparisons.
const signFLOPs = 3

// Optimize launches one kernel.
func (d *Device) Optimize(a gpu.OptimizeArgs) error {
	return d.submit(a.Kind.String(), a.Check(), func(b *builder) func(*queue) {
		n := b.count(a.W.Len)
		states := a.Kind.States()
		arenas := []kernels.DevicePtr{b.write(a.W), b.read(a.G), b.write(a.S1), b.write(a.S2)}[:2+states]
		step, factors, batch := b.read(a.Step), b.read(a.Factors), b.read(a.Batch)
		b.count(a.Factors.Len)
		width := kernels.Width(4, arenas...) // the kernels take any length
		shape := kernels.ElementsShape(a.W.Len, width, b.maxBlocks)
		return func(q *queue) {
			k := q.kernel(4*(2+states)*a.W.Len, 4*(1+states)*a.W.Len, a.Kind.FLOPs()*a.W.Len)
			q.note(k.Optimize(a, shape, arenas, step, factors, batch, n, width))
		}
	})
}
