//go:build cuda

package cuext

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu"
	"mdfa/gpu/cuda/driver"
	"mdfa/softgpu"
	"mdfa/softgpu/capi"
)

func TestErrorsHaveTheirNamesInC(t *testing.T) {
	require.NoError(t, capi.Install(softgpu.New(softgpu.DefaultOptions())))
	for _, c := range []struct {
		err  error
		want string
		is   error // nil: no sentinel
	}{
		{cu.IllegalAddress, "call: CUDA_ERROR_ILLEGAL_ADDRESS", gpu.ErrDeviceLost},
		{cu.OutOfMemory, "call: CUDA_ERROR_OUT_OF_MEMORY", gpu.ErrOutOfMemory},
		{cu.InvalidValue, "call: CUDA_ERROR_INVALID_VALUE", nil},
		{Result(900), "call: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", nil},
		{Result(719), "call: CUDA_ERROR_LAUNCH_FAILED", gpu.ErrDeviceLost},
		{Result(12345), "call: CUDA error 12345", nil},
		{cublas.ExecFailed, "call: CUBLAS_STATUS_EXECUTION_FAILED", gpu.ErrDeviceLost},
		{cublas.AllocFailed, "call: CUBLAS_STATUS_ALLOC_FAILED", gpu.ErrOutOfMemory},
		{errors.New("of another kind"), "call: of another kind", nil},
	} {
		err := Describe("call", c.err)
		assert.EqualError(t, err, c.want)
		for _, sentinel := range []error{gpu.ErrDeviceLost, gpu.ErrOutOfMemory} {
			if sentinel == c.is {
				assert.ErrorIs(t, err, sentinel, c.want)
			} else if c.err != cublas.AllocFailed { // which is both
				assert.NotErrorIs(t, err, sentinel, c.want)
			}
		}
	}
}

func TestWhatTheDriverLacksIsNamed(t *testing.T) {
	require.NoError(t, capi.Install(softgpu.New(softgpu.DefaultOptions())))
	_, err := cu.MemAllocManaged(1, cu.AttachGlobal)
	require.Error(t, err)
	require.Equal(t, "cuMemAllocManaged", driver.LastMissing())
	assert.EqualError(t, Describe("call", err), "call: CUDA_ERROR_NOT_SUPPORTED: the driver has no cuMemAllocManaged")
	assert.EqualError(t, Describe("call", cublas.Unsupported), "call: CUBLAS_STATUS_NOT_SUPPORTED: the driver has no cuMemAllocManaged")
}

func TestPanicOnTheExecutorIsAnError(t *testing.T) {
	e := NewExecutor()
	defer e.Stop()
	assert.EqualError(t, e.Do(func() error { panic("blas: illegal transpose") }), "internal error: blas: illegal transpose")
	assert.NoError(t, e.Do(func() error { return nil }), "the executor still works")
}
