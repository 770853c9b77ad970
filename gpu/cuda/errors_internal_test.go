//go:build cuda

package cuda

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu"
	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/internal/state"
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
		{answer(900), "call: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", nil},
		{answer(719), "call: CUDA_ERROR_LAUNCH_FAILED", gpu.ErrDeviceLost},
		{answer(12345), "call: CUDA error 12345", nil},
		{cublas.ExecFailed, "call: CUBLAS_STATUS_EXECUTION_FAILED", gpu.ErrDeviceLost},
		{cublas.AllocFailed, "call: CUBLAS_STATUS_ALLOC_FAILED", gpu.ErrOutOfMemory},
		{errors.New("of another kind"), "call: of another kind", nil},
	} {
		err := describe("call", c.err)
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
	assert.EqualError(t, describe("call", err), "call: CUDA_ERROR_NOT_SUPPORTED: the driver has no cuMemAllocManaged")
	assert.EqualError(t, describe("call", cublas.Unsupported), "call: CUBLAS_STATUS_NOT_SUPPORTED: the driver has no cuMemAllocManaged")
}

func TestReasonOfACheckerIsKept(t *testing.T) {
	reason := errors.New("emu: the reason")
	d := &Device{state: state.New[*buffer, *program](), options: Options{Checker: explainer{reason}}}
	err := d.fail("dense", d.failure("bias_tanh", cu.IllegalAddress))
	assert.ErrorIs(t, err, reason)
	assert.ErrorIs(t, err, gpu.ErrDeviceLost)
	assert.ErrorContains(t, err, "gpu: dense: bias_tanh: ")
	assert.ErrorContains(t, err, ": emu: the reason")
	assert.Equal(t, err, d.state.Lost)
	assert.NoError(t, d.failure("bias_tanh", nil))
}

// explainer is a Checker with one answer.
type explainer struct{ reason error }

func (explainer) Pool(uint64, uint64)          {}
func (explainer) Carve(uint64, uint64, string) {}
func (explainer) Release(uint64)               {}
func (e explainer) Explain() error             { return e.reason }
func (explainer) Traffic() map[string]Traffic  { return nil }

func TestPanicOnTheExecutorIsAnError(t *testing.T) {
	e := newExecutor()
	defer e.stop()
	assert.EqualError(t, e.do(func() error { panic("blas: illegal transpose") }), "gpu: internal error: blas: illegal transpose")
	assert.NoError(t, e.do(func() error { return nil }), "it goes on")
}
