//go:build cuda

package cuext

import (
	"errors"
	"slices"

	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu"
	"mdfa/gpu/cuda/driver"
)

// CallError is a failed call of CUDA: "bias_tanh: CUDA_ERROR_ILLEGAL_ADDRESS: …".
type CallError struct {
	Reason    error   // the finding of a software GPU, or nil
	call      string  // the kernel, or the call of the driver
	answer    string  // CUDA's name of the error
	hint      string  // another known fact, or ""
	sentinels []error // of gpu.ErrDeviceLost and gpu.ErrOutOfMemory
}

func (e *CallError) Error() string {
	text := e.call + ": " + e.answer
	if e.hint != "" {
		text += ": " + e.hint
	}
	if e.Reason != nil {
		text += ": " + e.Reason.Error()
	}
	return text
}

// Unwrap makes the sentinels and the reason visible to errors.Is.
func (e *CallError) Unwrap() []error {
	if e.Reason == nil {
		return e.sentinels
	}
	return append(slices.Clone(e.sentinels), e.Reason)
}

// Describe names the error of a call. It must be called on the executor, right after the call.
func Describe(call string, err error) *CallError {
	e := &CallError{call: call, answer: err.Error()}
	if code, known := ResultOf(err); known {
		e.answer = code.String()
		switch {
		case code == outOfMemory:
			e.sentinels = []error{gpu.ErrOutOfMemory}
		case code == notSupported:
			e.hint = missing()
		case fatal[code]:
			e.sentinels = []error{gpu.ErrDeviceLost}
		}
		return e
	}
	var status cublas.Status
	if !errors.As(causeOf(err), &status) {
		return e
	}
	// cublas.Standard keeps its first error, and multiplies nothing any more.
	e.sentinels = []error{gpu.ErrDeviceLost}
	if name, ok := statusNames[status]; ok {
		e.answer = name
	}
	switch status {
	case cublas.AllocFailed:
		e.sentinels = append(e.sentinels, gpu.ErrOutOfMemory)
	case cublas.Unsupported:
		e.hint = missing()
	}
	return e
}

// causeOf removes the wrapping of github.com/pkg/errors, in which gorgonia.org/cu/blas
// puts one of its errors.
func causeOf(err error) error {
	for {
		wrapped, ok := err.(interface{ Cause() error })
		if !ok {
			return err
		}
		err = wrapped.Cause()
	}
}

// missing names the function that the driver or cuBLAS lacks, if that is the cause.
func missing() string {
	if symbol := driver.LastMissing(); symbol != "" {
		return "the driver has no " + symbol
	}
	return ""
}
