//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"sync"
	"unsafe"

	"mdfa/softgpu"
)

//export emu_cuInit
func emu_cuInit(flags C.uint) C.CUresult { return C.CUresult(machine().Init(uint32(flags))) }

//export emu_cuDriverGetVersion
func emu_cuDriverGetVersion(version *C.int) C.CUresult {
	if version == nil {
		return null("cuDriverGetVersion: version")
	}
	v, r := machine().DriverVersion(thread())
	return set(version, C.int(v), r)
}

// texts are the messages that C has been given. They stay for good, as the driver's do.
var texts struct {
	sync.Mutex
	known map[string]C.const_string
}

// giveText points out at a message, or at nothing where there is none.
func giveText(call string, out *C.const_string, text string, ok bool) C.CUresult {
	if out == nil {
		return null(call + ": text")
	}
	if !ok {
		*out = nil
		return C.CUresult(machine().Refuse(softgpu.ErrorInvalidValue, "%s of a result that there is not", call))
	}
	texts.Lock()
	defer texts.Unlock()
	if texts.known == nil {
		texts.known = map[string]C.const_string{}
	}
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

//export emu_cuDeviceGet
func emu_cuDeviceGet(device *C.CUdevice, ordinal C.int) C.CUresult {
	if device == nil {
		return null("cuDeviceGet: device")
	}
	dev, r := machine().DeviceGet(thread(), int(ordinal))
	return set(device, C.CUdevice(dev), r)
}

//export emu_cuDeviceGetCount
func emu_cuDeviceGetCount(count *C.int) C.CUresult {
	if count == nil {
		return null("cuDeviceGetCount: count")
	}
	n, r := machine().DeviceCount(thread())
	return set(count, C.int(n), r)
}

//export emu_cuDeviceGetAttribute
func emu_cuDeviceGetAttribute(value *C.int, attribute C.CUdevice_attribute, device C.CUdevice) C.CUresult {
	if value == nil {
		return null("cuDeviceGetAttribute: value")
	}
	v, r := machine().DeviceAttribute(thread(), int(device), int32(attribute))
	return set(value, C.int(v), r)
}

// giveName copies a name into a buffer of C, cut to its length and ended by NUL.
func giveName(call string, buffer *C.char, length C.int, name string, r softgpu.Result) C.CUresult {
	if r != softgpu.Success {
		return C.CUresult(r)
	}
	if length < 1 {
		return C.CUresult(machine().Refuse(softgpu.ErrorInvalidValue, "%s: a buffer of %d bytes", call, int(length)))
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), int(length))
	to[copy(to[:length-1], name)] = 0
	return C.CUDA_SUCCESS
}

//export emu_cuDeviceGetName
func emu_cuDeviceGetName(name *C.char, length C.int, device C.CUdevice) C.CUresult {
	if name == nil {
		return null("cuDeviceGetName: name")
	}
	text, r := machine().DeviceName(thread(), int(device))
	return giveName("cuDeviceGetName", name, length, text, r)
}

//export emu_cuDeviceGetPCIBusId
func emu_cuDeviceGetPCIBusId(id *C.char, length C.int, device C.CUdevice) C.CUresult {
	if id == nil {
		return null("cuDeviceGetPCIBusId: id")
	}
	text, r := machine().DevicePCIBusID(thread(), int(device))
	return giveName("cuDeviceGetPCIBusId", id, length, text, r)
}

//export emu_cuDeviceGetUuid
func emu_cuDeviceGetUuid(uuid *C.CUuuid, device C.CUdevice) C.CUresult {
	if uuid == nil {
		return null("cuDeviceGetUuid: uuid")
	}
	id, r := machine().DeviceUUID(thread(), int(device))
	return set((*[16]byte)(unsafe.Pointer(uuid)), id, r)
}

//export emu_cuDeviceTotalMem_v2
func emu_cuDeviceTotalMem_v2(bytes *C.size_t, device C.CUdevice) C.CUresult {
	if bytes == nil {
		return null("cuDeviceTotalMem: bytes")
	}
	n, r := machine().DeviceTotalMem(thread(), int(device))
	return set(bytes, C.size_t(n), r)
}

//export emu_cuDeviceCanAccessPeer
func emu_cuDeviceCanAccessPeer(possible *C.int, device, peer C.CUdevice) C.CUresult {
	if possible == nil {
		return null("cuDeviceCanAccessPeer: possible")
	}
	yes, r := machine().DeviceCanAccessPeer(thread(), int(device), int(peer))
	return set(possible, number(yes), r)
}

func number(yes bool) C.int {
	if yes {
		return 1
	}
	return 0
}
