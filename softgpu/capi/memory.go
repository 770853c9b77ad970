//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)

// hostFlags is all flags of cuMemHostAlloc: portable, mapped and write-combined. They change nothing here.
const hostFlags = 7

//export emu_cuMemHostAlloc
func emu_cuMemHostAlloc(host *unsafe.Pointer, bytes C.size_t, flags C.uint) C.CUresult {
	if host == nil {
		return null("cuMemHostAlloc: host")
	}
	if flags > hostFlags {
		return C.CUresult(refuse(softgpu.ErrorInvalidValue, "cuMemHostAlloc: flags %#x", uint32(flags)))
	}
	p := C.emu_pages(bytes)
	if p == nil && bytes > 0 {
		return C.CUresult(refuse(softgpu.ErrorOutOfMemory, "cuMemHostAlloc: the host has no %d bytes", uint64(bytes)))
	}
	r := machine().HostAlloc(thread(), p, uint64(bytes))
	if r != softgpu.Success {
		C.free(p)
	}
	set(host, p, r)
	return C.CUresult(r)
}

//export emu_cuMemFreeHost
func emu_cuMemFreeHost(host unsafe.Pointer) C.CUresult {
	r := machine().HostFree(thread(), host)
	if r == softgpu.Success {
		C.free(host)
	}
	return C.CUresult(r)
}
