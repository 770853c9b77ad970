//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"unsafe"

	"mdfa/softgpu"
)

//export emu_cuGraphCreate
func emu_cuGraphCreate(graph *C.CUgraph, flags C.uint) C.CUresult {
	if graph == nil {
		return null("cuGraphCreate: graph")
	}
	h, r := machine().GraphCreate(thread(), uint32(flags))
	return setHandle(graph, h, r)
}

//export emu_cuGraphDestroy
func emu_cuGraphDestroy(graph C.CUgraph) C.CUresult {
	return C.CUresult(machine().GraphDestroy(thread(), handle(graph)))
}

//export emu_cuGraphClone
func emu_cuGraphClone(clone *C.CUgraph, original C.CUgraph) C.CUresult {
	if clone == nil {
		return null("cuGraphClone: clone")
	}
	h, r := machine().GraphClone(thread(), handle(original))
	return setHandle(clone, h, r)
}

//export emu_cuGraphAddDependencies
func emu_cuGraphAddDependencies(graph C.CUgraph, from, to *C.const_node, n C.size_t) C.CUresult {
	if n > 0 && (from == nil || to == nil) {
		return null("cuGraphAddDependencies: from or to")
	}
	return C.CUresult(machine().GraphAddDependencies(thread(), handle(graph), handles(from, n), handles(to, n)))
}

// giveNodes fills an array of C's with handles: as many as fit, and null in what is left over. The number that there
// are is told in n, which holds the array's length before; it alone where there is no array.
func giveNodes(list []softgpu.Handle, nodes *C.CUgraphNode, n *C.size_t) {
	room := int(*n)
	*n = C.size_t(len(list))
	if nodes == nil {
		return
	}
	*n = C.size_t(min(room, len(list)))
	to := unsafe.Slice((*softgpu.Handle)(unsafe.Pointer(nodes)), room)
	clear(to[copy(to, list):])
}

//export emu_cuGraphGetNodes
func emu_cuGraphGetNodes(graph C.CUgraph, nodes *C.CUgraphNode, n *C.size_t) C.CUresult {
	if n == nil {
		return null("cuGraphGetNodes: n")
	}
	list, r := machine().GraphGetNodes(thread(), handle(graph))
	if r == softgpu.Success {
		giveNodes(list, nodes, n)
	}
	return C.CUresult(r)
}

//export emu_cuGraphGetEdges
func emu_cuGraphGetEdges(graph C.CUgraph, from, to *C.CUgraphNode, n *C.size_t) C.CUresult {
	if n == nil || (from == nil) != (to == nil) {
		return null("cuGraphGetEdges: n, or one of from and to,")
	}
	first, then, r := machine().GraphGetEdges(thread(), handle(graph))
	if r == softgpu.Success {
		room := *n
		giveNodes(first, from, n)
		giveNodes(then, to, &room)
	}
	return C.CUresult(r)
}

//export emu_cuGraphNodeGetType
func emu_cuGraphNodeGetType(node C.CUgraphNode, kind *C.CUgraphNodeType) C.CUresult {
	if kind == nil {
		return null("cuGraphNodeGetType: type")
	}
	k, r := machine().GraphNodeGetType(thread(), handle(node))
	return set(kind, C.CUgraphNodeType(k), r)
}

//export emu_cuGraphDestroyNode
func emu_cuGraphDestroyNode(node C.CUgraphNode) C.CUresult {
	return C.CUresult(machine().GraphDestroyNode(thread(), handle(node)))
}

//export emu_cuGraphInstantiateWithFlags
func emu_cuGraphInstantiateWithFlags(exec *C.CUgraphExec, graph C.CUgraph, flags C.ulonglong) C.CUresult {
	if exec == nil {
		return null("cuGraphInstantiateWithFlags: exec")
	}
	h, r := machine().GraphInstantiate(thread(), handle(graph), uint64(flags))
	return setHandle(exec, h, r)
}

//export emu_cuGraphLaunch
func emu_cuGraphLaunch(exec C.CUgraphExec, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().GraphLaunch(thread(), handle(exec), handle(stream)))
}

//export emu_cuGraphUpload
func emu_cuGraphUpload(exec C.CUgraphExec, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().GraphUpload(thread(), handle(exec), handle(stream)))
}

//export emu_cuGraphExecDestroy
func emu_cuGraphExecDestroy(exec C.CUgraphExec) C.CUresult {
	return C.CUresult(machine().GraphExecDestroy(thread(), handle(exec)))
}
