//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// Gemm computes one product.
func (d *Device) Gemm(a gpu.GemmArgs) error {
	return d.submit("gemm", a.Check(), func(b *builder) func(*queue) {
		p := product{c: b.writeMatrix(a.C), a: b.readMatrix(a.A), b: b.readMatrix(a.B), transA: a.TransA, transB: a.TransB}
		b.matrices(p.c, p.a, p.b)
		return func(q *queue) { q.gemm(p) }
	})
}

// layer is the output of a layer on the device.
type layer struct {
	act     gpu.Activation
	h, sums kernels.DevicePtr // the products go to sums, which is h where a is not kept
	slope   kernels.DevicePtr // the values from which f' is computed; 0 where it is constant
}

// slopeBytes returns the bytes from which f' of n units is computed.
func (l layer) slopeBytes(n int) int {
	if l.slope == 0 {
		return 0
	}
	return 4 * n
}

// layerOf returns a layer whose spans are used by read or write of a builder.
func layerOf(use func(gpu.Span) kernels.DevicePtr, h gpu.Hidden) layer {
	use(h.Pre) // also where it is not needed
	return layer{act: h.Act, h: use(h.H), sums: use(h.Sums()), slope: use(h.SlopeSource())}
}

// activate returns the launch of bias_* over rows of the layer's sums, which hold the product.
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

// Dense computes a product and activates it.
func (d *Device) Dense(a gpu.DenseArgs) error {
	return d.submit("dense", a.Check(), func(b *builder) func(*queue) {
		out := layerOf(b.write, a.Out)
		p := product{c: matrix{out.sums, a.X.Rows, a.W.Cols}, a: b.readMatrix(a.X), b: b.readMatrix(a.W)}
		b.matrices(p.a, p.b)
		activate := activate(b, out, b.read(a.B), a.X.Rows, a.W.Cols)
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

// columnSums launches the kernel of that name for any number of matrices.
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
