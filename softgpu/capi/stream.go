//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

//export emu_cuStreamCreate
func emu_cuStreamCreate(stream *C.CUstream, flags C.uint) C.CUresult {
	if stream == nil {
		return null("cuStreamCreate: stream")
	}
	h, r := machine().StreamCreate(thread(), uint32(flags))
	return setHandle(stream, h, r)
}

//export emu_cuStreamCreateWithPriority
func emu_cuStreamCreateWithPriority(stream *C.CUstream, flags C.uint, priority C.int) C.CUresult {
	if stream == nil {
		return null("cuStreamCreateWithPriority: stream")
	}
	h, r := machine().StreamCreateWithPriority(thread(), uint32(flags), int32(priority))
	return setHandle(stream, h, r)
}

//export emu_cuStreamDestroy_v2
func emu_cuStreamDestroy_v2(stream C.CUstream) C.CUresult {
	return C.CUresult(machine().StreamDestroy(thread(), handle(stream)))
}

//export emu_cuStreamSynchronize
func emu_cuStreamSynchronize(stream C.CUstream) C.CUresult {
	return C.CUresult(machine().StreamSynchronize(thread(), handle(stream)))
}

//export emu_cuStreamQuery
func emu_cuStreamQuery(stream C.CUstream) C.CUresult {
	return C.CUresult(machine().StreamQuery(thread(), handle(stream)))
}

//export emu_cuStreamWaitEvent
func emu_cuStreamWaitEvent(stream C.CUstream, event C.CUevent, flags C.uint) C.CUresult {
	return C.CUresult(machine().StreamWaitEvent(thread(), handle(stream), handle(event), uint32(flags)))
}

//export emu_cuStreamGetFlags
func emu_cuStreamGetFlags(stream C.CUstream, flags *C.uint) C.CUresult {
	if flags == nil {
		return null("cuStreamGetFlags: flags")
	}
	f, r := machine().StreamGetFlags(thread(), handle(stream))
	return set(flags, C.uint(f), r)
}

//export emu_cuStreamGetPriority
func emu_cuStreamGetPriority(stream C.CUstream, priority *C.int) C.CUresult {
	if priority == nil {
		return null("cuStreamGetPriority: priority")
	}
	p, r := machine().StreamGetPriority(thread(), handle(stream))
	return set(priority, C.int(p), r)
}

//export emu_cuStreamBeginCapture_v2
func emu_cuStreamBeginCapture_v2(stream C.CUstream, mode C.CUstreamCaptureMode) C.CUresult {
	return C.CUresult(machine().StreamBeginCapture(thread(), handle(stream), int32(mode)))
}

//export emu_cuStreamEndCapture
func emu_cuStreamEndCapture(stream C.CUstream, graph *C.CUgraph) C.CUresult {
	if graph == nil {
		return null("cuStreamEndCapture: graph")
	}
	g, r := machine().StreamEndCapture(thread(), handle(stream))
	// No graph where the capture has failed, as the driver says it too.
	setHandle(graph, g, 0)
	return C.CUresult(r)
}

//export emu_cuStreamIsCapturing
func emu_cuStreamIsCapturing(stream C.CUstream, status *C.CUstreamCaptureStatus) C.CUresult {
	if status == nil {
		return null("cuStreamIsCapturing: status")
	}
	s, r := machine().StreamIsCapturing(thread(), handle(stream))
	return set(status, C.CUstreamCaptureStatus(s), r)
}

//export emu_cuThreadExchangeStreamCaptureMode
func emu_cuThreadExchangeStreamCaptureMode(mode *C.CUstreamCaptureMode) C.CUresult {
	if mode == nil {
		return null("cuThreadExchangeStreamCaptureMode: mode")
	}
	old, r := machine().ThreadExchangeCaptureMode(thread(), int32(*mode))
	return set(mode, C.CUstreamCaptureMode(old), r)
}

//export emu_cuEventCreate
func emu_cuEventCreate(event *C.CUevent, flags C.uint) C.CUresult {
	if event == nil {
		return null("cuEventCreate: event")
	}
	h, r := machine().EventCreate(thread(), uint32(flags))
	return setHandle(event, h, r)
}

//export emu_cuEventDestroy_v2
func emu_cuEventDestroy_v2(event C.CUevent) C.CUresult {
	return C.CUresult(machine().EventDestroy(thread(), handle(event)))
}

//export emu_cuEventRecord
func emu_cuEventRecord(event C.CUevent, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().EventRecord(thread(), handle(event), handle(stream)))
}

//export emu_cuEventQuery
func emu_cuEventQuery(event C.CUevent) C.CUresult {
	return C.CUresult(machine().EventQuery(thread(), handle(event)))
}

//export emu_cuEventSynchronize
func emu_cuEventSynchronize(event C.CUevent) C.CUresult {
	return C.CUresult(machine().EventSynchronize(thread(), handle(event)))
}

//export emu_cuEventElapsedTime
func emu_cuEventElapsedTime(milliseconds *C.float, start, end C.CUevent) C.CUresult {
	if milliseconds == nil {
		return null("cuEventElapsedTime: milliseconds")
	}
	ms, r := machine().EventElapsedTime(thread(), handle(start), handle(end))
	return set(milliseconds, C.float(ms), r)
}
