//go:build cuda

package cuda

import (
	"errors"
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
	"mdfa/gpu/internal/state"
)

// buffer is a block of the arena.
type buffer struct {
	state.Buffer
	device *Device
	addr   uint64
}

// Free gives the memory back to the arena. It does not wait for operations that use it:
// whoever gets the memory next comes later in the same stream.
func (b *buffer) Free() error {
	if err := b.CheckFree(); err != nil {
		return err
	}
	return b.free()
}

func (b *buffer) free() error {
	d := b.device
	b.Remove()
	if d.state.Lost != nil {
		return nil // there is nothing left to give back to
	}
	return d.exec.do(func() error { return d.fail("free", d.release(b.addr)) })
}

// Alloc returns zeroed memory, or ErrOutOfMemory.
func (d *Device) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	if err := d.state.CheckAlloc(t, n); err != nil {
		return nil, err
	}
	b := &buffer{device: d}
	err := d.exec.do(func() error {
		if n > state.MaxBytes/t.Size() {
			return d.outOfMemory(n, t)
		}
		// An empty buffer gets an address of its own, since 0 means none to a kernel.
		bytes := n * t.Size()
		addr, err := d.reserve(max(bytes, 1), fmt.Sprintf("%s[%d]", t, n))
		if errors.Is(err, gpu.ErrOutOfMemory) {
			return d.outOfMemory(n, t)
		}
		if err != nil {
			return d.fail("alloc", err)
		}
		b.addr = addr
		d.queue.zero(kernels.DevicePtr(addr), bytes)
		if err := d.queue.take(); err != nil {
			_ = d.release(addr) // what went wrong first says more
			return d.fail("alloc", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.state.Add(b, t, n)
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

// address is where a checked span begins on the device; 0 for none.
func address(s gpu.Span) kernels.DevicePtr {
	if s.IsNone() {
		return 0
	}
	b := s.Buf.(*buffer)
	return kernels.DevicePtr(b.addr + uint64(s.Off*b.DType().Size()))
}
