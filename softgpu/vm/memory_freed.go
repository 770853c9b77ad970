package vm

import (
	"fmt"
	"slices"
	"sort"
)

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

// unbury forgets the ranges freed within size bytes at first, which are live again.
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
	i, _ := indexOf(list, addr)
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
