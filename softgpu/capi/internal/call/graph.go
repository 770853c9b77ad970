//go:build cuda && linux && (amd64 || arm64)

package call

// #include "call.h"
import "C"

import "unsafe"

// BeginCapture begins to capture a stream.
func BeginCapture(stream uintptr, mode int) int {
	return int(C.call_begin(C.uintptr_t(stream), C.int(mode)))
}

// EndCapture ends it and returns the graph.
func EndCapture(stream uintptr) (uintptr, int) {
	g := C.uintptr_t(1) // to see that it is overwritten
	r := C.call_end(C.uintptr_t(stream), &g)
	return uintptr(g), int(r)
}

// CaptureStatus tells whether a stream is being captured: 0 no, 1 yes, 2 not any more.
func CaptureStatus(stream uintptr) (int, int) {
	var s C.int
	r := C.call_status(C.uintptr_t(stream), &s)
	return int(s), int(r)
}

// ExchangeCaptureMode sets the thread's mode and returns what it was.
func ExchangeCaptureMode(mode int) (int, int) {
	m := C.int(mode)
	r := C.call_exchange(&m)
	return int(m), int(r)
}

// Graph is a CUgraph.
type Graph uintptr

// NewGraph makes an empty graph.
func NewGraph() (Graph, int) {
	var g C.uintptr_t
	r := C.call_graph(&g)
	return Graph(g), int(r)
}

// Destroy destroys the graph.
func (g Graph) Destroy() int { return int(C.call_destroy(C.uintptr_t(g))) }

// Clone copies the graph.
func (g Graph) Clone() (Graph, int) {
	var c C.uintptr_t
	r := C.call_clone(&c, C.uintptr_t(g))
	return Graph(c), int(r)
}

// Memset adds a node that fills n words; after is the node before, or 0.
func (g Graph) Memset(after uintptr, dst uint64, value uint32, n int) (uintptr, int) {
	var node C.uintptr_t
	r := C.call_memset_node(&node, C.uintptr_t(g), C.uintptr_t(after), C.CUdeviceptr(dst), C.uint(value), C.size_t(n))
	return uintptr(node), int(r)
}

// Memcpy adds a node that copies rows of n bytes within device memory.
func (g Graph) Memcpy(after uintptr, dst, src uint64, n, rows int) (uintptr, int) {
	var node C.uintptr_t
	r := C.call_memcpy_node(&node, C.uintptr_t(g), C.uintptr_t(after), C.CUdeviceptr(dst), C.CUdeviceptr(src), C.size_t(n), C.size_t(rows))
	return uintptr(node), int(r)
}

// Upload adds a node that copies n bytes of pinned memory to the device.
func (g Graph) Upload(after uintptr, dst uint64, src unsafe.Pointer, n int) (uintptr, int) {
	var node C.uintptr_t
	r := C.call_upload_node(&node, C.uintptr_t(g), C.uintptr_t(after), C.CUdeviceptr(dst), src, C.size_t(n))
	return uintptr(node), int(r)
}

// Kernel adds a node that launches a kernel with 2 blocks of 64 threads, in a context, or 0 for the current one.
func (g Graph) Kernel(after, function, ctx uintptr, params ...unsafe.Pointer) (uintptr, int) {
	pointers := pack(params)
	defer C.free(unsafe.Pointer(pointers))
	var node C.uintptr_t
	r := C.call_kernel_node(&node, C.uintptr_t(g), C.uintptr_t(after), C.uintptr_t(function), pointers, C.uintptr_t(ctx))
	return uintptr(node), int(r)
}

// Counter is an integer of C that host nodes count up.
type Counter struct{ p *C.int }

// NewCounter returns a counter at 0, for the caller to Free.
func NewCounter() Counter { return Counter{(*C.int)(C.calloc(1, C.sizeof_int))} }

// Count is what has been counted.
func (c Counter) Count() int { return int(*c.p) }

// Free frees the counter.
func (c Counter) Free() { C.free(unsafe.Pointer(c.p)) }

// Host adds a node that counts one up.
func (g Graph) Host(after uintptr, c Counter) (uintptr, int) {
	var node C.uintptr_t
	r := C.call_host_node(&node, C.uintptr_t(g), C.uintptr_t(after), c.p)
	return uintptr(node), int(r)
}

// Empty adds a node that does nothing, after others.
func (g Graph) Empty(after ...uintptr) (uintptr, int) {
	var node C.uintptr_t
	r := C.call_empty_node(&node, C.uintptr_t(g), (*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(after))), C.size_t(len(after)))
	return uintptr(node), int(r)
}

// Child adds a node that is a graph.
func (g Graph) Child(after uintptr, child Graph) (uintptr, int) {
	var node C.uintptr_t
	r := C.call_child_node(&node, C.uintptr_t(g), C.uintptr_t(after), C.uintptr_t(child))
	return uintptr(node), int(r)
}

// Depend adds an edge.
func (g Graph) Depend(from, to uintptr) int {
	return int(C.call_depend(C.uintptr_t(g), C.uintptr_t(from), C.uintptr_t(to)))
}

// Nodes asks for the nodes in an array with room for so many, and how many there are; room -1 is no array.
func (g Graph) Nodes(room int) (nodes []uintptr, n, result int) {
	var array *C.uintptr_t
	if room >= 0 {
		nodes = make([]uintptr, room)
		array = (*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(nodes)))
	}
	count := C.size_t(len(nodes))
	r := C.call_nodes(C.uintptr_t(g), array, &count)
	return nodes, int(count), int(r)
}

// Edges asks for the edges in arrays with room for so many, and how many there are.
func (g Graph) Edges(room int) (from, to []uintptr, n, result int) {
	from, to = make([]uintptr, room), make([]uintptr, room)
	count := C.size_t(room)
	r := C.call_edges(C.uintptr_t(g), (*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(from))), (*C.uintptr_t)(unsafe.Pointer(unsafe.SliceData(to))), &count)
	return from, to, int(count), int(r)
}

// NodeType is the kind of a node.
func NodeType(node uintptr) (int, int) {
	var kind C.int
	r := C.call_type(C.uintptr_t(node), &kind)
	return int(kind), int(r)
}

// DestroyNode takes a node out of its graph.
func DestroyNode(node uintptr) int { return int(C.call_drop(C.uintptr_t(node))) }

// Exec is a CUgraphExec.
type Exec uintptr

// Instantiate makes the graph ready to run.
func (g Graph) Instantiate() (Exec, int) {
	var e C.uintptr_t
	r := C.call_instantiate(&e, C.uintptr_t(g))
	return Exec(e), int(r)
}

// Upload prepares a launch.
func (e Exec) Upload(stream uintptr) int {
	return int(C.call_upload(C.uintptr_t(e), C.uintptr_t(stream)))
}

// Launch runs the graph.
func (e Exec) Launch(stream uintptr) int { return int(C.call_run(C.uintptr_t(e), C.uintptr_t(stream))) }

// Destroy destroys it.
func (e Exec) Destroy() int { return int(C.call_end_exec(C.uintptr_t(e))) }
