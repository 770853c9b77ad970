//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"slices"

	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu"
	"mdfa/gpu/cuda/driver"
)

// callError is a call of CUDA that failed: "bias_tanh: CUDA_ERROR_ILLEGAL_ADDRESS: …".
type callError struct {
	call      string  // the kernel, or the call of the driver
	answer    string  // CUDA's name of the error
	hint      string  // what else is known about it, or ""
	reason    error   // what a Checker found, or nil
	sentinels []error // of gpu.ErrDeviceLost and gpu.ErrOutOfMemory
}

func (e *callError) Error() string {
	text := e.call + ": " + e.answer
	if e.hint != "" {
		text += ": " + e.hint
	}
	if e.reason != nil {
		text += ": " + e.reason.Error()
	}
	return text
}

// Unwrap makes the sentinels and the reason visible to errors.Is.
func (e *callError) Unwrap() []error {
	if e.reason == nil {
		return e.sentinels
	}
	return append(slices.Clone(e.sentinels), e.reason)
}

// failure makes a callError of what a call answered; nil stays nil. It runs on the
// executor, right after the call.
func (d *Device) failure(call string, err error) error {
	if err == nil {
		return nil
	}
	e := describe(call, err)
	if d.options.Checker != nil {
		e.reason = d.options.Checker.Explain()
	}
	return e
}

// describe names what a call answered.
func describe(call string, err error) *callError {
	e := &callError{call: call, answer: err.Error()}
	var a answer
	var status cublas.Status
	code, known := resultOf(err)
	switch {
	case errors.As(err, &a):
		code, known = result(a), true
	case errors.As(causeOf(err), &status):
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
	}
	if !known {
		return e
	}
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

// causeOf takes off the wrapping of github.com/pkg/errors, in which gorgonia.org/cu/blas
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

// missing names the function that the driver or cuBLAS lacks, if that is what happened.
func missing() string {
	if symbol := driver.LastMissing(); symbol != "" {
		return "the driver has no " + symbol
	}
	return ""
}

// operation puts the name of the operation before an error of a call.
func operation(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("gpu: %s: %w", op, err)
}

// fail notes an error of an operation, and that the device is lost if it is. It returns
// the error with the operation's name.
func (d *Device) fail(op string, err error) error {
	err = operation(op, err)
	if d.state.Lost == nil && errors.Is(err, gpu.ErrDeviceLost) {
		d.state.Lost = err
	}
	return err
}
