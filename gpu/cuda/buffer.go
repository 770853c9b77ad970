//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
	"mdfa/gpu/internal/state"
)

// buffer is a block of the arena.
type buffer struct {
	state.Buffer
	addr    uint64
	release func() error // gives the block back to the arena
}

// Free gives the memory back. It does not wait for operations that use it: an operation of
// the next owner comes later in the same stream.
func (b *buffer) Free() error {
	if err := b.CheckFree(); err != nil {
		return err
	}
	b.Remove()
	return b.release()
}

// address returns the device address of a checked span, or 0 for the zero Span.
func address(s gpu.Span) kernels.DevicePtr {
	if s.IsNone() {
		return 0
	}
	b := s.Buf.(*buffer)
	return kernels.DevicePtr(b.addr + uint64(s.Off*b.DType().Size()))
}

func bytesOf(s gpu.Span) int { return s.Len * s.Buf.DType().Size() }
