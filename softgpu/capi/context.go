//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

//export emu_cuDevicePrimaryCtxRetain
func emu_cuDevicePrimaryCtxRetain(ctx *C.CUcontext, device C.CUdevice) C.CUresult {
	if ctx == nil {
		return null("cuDevicePrimaryCtxRetain: ctx")
	}
	h, r := machine().PrimaryCtxRetain(thread(), int(device))
	return setHandle(ctx, h, r)
}

//export emu_cuDevicePrimaryCtxRelease_v2
func emu_cuDevicePrimaryCtxRelease_v2(device C.CUdevice) C.CUresult {
	return C.CUresult(machine().PrimaryCtxRelease(thread(), int(device)))
}

//export emu_cuDevicePrimaryCtxReset_v2
func emu_cuDevicePrimaryCtxReset_v2(device C.CUdevice) C.CUresult {
	return C.CUresult(machine().PrimaryCtxReset(thread(), int(device)))
}

//export emu_cuDevicePrimaryCtxSetFlags_v2
func emu_cuDevicePrimaryCtxSetFlags_v2(device C.CUdevice, flags C.uint) C.CUresult {
	return C.CUresult(machine().PrimaryCtxSetFlags(thread(), int(device), uint32(flags)))
}

//export emu_cuDevicePrimaryCtxGetState
func emu_cuDevicePrimaryCtxGetState(device C.CUdevice, flags *C.uint, active *C.int) C.CUresult {
	if flags == nil || active == nil {
		return null("cuDevicePrimaryCtxGetState: flags or active")
	}
	f, yes, r := machine().PrimaryCtxGetState(thread(), int(device))
	set(flags, C.uint(f), r)
	return set(active, number(yes), r)
}

//export emu_cuCtxCreate_v2
func emu_cuCtxCreate_v2(ctx *C.CUcontext, flags C.uint, device C.CUdevice) C.CUresult {
	if ctx == nil {
		return null("cuCtxCreate: ctx")
	}
	h, r := machine().CtxCreate(thread(), uint32(flags), int(device))
	return setHandle(ctx, h, r)
}

//export emu_cuCtxDestroy_v2
func emu_cuCtxDestroy_v2(ctx C.CUcontext) C.CUresult {
	return C.CUresult(machine().CtxDestroy(thread(), handle(ctx)))
}

//export emu_cuCtxPushCurrent_v2
func emu_cuCtxPushCurrent_v2(ctx C.CUcontext) C.CUresult {
	return C.CUresult(machine().CtxPushCurrent(thread(), handle(ctx)))
}

// The popped context is told only where it is asked for.
//
//export emu_cuCtxPopCurrent_v2
func emu_cuCtxPopCurrent_v2(ctx *C.CUcontext) C.CUresult {
	h, r := machine().CtxPopCurrent(thread())
	if ctx == nil {
		return C.CUresult(r)
	}
	return setHandle(ctx, h, r)
}

//export emu_cuCtxSetCurrent
func emu_cuCtxSetCurrent(ctx C.CUcontext) C.CUresult {
	return C.CUresult(machine().CtxSetCurrent(thread(), handle(ctx)))
}

//export emu_cuCtxGetCurrent
func emu_cuCtxGetCurrent(ctx *C.CUcontext) C.CUresult {
	if ctx == nil {
		return null("cuCtxGetCurrent: ctx")
	}
	h, r := machine().CtxGetCurrent(thread())
	return setHandle(ctx, h, r)
}

//export emu_cuCtxGetDevice
func emu_cuCtxGetDevice(device *C.CUdevice) C.CUresult {
	if device == nil {
		return null("cuCtxGetDevice: device")
	}
	dev, r := machine().CtxGetDevice(thread())
	return set(device, C.CUdevice(dev), r)
}

//export emu_cuCtxGetFlags
func emu_cuCtxGetFlags(flags *C.uint) C.CUresult {
	if flags == nil {
		return null("cuCtxGetFlags: flags")
	}
	f, r := machine().CtxGetFlags(thread())
	return set(flags, C.uint(f), r)
}

//export emu_cuCtxSynchronize
func emu_cuCtxSynchronize() C.CUresult { return C.CUresult(machine().CtxSynchronize(thread())) }

//export emu_cuCtxGetApiVersion
func emu_cuCtxGetApiVersion(ctx C.CUcontext, version *C.uint) C.CUresult {
	if version == nil {
		return null("cuCtxGetApiVersion: version")
	}
	v, r := machine().CtxGetAPIVersion(thread(), handle(ctx))
	return set(version, C.uint(v), r)
}

//export emu_cuCtxGetLimit
func emu_cuCtxGetLimit(value *C.size_t, limit C.CUlimit) C.CUresult {
	if value == nil {
		return null("cuCtxGetLimit: value")
	}
	v, r := machine().CtxGetLimit(thread(), int32(limit))
	return set(value, C.size_t(v), r)
}

//export emu_cuCtxSetLimit
func emu_cuCtxSetLimit(limit C.CUlimit, value C.size_t) C.CUresult {
	return C.CUresult(machine().CtxSetLimit(thread(), int32(limit), uint64(value)))
}

//export emu_cuCtxGetCacheConfig
func emu_cuCtxGetCacheConfig(config *C.CUfunc_cache) C.CUresult {
	if config == nil {
		return null("cuCtxGetCacheConfig: config")
	}
	c, r := machine().CtxGetCacheConfig(thread())
	return set(config, C.CUfunc_cache(c), r)
}

//export emu_cuCtxSetCacheConfig
func emu_cuCtxSetCacheConfig(config C.CUfunc_cache) C.CUresult {
	return C.CUresult(machine().CtxSetCacheConfig(thread(), int32(config)))
}

//export emu_cuCtxGetSharedMemConfig
func emu_cuCtxGetSharedMemConfig(config *C.CUsharedconfig) C.CUresult {
	if config == nil {
		return null("cuCtxGetSharedMemConfig: config")
	}
	c, r := machine().CtxGetSharedMemConfig(thread())
	return set(config, C.CUsharedconfig(c), r)
}

//export emu_cuCtxSetSharedMemConfig
func emu_cuCtxSetSharedMemConfig(config C.CUsharedconfig) C.CUresult {
	return C.CUresult(machine().CtxSetSharedMemConfig(thread(), int32(config)))
}

// Either end of the range may be left out.
//
//export emu_cuCtxGetStreamPriorityRange
func emu_cuCtxGetStreamPriorityRange(least, greatest *C.int) C.CUresult {
	low, high, r := machine().CtxGetStreamPriorityRange(thread())
	if least != nil {
		set(least, C.int(low), r)
	}
	if greatest != nil {
		set(greatest, C.int(high), r)
	}
	return C.CUresult(r)
}
