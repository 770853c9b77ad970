//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
	"mdfa/softgpu/vm"
)

//export emu_cuLaunchKernel
func emu_cuLaunchKernel(function C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint,
	stream C.CUstream, params, extra *unsafe.Pointer) C.CUresult {
	block, r := parameters(handle(function), params, extra)
	if r != softgpu.Success {
		return C.CUresult(r)
	}
	return C.CUresult(machine().LaunchKernel(thread(), handle(function), dim3(gridX, gridY, gridZ),
		dim3(blockX, blockY, blockZ), uint32(shared), handle(stream), block))
}

func dim3(x, y, z C.uint) vm.Dim3 { return vm.Dim3{X: uint32(x), Y: uint32(y), Z: uint32(z)} }

// Keys of a launch's extra list (CU_LAUNCH_PARAM_END and its neighbours in NVIDIA's cuda.h), each followed by a value.
const (
	extraEnd     = 0
	extraBuffer  = 1 // followed by the address of the parameter block
	extraSize    = 2 // followed by the address of the block's size
	extraEntries = 5 // the longest list: two keys, two values and the end
)

// parameters copies a launch's parameters into one block: from params, an array of a pointer to each parameter, or from
// the block that extra points at.
func parameters(function softgpu.Handle, params, extra *unsafe.Pointer) ([]byte, softgpu.Result) {
	list, size, r := machine().FuncParams(thread(), function)
	switch {
	case r != softgpu.Success:
		return nil, r
	case params != nil && extra != nil:
		return nil, refuse(softgpu.ErrorInvalidValue, "cuLaunchKernel: parameters are given twice, as kernelParams and as extra")
	case extra != nil:
		return extraBlock(size, extra)
	case params == nil && len(list) > 0:
		return nil, refuse(softgpu.ErrorInvalidValue, "cuLaunchKernel: the kernel has %d parameters, and none is given", len(list))
	}
	block := make([]byte, size)
	for i, pointer := range unsafe.Slice(params, len(list)) {
		if pointer == nil {
			return nil, refuse(softgpu.ErrorInvalidValue, "cuLaunchKernel: the pointer to parameter %d is null", i)
		}
		p := list[i]
		copy(block[p.Offset:], unsafe.Slice((*byte)(pointer), p.Size))
	}
	return block, softgpu.Success
}

func extraBlock(size int, extra *unsafe.Pointer) ([]byte, softgpu.Result) {
	var buffer *byte
	given := uintptr(0)
	// Keys are numbers in the place of pointers and must not be taken for pointers.
	at := func(i int) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(extra), i*int(unsafe.Sizeof(given))) }
	for i := 0; i < extraEntries; i += 2 {
		switch key := *(*uintptr)(at(i)); key {
		case extraEnd:
			if buffer == nil && size > 0 || given < uintptr(size) {
				return nil, refuse(softgpu.ErrorInvalidValue, "cuLaunchKernel: extra has %d bytes of parameters, the kernel needs %d", given, size)
			}
			return append([]byte(nil), unsafe.Slice(buffer, size)...), softgpu.Success
		case extraBuffer:
			buffer = *(**byte)(at(i + 1))
		case extraSize:
			if where := *(**uintptr)(at(i + 1)); where != nil {
				given = *where
			}
		default:
			return nil, refuse(softgpu.ErrorInvalidValue, "cuLaunchKernel: extra has the unknown key %d", key)
		}
	}
	return nil, refuse(softgpu.ErrorInvalidValue, "cuLaunchKernel: extra has no end")
}
