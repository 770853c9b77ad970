//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

// The graph is null after a capture that has failed, as the driver sets it.
//
//export emu_cuStreamEndCapture
func emu_cuStreamEndCapture(stream C.CUstream, graph *C.CUgraph) C.CUresult {
	if graph == nil {
		return null("cuStreamEndCapture: graph")
	}
	g, r := machine().StreamEndCapture(thread(), handle(stream))
	setHandle(graph, g, 0)
	return C.CUresult(r)
}
