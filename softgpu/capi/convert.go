//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)

// refuse answers a call with r, and keeps the reason for Machine.Explain.
func refuse(r softgpu.Result, format string, args ...any) softgpu.Result {
	return machine().Refuse(r, format, args...)
}

// null is the answer to a null pointer where one is needed; where names the call and its parameter.
func null(where string) C.CUresult {
	return C.CUresult(refuse(softgpu.ErrorInvalidValue, "%s is null", where))
}

// nullStatus is null for cuBLAS.
func nullStatus(where string) C.cublasStatus_t {
	null(where)
	return C.CUBLAS_STATUS_INVALID_VALUE
}

// nullComm is null for NCCL.
func nullComm(where string) C.ncclResult_t {
	null(where)
	return C.ncclInvalidArgument
}

// set writes a result through a pointer of C if the answer is success, which is 0, and the pointer is not null.
func set[T any, R softgpu.Result | softgpu.Status | softgpu.CommResult](out *T, value T, r R) {
	if r == 0 && out != nil {
		*out = value
	}
}

// setHandle sets a handle and returns the answer. P is one of CUDA's handle types, all of which are opaque pointers.
func setHandle[P any](out *P, h softgpu.Handle, r softgpu.Result) C.CUresult {
	set((*softgpu.Handle)(unsafe.Pointer(out)), h, r)
	return C.CUresult(r)
}

// handle returns the number behind one of CUDA's handle types. It is read through memory, because an unsafe.Pointer must
// not hold the small numbers that name the special streams.
func handle[P any](p P) softgpu.Handle { return *(*softgpu.Handle)(unsafe.Pointer(&p)) }

// address returns a pointer into device memory as a number.
func address(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) }

func number(yes bool) C.int {
	if yes {
		return 1
	}
	return 0
}
