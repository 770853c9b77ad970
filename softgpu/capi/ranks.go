//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import "unsafe"

// The unique id is passed by value.
//
//export emu_ncclCommInitRank
func emu_ncclCommInitRank(comm *C.ncclComm_t, ranks C.int, id C.ncclUniqueId, rank C.int) C.ncclResult_t {
	if comm == nil {
		return nullComm("ncclCommInitRank: comm")
	}
	h, r := machine().CommInitRank(thread(), int(ranks), *(*[128]byte)(unsafe.Pointer(&id)), int(rank))
	set((*uint64)(unsafe.Pointer(comm)), uint64(h), r)
	return C.ncclResult_t(r)
}

var noText = C.CString("")

// Machine.Explain has the reasons.
//
//export emu_ncclGetLastError
func emu_ncclGetLastError(C.ncclComm_t) C.const_string { return C.const_string(unsafe.Pointer(noText)) }
