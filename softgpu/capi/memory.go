//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)

//export emu_cuMemAlloc_v2
func emu_cuMemAlloc_v2(address *C.CUdeviceptr, bytes C.size_t) C.CUresult {
	if address == nil {
		return null("cuMemAlloc: address")
	}
	addr, r := machine().MemAlloc(thread(), uint64(bytes))
	return set(address, C.CUdeviceptr(addr), r)
}

//export emu_cuMemAllocPitch_v2
func emu_cuMemAllocPitch_v2(address *C.CUdeviceptr, pitch *C.size_t, width, height C.size_t, element C.uint) C.CUresult {
	if address == nil || pitch == nil {
		return null("cuMemAllocPitch: address or pitch")
	}
	addr, p, r := machine().MemAllocPitch(thread(), uint64(width), uint64(height), uint32(element))
	set(pitch, C.size_t(p), r)
	return set(address, C.CUdeviceptr(addr), r)
}

//export emu_cuMemFree_v2
func emu_cuMemFree_v2(address C.CUdeviceptr) C.CUresult {
	return C.CUresult(machine().MemFree(thread(), uint64(address)))
}

// Base and size are told only where they are asked for.
//
//export emu_cuMemGetAddressRange_v2
func emu_cuMemGetAddressRange_v2(base *C.CUdeviceptr, bytes *C.size_t, address C.CUdeviceptr) C.CUresult {
	addr, n, r := machine().MemGetAddressRange(thread(), uint64(address))
	if base != nil {
		set(base, C.CUdeviceptr(addr), r)
	}
	if bytes != nil {
		set(bytes, C.size_t(n), r)
	}
	return C.CUresult(r)
}

//export emu_cuMemGetInfo_v2
func emu_cuMemGetInfo_v2(free, total *C.size_t) C.CUresult {
	if free == nil || total == nil {
		return null("cuMemGetInfo: free or total")
	}
	f, t, r := machine().MemGetInfo(thread())
	set(free, C.size_t(f), r)
	return set(total, C.size_t(t), r)
}

// hostFlags are all that cuMemHostAlloc knows: portable, mapped and write-combined, none of which makes a difference.
const hostFlags = 7

//export emu_cuMemHostAlloc
func emu_cuMemHostAlloc(host *unsafe.Pointer, bytes C.size_t, flags C.uint) C.CUresult {
	if host == nil {
		return null("cuMemHostAlloc: host")
	}
	if flags > hostFlags {
		return C.CUresult(machine().Refuse(softgpu.ErrorInvalidValue, "cuMemHostAlloc: flags %#x", uint32(flags)))
	}
	p := C.emu_pages(bytes)
	if p == nil && bytes > 0 {
		return C.CUresult(machine().Refuse(softgpu.ErrorOutOfMemory, "cuMemHostAlloc: the host has no %d bytes", uint64(bytes)))
	}
	r := machine().HostAlloc(thread(), p, uint64(bytes))
	if r != softgpu.Success {
		C.free(p)
		return C.CUresult(r)
	}
	*host = p
	return C.CUDA_SUCCESS
}

//export emu_cuMemAllocHost_v2
func emu_cuMemAllocHost_v2(host *unsafe.Pointer, bytes C.size_t) C.CUresult {
	return emu_cuMemHostAlloc(host, bytes, 0)
}

//export emu_cuMemFreeHost
func emu_cuMemFreeHost(host unsafe.Pointer) C.CUresult {
	r := machine().HostFree(thread(), host)
	if r == softgpu.Success {
		C.free(host)
	}
	return C.CUresult(r)
}

//export emu_cuMemcpyHtoD_v2
func emu_cuMemcpyHtoD_v2(dst C.CUdeviceptr, src C.const_pointer, bytes C.size_t) C.CUresult {
	return C.CUresult(machine().MemcpyHtoD(thread(), uint64(dst), unsafe.Pointer(src), uint64(bytes)))
}

//export emu_cuMemcpyHtoDAsync_v2
func emu_cuMemcpyHtoDAsync_v2(dst C.CUdeviceptr, src C.const_pointer, bytes C.size_t, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().MemcpyHtoDAsync(thread(), uint64(dst), unsafe.Pointer(src), uint64(bytes), handle(stream)))
}

//export emu_cuMemcpyDtoH_v2
func emu_cuMemcpyDtoH_v2(dst unsafe.Pointer, src C.CUdeviceptr, bytes C.size_t) C.CUresult {
	return C.CUresult(machine().MemcpyDtoH(thread(), dst, uint64(src), uint64(bytes)))
}

//export emu_cuMemcpyDtoHAsync_v2
func emu_cuMemcpyDtoHAsync_v2(dst unsafe.Pointer, src C.CUdeviceptr, bytes C.size_t, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().MemcpyDtoHAsync(thread(), dst, uint64(src), uint64(bytes), handle(stream)))
}

//export emu_cuMemcpyDtoD_v2
func emu_cuMemcpyDtoD_v2(dst, src C.CUdeviceptr, bytes C.size_t) C.CUresult {
	return C.CUresult(machine().MemcpyDtoD(thread(), uint64(dst), uint64(src), uint64(bytes)))
}

//export emu_cuMemcpyDtoDAsync_v2
func emu_cuMemcpyDtoDAsync_v2(dst, src C.CUdeviceptr, bytes C.size_t, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().MemcpyDtoDAsync(thread(), uint64(dst), uint64(src), uint64(bytes), handle(stream)))
}

//export emu_cuMemcpy
func emu_cuMemcpy(dst, src C.CUdeviceptr, bytes C.size_t) C.CUresult {
	return C.CUresult(machine().Memcpy(thread(), uint64(dst), uint64(src), uint64(bytes)))
}

//export emu_cuMemcpyAsync
func emu_cuMemcpyAsync(dst, src C.CUdeviceptr, bytes C.size_t, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().MemcpyAsync(thread(), uint64(dst), uint64(src), uint64(bytes), handle(stream)))
}
