//go:build cuda

package cuda

import (
	"unsafe"

	"gonum.org/v1/gonum/blas"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// matrix is a row-major matrix [rows, cols] in device memory, without gaps.
type matrix struct {
	at         kernels.DevicePtr
	rows, cols int
}

func matrixOf(m gpu.Mat) matrix { return matrix{address(m.Span), m.Rows, m.Cols} }

// product is C = op(A)·op(B), or C += op(A)·op(B). op(A) is [m, k], op(B) is [k, n].
type product struct {
	c, a, b        matrix
	transA, transB bool
	accumulate     bool
}

// inner is k, the length of the sums.
func (p product) inner() int {
	if p.transA {
		return p.a.rows
	}
	return p.a.cols
}

// gemm puts a product into the stream. It is the only place that knows that cuBLAS is
// column-major: a row-major [m, n] matrix is, read by columns, its transpose [n, m] with
// leading dimension n, and
//
//	C = op(A)·op(B)   as   Cᵀ = op(B)ᵀ·op(A)ᵀ
//
// so the factors change places and keep their own transposition (cuBLAS documentation,
// cublasSgemm: C = α·op(A)·op(B) + β·C with op(A) m×k, op(B) k×n, all by columns).
// An empty sum is zero, and an empty C nothing: cuBLAS is not asked for either.
func (q *queue) gemm(p product) {
	m, n, k := p.c.rows, p.c.cols, p.inner()
	switch {
	case m == 0 || n == 0:
		return
	case k == 0:
		if !p.accumulate {
			q.zero(p.c.at, 4*m*n)
		}
		return
	}
	cost := launch{kernel: "sgemm", read: 4 * (m*k + k*n), written: 4 * m * n, flops: 2 * m * n * k, product: p}
	beta := float32(0)
	if p.accumulate {
		beta = 1
		cost.read += 4 * m * n
	}
	q.issue(cost, func() error {
		q.blas.Sgemm(transposed(p.transB), transposed(p.transA), n, m, k,
			1, deviceSlice(p.b.at), p.b.cols, deviceSlice(p.a.at), p.a.cols, beta, deviceSlice(p.c.at), p.c.cols)
		return q.blas.Err()
	})
}

func transposed(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// deviceSlice is a slice whose memory lies on the device. gorgonia's Sgemm takes slices
// and passes on the address of their first element; nobody may read one.
func deviceSlice(at kernels.DevicePtr) []float32 {
	return unsafe.Slice(*(**float32)(unsafe.Pointer(&at)), 1)
}
