//go:build cuda

package cuda

import (
	"errors"
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu"
	"mdfa/gpu/cuda/internal/cuext"
	"mdfa/gpu/internal/state"
)

// caller turns the errors of calls into the package's errors.
type caller struct {
	checker Checker // nil on hardware
	lost    *error  // holds the first error after which nothing works
	ranks   *ranks  // nil without other ranks
}

// failure returns an error that names the call and CUDA's answer, or nil for nil. It must be
// called on the executor, right after the call.
func (c caller) failure(call string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*cuext.CallError](err); ok {
		return err
	}
	if _, ok := errors.AsType[state.LostRank](err); ok {
		return err
	}
	e := cuext.Describe(call, err)
	if c.checker != nil {
		e.Reason = c.checker.Explain()
	}
	return e
}

// wait waits for a stream.
func (c caller) wait(s cu.Stream) error { return c.failure("cuStreamSynchronize", c.finish(s)) }

// fail puts the name of the operation before an error, and notes whether the device is lost.
func (c caller) fail(operation string, err error) error {
	err = named(operation, err)
	if *c.lost == nil && errors.Is(err, gpu.ErrDeviceLost) {
		*c.lost = err
	}
	return err
}

// named puts the name of an operation before an error.
func named(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}
