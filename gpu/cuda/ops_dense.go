//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Gemm is one product.
func (d *Device) Gemm(a gpu.GemmArgs) error {
	return d.submit("gemm", a.Check(), touched{reads: []gpu.Span{a.A.Span, a.B.Span}, writes: []gpu.Span{a.C.Span}}, func(b *builder) func(*queue) {
		p := product{c: matrixOf(a.C), a: matrixOf(a.A), b: matrixOf(a.B), transA: a.TransA, transB: a.TransB}
		b.matrices(p.c, p.a, p.b)
		return func(q *queue) { q.gemm(p) }
	})
}

func matrixOf(m gpu.Mat) matrix { return matrix{address(m.Span), m.Rows, m.Cols} }

// layer is the output of a layer on the device.
type layer struct {
	act     gpu.Activation
	h, sums kernels.DevicePtr // the products go to sums, which is h where a is not kept
	slope   kernels.DevicePtr // the values from which f' is computed; 0 where it is constant
}

func layerOf(h gpu.Hidden) layer {
	return layer{act: h.Act, h: address(h.H), sums: address(h.Sums()), slope: address(h.SlopeSource())}
}

// activate is the launch of bias_* over rows of the layer's sums, which hold the product.
func activate(b *builder, l layer, bias kernels.DevicePtr, rows, cols int) func(q *queue) {
	n := int(b.count(rows * cols))
	countRows, countCols := b.count(rows), b.count(cols)
	written := 4 * n
	if l.act.NeedsPre() {
		written *= 2
	}
	return func(q *queue) {
		width := kernels.Width(cols, l.h, l.sums, bias)
		shape := kernels.BiasShape(rows, cols, width, b.maxBlocks)
		k := q.kernel(4*n+4*cols, written, n+n*l.act.FLOPs())
		q.note(k.Bias(l.act, shape, l.sums, l.h, bias, countRows, countCols, width))
	}
}

// Dense is a product and an activation.
func (d *Device) Dense(a gpu.DenseArgs) error {
	uses := touched{reads: []gpu.Span{a.X.Span, a.W.Span, a.B}, writes: []gpu.Span{a.Out.H, a.Out.Pre}}
	return d.submit("dense", a.Check(), uses, func(b *builder) func(*queue) {
		out := layerOf(a.Out)
		p := product{c: matrix{out.sums, a.X.Rows, a.W.Cols}, a: matrixOf(a.X), b: matrixOf(a.W)}
		b.matrices(p.a, p.b)
		activate := activate(b, out, address(a.B), a.X.Rows, a.W.Cols)
		return func(q *queue) {
			q.gemm(p)
			activate(q)
		}
	})
}

// sumsOf is a matrix whose columns are to be added up.
type sumsOf struct {
	in, out    kernels.DevicePtr
	rows, cols int
}

// columnSums is the kernel of that name for any number of matrices.
func (q *queue) columnSums(matrices ...sumsOf) {
	for len(matrices) > 0 {
		n := min(len(matrices), kernels.MaxLayers)
		args := kernels.ColumnSumsArgs{Matrices: int32(n)}
		read, written := 0, 0
		for i, m := range matrices[:n] {
			args.Matrix[i] = kernels.ColumnSumsMatrix{In: m.in, Out: m.out, Rows: int32(m.rows), Cols: int32(m.cols)}
			read += 4 * m.rows * m.cols
			written += 4 * m.cols
		}
		q.note(q.kernel(read, written, read/4).ColumnSums(args.Shape(), &args))
		matrices = matrices[n:]
	}
}
