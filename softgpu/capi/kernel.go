//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
	"mdfa/softgpu/vm"
)

//export emu_cuFuncGetAttribute
func emu_cuFuncGetAttribute(value *C.int, attribute C.CUfunction_attribute, function C.CUfunction) C.CUresult {
	if value == nil {
		return null("cuFuncGetAttribute: value")
	}
	v, r := machine().FuncGetAttribute(thread(), handle(function), int32(attribute))
	return set(value, C.int(v), r)
}

//export emu_cuFuncSetAttribute
func emu_cuFuncSetAttribute(function C.CUfunction, attribute C.CUfunction_attribute, value C.int) C.CUresult {
	return C.CUresult(machine().FuncSetAttribute(thread(), handle(function), int32(attribute), int(value)))
}

//export emu_cuFuncSetCacheConfig
func emu_cuFuncSetCacheConfig(function C.CUfunction, config C.CUfunc_cache) C.CUresult {
	return C.CUresult(machine().FuncSetCacheConfig(thread(), handle(function), int32(config)))
}

//export emu_cuFuncSetSharedMemConfig
func emu_cuFuncSetSharedMemConfig(function C.CUfunction, config C.CUsharedconfig) C.CUresult {
	return C.CUresult(machine().FuncSetSharedMemConfig(thread(), handle(function), int32(config)))
}

//export emu_cuLaunchKernel
func emu_cuLaunchKernel(function C.CUfunction, gridX, gridY, gridZ, blockX, blockY, blockZ, shared C.uint,
	stream C.CUstream, params, extra *unsafe.Pointer) C.CUresult {
	block, r := parameters("cuLaunchKernel", handle(function), params, extra)
	if r != softgpu.Success {
		return C.CUresult(r)
	}
	return C.CUresult(machine().LaunchKernel(thread(), handle(function), dim3(gridX, gridY, gridZ),
		dim3(blockX, blockY, blockZ), uint32(shared), handle(stream), block))
}

func dim3(x, y, z C.uint) vm.Dim3 { return vm.Dim3{X: uint32(x), Y: uint32(y), Z: uint32(z)} }

// The keys of a launch's extra list (CU_LAUNCH_PARAM_END and its neighbours in NVIDIA's cuda.h), each followed by a
// value.
const (
	extraEnd     = 0
	extraBuffer  = 1 // the parameter block
	extraSize    = 2 // where its size lies
	extraEntries = 5 // of the longest list: two keys, two values and the end
)

// parameters copies a launch's parameters into one block: from an array of pointers, one to each of them, or from a
// block that extra tells of.
func parameters(call string, function softgpu.Handle, params, extra *unsafe.Pointer) ([]byte, softgpu.Result) {
	list, size, r := machine().FuncParams(thread(), function)
	switch {
	case r != softgpu.Success:
		return nil, r
	case params != nil && extra != nil:
		return nil, machine().Refuse(softgpu.ErrorInvalidValue, "%s: parameters are given twice, as kernelParams and as extra", call)
	case extra != nil:
		return extraBlock(call, size, extra)
	case params == nil && len(list) > 0:
		return nil, machine().Refuse(softgpu.ErrorInvalidValue, "%s: the kernel has %d parameters, and none is given", call, len(list))
	}
	block := make([]byte, size)
	for i, pointer := range unsafe.Slice(params, len(list)) {
		if pointer == nil {
			return nil, machine().Refuse(softgpu.ErrorInvalidValue, "%s: the pointer to parameter %d is null", call, i)
		}
		p := list[i]
		copy(block[p.Offset:], unsafe.Slice((*byte)(pointer), p.Size))
	}
	return block, softgpu.Success
}

func extraBlock(call string, size int, extra *unsafe.Pointer) ([]byte, softgpu.Result) {
	var buffer *byte
	given := uintptr(0)
	// Keys are numbers in the place of pointers and must not be taken for pointers.
	at := func(i int) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(extra), i*int(unsafe.Sizeof(given))) }
	for i := 0; i < extraEntries; i += 2 {
		switch key := *(*uintptr)(at(i)); key {
		case extraEnd:
			if buffer == nil && size > 0 || given < uintptr(size) {
				return nil, machine().Refuse(softgpu.ErrorInvalidValue, "%s: extra has %d bytes of parameters, the kernel needs %d", call, given, size)
			}
			return append([]byte(nil), unsafe.Slice(buffer, size)...), softgpu.Success
		case extraBuffer:
			buffer = *(**byte)(at(i + 1))
		case extraSize:
			if where := *(**uintptr)(at(i + 1)); where != nil {
				given = *where
			}
		default:
			return nil, machine().Refuse(softgpu.ErrorInvalidValue, "%s: extra has the unknown key %d", call, key)
		}
	}
	return nil, machine().Refuse(softgpu.ErrorInvalidValue, "%s: extra has no end", call)
}

//export emu_cuOccupancyMaxActiveBlocksPerMultiprocessor
func emu_cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks *C.int, function C.CUfunction, blockSize C.int, shared C.size_t) C.CUresult {
	if blocks == nil {
		return null("cuOccupancyMaxActiveBlocksPerMultiprocessor: blocks")
	}
	n, r := machine().OccupancyMaxActiveBlocks(thread(), handle(function), int(blockSize), uint64(shared))
	return set(blocks, C.int(n), r)
}

// The flags are about a cache that is not pretended.
//
//export emu_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags
func emu_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks *C.int, function C.CUfunction, blockSize C.int, shared C.size_t, _ C.uint) C.CUresult {
	return emu_cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, blockSize, shared)
}
