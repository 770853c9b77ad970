//go:build cuda

package cuda

import (
	"errors"
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// buffer is a block of the arena.
type buffer struct {
	device *Device
	dtype  gpu.DType
	n      int
	addr   uint64
	freed  bool
	feed   bool // it is a feed's, which frees it
}

func (b *buffer) DType() gpu.DType { return b.dtype }
func (b *buffer) Len() int         { return b.n }
func (b *buffer) bytes() int       { return b.n * b.dtype.Size() }

// Free gives the memory back to the arena. It does not wait for operations that use it:
// whoever gets the memory next comes later in the same stream.
func (b *buffer) Free() error {
	if b.freed {
		return fmt.Errorf("gpu: free: the buffer was freed before: %w", gpu.ErrBuffer)
	}
	if b.feed {
		return fmt.Errorf("gpu: free: the buffer belongs to a feed, which frees it: %w", gpu.ErrBuffer)
	}
	return b.free()
}

func (b *buffer) free() error {
	d := b.device
	b.freed = true
	delete(d.buffers, b)
	if d.lost != nil {
		return nil // there is nothing left to give back to
	}
	return d.exec.do(func() error { return d.fail("free", d.release(b.addr)) })
}

// maxBytes is more than any device has and leaves room for arithmetic.
const maxBytes = 1 << 46

// Alloc returns zeroed memory, or ErrOutOfMemory.
func (d *Device) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	if err := d.ready("alloc"); err != nil {
		return nil, err
	}
	if t > gpu.Float64 || n < 0 {
		return nil, fmt.Errorf("gpu: alloc %d elements of %s: %w", n, t, gpu.ErrShape)
	}
	b := &buffer{device: d, dtype: t, n: n}
	err := d.exec.do(func() error {
		if n > maxBytes/t.Size() {
			return d.outOfMemory(n, t)
		}
		// An empty buffer gets an address of its own, since 0 means none to a kernel.
		addr, err := d.reserve(max(b.bytes(), 1), fmt.Sprintf("%s[%d]", t, n))
		if errors.Is(err, gpu.ErrOutOfMemory) {
			return d.outOfMemory(n, t)
		}
		if err != nil {
			return d.fail("alloc", err)
		}
		b.addr = addr
		d.queue.zero(kernels.DevicePtr(addr), b.bytes())
		if err := d.queue.take(); err != nil {
			_ = d.release(addr) // what went wrong first says more
			return d.fail("alloc", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.buffers[b] = struct{}{}
	return b, nil
}

// outOfMemory says how much was asked for and how much there is.
func (d *Device) outOfMemory(n int, t gpu.DType) error {
	free, _ := d.memory()
	return fmt.Errorf("gpu: alloc %d elements of %s, %.1f MiB, %.1f MiB are free: %w",
		n, t, float64(n)*float64(t.Size())/(1<<20), float64(free)/(1<<20), gpu.ErrOutOfMemory)
}

// reserve takes memory from the arena. On the executor, like release.
func (d *Device) reserve(n int, tag string) (uint64, error) {
	addr, err := d.arena.take(uint64(n))
	if err == nil && d.options.Checker != nil {
		d.options.Checker.Carve(addr, uint64(n), tag)
	}
	return addr, err
}

// release gives memory back to the arena. A Checker forbids the memory at once, while
// operations on it may still be waiting in the stream: they go first then.
func (d *Device) release(addr uint64) error {
	var err error
	if d.options.Checker != nil {
		err = d.failure("cuStreamSynchronize", d.queue.stream.Synchronize())
		d.options.Checker.Release(addr)
	}
	d.arena.give(addr)
	return err
}

// owns refuses buffers of other devices and freed ones. Optional arguments that were
// left out pass: the shape check has seen to those that are needed.
func (d *Device) owns(op string, s gpu.Span) error {
	if s.IsNone() {
		return nil
	}
	b, ok := s.Buf.(*buffer)
	switch {
	case !ok || b == nil || b.device != d:
		return fmt.Errorf("gpu: %s: the buffer belongs to another device: %w", op, gpu.ErrBuffer)
	case b.freed:
		return fmt.Errorf("gpu: %s: the buffer was freed: %w", op, gpu.ErrBuffer)
	}
	return nil
}

// address is where a checked span begins on the device; 0 for none.
func address(s gpu.Span) kernels.DevicePtr {
	if s.IsNone() {
		return 0
	}
	b := s.Buf.(*buffer)
	return kernels.DevicePtr(b.addr + uint64(s.Off*b.dtype.Size()))
}
