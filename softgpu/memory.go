package softgpu

import (
	"errors"
	"slices"
	"sort"
	"unsafe"

	"mdfa/softgpu/vm"
)

// pinnedAt finds the pinned memory that holds n bytes from an address on, or nil.
func (m *Machine) pinnedAt(addr, n uintptr) *pinned {
	i := sort.Search(len(m.pinned), func(i int) bool { return m.pinned[i].start > addr })
	if i == 0 {
		return nil
	}
	p := &m.pinned[i-1]
	if off := addr - p.start; off > p.size || n > p.size-off {
		return nil
	}
	return p
}

// bytes is the n bytes from an address within the pinned memory on.
func (p *pinned) bytes(addr, n uintptr) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(p.memory, addr-p.start)), n)
}

// MemAlloc is cuMemAlloc: n bytes, not initialised.
func (m *Machine) MemAlloc(t Thread, n uint64) (addr uint64, r Result) {
	r = m.call(t, "cuMemAlloc", func(ctx *context) Result {
		addr, r = m.allocate(t, ctx, "cuMemAlloc", n)
		return r
	})
	return addr, r
}

// allocate takes n bytes of device memory.
func (m *Machine) allocate(t Thread, ctx *context, call string, n uint64) (uint64, Result) {
	if n == 0 {
		return 0, m.refuse(ErrorInvalidValue, "%s: 0 bytes", call)
	}
	if r := m.claim(t, ctx, call); r != Success {
		return 0, r
	}
	addr, err := ctx.device.memory.Alloc(n, call)
	if err != nil {
		return 0, m.refuse(ErrorOutOfMemory, "%s: %w", call, err)
	}
	m.ledger.Allocs++
	ctx.device.owners[addr] = ctx
	return addr, Success
}

// MemFree is cuMemFree. It does not wait: work in a queue that still uses the memory
// is reported when it runs.
func (m *Machine) MemFree(t Thread, addr uint64) Result {
	return m.call(t, "cuMemFree", func(ctx *context) Result {
		if addr == 0 {
			return Success
		}
		if r := m.forbidden(t, ctx, "cuMemFree"); r != Success {
			return r
		}
		if ctx.device.owners[addr] == nil {
			return m.refuse(ErrorInvalidValue, "cuMemFree of %#x, which cuMemAlloc did not give or which was freed before", addr)
		}
		return m.free(ctx, "cuMemFree", addr)
	})
}

// free frees memory of the context.
func (m *Machine) free(ctx *context, call string, addr uint64) Result {
	if err := ctx.device.memory.Free(addr); err != nil {
		return m.refuse(ErrorInvalidValue, "%s: %w", call, err)
	}
	delete(ctx.device.owners, addr)
	m.ledger.Frees++
	return Success
}

// MemGetAddressRange is cuMemGetAddressRange: the allocation that holds an address.
func (m *Machine) MemGetAddressRange(t Thread, addr uint64) (base, size uint64, r Result) {
	r = m.call(t, "cuMemGetAddressRange", func(ctx *context) Result {
		a, ok := ctx.device.memory.Find(addr)
		if !ok {
			return m.refuse(ErrorNotFound, "cuMemGetAddressRange: no memory at %#x", addr)
		}
		base, size = a.Address, a.Size
		return Success
	})
	return base, size, r
}

// MemGetInfo is cuMemGetInfo, in bytes.
func (m *Machine) MemGetInfo(t Thread) (free, total uint64, r Result) {
	r = m.call(t, "cuMemGetInfo", func(ctx *context) Result {
		total = ctx.device.memory.Limit()
		free = total - ctx.device.memory.Used()
		return Success
	})
	return free, total, r
}

// HostAlloc registers n bytes that were allocated for cuMemHostAlloc as pinned.
func (m *Machine) HostAlloc(t Thread, p unsafe.Pointer, n uint64) Result {
	return m.call(t, "cuMemHostAlloc", func(ctx *context) Result {
		if n == 0 {
			return m.refuse(ErrorInvalidValue, "cuMemHostAlloc: 0 bytes")
		}
		if r := m.claim(t, ctx, "cuMemHostAlloc"); r != Success {
			return r
		}
		start := uintptr(p)
		i := sort.Search(len(m.pinned), func(i int) bool { return m.pinned[i].start > start })
		if i > 0 && m.pinned[i-1].start+m.pinned[i-1].size > start {
			return m.refuse(ErrorHostMemoryRegistered, "cuMemHostAlloc: the memory is pinned already")
		}
		m.pinned = slices.Insert(m.pinned, i, pinned{start, uintptr(n), p, ctx})
		m.ledger.HostAllocs++
		return Success
	})
}

// HostFree takes pinned memory out of the register, when it is safe to free it: the
// work that waits in the context's streams runs before.
func (m *Machine) HostFree(_ Thread, p unsafe.Pointer) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.pinned, func(r pinned) bool { return r.memory == p })
	if i < 0 {
		return m.refuse(ErrorInvalidValue, "cuMemFreeHost of memory that cuMemHostAlloc did not give or that was freed before")
	}
	m.drain(m.pinned[i].ctx)
	m.pinned = slices.Delete(m.pinned, i, i+1)
	return Success
}

// Pool tells the machine that a program hands out parts of an allocation by itself:
// only parts that Carve has handed out may be accessed.
func (m *Machine) Pool(addr, _ uint64) {
	m.annotate(func(mem *vm.Memory) error { return mem.Pool(addr) })
}

// Carve tells that a program has handed out a part of a pool.
func (m *Machine) Carve(addr, size uint64, tag string) {
	m.annotate(func(mem *vm.Memory) error { return mem.Carve(addr, size, tag) })
}

// Release tells that a program has taken a part of a pool back.
func (m *Machine) Release(addr uint64) {
	m.annotate(func(mem *vm.Memory) error { return mem.Release(addr) })
}

// annotate tries the memory of each device. No two have an address in common, so that the right one accepts.
func (m *Machine) annotate(f func(mem *vm.Memory) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first error
	for _, d := range m.devices {
		err := f(d.memory)
		if err == nil {
			return
		}
		first = errors.Join(first, err)
	}
	m.reason = first
}

// Leaks lists device memory that is still allocated, or was when its context ended.
func (m *Machine) Leaks() []vm.Allocation {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.leaked)
	for _, d := range m.devices {
		list = append(list, d.memory.Leaks()...)
	}
	return list
}

// PinnedLeaks is the number of pinned allocations that were never freed.
func (m *Machine) PinnedLeaks() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pinned)
}

// Handles is the number of objects that were made and not destroyed: contexts, modules and
// their functions, streams, events, graphs, cuBLAS handles and NCCL communicators.
func (m *Machine) Handles() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.objects) - len(m.ended)
}
