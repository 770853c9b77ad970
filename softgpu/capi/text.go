//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"sync"
	"unsafe"

	"mdfa/softgpu"
)

// texts holds the messages that C has been given. They are never freed, as the driver's are not.
var texts = struct {
	sync.Mutex
	known map[string]C.const_string
}{known: map[string]C.const_string{}}

// giveText points out at a message, or at null if ok is false.
func giveText(call string, out *C.const_string, text string, ok bool) C.CUresult {
	if out == nil {
		return null(call + ": text")
	}
	if !ok {
		*out = nil
		return C.CUresult(refuse(softgpu.ErrorInvalidValue, "%s of a result that there is not", call))
	}
	texts.Lock()
	defer texts.Unlock()
	if texts.known[text] == nil {
		texts.known[text] = C.const_string(C.CString(text))
	}
	*out = texts.known[text]
	return C.CUDA_SUCCESS
}

//export emu_cuGetErrorName
func emu_cuGetErrorName(result C.CUresult, text *C.const_string) C.CUresult {
	name, ok := softgpu.ErrorName(softgpu.Result(result))
	return giveText("cuGetErrorName", text, name, ok)
}

//export emu_cuGetErrorString
func emu_cuGetErrorString(result C.CUresult, text *C.const_string) C.CUresult {
	words, ok := softgpu.ErrorString(softgpu.Result(result))
	return giveText("cuGetErrorString", text, words, ok)
}

// The name is cut to the length of the buffer and ended by NUL.
//
//export emu_cuDeviceGetName
func emu_cuDeviceGetName(name *C.char, length C.int, device C.CUdevice) C.CUresult {
	if name == nil {
		return null("cuDeviceGetName: name")
	}
	text, r := machine().DeviceName(thread(), int(device))
	if r != softgpu.Success {
		return C.CUresult(r)
	}
	if length < 1 {
		return C.CUresult(refuse(softgpu.ErrorInvalidValue, "cuDeviceGetName: a buffer of %d bytes", int(length)))
	}
	buffer := unsafe.Slice((*byte)(unsafe.Pointer(name)), int(length))
	buffer[copy(buffer[:length-1], text)] = 0
	return C.CUDA_SUCCESS
}
