package vm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// The device's address map. No value is a valid host pointer: bits 52 to 59
// make them non-canonical on amd64 (48 and 57 bits) and on arm64, top-byte-ignore
// included. Each space has its own window of generic addresses.
const (
	globalBase uint64 = 0x0EE0_0000_0000_0000
	sharedBase uint64 = 0x0EE1_0000_0000_0000
	localBase  uint64 = 0x0EE2_0000_0000_0000
	paramBase  uint64 = 0x0EE3_0000_0000_0000
	windowMask uint64 = 0xFFFF_0000_0000_0000
)

const (
	allocAlign  = 512      // bytes; what cuMemAlloc gives
	guardGap    = 64 << 10 // bytes never mapped between two allocations
	keptRecords = 1 << 16  // freed allocations remembered for reports
)

// ErrOutOfMemory is returned by Alloc when the device's memory does not suffice.
var ErrOutOfMemory = errors.New("vm: out of device memory")

// ErrBadPointer is returned for an address that no allocation starts at.
var ErrBadPointer = errors.New("vm: not the address of a live allocation")

// Memory is the global memory of one device. Alloc never gives an address twice,
// so that a stale pointer is always recognised; within a pool, addresses are the
// caller's to give out. Its methods may be called from several goroutines, and
// while kernels run.
type Memory struct {
	mu    sync.Mutex
	live  atomic.Pointer[[]*alloc] // what may be accessed, sorted by base; replaced, never changed
	pools []*alloc                 // sorted by base; their pieces are in live
	freed []ghost                  // sorted by first; they do not overlap
	next  uint64
	limit uint64
	used  uint64
	ids   int

	launches sync.RWMutex // held for reading by launches, for writing to restart the epochs
	epoch    uint64
	atomics  [256]sync.Mutex // serialise device atomics, by address
}

// alloc is one allocation.
type alloc struct {
	base, size uint64
	id         int
	tag        string
	readOnly   bool // constant memory: kernels may not write
	owned      bool // belongs to a module, not to the caller of Alloc
	dead       atomic.Bool
	data       []byte
	shadow     initShadow
	races      raceShadow
}

// Allocation describes an allocation to callers.
type Allocation struct {
	Address, Size uint64
	ID            int
	Tag           string // what the caller named it
	Module        bool   // a module's variable, freed with the module
}

// NewMemory makes a device memory of the given number of bytes.
func NewMemory(limit uint64) *Memory {
	m := &Memory{next: globalBase + 1<<20, limit: limit}
	m.live.Store(&[]*alloc{})
	return m
}

// Limit is the memory's size in bytes.
func (m *Memory) Limit() uint64 { return m.limit }

// Used is the number of bytes allocated. A pool counts as a whole, its pieces do not.
func (m *Memory) Used() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

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
		return nil, fmt.Errorf("vm: alloc %s: 0 bytes asked for, at least 1 expected", tag)
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
	if i, ok := at(m.pools, addr); ok {
		m.freePool(i)
		return nil
	}
	list := *m.live.Load()
	i, ok := at(list, addr)
	if !ok || m.poolOf(addr) != nil {
		return fmt.Errorf("%w: free of %#x (%s)", ErrBadPointer, addr, m.describe(addr))
	}
	a := list[i]
	m.remove(i)
	m.used -= a.size
	m.bury(a.describe(), a.base, a.size)
	return nil
}

// remove takes entry i off the list of what is live. The caller holds m.mu.
func (m *Memory) remove(i int) {
	list := *m.live.Load()
	list[i].dead.Store(true)
	rest := make([]*alloc, 0, len(list)-1)
	rest = append(append(rest, list[:i]...), list[i+1:]...)
	m.live.Store(&rest)
}

// Find gives the live allocation that holds addr: within a pool, the piece.
func (m *Memory) Find(addr uint64) (Allocation, bool) {
	a := m.find(addr)
	if a == nil {
		return Allocation{}, false
	}
	return a.describe(), true
}

func (a *alloc) describe() Allocation {
	return Allocation{Address: a.base, Size: a.size, ID: a.id, Tag: a.tag, Module: a.owned}
}

// Leaks lists what is still allocated and belongs to no module, in the order of
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

// find gives the live allocation that holds addr, or nil.
func (m *Memory) find(addr uint64) *alloc { return search(*m.live.Load(), addr) }

func search(list []*alloc, addr uint64) *alloc {
	i := sort.Search(len(list), func(i int) bool { return list[i].base > addr })
	if i == 0 || addr-list[i-1].base >= list[i-1].size {
		return nil
	}
	return list[i-1]
}

// at finds the place of the allocation that starts at addr in a sorted list, or
// where it would stand.
func at(list []*alloc, addr uint64) (int, bool) {
	return slices.BinarySearchFunc(list, addr, func(a *alloc, addr uint64) int { return cmp.Compare(a.base, addr) })
}

// lookup finds the allocation for an access of n bytes, or says what is wrong
// with it.
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
