//go:build cuda && linux && (amd64 || arm64)

package driver

// #include "cuda.h"
// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/ebitengine/purego"
)

// The errors of OpenNVIDIA. The error that it returns wraps one of them and says in one sentence which library or
// device was searched and the result.
var (
	ErrNoDriver     = errors.New("no NVIDIA driver")
	ErrDriverTooOld = errors.New("the NVIDIA driver is too old")
	ErrDriverFailed = errors.New("the NVIDIA driver does not work")
	ErrNoGPU        = errors.New("no NVIDIA GPU")
	ErrNoCUBLAS     = errors.New("no cuBLAS")
)

// oldestCUDA is the version of CUDA that a driver must support, as cuDriverGetVersion writes it. The kernels are PTX
// 8.0, which came with CUDA 12.0 and driver 525.
const oldestCUDA = 12000

// oldestCapability is the compute capability of Volta, the oldest GPUs that the kernels run on. Older GPUs do not
// count in the choice of cuBLAS.
const oldestCapability = 70

const driverLibrary = "libcuda.so.1"

// openDriver loads and initialises the driver, notes it in info and returns the addresses of its functions.
func openDriver(info *Info) (map[string]uintptr, error) {
	library, reason := open(driverLibrary)
	if library == 0 {
		if notFound(reason, driverLibrary) {
			return nil, fmt.Errorf("%w: %s was not found by the loader", ErrNoDriver, driverLibrary)
		}
		return nil, fmt.Errorf("%w: %s could not be loaded (%s)", ErrNoDriver, driverLibrary, reason)
	}
	info.DriverPath = path(library)
	info.DriverRelease = driverRelease()
	table := find(library, isDriver)
	init := bind[func(flags uint32) C.CUresult](table, "cuInit")
	getVersion := bind[func(version *C.int) C.CUresult](table, "cuDriverGetVersion")
	if init == nil || getVersion == nil {
		return nil, fmt.Errorf("%w: %s has no cuInit or no cuDriverGetVersion", ErrDriverFailed, info.DriverPath)
	}
	var version C.int
	if code := getVersion(&version); code != C.CUDA_SUCCESS {
		return nil, fmt.Errorf("%w: cuDriverGetVersion answered %s", ErrDriverFailed, resultName(table, code))
	}
	info.CUDAVersion = int(version)
	if info.CUDAVersion < oldestCUDA {
		return nil, fmt.Errorf("%w: it speaks CUDA %d.%d, and CUDA %d.%d (driver 525) or newer is needed", ErrDriverTooOld,
			info.CUDAVersion/1000, info.CUDAVersion%1000/10, oldestCUDA/1000, oldestCUDA%1000/10)
	}
	switch code := init(0); code {
	case C.CUDA_SUCCESS:
		return table, nil
	case C.CUDA_ERROR_NO_DEVICE:
		return nil, fmt.Errorf("%w: the driver is there but shows no device (is CUDA_VISIBLE_DEVICES set to none?)", ErrNoGPU)
	default:
		return nil, fmt.Errorf("%w: cuInit answered %s", ErrDriverFailed, resultName(table, code))
	}
}

// visibleGPU is a GPU of a driver that has not been chosen yet.
type visibleGPU struct {
	driver     map[string]uintptr
	device     C.CUdevice
	capability int // 70 for 7.0
}

// oldestGPU returns the visible GPU of the lowest compute capability that the kernels run on; nil if the driver does
// not say. A cuBLAS that serves it serves the others, too.
func oldestGPU(driver map[string]uintptr) *visibleGPU {
	getCount := bind[func(count *C.int) C.CUresult](driver, "cuDeviceGetCount")
	get := bind[func(device *C.CUdevice, ordinal C.int) C.CUresult](driver, "cuDeviceGet")
	attribute := bind[func(value *C.int, attribute C.CUdevice_attribute, device C.CUdevice) C.CUresult](driver, "cuDeviceGetAttribute")
	var count C.int
	if getCount == nil || get == nil || attribute == nil || getCount(&count) != C.CUDA_SUCCESS {
		return nil
	}
	var oldest *visibleGPU
	for i := range count {
		var major, minor C.int
		var device C.CUdevice
		if get(&device, i) != C.CUDA_SUCCESS ||
			attribute(&major, C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device) != C.CUDA_SUCCESS ||
			attribute(&minor, C.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device) != C.CUDA_SUCCESS {
			return nil
		}
		capability := int(10*major + minor)
		if capability >= oldestCapability && (oldest == nil || capability < oldest.capability) {
			oldest = &visibleGPU{driver, device, capability}
		}
	}
	return oldest
}

// resultName returns the driver's own name of a result, such as CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, with its number.
func resultName(table map[string]uintptr, code C.CUresult) string {
	var name *C.char
	getName := bind[func(code C.CUresult, name **C.char) C.CUresult](table, "cuGetErrorName")
	if getName == nil || getName(code, &name) != C.CUDA_SUCCESS || name == nil {
		return fmt.Sprintf("error %d", int(code))
	}
	return fmt.Sprintf("%s (%d)", C.GoString(name), int(code))
}

// driverRelease returns the version of the kernel module, which is the driver's; "" if there is no module, as in WSL.
func driverRelease() string {
	text, err := os.ReadFile("/sys/module/nvidia/version")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// open loads a library, with all symbols bound at once and kept out of the global scope. If that fails, library is 0
// and reason has the loader's words.
func open(name string) (library uintptr, reason string) {
	runtime.LockOSThread() // the loader keeps its words by thread
	defer runtime.UnlockOSThread()
	library, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return 0, err.Error()
	}
	return library, ""
}

// notFound reports whether the loader's words mean that the library itself is missing. Otherwise it is there and cannot
// be loaded, for instance because another library that it needs is missing.
func notFound(reason, name string) bool {
	return strings.HasPrefix(reason, name+": cannot open shared object file: No such file or directory") || // glibc
		strings.HasPrefix(reason, "Error loading shared library "+name+": No such file or directory") // musl
}

// path returns the file that a library came from; "" if the loader does not report it.
func path(library uintptr) string { return C.GoString(C.mdfa_path(C.uintptr_t(library))) }

// find looks up every routed symbol that belongs to the library.
func find(library uintptr, belongs func(symbol string) bool) map[string]uintptr {
	table := map[string]uintptr{}
	for _, name := range names {
		if !belongs(name) {
			continue
		}
		if address, err := purego.Dlsym(library, name); err == nil {
			table[name] = address
		}
	}
	return table
}
