//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)

// nullStatus is null for cuBLAS.
func nullStatus(what string) C.cublasStatus_t {
	machine().Refuse(softgpu.ErrorInvalidValue, "%s is null", what)
	return C.CUBLAS_STATUS_INVALID_VALUE
}

// setStatus is set for cuBLAS.
func setStatus[T any](out *T, value T, s softgpu.Status) C.cublasStatus_t {
	if s == softgpu.BlasSuccess {
		*out = value
	}
	return C.cublasStatus_t(s)
}

// address is where a pointer of cuBLAS's into device memory points.
func address[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

//export emu_cublasCreate_v2
func emu_cublasCreate_v2(h *C.cublasHandle_t) C.cublasStatus_t {
	if h == nil {
		return nullStatus("cublasCreate: handle")
	}
	b, s := machine().BlasCreate(thread())
	return setStatus((*softgpu.Handle)(unsafe.Pointer(h)), b, s)
}

//export emu_cublasDestroy_v2
func emu_cublasDestroy_v2(h C.cublasHandle_t) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasDestroy(thread(), handle(h)))
}

//export emu_cublasGetVersion_v2
func emu_cublasGetVersion_v2(h C.cublasHandle_t, version *C.int) C.cublasStatus_t {
	if version == nil {
		return nullStatus("cublasGetVersion: version")
	}
	v, s := machine().BlasVersion(thread(), handle(h))
	return setStatus(version, C.int(v), s)
}

//export emu_cublasSetStream_v2
func emu_cublasSetStream_v2(h C.cublasHandle_t, stream C.CUstream) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSetStream(thread(), handle(h), handle(stream)))
}

//export emu_cublasGetStream_v2
func emu_cublasGetStream_v2(h C.cublasHandle_t, stream *C.CUstream) C.cublasStatus_t {
	if stream == nil {
		return nullStatus("cublasGetStream: stream")
	}
	on, s := machine().BlasGetStream(thread(), handle(h))
	return setStatus((*softgpu.Handle)(unsafe.Pointer(stream)), on, s)
}

//export emu_cublasSetMathMode
func emu_cublasSetMathMode(h C.cublasHandle_t, mode C.cublasMath_t) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSetMathMode(thread(), handle(h), int32(mode)))
}

//export emu_cublasGetMathMode
func emu_cublasGetMathMode(h C.cublasHandle_t, mode *C.cublasMath_t) C.cublasStatus_t {
	if mode == nil {
		return nullStatus("cublasGetMathMode: mode")
	}
	v, s := machine().BlasGetMathMode(thread(), handle(h))
	return setStatus(mode, C.cublasMath_t(v), s)
}

//export emu_cublasSetPointerMode_v2
func emu_cublasSetPointerMode_v2(h C.cublasHandle_t, mode C.cublasPointerMode_t) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSetPointerMode(thread(), handle(h), int32(mode)))
}

//export emu_cublasGetPointerMode_v2
func emu_cublasGetPointerMode_v2(h C.cublasHandle_t, mode *C.cublasPointerMode_t) C.cublasStatus_t {
	if mode == nil {
		return nullStatus("cublasGetPointerMode: mode")
	}
	v, s := machine().BlasGetPointerMode(thread(), handle(h))
	return setStatus(mode, C.cublasPointerMode_t(v), s)
}

//export emu_cublasSetAtomicsMode
func emu_cublasSetAtomicsMode(h C.cublasHandle_t, mode C.cublasAtomicsMode_t) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSetAtomicsMode(thread(), handle(h), int32(mode)))
}

//export emu_cublasGetAtomicsMode
func emu_cublasGetAtomicsMode(h C.cublasHandle_t, mode *C.cublasAtomicsMode_t) C.cublasStatus_t {
	if mode == nil {
		return nullStatus("cublasGetAtomicsMode: mode")
	}
	v, s := machine().BlasGetAtomicsMode(thread(), handle(h))
	return setStatus(mode, C.cublasAtomicsMode_t(v), s)
}

//export emu_cublasSetWorkspace_v2
func emu_cublasSetWorkspace_v2(h C.cublasHandle_t, workspace unsafe.Pointer, bytes C.size_t) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSetWorkspace(thread(), handle(h), uint64(uintptr(workspace)), uint64(bytes)))
}

//export emu_cublasSgemm_v2
func emu_cublasSgemm_v2(h C.cublasHandle_t, transa, transb C.cublasOperation_t, m, n, k C.int, alpha *C.const_float,
	a *C.const_float, lda C.int, b *C.const_float, ldb C.int, beta *C.const_float, c *C.float, ldc C.int) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSgemm(thread(), handle(h), int32(transa), int32(transb), int32(m), int32(n), int32(k),
		unsafe.Pointer(alpha), address(a), int32(lda), address(b), int32(ldb), unsafe.Pointer(beta), address(c), int32(ldc)))
}

//export emu_cublasSgemmStridedBatched
func emu_cublasSgemmStridedBatched(h C.cublasHandle_t, transa, transb C.cublasOperation_t, m, n, k C.int, alpha *C.const_float,
	a *C.const_float, lda C.int, strideA C.longlong, b *C.const_float, ldb C.int, strideB C.longlong, beta *C.const_float,
	c *C.float, ldc C.int, strideC C.longlong, batch C.int) C.cublasStatus_t {
	return C.cublasStatus_t(machine().BlasSgemmStridedBatched(thread(), handle(h), int32(transa), int32(transb), int32(m), int32(n), int32(k),
		unsafe.Pointer(alpha), address(a), int32(lda), int64(strideA), address(b), int32(ldb), int64(strideB),
		unsafe.Pointer(beta), address(c), int32(ldc), int64(strideC), int32(batch)))
}
