//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import "mdfa/softgpu"

//export emu_cuArrayCreate_v2
func emu_cuArrayCreate_v2(array *C.CUarray, wanted *C.const_CUDA_ARRAY_DESCRIPTOR) C.CUresult {
	if array == nil || wanted == nil {
		return null("cuArrayCreate: array or descriptor")
	}
	h, r := machine().ArrayCreate(thread(), softgpu.ArrayDescriptor{
		Width: uint64(wanted.Width), Height: uint64(wanted.Height), Format: int32(wanted.Format), Channels: uint32(wanted.NumChannels),
	})
	return setHandle(array, h, r)
}

//export emu_cuArray3DCreate_v2
func emu_cuArray3DCreate_v2(array *C.CUarray, wanted *C.const_CUDA_ARRAY3D_DESCRIPTOR) C.CUresult {
	if array == nil || wanted == nil {
		return null("cuArray3DCreate: array or descriptor")
	}
	h, r := machine().ArrayCreate(thread(), softgpu.ArrayDescriptor{
		Width: uint64(wanted.Width), Height: uint64(wanted.Height), Depth: uint64(wanted.Depth),
		Format: int32(wanted.Format), Channels: uint32(wanted.NumChannels), Flags: uint32(wanted.Flags),
	})
	return setHandle(array, h, r)
}

//export emu_cuArrayGetDescriptor_v2
func emu_cuArrayGetDescriptor_v2(descriptor *C.CUDA_ARRAY_DESCRIPTOR, array C.CUarray) C.CUresult {
	if descriptor == nil {
		return null("cuArrayGetDescriptor: descriptor")
	}
	d, r := machine().ArrayGetDescriptor(thread(), handle(array))
	set(descriptor, C.CUDA_ARRAY_DESCRIPTOR{
		Width: C.size_t(d.Width), Height: C.size_t(d.Height), Format: C.CUarray_format(d.Format), NumChannels: C.uint(d.Channels),
	}, r)
	return C.CUresult(r)
}

//export emu_cuArray3DGetDescriptor_v2
func emu_cuArray3DGetDescriptor_v2(descriptor *C.CUDA_ARRAY3D_DESCRIPTOR, array C.CUarray) C.CUresult {
	if descriptor == nil {
		return null("cuArray3DGetDescriptor: descriptor")
	}
	d, r := machine().ArrayGetDescriptor(thread(), handle(array))
	set(descriptor, C.CUDA_ARRAY3D_DESCRIPTOR{
		Width: C.size_t(d.Width), Height: C.size_t(d.Height), Depth: C.size_t(d.Depth),
		Format: C.CUarray_format(d.Format), NumChannels: C.uint(d.Channels), Flags: C.uint(d.Flags),
	}, r)
	return C.CUresult(r)
}
