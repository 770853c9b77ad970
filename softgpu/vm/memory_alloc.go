package vm

import (
	"cmp"
	"fmt"
	"slices"
)

// Alloc reserves size bytes, uninitialised, at an address aligned to 512. The
// tag names the allocation in reports and in Leaks.
func (m *Memory) Alloc(size uint64, tag string) (uint64, error) {
	a, err := m.alloc(size, tag)
	if err != nil {
		return 0, err
	}
	return a.base, nil
}

func (m *Memory) alloc(size uint64, tag string) (*alloc, error) {
	if size == 0 {
		return nil, fmt.Errorf("softgpu: alloc %s: 0 bytes asked for, at least 1 expected", tag)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if size > m.limit-m.used {
		return nil, fmt.Errorf("%w: %s needs %d bytes, %d of %d are free", ErrOutOfMemory, tag, size, m.limit-m.used, m.limit)
	}
	m.ids++
	a := &alloc{base: m.next, size: size, id: m.ids, tag: tag, data: make([]byte, size)}
	a.shadow.init(size)
	a.races.init(size)
	m.next = (m.next + size + guardGap + allocAlign - 1) &^ uint64(allocAlign-1)
	m.used += size
	old := *m.live.Load()
	list := append(old[:len(old):len(old)], a) // bases only grow, so the list stays sorted
	m.live.Store(&list)
	return a, nil
}

// Free releases the allocation or the pool that starts at addr, a pool with all
// of its pieces. A piece alone is given back with Release.
func (m *Memory) Free(addr uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := indexOf(m.pools, addr); ok {
		m.freePool(i)
		return nil
	}
	list := *m.live.Load()
	i, ok := indexOf(list, addr)
	if !ok || m.poolOf(addr) != nil {
		return fmt.Errorf("%w: free of %#x (%s)", ErrBadPointer, addr, m.describe(addr))
	}
	a := list[i]
	m.remove(i)
	m.used -= a.size
	m.bury(a.describe(), a.base, a.size)
	return nil
}

// Leaks lists the memory that is still allocated and belongs to no module, in the order of
// their addresses: allocations, pools, and the pieces carved from them.
func (m *Memory) Leaks() []Allocation {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Allocation
	for _, a := range slices.Concat(m.pools, *m.live.Load()) {
		if !a.owned {
			out = append(out, a.describe())
		}
	}
	slices.SortStableFunc(out, func(a, b Allocation) int { return cmp.Compare(a.Address, b.Address) })
	return out
}

// lookup finds the allocation for an access of n bytes, or returns the mistake in the
// access.
func (m *Memory) lookup(addr, n uint64) (*alloc, *Fault) {
	a := m.find(addr)
	if a != nil && n <= a.size-(addr-a.base) {
		return a, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &Fault{Kind: OutOfBounds, Address: addr, Size: int(n), Space: "global", Allocation: m.describe(addr)}
	if a == nil && m.ghostAt(addr) != nil {
		f.Kind = UseAfterFree
	}
	return nil, f
}
