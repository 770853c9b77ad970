package vm

import (
	"fmt"
	"slices"
	"sort"
)

// A pool is an allocation that its owner gives out in pieces. The pool itself is
// no longer accessible; each piece is an allocation of its own whose bytes are the
// pool's, so that an access beside a piece, or through the address of one that was
// given back, is found although the driver would allow it.

// Pool turns the allocation that starts at addr into a pool: from now on none of
// its bytes may be accessed before it is carved. What was written to it is
// forgotten. Free of the same address frees the pool and its pieces.
func (m *Memory) Pool(addr uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := *m.live.Load()
	i, ok := at(list, addr)
	if !ok || list[i].owned || m.poolOf(addr) != nil {
		return fmt.Errorf("%w: pool at %#x (%s)", ErrBadPointer, addr, m.describe(addr))
	}
	a := list[i]
	m.remove(i)
	pool := &alloc{base: a.base, size: a.size, id: a.id, tag: a.tag, data: a.data}
	j, _ := at(m.pools, addr)
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
		return fmt.Errorf("vm: carve %s at byte %d of pool %d %q: %d bytes asked for, 1 to %d expected", tag, off, pool.id, pool.tag, size, pool.size-off)
	}
	list := *m.live.Load()
	i, taken := at(list, addr)
	if taken || i > 0 && addr-list[i-1].base < list[i-1].size || i < len(list) && list[i].base-addr < size {
		return fmt.Errorf("vm: carve %s, %d bytes at byte %d of pool %d %q: part of it is live (%s)", tag, size, off, pool.id, pool.tag, m.describe(addr))
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
	i, ok := at(list, addr)
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

// poolOf gives the pool that holds addr, or nil. The caller holds m.mu.
func (m *Memory) poolOf(addr uint64) *alloc { return search(m.pools, addr) }

// ghost is a range of addresses whose allocation is gone.
type ghost struct {
	first, size uint64
	was         Allocation
}

// ghostAt gives the freed range that holds addr, or nil. The caller holds m.mu.
func (m *Memory) ghostAt(addr uint64) *ghost {
	i := sort.Search(len(m.freed), func(i int) bool { return m.freed[i].first > addr })
	if i == 0 || addr-m.freed[i-1].first >= m.freed[i-1].size {
		return nil
	}
	return &m.freed[i-1]
}

// bury remembers size freed bytes at first. What was freed there before keeps its
// name: a pool's pieces say more than the pool. The caller holds m.mu.
func (m *Memory) bury(was Allocation, first, size uint64) {
	end := first + size
	i := sort.Search(len(m.freed), func(i int) bool { return m.freed[i].first+m.freed[i].size > first })
	for first < end {
		stop, next := end, end
		if i < len(m.freed) && m.freed[i].first < end {
			stop, next = m.freed[i].first, m.freed[i].first+m.freed[i].size
		}
		if stop > first {
			m.freed = slices.Insert(m.freed, i, ghost{first, stop - first, was})
			i++
		}
		first = next
		i++
	}
	if len(m.freed) > keptRecords {
		m.freed = slices.Clone(m.freed[keptRecords/2:])
	}
}

// unbury forgets what was freed within size bytes at first, which are live again.
// The caller holds m.mu.
func (m *Memory) unbury(first, size uint64) {
	end := first + size
	i := sort.Search(len(m.freed), func(i int) bool { return m.freed[i].first+m.freed[i].size > first })
	j := i
	var left []ghost
	for ; j < len(m.freed) && m.freed[j].first < end; j++ {
		g := m.freed[j]
		if g.first < first {
			left = append(left, ghost{g.first, first - g.first, g.was})
		}
		if stop := g.first + g.size; stop > end {
			left = append(left, ghost{end, stop - end, g.was})
		}
	}
	m.freed = slices.Replace(m.freed, i, j, left...)
}

// describe says where addr lies relative to the nearest allocation; within a pool,
// to the nearest piece. The caller holds m.mu.
func (m *Memory) describe(addr uint64) string {
	list := *m.live.Load()
	if a := search(list, addr); a != nil {
		return fmt.Sprintf("byte %d of allocation %d %q of %d bytes", addr-a.base, a.id, a.tag, a.size)
	}
	if g := m.ghostAt(addr); g != nil {
		return fmt.Sprintf("byte %d of freed allocation %d %q of %d bytes", addr-g.was.Address, g.was.ID, g.was.Tag, g.was.Size)
	}
	near := ""
	pool := m.poolOf(addr)
	if pool != nil {
		near = fmt.Sprintf("byte %d of pool %d %q, in no piece of it", addr-pool.base, pool.id, pool.tag)
	}
	i, _ := at(list, addr)
	var below, above *alloc
	if i > 0 && (pool == nil || list[i-1].base >= pool.base) {
		below = list[i-1]
	}
	if i < len(list) && (pool == nil || list[i].base-pool.base < pool.size) {
		above = list[i]
	}
	text := "no allocation"
	switch {
	case below != nil && (above == nil || addr-below.base-below.size < above.base-addr):
		text = fmt.Sprintf("%d bytes past the end of allocation %d %q of %d bytes", addr-below.base-below.size, below.id, below.tag, below.size)
	case above != nil:
		text = fmt.Sprintf("%d bytes before allocation %d %q of %d bytes", above.base-addr, above.id, above.tag, above.size)
	case pool != nil:
		return near
	}
	if pool != nil {
		return text + ", " + near
	}
	return text
}
