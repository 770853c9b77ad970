package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/cpu/vec"
)

// feedbackColumns is the number of columns of a layer that one part computes: with a batch of 64
// their deltas take 128 KiB, which stay in the cache for f'.
const feedbackColumns = 512

// Feedback computes each layer's deltas tile by tile: E·B or the labels' rows of B, times f', column sums.
func (d *Device) Feedback(a gpu.FeedbackArgs) error {
	uses := []gpu.Span{a.E.Span, a.Labels, a.B.Span}
	for _, l := range a.Layers {
		if !l.Skip {
			uses = append(uses, l.Delta, l.Out.H, l.Out.Pre, l.BiasGrad)
		}
	}
	return d.submit("feedback", a.Check(), uses, func() []phase {
		var parts []func(worker int)
		var phases, folds []phase
		var first []int32
		switch {
		case !a.B.IsNone():
		case a.Labels.IsNone():
			d.reserve(a.E.Cols * feedbackColumns)
		default:
			first = make([]int32, a.Labels.Len)
			phases = append(phases, firstOfClass(first, ints(a.Labels), a.Classes))
		}
		column := 0
		for i, l := range a.Layers {
			if l.Skip {
				column += l.Size
				continue
			}
			sums := make([]float32, l.Size)
			for from := 0; from < l.Size; from += feedbackColumns {
				to := min(from+feedbackColumns, l.Size)
				if a.Labels.IsNone() {
					parts = append(parts, d.feedbackTile(a, i, column, from, to, sums[from:to]))
				} else {
					parts = append(parts, labelTile(a, i, column, from, to, first, sums[from:to]))
				}
			}
			folds = append(folds, fold(floats(l.BiasGrad), sums))
			column += l.Size
		}
		work := phase{len(parts), func(part, worker int) { parts[part](worker) }}
		return append(phases, work, phase{len(folds), func(part, worker int) { folds[part].work(0, worker) }})
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
				vec.Fill(product.B[row*n:][:n], a.Gen, layer, row, from)
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

// firstOfClass returns the phase that sets first[i] to the first example with the label of example i.
func firstOfClass(first, labels []int32, classes int) phase {
	seen := make([]int32, classes) // one more than the first example of each class
	return serial(func() {
		clear(seen)
		for i, label := range labels {
			if label < 0 || int(label) >= classes {
				continue
			}
			if seen[label] == 0 {
				seen[label] = int32(i) + 1
			}
			first[i] = seen[label] - 1
		}
	})
}

// labelTile returns the work on columns [from, to) of a layer, whose first column in B is column. If B is
// drawn, a class is drawn into the delta of its first example, and copied to the others.
func labelTile(a gpu.FeedbackArgs, layer, column, from, to int, first []int32, sum []float32) func(worker int) {
	l, n := a.Layers[layer], to-from
	labels, b, delta, out := ints(a.Labels), floats(a.B.Span), floats(l.Delta), unitsOf(l.Out)
	return func(int) {
		clear(sum)
		for i, label := range labels {
			d := delta[i*l.Size+from:][:n]
			switch {
			case label < 0 || int(label) >= a.Classes:
				fillNaN(d)
			case first == nil:
				vec.Scale(d, b[int(label)*a.B.Cols+column+from:][:n], a.Scale)
			case int(first[i]) < i:
				copy(d, delta[int(first[i])*l.Size+from:])
			default:
				vec.Fill(d, a.Gen, layer, int(label), from)
				vec.Scale(d, d, a.Scale)
			}
		}
		for i := range labels {
			start := i*l.Size + from
			out.timesSlope(start, delta[start:start+n], sum)
		}
	}
}

// FeedbackGrad computes each layer's columns as a product of its own.
func (d *Device) FeedbackGrad(a gpu.FeedbackGradArgs) error {
	uses := []gpu.Span{a.DB.Span, a.E.Span}
	for _, l := range a.Layers {
		uses = append(uses, l.H)
	}
	return d.submit("feedback gradient", a.Check(), uses, func() []phase {
		var list []*tile
		column := 0
		for _, l := range a.Layers {
			if l.Size > 0 && a.DB.Rows > 0 {
				list = append(list, tilesOf(floats(a.DB.Span)[column:], a.DB.Rows, l.Size, a.DB.Cols, a.E, l.H.Mat(a.E.Rows, l.Size), true, false, false)...)
			}
			column += l.Size
		}
		return []phase{each(list, func(t *tile) { d.blas.Run(&t.Product) })}
	})
}
