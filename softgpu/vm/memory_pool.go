package vm

import (
	"fmt"
	"slices"
)

// A pool is an allocation that its owner gives out in pieces. The pool itself is
// no longer accessible; each piece is an allocation of its own whose bytes are the
// pool's, so that an access beside a piece, or through the address of one that was
// given back, is found although the driver would allow it.

// Pool turns the allocation that starts at addr into a pool: from now on
// its bytes may be accessed only after they are carved. Its contents are
// forgotten. Free of the same address frees the pool and its pieces.
func (m *Memory) Pool(addr uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := *m.live.Load()
	i, ok := indexOf(list, addr)
	if !ok || list[i].owned || m.poolOf(addr) != nil {
		return fmt.Errorf("%w: pool at %#x (%s)", ErrBadPointer, addr, m.describe(addr))
	}
	a := list[i]
	m.remove(i)
	pool := &alloc{base: a.base, size: a.size, id: a.id, tag: a.tag, data: a.data}
	j, _ := indexOf(m.pools, addr)
	m.pools = slices.Insert(m.pools, j, pool)
	return nil
}

// Carve makes an allocation of size bytes at addr out of a pool. Its bytes count
// as never written. The range must lie in one pool and touch no live piece.
func (m *Memory) Carve(addr, size uint64, tag string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	pool := m.poolOf(addr)
	if pool == nil {
		return fmt.Errorf("%w: carve %s at %#x (%s): not within a pool", ErrBadPointer, tag, addr, m.describe(addr))
	}
	off := addr - pool.base
	if size == 0 || size > pool.size-off {
		return fmt.Errorf("softgpu: carve %s at byte %d of pool %d %q: %d bytes asked for, 1 to %d expected", tag, off, pool.id, pool.tag, size, pool.size-off)
	}
	list := *m.live.Load()
	i, taken := indexOf(list, addr)
	if taken || i > 0 && addr-list[i-1].base < list[i-1].size || i < len(list) && list[i].base-addr < size {
		return fmt.Errorf("softgpu: carve %s, %d bytes at byte %d of pool %d %q: part of it is live (%s)", tag, size, off, pool.id, pool.tag, m.describe(addr))
	}
	m.ids++
	a := &alloc{base: addr, size: size, id: m.ids, tag: tag, data: pool.data[off : off+size : off+size]}
	a.shadow.init(size)
	a.races.init(size)
	longer := slices.Insert(slices.Clone(list), i, a)
	m.live.Store(&longer)
	m.unbury(addr, size)
	return nil
}

// Release gives the piece that starts at addr back to its pool. Until its bytes
// are carved again, an access to them is a use after free.
func (m *Memory) Release(addr uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := *m.live.Load()
	i, ok := indexOf(list, addr)
	if !ok || m.poolOf(addr) == nil {
		return fmt.Errorf("%w: release of %#x (%s): not the start of a piece of a pool", ErrBadPointer, addr, m.describe(addr))
	}
	a := list[i]
	m.remove(i)
	m.bury(a.describe(), a.base, a.size)
	return nil
}

// freePool frees pool i and its pieces. The caller holds m.mu.
func (m *Memory) freePool(i int) {
	pool := m.pools[i]
	m.pools = slices.Delete(m.pools, i, i+1)
	var rest []*alloc
	for _, a := range *m.live.Load() {
		if a.base-pool.base >= pool.size {
			rest = append(rest, a)
			continue
		}
		a.dead.Store(true)
		m.bury(a.describe(), a.base, a.size)
	}
	m.live.Store(&rest)
	m.used -= pool.size
	m.bury(pool.describe(), pool.base, pool.size)
}
