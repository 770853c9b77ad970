//go:build cuda && linux && (amd64 || arm64)

package driver_test

import (
	"maps"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// fakes holds the arguments of the last calls of the Go functions that stand in for a few of CUDA's.
var fakes struct {
	inits     int
	launch    []uint64 // the first parameter, grid, block and shared memory of cuLaunchKernel
	low, high float32  // of cuTexRefSetMipmapLevelClamp
}

const (
	fakeDevices = 7
	fakeHandle  = 0x1230 // of cuBLAS
)

// fakeTable returns the addresses of the fakes by the symbol that each stands in for.
func fakeTable() map[string]uintptr { return maps.Clone(fakeAddresses()) }

var fakeAddresses = sync.OnceValue(func() map[string]uintptr {
	return map[string]uintptr{
		"cuInit": purego.NewCallback(func(flags uint32) int32 {
			fakes.inits++
			return answer(flags == 0)
		}),
		"cuDeviceGetCount": purego.NewCallback(func(count *int32) int32 {
			*count = fakeDevices
			return cudaSuccess
		}),
		"cuLaunchKernel": purego.NewCallback(func(function uintptr, gridX, gridY, gridZ, blockX, blockY, blockZ, shared uint32,
			stream uintptr, params **uint64, extra unsafe.Pointer) int32 {
			fakes.launch = []uint64{**params}
			for _, n := range []uint32{gridX, gridY, gridZ, blockX, blockY, blockZ, shared} {
				fakes.launch = append(fakes.launch, uint64(n))
			}
			return answer(function == 0 && stream == 0 && extra == nil)
		}),
		"cuTexRefSetMipmapLevelClamp": purego.NewCallback(func(_ uintptr, low, high float32) int32 {
			fakes.low, fakes.high = low, high
			return cudaSuccess
		}),
		"cublasCreate_v2": purego.NewCallback(func(handle *uintptr) int32 {
			*handle = fakeHandle
			return cudaSuccess
		}),
		"cublasSgemm_v2": purego.NewCallback(fakeSgemm),
	}
})

// fakeSgemm is a plain column-major product that takes no transposes.
func fakeSgemm(handle uintptr, transA, transB, m, n, k int32, alpha, a *float32, lda int32, b *float32, ldb int32, beta, c *float32, ldc int32) int32 {
	at := func(matrix *float32, row, ld, column int32) *float32 {
		return (*float32)(unsafe.Add(unsafe.Pointer(matrix), 4*(row+ld*column)))
	}
	for j := range n {
		for i := range m {
			sum := float32(0)
			for l := range k {
				sum += *at(a, i, lda, l) * *at(b, l, ldb, j)
			}
			*at(c, i, ldc, j) = *alpha*sum + *beta**at(c, i, ldc, j)
		}
	}
	return answer(handle == fakeHandle && transA == 0 && transB == 0)
}

// failingInit is a cuInit that answers CUDA_ERROR_NO_DEVICE.
var failingInit = sync.OnceValue(func() uintptr { return purego.NewCallback(func(uint32) int32 { return 100 }) })

// answer is success or CUDA_ERROR_INVALID_VALUE.
func answer(ok bool) int32 {
	if ok {
		return cudaSuccess
	}
	return 1
}
