//go:build cuda && linux && (amd64 || arm64)

package call

// #include "call.h"
import "C"

// BLAS is a cublasHandle_t.
type BLAS uintptr

// Modes are what a cuBLAS handle can be set to, and its version.
type Modes struct {
	Math, Pointers, Atomics, Version int
	Stream                           uintptr
}

// NewBLAS makes a handle.
func NewBLAS() (BLAS, int) {
	var h C.uintptr_t
	r := C.call_blas(&h)
	return BLAS(h), int(r)
}

// Destroy destroys the handle.
func (h BLAS) Destroy() int { return int(C.call_blas_destroy(C.uintptr_t(h))) }

// Set sets the modes, the version aside, and a workspace.
func (h BLAS) Set(m Modes, workspace uint64, bytes int) int {
	modes := C.struct_call_modes{
		math: C.int(m.Math), pointers: C.int(m.Pointers), atomics: C.int(m.Atomics), stream: C.uintptr_t(m.Stream),
	}
	return int(C.call_set_modes(C.uintptr_t(h), modes, C.CUdeviceptr(workspace), C.size_t(bytes)))
}

// Get asks for the modes.
func (h BLAS) Get() (Modes, int) {
	var m C.struct_call_modes
	r := C.call_get_modes(C.uintptr_t(h), &m)
	return Modes{int(m.math), int(m.pointers), int(m.atomics), int(m.version), uintptr(m.stream)}, int(r)
}

// Sgemm multiplies matrices without gaps, [m, k] and [k, n], or a batch of them that lie one after the other.
func (h BLAS) Sgemm(m, n, k int, alpha float32, a, b uint64, beta float32, c uint64, batch int) int {
	return int(C.call_sgemm(C.uintptr_t(h), C.int(m), C.int(n), C.int(k), (*C.float)(&alpha), C.CUdeviceptr(a), C.CUdeviceptr(b),
		(*C.float)(&beta), C.CUdeviceptr(c), C.int(batch)))
}

// SgemmNoAlpha is Sgemm with a null pointer for alpha.
func (h BLAS) SgemmNoAlpha() int {
	beta := C.float(0)
	return int(C.call_sgemm(C.uintptr_t(h), 1, 1, 1, nil, 0, 0, &beta, 0, 1))
}
