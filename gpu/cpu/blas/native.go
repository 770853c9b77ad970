//go:build (linux || darwin || freebsd) && (amd64 || arm64)

package blas

import (
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// nativeArgs is the argument list of a Fortran sgemm, every argument by address. It
// lives inside the Product so that a call has nothing to allocate.
type nativeArgs struct {
	transA, transB byte
	m, n, k        int32
	lda, ldb, ldc  int32
	alpha, beta    float32
	args           [13]uintptr
}

// runNative calls the column-major sgemm for the row-major product, through
// Cᵀ = op(B)ᵀ·op(A)ᵀ: a row-major matrix is its own transpose in column-major order.
func (l *Library) runNative(p *Product) {
	q := &p.native
	q.transA, q.transB = fortranTrans(p.TransB), fortranTrans(p.TransA)
	q.m, q.n, q.k = int32(p.N), int32(p.M), int32(p.K)
	q.lda, q.ldb, q.ldc = int32(p.LDB), int32(p.LDA), int32(p.LDC)
	q.alpha, q.beta = 1, 0
	if p.Accumulate {
		q.beta = 1
	}
	q.args = [13]uintptr{
		address(&q.transA), address(&q.transB),
		address(&q.m), address(&q.n), address(&q.k),
		address(&q.alpha), address(&p.B[0]), address(&q.lda),
		address(&p.A[0]), address(&q.ldb),
		address(&q.beta), address(&p.C[0]), address(&q.ldc),
	}
	purego.SyscallN(l.sgemm, q.args[:]...)
	runtime.KeepAlive(p)
}

func fortranTrans(t bool) byte {
	if t {
		return 'T'
	}
	return 'N'
}

// address passes a Go pointer to C. Go's heap does not move, and the Product, which
// reaches everything whose address is taken here, is on the heap and kept alive.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
