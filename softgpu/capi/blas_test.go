//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	cublas "gorgonia.org/cu/blas"

	"gorgonia.org/cu"

	"mdfa/softgpu"
)

func TestProductsReachTheMatrices(t *testing.T) {
	start(t)
	var h uintptr
	require.Equal(t, success, call("cublasCreate_v2", &h))
	require.Equal(t, success, call("cublasSetStream_v2", h, handle(stream(t))))
	require.Equal(t, success, call("cublasSetWorkspace_v2", h, alloc(t, 1024), 1024))
	require.Equal(t, success, call("cublasSetMathMode", h, 3)) // CUBLAS_TF32_TENSOR_OP_MATH
	assert.Equal(t, int(softgpu.BlasInvalidValue), call("cublasSetMathMode", h, 77))
	assert.Equal(t, int(softgpu.BlasNotInitialized), call("cublasSetMathMode", 0x1230, 0))

	a := put(t, []float32{1, 2, 3, 4, 5, 6}) // [2, 3]
	b := put(t, []float32{1, 0, 0, 0, 1, 1}) // [3, 2]
	c := put(t, []float32{10, 20, 30, 40})   // [2, 2]
	sgemm := func(m int, alpha *float32) int {
		beta := float32(1)
		return call("cublasSgemm_v2", h, 0, 0, m, 2, 3, alpha, a, 2, b, 3, &beta, c, 2)
	}
	alpha := float32(2)
	require.Equal(t, success, sgemm(2, &alpha))
	require.NoError(t, cu.Synchronize())
	assert.Equal(t, []float32{12, 24, 46, 60}, get[float32](t, c, 4))
	assert.Equal(t, int(softgpu.BlasInvalidValue), sgemm(-1, &alpha))
	assert.Equal(t, int(softgpu.BlasInvalidValue), sgemm(2, nil))
	require.Equal(t, success, call("cublasDestroy_v2", h))
}

func TestGorgoniasBLASMultiplies(t *testing.T) {
	start(t)
	var impl cublas.Standard
	require.NoError(t, impl.Init())
	slice := func(p cu.DevicePtr, n int) []float32 { return unsafe.Slice(*(**float32)(unsafe.Pointer(&p)), n) }
	a, b, c := put(t, []float32{1, 2, 3, 4}), put(t, []float32{5, 6, 7, 8}), alloc(t, 16)
	impl.Sgemm(blas.Trans, blas.NoTrans, 2, 2, 2, 1, slice(a, 4), 2, slice(b, 4), 2, 0, slice(c, 4), 2)
	require.NoError(t, impl.Err())
	assert.Equal(t, []float32{17, 39, 23, 53}, get[float32](t, c, 4))
	require.NoError(t, impl.Close())
}
