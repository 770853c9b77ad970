//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

// The twelve fills: of 1, 2 and 4 bytes, in a line and in a rectangle, waiting and not.

func fill(dst C.CUdeviceptr, value uint32, width int, n C.size_t) C.CUresult {
	return C.CUresult(machine().Memset(thread(), uint64(dst), value, width, uint64(n)))
}

func fillAsync(dst C.CUdeviceptr, value uint32, width int, n C.size_t, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().MemsetAsync(thread(), uint64(dst), value, width, uint64(n), handle(stream)))
}

func fill2D(dst C.CUdeviceptr, pitch C.size_t, value uint32, width int, w, h C.size_t) C.CUresult {
	return C.CUresult(machine().Memset2D(thread(), uint64(dst), uint64(pitch), value, width, uint64(w), uint64(h)))
}

func fill2DAsync(dst C.CUdeviceptr, pitch C.size_t, value uint32, width int, w, h C.size_t, stream C.CUstream) C.CUresult {
	return C.CUresult(machine().Memset2DAsync(thread(), uint64(dst), uint64(pitch), value, width, uint64(w), uint64(h), handle(stream)))
}

//export emu_cuMemsetD8_v2
func emu_cuMemsetD8_v2(dst C.CUdeviceptr, value C.uchar, n C.size_t) C.CUresult {
	return fill(dst, uint32(value), 1, n)
}

//export emu_cuMemsetD16_v2
func emu_cuMemsetD16_v2(dst C.CUdeviceptr, value C.ushort, n C.size_t) C.CUresult {
	return fill(dst, uint32(value), 2, n)
}

//export emu_cuMemsetD32_v2
func emu_cuMemsetD32_v2(dst C.CUdeviceptr, value C.uint, n C.size_t) C.CUresult {
	return fill(dst, uint32(value), 4, n)
}

//export emu_cuMemsetD8Async
func emu_cuMemsetD8Async(dst C.CUdeviceptr, value C.uchar, n C.size_t, stream C.CUstream) C.CUresult {
	return fillAsync(dst, uint32(value), 1, n, stream)
}

//export emu_cuMemsetD16Async
func emu_cuMemsetD16Async(dst C.CUdeviceptr, value C.ushort, n C.size_t, stream C.CUstream) C.CUresult {
	return fillAsync(dst, uint32(value), 2, n, stream)
}

//export emu_cuMemsetD32Async
func emu_cuMemsetD32Async(dst C.CUdeviceptr, value C.uint, n C.size_t, stream C.CUstream) C.CUresult {
	return fillAsync(dst, uint32(value), 4, n, stream)
}

//export emu_cuMemsetD2D8_v2
func emu_cuMemsetD2D8_v2(dst C.CUdeviceptr, pitch C.size_t, value C.uchar, w, h C.size_t) C.CUresult {
	return fill2D(dst, pitch, uint32(value), 1, w, h)
}

//export emu_cuMemsetD2D16_v2
func emu_cuMemsetD2D16_v2(dst C.CUdeviceptr, pitch C.size_t, value C.ushort, w, h C.size_t) C.CUresult {
	return fill2D(dst, pitch, uint32(value), 2, w, h)
}

//export emu_cuMemsetD2D32_v2
func emu_cuMemsetD2D32_v2(dst C.CUdeviceptr, pitch C.size_t, value C.uint, w, h C.size_t) C.CUresult {
	return fill2D(dst, pitch, uint32(value), 4, w, h)
}

//export emu_cuMemsetD2D8Async
func emu_cuMemsetD2D8Async(dst C.CUdeviceptr, pitch C.size_t, value C.uchar, w, h C.size_t, stream C.CUstream) C.CUresult {
	return fill2DAsync(dst, pitch, uint32(value), 1, w, h, stream)
}

//export emu_cuMemsetD2D16Async
func emu_cuMemsetD2D16Async(dst C.CUdeviceptr, pitch C.size_t, value C.ushort, w, h C.size_t, stream C.CUstream) C.CUresult {
	return fill2DAsync(dst, pitch, uint32(value), 2, w, h, stream)
}

//export emu_cuMemsetD2D32Async
func emu_cuMemsetD2D32Async(dst C.CUdeviceptr, pitch C.size_t, value C.uint, w, h C.size_t, stream C.CUstream) C.CUresult {
	return fill2DAsync(dst, pitch, uint32(value), 4, w, h, stream)
}
