//go:build cuda

package cuda

import (
	"fmt"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gorgonia.org/cu"

	"mdfa/gpu/cuda/kernels"
)

// launch is one piece of work in the stream, as a profile counts it.
type launch struct {
	kernel string // its name; "sgemm" for a product, "memset" and "copy"
	// the least bytes and operations for this work, by the rules of gpu.KernelProfile
	read, written, flops int
	product              product // of "sgemm"
	operation            int     // the place of its operation in a recorded step
}

// queue puts work into the stream: kernels, products, fills and copies. It belongs to
// the executor's thread. The first failure of an operation stays in err, and nothing
// more is issued until [queue.take] has fetched it, so that operations need not check
// every call.
type queue struct {
	caller
	blasStream // the first one, except while a program is captured on several streams
	functions  [kernels.NumKernels]cu.Function
	sync       bool // wait for each piece of work

	workspace uint64 // the begin of the current operation's workspace
	err       error
	observer  observer // or nil
	dry       bool     // tell the observer, but issue nothing

	next   launch           // the cost of the next kernel launch
	params []unsafe.Pointer // of a launch, kept for the next one
}

// observer is told of every piece of work.
type observer interface {
	before(l launch) error
	after(l launch) error
}

// issue makes one call that puts l into the stream.
func (q *queue) issue(l launch, call func() error) {
	if q.err != nil {
		return
	}
	if q.observer != nil {
		if q.err = q.failure(l.kernel, q.observer.before(l)); q.err != nil {
			return
		}
	}
	if !q.dry {
		if q.err = q.failure(l.kernel, call()); q.err != nil {
			return
		}
		if q.sync {
			if q.err = q.failure(fmt.Sprintf("kernel %s failed", l.kernel), q.finish(q.stream)); q.err != nil {
				return
			}
		}
	}
	if q.observer != nil {
		q.err = q.failure(l.kernel, q.observer.after(l))
	}
}

// take returns the first failure since the last call, and forgets it.
func (q *queue) take() error {
	err := q.err
	q.err = nil
	return err
}

// kernel returns the wrappers of all kernels, for one launch with the given cost in
// bytes and operations. The launch's error goes to [queue.note].
func (q *queue) kernel(read, written, flops int) kernels.Kernels {
	q.next = launch{read: read, written: written, flops: flops}
	return kernels.Kernels{Launcher: q}
}

// note keeps the error of a kernel's wrapper.
func (q *queue) note(err error) {
	if q.err == nil {
		q.err = err
	}
}

// Launch implements kernels.Launcher with gorgonia's Function.Launch.
func (q *queue) Launch(k kernels.Kernel, s kernels.Shape, words []uint64) error {
	l := q.next
	l.kernel = k.String()
	q.issue(l, func() error {
		q.params = q.params[:0]
		for i := range words {
			q.params = append(q.params, unsafe.Pointer(&words[i]))
		}
		return q.functions[k].Launch(
			int(s.Grid[0]), int(s.Grid[1]), int(s.Grid[2]), int(s.Block[0]), int(s.Block[1]), int(s.Block[2]),
			int(s.Shared), q.stream, q.params)
	})
	return nil // the error is in q.err already, without the wrapper's prefix
}

// zero clears n bytes.
func (q *queue) zero(dst kernels.DevicePtr, n int) {
	if n > 0 {
		q.issue(launch{kernel: "memset", written: n}, func() error {
			return cu.MemsetD8Async(cu.DevicePtr(dst), 0, int64(n), q.stream)
		})
	}
}

// copy copies n bytes within the device.
func (q *queue) copy(dst, src kernels.DevicePtr, n int) {
	if n > 0 {
		q.issue(launch{kernel: "copy", read: n, written: n}, func() error {
			return cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), int64(n), q.stream)
		})
	}
}

// gemm puts a product into the stream. It is the only place that knows that cuBLAS is
// column-major: a row-major [m, n] matrix, read by columns, is its transpose [n, m] with
// leading dimension n, and
//
//	C = op(A)·op(B)   as   Cᵀ = op(B)ᵀ·op(A)ᵀ
//
// so the factors change places and keep their own transposition (cuBLAS documentation,
// cublasSgemm: C = α·op(A)·op(B) + β·C with op(A) m×k, op(B) k×n, all by columns).
// cuBLAS is not called for empty sums, which are zero, nor for an empty C.
func (q *queue) gemm(p product) {
	m, n, k := p.c.rows, p.c.cols, p.inner()
	switch {
	case m == 0 || n == 0:
		return
	case k == 0:
		if !p.accumulate {
			q.zeroRows(p)
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
			1, deviceSlice(p.b.at), p.b.cols, deviceSlice(p.a.at), p.a.cols, beta, deviceSlice(p.c.at), p.rowStride())
		return q.blas.Err()
	})
}

// zeroRows clears c.
func (q *queue) zeroRows(p product) {
	if p.rowStride() == p.c.cols {
		q.zero(p.c.at, 4*p.c.rows*p.c.cols)
		return
	}
	for row := range p.c.rows {
		q.zero(p.c.at+kernels.DevicePtr(4*row*p.stride), 4*p.c.cols)
	}
}

func transposed(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// deviceSlice returns a slice whose memory lies on the device. gorgonia's Sgemm takes slices
// and passes on the address of their first element; the host must not read it.
func deviceSlice(at kernels.DevicePtr) []float32 {
	return unsafe.Slice(*(**float32)(unsafe.Pointer(&at)), 1)
}
