//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Feedback launches one kernel for all hidden layers (or one for every MaxLayers), and their
// column sums; with more logits than the kernel multiplies by itself, a product first. Labels need none.
func (d *Device) Feedback(a gpu.FeedbackArgs) error {
	return d.submit("feedback", a.Check(), func(b *builder) func(*queue) {
		e, labels, feedback, columns := b.readMatrix(a.E), b.read(a.Labels), b.readMatrix(a.B), a.Columns()
		b.matrices(e, matrix{rows: a.Rows(), cols: columns})
		var layers []deltaLayer
		column := 0
		for i, l := range a.Layers {
			if !l.Skip {
				layers = append(layers, deltaLayer{
					layer: layerOf(b.read, l.Out), delta: b.write(l.Delta), size: l.Size,
					biasGrad: b.write(l.BiasGrad), channels: l.Channels(), number: i, column: column,
				})
			}
			column += l.Size
		}
		s := newDeltas(b, a.Batch(), columns, layers)
		if !a.Labels.IsNone() {
			return func(q *queue) { s.fromLabels(q, labels, feedback, a) }
		}
		if a.B.IsNone() {
			b.count(a.E.Len)
			return func(q *queue) { s.drawn(q, e, a.Gen) }
		}
		if a.E.Cols <= kernels.MaxDirectLogits {
			b.count(a.E.Len)
			b.count(a.B.Len)
			return func(q *queue) { s.feedback(q, e, feedback) }
		}
		raw := b.scratch(4 * a.E.Rows * columns)
		return func(q *queue) {
			at := raw.in(q)
			q.gemm(product{c: matrix{at, a.E.Rows, columns}, a: e, b: feedback})
			s.timesSlope(q, at)
		}
	})
}

// FeedbackGrad computes a product for each layer, into its columns.
func (d *Device) FeedbackGrad(a gpu.FeedbackGradArgs) error {
	return d.submit("feedback gradient", a.Check(), func(b *builder) func(*queue) {
		db, e := b.writeMatrix(a.DB), b.readMatrix(a.E)
		b.matrices(db, e)
		var products []product
		at := db.at
		for _, l := range a.Layers {
			products = append(products, product{
				c: matrix{at, db.rows, l.Size}, stride: db.cols,
				a: e, transA: true, b: matrix{b.read(l.H), e.rows, l.Size},
			})
			at += kernels.DevicePtr(4 * l.Size)
		}
		return func(q *queue) {
			for _, p := range products {
				q.gemm(p)
			}
		}
	})
}

// DenseBackward computes a product, then the slope in place of it.
func (d *Device) DenseBackward(a gpu.DenseBackwardArgs) error {
	return d.submit("dense backward", a.Check(), func(b *builder) func(*queue) {
		p := product{c: b.writeMatrix(a.DX), a: b.readMatrix(a.DY), b: b.readMatrix(a.M), transB: a.Trans}
		b.matrices(p.a, p.b)
		below := []deltaLayer{{
			layer: layerOf(b.read, a.Below), delta: p.c.at, size: a.DX.Cols,
			biasGrad: b.write(a.BiasGrad), channels: a.BiasGrad.Len,
		}}
		s := newDeltas(b, a.DX.Rows, a.DX.Cols, below)
		return func(q *queue) {
			q.gemm(p)
			s.timesSlope(q, p.c.at)
		}
	})
}

// deltaLayer is a layer whose deltas are computed: delta [batch, size], and the bias
// gradient [channels], the sums of delta over batch and positions.
type deltaLayer struct {
	layer
	delta, biasGrad kernels.DevicePtr
	size, channels  int

	number int   // of the layer among those of B
	column int   // where the layer's columns begin
	direct bool  // the kernel's sums are the bias gradient
	sums   *area // else: of its sums [chunks, size]
}

// deltas is the common part of feedback and times_slope: layers side by side, their
// deltas, and the two stages of the bias gradients.
type deltas struct {
	batch, columns, chunks int
	layers                 []deltaLayer
}

// newDeltas lays out the sums of layers in a matrix of so many columns.
func newDeltas(b *builder, batch, columns int, layers []deltaLayer) *deltas {
	b.count(batch * columns)
	b.count(batch)
	b.count(columns)
	s := &deltas{batch: batch, columns: columns, chunks: kernels.DeltaChunks(batch), layers: layers}
	for i := range layers {
		l := &layers[i]
		if l.direct = s.chunks == 1 && l.channels == l.size; !l.direct {
			l.sums = b.scratch(4 * s.chunks * l.size)
		}
	}
	return s
}

// feedback computes the deltas from E [batch, logits] and B [logits, columns].
func (s *deltas) feedback(q *queue, e, b matrix) {
	s.launch(q, b.at, func(args *kernels.DeltaArgs, n, sums int) {
		args.E, args.Logits = e.at, int32(e.cols)
		read := 4 * (s.batch*e.cols + e.cols*sums/s.chunks + n)
		q.note(q.kernel(read, 4*(n+sums), 2*n*e.cols+3*n).Feedback(args.Shape(), args))
	})
}

// drawFLOPs estimates the operations of drawing an element: a quarter of Philox, the quantile.
const drawFLOPs = 20

// seedWords returns the halves of a generator's seed as kernels take them.
func seedWords(g gpu.Generator) (low, high int32) {
	return int32(uint32(g.Seed)), int32(uint32(g.Seed >> 32))
}

// drawn computes the deltas from E [batch, logits] and the elements that the generator draws.
func (s *deltas) drawn(q *queue, e matrix, g gpu.Generator) {
	s.launch(q, 0, func(args *kernels.DeltaArgs, n, sums int) {
		args.E, args.Logits = e.at, int32(e.cols)
		drawFrom(args, g)
		elements := e.cols * sums / s.chunks
		q.note(q.kernel(4*(s.batch*e.cols+n), 4*(n+sums), 2*n*e.cols+3*n+drawFLOPs*elements).FeedbackDrawn(args.Shape(), args))
	})
}

func drawFrom(args *kernels.DeltaArgs, g gpu.Generator) {
	args.Draw, args.Low, args.High = int32(g.Draw), g.Low, g.High
	args.SeedLow, args.SeedHigh = seedWords(g)
}

// fromLabels computes the deltas from the labels' rows of B [classes, columns], stored or drawn. The floor of
// its traffic counts as many rows as the labels can name.
func (s *deltas) fromLabels(q *queue, labels kernels.DevicePtr, b matrix, a gpu.FeedbackArgs) {
	s.launch(q, b.at, func(args *kernels.DeltaArgs, n, sums int) {
		args.Labels, args.Logits, args.Scale = labels, int32(a.Classes), a.Scale
		if a.B.IsNone() {
			drawFrom(args, a.Gen)
			q.note(q.kernel(4*(s.batch+n), 4*(n+sums), (3+drawFLOPs)*n).LabelFeedbackDrawn(args.Shape(), args))
			return
		}
		rows := min(a.Classes, s.batch)
		q.note(q.kernel(4*(s.batch+n+rows*sums/s.chunks), 4*(n+sums), 3*n).LabelFeedback(args.Shape(), args))
	})
}

// timesSlope computes the deltas from raw [batch, columns], which may be the only
// layer's delta itself.
func (s *deltas) timesSlope(q *queue, raw kernels.DevicePtr) {
	s.launch(q, raw, func(args *kernels.DeltaArgs, n, sums int) {
		q.note(q.kernel(8*n, 4*(n+sums), 4*n).TimesSlope(args.Shape(), args))
	})
}

// launch calls one for each MaxLayers layers that follow each other in B, with the numbers of their deltas and of the sums of
// deltas, then adds up the sums that are not a bias gradient yet. The kernel reads from as rows
// of columns. An empty batch has no deltas, and sums of zero.
func (s *deltas) launch(q *queue, from kernels.DevicePtr, one func(args *kernels.DeltaArgs, n, sums int)) {
	width := s.width(from)
	for first := 0; first < len(s.layers) && s.chunks > 0; {
		next := first + 1
		for next < min(first+kernels.MaxLayers, len(s.layers)) && s.layers[next].number == s.layers[next-1].number+1 {
			next++
		}
		layers := s.layers[first:next]
		first = next
		args := kernels.DeltaArgs{
			From: from, Batch: int32(s.batch), Columns: int32(s.columns), Layers: int32(len(layers)), Width: width,
			FirstLayer: int32(layers[0].number),
		}
		sizes := 0
		for i, l := range layers {
			args.Layer[i] = kernels.DeltaLayer{
				Below: l.slope, Delta: l.delta, Sums: l.sumsAt(q),
				Size: int32(l.size), Column: int32(l.column), Act: int32(l.act),
			}
			sizes += l.size
		}
		one(&args, s.batch*sizes, s.chunks*sizes)
	}
	var rest []sumsOf
	for _, l := range s.layers {
		if !l.direct {
			// Sums [chunks, positions · channels] is a matrix [chunks · positions, channels].
			positions := l.size / max(l.channels, 1)
			rest = append(rest, sumsOf{l.sumsAt(q), l.biasGrad, s.chunks * positions, l.channels})
		}
	}
	q.columnSums(rest...)
}

func (l deltaLayer) sumsAt(q *queue) kernels.DevicePtr {
	if l.direct {
		return l.biasGrad
	}
	return l.sums.in(q)
}

// width returns the vector width that fits all layers.
func (s *deltas) width(from kernels.DevicePtr) int32 {
	width := kernels.Width(s.columns, from)
	for _, l := range s.layers {
		width = min(width, kernels.Width(l.size, l.slope, l.delta), kernels.Width(l.column))
	}
	return width
}
