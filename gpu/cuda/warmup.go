//go:build cuda

package cuda

import (
	"cmp"
	"slices"

	"mdfa/gpu/cuda/kernels"
)

// warmUp runs the step's products once in the streams that will capture them, on zeros. cuBLAS
// loads a kernel when it first needs it, and before CUDA 12.3 nothing can be loaded while a
// stream is captured. The device's own kernels are loaded already, by cuModuleGetFunction
// (CUDA C++ Programming Guide, "Lazy Loading"). It runs on the executor.
func (c *context) warmUp(s *step, streams []blasStream) error {
	cold := s.coldProducts(streams)
	size := 0
	for _, p := range slices.Concat(cold...) {
		size = max(size, p.scratchBytes())
	}
	if size == 0 {
		return nil
	}
	// The scratch memory may be that of a buffer that was freed while work on it waits.
	if err := c.drain(); err != nil {
		return err
	}
	at, size, err := c.memory.reserveAtMost(size, product{}.scratchBytes(), "products' warm-up")
	if err != nil {
		return err
	}
	first := c.queue.blasStream
	for i, list := range cold {
		if len(list) > 0 && err == nil {
			c.queue.blasStream = streams[i]
			err = c.runProducts(list, kernels.DevicePtr(at), size)
		}
	}
	c.queue.blasStream = first
	return cmp.Or(err, c.memory.release(at))
}

// runProducts runs products in the current stream and waits for them. Where the scratch memory
// is short it runs smaller ones of the same kinds.
func (c *context) runProducts(list []product, scratch kernels.DevicePtr, size int) error {
	c.queue.zero(scratch, size)
	for _, p := range list {
		for p.scratchBytes() > size {
			p = p.halved()
		}
		c.queue.gemm(p.in(scratch))
	}
	err := cmp.Or(c.queue.take(), c.wait(c.queue.stream))
	if err == nil {
		for _, p := range list {
			c.queue.warm[p] = struct{}{}
		}
	}
	return err
}

// coldProducts lists for each stream the kinds of products that it has not run yet.
func (s *step) coldProducts(streams []blasStream) [][]product {
	cold := make([][]product, len(streams))
	for _, l := range s.launches {
		if l.kernel != "sgemm" {
			continue
		}
		i, kind := s.schedule.Stream[l.operation], l.product.kind()
		if _, warm := streams[i].warm[kind]; !warm && !slices.Contains(cold[i], kind) {
			cold[i] = append(cold[i], kind)
		}
	}
	return cold
}
