//go:build cuda && linux && (amd64 || arm64)

// Package fake holds C functions that stand in for a few of CUDA's in the tests of package driver, and a way to call
// any routed symbol. (Go does not allow cgo in test files.)
package fake

// #cgo CFLAGS: -I${SRCDIR}/../../../include
// #include "fake.h"
import "C"
import "unsafe"

// Devices is what the fake cuDeviceGetCount reports.
const Devices = C.FAKE_DEVICES

// Table returns the addresses of the fakes by the symbol that each stands in for.
func Table() map[string]unsafe.Pointer {
	return map[string]unsafe.Pointer{
		"cuInit":                      unsafe.Pointer(C.fake_init),
		"cuDeviceGetCount":            unsafe.Pointer(C.fake_device_count),
		"cuLaunchKernel":              unsafe.Pointer(C.fake_launch),
		"cuTexRefSetMipmapLevelClamp": unsafe.Pointer(C.fake_clamp),
		"cublasCreate_v2":             unsafe.Pointer(C.fake_create),
		"cublasSgemm_v2":              unsafe.Pointer(C.fake_sgemm),
	}
}

// FailingInit is a cuInit that answers CUDA_ERROR_NO_DEVICE.
func FailingInit() unsafe.Pointer { return unsafe.Pointer(C.fake_failing_init) }

// Inits returns how often the fake cuInit was called.
func Inits() int { return int(C.fake_inits) }

// Launch returns the integers that the last cuLaunchKernel was called with: grid, block and shared memory, and the
// values of the two pointers that come last.
func Launch() []uint64 {
	var out []uint64
	for _, v := range C.fake_launched {
		out = append(out, uint64(v))
	}
	return out
}

// Clamp returns the two floats that the last cuTexRefSetMipmapLevelClamp was called with.
func Clamp() (low, high float32) { return float32(C.fake_low), float32(C.fake_high) }

// Call calls the symbol at index, in alphabetical order of all routed symbols, with arguments that are all zero.
// Only a symbol that nobody provides may be called so.
func Call(index int) int { return int(C.fake_call(C.int(index))) }
