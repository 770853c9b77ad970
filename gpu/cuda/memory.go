//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu"
	"mdfa/gpu/cuda/internal/arena"
)

// memory hands out device memory, and tells a Checker about it. All methods run on the
// executor.
type memory struct {
	caller
	stream cu.Stream // of the operations that use the memory
	arena  *arena.Arena
}

func newMemory(c caller, stream cu.Stream, chunk uint64) *memory {
	m := &memory{caller: c, stream: stream}
	m.arena = arena.New(m, chunk)
	return m
}

// reserve takes memory from the arena.
func (m *memory) reserve(n int, tag string) (uint64, error) {
	addr, err := m.arena.Take(uint64(n))
	if err == nil && m.checker != nil {
		m.checker.AllowRange(addr, uint64(n), tag)
	}
	return addr, err
}

// reserveAtMost takes the size or, where the device has less memory, a half, a quarter and so on, but not less than
// least.
func (m *memory) reserveAtMost(size, least int, tag string) (addr uint64, got int, err error) {
	for {
		addr, err = m.reserve(size, tag)
		if !errors.Is(err, gpu.ErrOutOfMemory) || size/2 < least {
			return addr, size, err
		}
		size /= 2
	}
}

// release gives memory back to the arena. A Checker forbids the memory at once: before, the
// operations in the stream that use it must be done.
func (m *memory) release(addr uint64) error {
	var err error
	if m.checker != nil {
		err = m.wait(m.stream)
		m.checker.Release(addr)
	}
	m.arena.Give(addr)
	return err
}

// available returns how many bytes can be allocated, and how many there are; zeros if unknown.
func (m *memory) available() (free, total int64) {
	free, total, err := cu.MemInfo()
	if err != nil {
		return 0, 0
	}
	return free + int64(m.arena.Unused()), total
}

// Alloc implements arena.Source.
func (m *memory) Alloc(n uint64) (uint64, error) {
	addr, err := cu.MemAlloc(int64(n))
	if err != nil {
		return 0, m.failure("cuMemAlloc", err)
	}
	if m.checker != nil {
		m.checker.Pool(uint64(addr), n)
	}
	return uint64(addr), nil
}

// Free implements arena.Source. Operations in the stream that use the memory must be done before.
func (m *memory) Free(addr uint64) error {
	waited := m.wait(m.stream)
	return cmp.Or(waited, m.failure("cuMemFree", cu.MemFree(cu.DevicePtr(addr))))
}

// workspace is memory for intermediate results of operations: patches, sums of chunks. The
// operations of one stream can share it, as each is done with it before the next begins. A
// program's graph holds addresses in it. A program therefore keeps the workspace that it was
// recorded with, while the device may have moved to a larger one.
type workspace struct {
	addr  uint64
	bytes int
	users int // programs, and the device while it is the device's own
}

// newWorkspace returns a workspace with one user.
func (m *memory) newWorkspace(n int) (*workspace, error) {
	n = int(arena.RoundUp(uint64(n), mib))
	addr, err := m.reserve(n, "workspace")
	if err != nil {
		return nil, fmt.Errorf("a workspace of %d MiB: %w", n/mib, err)
	}
	return &workspace{addr: addr, bytes: n, users: 1}, nil
}

// leave takes one user off a workspace and frees it after the last.
func (m *memory) leave(w *workspace) error {
	if w == nil {
		return nil
	}
	if w.users--; w.users > 0 {
		return nil
	}
	return m.release(w.addr)
}

const mib = 1 << 20
