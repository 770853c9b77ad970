package softgpu

import (
	"slices"
	"unsafe"

	"mdfa/softgpu/cublas"
	"mdfa/softgpu/vm"
)

// lazyDriver is the CUDA version from which on a library may load kernels while a stream is
// captured (CUDA 12.3 release notes, lazy loading).
const lazyDriver = 12030

// The math modes of a handle.
const (
	mathDefault, mathTF32, mathMost int32 = 0, 3, 3
	mathDisallowReduction           int32 = 16
)

// statusOf is cuBLAS's answer for the driver's.
func statusOf(r Result) Status {
	switch r {
	case Success:
		return BlasSuccess
	case ErrorOutOfMemory:
		return BlasAllocFailed
	case ErrorNotInitialized, ErrorInvalidContext, ErrorContextIsDestroyed:
		return BlasNotInitialized
	case ErrorInvalidValue, ErrorInvalidHandle:
		return BlasInvalidValue
	case ErrorNotSupported:
		return BlasNotSupported
	case ErrorStreamCaptureInvalidated, ErrorStreamCaptureUnsupported, ErrorStreamCaptureImplicit:
		return BlasInternalError
	}
	return BlasExecutionFailed
}

// BlasCreate is cublasCreate, for the thread's current context.
func (m *Machine) BlasCreate(t Thread) (Handle, Status) {
	h, r := m.create(t, "cublasCreate", func(ctx *context) (any, Result) {
		return &blas{ctx: ctx, stream: ctx.null, loaded: map[blasKernel]bool{}}, m.claim(t, ctx, "cublasCreate")
	})
	return h, statusOf(r)
}

// onBlas runs f with a cuBLAS handle, whose context must be current.
func (m *Machine) onBlas(t Thread, h Handle, call string, f func(b *blas) Status) Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := object[*blas](m, h)
	if b == nil {
		m.refuse(ErrorNotInitialized, "%s: no cuBLAS handle", call)
		return BlasNotInitialized
	}
	ctx, r := m.enter(t, call)
	if r != Success {
		return statusOf(r)
	}
	if ctx != b.ctx {
		m.refuse(ErrorInvalidContext, "%s: the handle's context is not the current one", call)
		return BlasNotInitialized
	}
	return f(b)
}

// BlasDestroy is cublasDestroy; it waits for the context's work, as cuBLAS does.
func (m *Machine) BlasDestroy(t Thread, h Handle) Status {
	return m.onBlas(t, h, "cublasDestroy", func(b *blas) Status {
		if r := m.forbidden(t, b.ctx, "cublasDestroy"); r != Success {
			return statusOf(r)
		}
		m.ledger.Syncs++
		m.drain(b.ctx)
		m.drop(b.ctx, h)
		return BlasSuccess
	})
}

// BlasSetStream is cublasSetStream.
func (m *Machine) BlasSetStream(t Thread, h, on Handle) Status {
	return m.onBlas(t, h, "cublasSetStream", func(b *blas) Status {
		s, r := m.stream(b.ctx, "cublasSetStream", on)
		if r == Success {
			b.stream, b.workspace = s, 0 // cuBLAS documentation, cublasSetStream: back to its own
		}
		return statusOf(r)
	})
}

// BlasSetMathMode is cublasSetMathMode.
func (m *Machine) BlasSetMathMode(t Thread, h Handle, mode int32) Status {
	return m.onBlas(t, h, "cublasSetMathMode", func(b *blas) Status {
		if base := mode &^ mathDisallowReduction; base < mathDefault || base > mathMost {
			m.refuse(ErrorInvalidValue, "cublasSetMathMode: mode %d", mode)
			return BlasInvalidValue
		}
		b.math = mode
		return BlasSuccess
	})
}

// BlasSetWorkspace is cublasSetWorkspace; n = 0 goes back to cuBLAS's own. The memory
// must be the program's, and aligned to 256 bytes; the products here do not need it, but
// count as writing to it: two that share one must not run at the same time.
func (m *Machine) BlasSetWorkspace(t Thread, h Handle, addr, n uint64) Status {
	return m.onBlas(t, h, "cublasSetWorkspace", func(b *blas) Status {
		const alignment = 256
		if addr%alignment != 0 {
			m.refuse(ErrorInvalidValue, "cublasSetWorkspace: %#x is not a multiple of %d", addr, alignment)
			return BlasInvalidValue
		}
		if r := m.inDevice(b.ctx, "cublasSetWorkspace", addr, n); r != Success {
			return statusOf(r)
		}
		b.workspace = 0
		if n > 0 {
			b.workspace = addr
		}
		return BlasSuccess
	})
}

// BlasSgemm is cublasSgemm: C = alpha·op(A)·op(B) + beta·C, column-major. alpha and beta
// are read at the call, as in cuBLAS's host pointer mode.
func (m *Machine) BlasSgemm(t Thread, h Handle, transA, transB, rows, cols, depth int32, alpha unsafe.Pointer, a uint64, lda int32, b uint64, ldb int32, beta unsafe.Pointer, c uint64, ldc int32) Status {
	const call = "cublasSgemm"
	return m.onBlas(t, h, call, func(handle *blas) Status {
		g := cublas.Sgemm{TransA: transA, TransB: transB, M: rows, N: cols, K: depth, LDA: lda, LDB: ldb, LDC: ldc}
		if err := g.Check(); err != nil {
			m.refuse(ErrorInvalidValue, "%s: %w", call, err)
			return BlasInvalidValue
		}
		if alpha == nil || beta == nil {
			m.refuse(ErrorInvalidValue, "%s: alpha or beta is null", call)
			return BlasInvalidValue
		}
		g.Alpha, g.Beta = *(*float32)(alpha), *(*float32)(beta)
		g.TF32 = handle.math&^mathDisallowReduction == mathTF32
		if r := m.loadBlas(handle, call, g); r != Success {
			return statusOf(r)
		}
		operands := matrices{a, b, c, handle.workspace}
		return statusOf(m.submit(handle.stream, call, task{name: "sgemm", run: func(x *execution) error {
			return m.product(g, operands, x)
		}}))
	})
}

// matrices is the addresses of a product's operands.
type matrices struct {
	a, b, c   uint64
	workspace uint64 // 0: cuBLAS's own
}

// loadBlas notes that a handle has the kernel of a product. It refuses a captured product that would
// make cuBLAS load a kernel or put memory of its own into the graph.
func (m *Machine) loadBlas(h *blas, call string, g cublas.Sgemm) Result {
	k := blasKernel{g.TransA, g.TransB, g.TF32}
	if c := h.stream.capture; c != nil && !c.invalid {
		switch {
		case h.workspace == 0:
			m.invalidate(c)
			return m.refuse(ErrorStreamCaptureUnsupported, "%s in a capture, and the handle has no workspace of the program's since its "+
				"last cublasSetStream: the graph would hold memory that cuBLAS allocates", call)
		case !h.loaded[k] && m.options.Driver < lazyDriver:
			m.invalidate(c)
			return m.refuse(ErrorStreamCaptureUnsupported, "%s in a capture, and the handle has run no product like it (transposed %t, %t; TF32 %t) "+
				"before: cuBLAS would load a kernel, which drivers before CUDA 12.3 do not do during a capture", call, k.transA != 0, k.transB != 0, k.tf32)
		}
	}
	h.loaded[k] = true
	return Success
}

// product runs one product with the checks of a kernel: bounds, life, alignment, memory
// never written, and races with other work.
func (m *Machine) product(g cublas.Sgemm, at matrices, x *execution) error {
	if err := m.ordered(x.ctx.device, "sgemm"); err != nil {
		return err
	}
	memory := x.ctx.device.memory
	var touched []vm.Range
	var read, written uint64
	operand := func(who string, addr uint64, matrix cublas.Matrix, reads, writes bool) ([]float32, error) {
		n := matrix.Len()
		if n == 0 {
			return nil, nil
		}
		if addr%4 != 0 {
			return nil, &vm.Fault{Kind: vm.Misaligned, Address: addr, Size: 4, Space: "global", Detail: who}
		}
		raw, err := memory.View(who, addr, 4*uint64(n))
		if err != nil {
			return nil, err
		}
		for _, r := range matrix.Ranges() {
			if reads {
				if err := memory.RequireWritten(who, addr+r.Offset, r.Size); err != nil {
					return nil, err
				}
				read += r.Size
			}
			if writes {
				written += r.Size
			}
			touched = append(touched, vm.Range{Addr: addr + r.Offset, Size: r.Size, Write: writes})
		}
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(raw))), n), nil
	}
	a, err := operand("sgemm, matrix A", at.a, g.A(), true, false)
	if err != nil {
		return err
	}
	b, err := operand("sgemm, matrix B", at.b, g.B(), true, false)
	if err != nil {
		return err
	}
	c, err := operand("sgemm, matrix C", at.c, g.C(), g.ReadsC(), true)
	if err != nil {
		return err
	}
	if overlaps(c, a) || overlaps(c, b) {
		return &vm.Fault{Kind: vm.GlobalRace, Address: at.c, Size: 4, Space: "global", Detail: "sgemm: C overlaps A or B"}
	}
	if at.workspace != 0 {
		touched = append(touched, vm.Range{Addr: at.workspace, Size: 4, Write: true})
	}
	if err := x.touch("sgemm", slices.Clip(touched)...); err != nil {
		return err
	}
	g.Run(a, b, c)
	for _, r := range g.C().Ranges() {
		if err := memory.MarkWritten(at.c+r.Offset, r.Size); err != nil {
			return err
		}
	}
	m.ledger.count("sgemm", Kernel{BytesRead: read, BytesWritten: written, FLOPs: g.FLOPs()})
	return nil
}

func overlaps(x, y []float32) bool {
	if len(x) == 0 || len(y) == 0 {
		return false
	}
	first := func(s []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
	return first(x) < first(y)+4*uintptr(len(y)) && first(y) < first(x)+4*uintptr(len(x))
}
