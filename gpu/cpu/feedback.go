package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/cpu/vec"
)

// feedbackColumns is the number of columns of a layer that one part computes: with a batch of 64
// their deltas take 128 KiB, which stay in the cache for f'.
const feedbackColumns = 512

// Feedback computes each layer's deltas tile by tile: E·B, times f', column sums.
func (d *Device) Feedback(a gpu.FeedbackArgs) error {
	uses := []gpu.Span{a.E.Span, a.B.Span}
	for _, l := range a.Layers {
		uses = append(uses, l.Delta, l.Out.H, l.Out.Pre, l.BiasGrad)
	}
	return d.submit("feedback", a.Check(), uses, func() []phase {
		var parts []func(worker int)
		if a.B.IsNone() {
			d.reserve(a.E.Cols * feedbackColumns)
		}
		var folds []phase
		column := 0
		for i, l := range a.Layers {
			sums := make([]float32, l.Size)
			for from := 0; from < l.Size; from += feedbackColumns {
				to := min(from+feedbackColumns, l.Size)
				parts = append(parts, d.feedbackTile(a, i, column, from, to, sums[from:to]))
			}
			folds = append(folds, fold(floats(l.BiasGrad), sums))
			column += l.Size
		}
		work := phase{len(parts), func(part, worker int) { parts[part](worker) }}
		return append([]phase{work}, phase{len(folds), func(part, worker int) { folds[part].work(0, worker) }})
	})
}

// feedbackTile returns the work on columns [from, to) of a layer, whose first column in B is
// column. If B is drawn, the worker's scratch memory holds these columns of it.
func (d *Device) feedbackTile(a gpu.FeedbackArgs, layer, column, from, to int, sum []float32) func(worker int) {
	l, n := a.Layers[layer], to-from
	delta, out := floats(l.Delta), unitsOf(l.Out)
	e, generated := floats(a.E.Span), a.B.IsNone()
	product := &blas.Product{
		M: a.E.Rows, N: n, K: a.E.Cols,
		LDC: l.Size, LDA: a.E.Cols, LDB: a.B.Cols,
	}
	if generated {
		product.LDB = n
	}
	if len(delta) > 0 {
		product.C = delta[from:]
	}
	if len(e) > 0 {
		product.A = e
		if !generated {
			product.B = floats(a.B.Span)[column+from:]
		}
	}
	return func(worker int) {
		clear(sum)
		if generated && len(e) > 0 {
			product.B = d.scratch[worker][:a.E.Cols*n]
			for row := range a.E.Cols {
				a.Gen.Fill(product.B[row*n:][:n], layer, row, from)
			}
		}
		if a.E.Cols == 1 { // one logit: an outer product, no GEMM
			for row, ei := range e {
				start := row*l.Size + from
				vec.Scale(delta[start:start+n], product.B[:n], ei)
				out.timesSlope(start, delta[start:start+n], sum)
			}
			return
		}
		d.blas.Run(product)
		for row := range a.E.Rows {
			start := row*l.Size + from
			out.timesSlope(start, delta[start:start+n], sum)
		}
	}
}
