//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)

// here checks the context that a node shall run in: only the current one will do, which null stands for, too.
func here(call string, ctx C.CUcontext) softgpu.Result {
	now, r := machine().CtxGetCurrent(thread())
	if r == softgpu.Success && handle(ctx) != 0 && handle(ctx) != now {
		return machine().Refuse(softgpu.ErrorNotSupported, "%s: a node for another context than the current one", call)
	}
	return r
}

//export emu_cuGraphAddEmptyNode
func emu_cuGraphAddEmptyNode(node *C.CUgraphNode, graph C.CUgraph, after *C.const_node, n C.size_t) C.CUresult {
	if node == nil {
		return null("cuGraphAddEmptyNode: node")
	}
	h, r := machine().GraphAddEmptyNode(thread(), handle(graph), handles(after, n))
	return setHandle(node, h, r)
}

//export emu_cuGraphAddChildGraphNode
func emu_cuGraphAddChildGraphNode(node *C.CUgraphNode, graph C.CUgraph, after *C.const_node, n C.size_t, child C.CUgraph) C.CUresult {
	if node == nil {
		return null("cuGraphAddChildGraphNode: node")
	}
	h, r := machine().GraphAddChildGraphNode(thread(), handle(graph), handles(after, n), handle(child))
	return setHandle(node, h, r)
}

//export emu_cuGraphAddHostNode
func emu_cuGraphAddHostNode(node *C.CUgraphNode, graph C.CUgraph, after *C.const_node, n C.size_t, params *C.const_host_params) C.CUresult {
	if node == nil || params == nil || params.fn == nil {
		return null("cuGraphAddHostNode: node, params or the function")
	}
	function, data := params.fn, params.userData
	h, r := machine().GraphAddHostNode(thread(), handle(graph), handles(after, n), func() { C.emu_call_host(function, data) })
	return setHandle(node, h, r)
}

//export emu_cuGraphAddKernelNode_v2
func emu_cuGraphAddKernelNode_v2(node *C.CUgraphNode, graph C.CUgraph, after *C.const_node, n C.size_t, params *C.const_kernel_params) C.CUresult {
	const call = "cuGraphAddKernelNode"
	if node == nil || params == nil {
		return null(call + ": node or params")
	}
	if handle(params.kern) != 0 {
		return C.CUresult(machine().Refuse(softgpu.ErrorNotSupported, "%s: a CUkernel in place of a CUfunction", call))
	}
	if r := here(call, params.ctx); r != softgpu.Success {
		return C.CUresult(r)
	}
	block, r := parameters(call, handle(params._func), params.kernelParams, params.extra)
	if r != softgpu.Success {
		return C.CUresult(r)
	}
	h, r := machine().GraphAddKernelNode(thread(), handle(graph), handles(after, n), handle(params._func),
		dim3(params.gridDimX, params.gridDimY, params.gridDimZ), dim3(params.blockDimX, params.blockDimY, params.blockDimZ),
		uint32(params.sharedMemBytes), block)
	return setHandle(node, h, r)
}

//export emu_cuGraphAddMemsetNode
func emu_cuGraphAddMemsetNode(node *C.CUgraphNode, graph C.CUgraph, after *C.const_node, n C.size_t, memset *C.const_memset_params, ctx C.CUcontext) C.CUresult {
	const call = "cuGraphAddMemsetNode"
	if node == nil || memset == nil {
		return null(call + ": node or memset")
	}
	if r := here(call, ctx); r != softgpu.Success {
		return C.CUresult(r)
	}
	h, r := machine().GraphAddMemsetNode(thread(), handle(graph), handles(after, n), uint64(memset.dst), uint64(memset.pitch),
		uint32(memset.value), int(memset.elementSize), uint64(memset.width), uint64(memset.height))
	return setHandle(node, h, r)
}

//export emu_cuGraphAddMemcpyNode
func emu_cuGraphAddMemcpyNode(node *C.CUgraphNode, graph C.CUgraph, after *C.const_node, n C.size_t, box *C.const_memcpy3d, ctx C.CUcontext) C.CUresult {
	const call = "cuGraphAddMemcpyNode"
	if node == nil || box == nil {
		return null(call + ": node or copy")
	}
	if r := here(call, ctx); r != softgpu.Success {
		return C.CUresult(r)
	}
	if box.Height != 1 || box.Depth != 1 {
		return C.CUresult(machine().Refuse(softgpu.ErrorNotSupported, "%s: %d x %d rows; the software GPU copies one", call, uint64(box.Depth), uint64(box.Height)))
	}
	src, okSrc := start(box.srcMemoryType, box.srcHost, box.srcDevice, box.srcXInBytes, (box.srcZ*box.srcHeight+box.srcY)*box.srcPitch)
	dst, okDst := start(box.dstMemoryType, box.dstHost, box.dstDevice, box.dstXInBytes, (box.dstZ*box.dstHeight+box.dstY)*box.dstPitch)
	if !okSrc || !okDst {
		return C.CUresult(machine().Refuse(softgpu.ErrorNotSupported, "%s: CUDA arrays", call))
	}
	h, r := machine().GraphAddMemcpyNode(thread(), handle(graph), handles(after, n), dst, src, uint64(box.WidthInBytes))
	return setHandle(node, h, r)
}

// start is the address of the first byte of one side of a copy; false for a CUDA array.
func start(kind C.CUmemorytype, host unsafe.Pointer, device C.CUdeviceptr, x, rows C.size_t) (uint64, bool) {
	switch kind {
	case C.CU_MEMORYTYPE_HOST:
		return uint64(uintptr(host)) + uint64(x+rows), true
	case C.CU_MEMORYTYPE_DEVICE, C.CU_MEMORYTYPE_UNIFIED:
		return uint64(device) + uint64(x+rows), true
	}
	return 0, false
}
