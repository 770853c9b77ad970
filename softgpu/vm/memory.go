package vm

import (
	"cmp"
	"errors"
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
	allocAlign  = 512      // bytes, as cuMemAlloc aligns
	guardGap    = 64 << 10 // bytes never mapped between two allocations
	keptRecords = 1 << 16  // freed allocations remembered for reports
)

// ErrOutOfMemory is returned by Alloc when the device's memory does not suffice.
var ErrOutOfMemory = errors.New("softgpu: out of device memory")

// ErrBadPointer is returned for an address that no allocation starts at.
var ErrBadPointer = errors.New("softgpu: not the address of a live allocation")

// Memory is the global memory of one device. Alloc never gives an address twice,
// so that a stale pointer is always recognised; within a pool, addresses are the
// caller's to give out. Its methods may be called from several goroutines, and
// while kernels run.
type Memory struct {
	mu    sync.Mutex
	live  atomic.Pointer[[]*alloc] // the accessible allocations, sorted by base; replaced, never changed
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
	Tag           string // the caller's name for it
	Module        bool   // a module's variable, freed with the module
}

// ghost is a range of addresses whose allocation is gone.
type ghost struct {
	first, size uint64
	was         Allocation
}

// NewMemory makes a device memory of the given number of bytes.
func NewMemory(limit uint64) *Memory { return NewMemoryOf(0, limit) }

// NewMemoryOf makes the memory of a device with a number. As with CUDA's unified addressing, no two of the first sixteen
// devices have an address in common.
func NewMemoryOf(device int, limit uint64) *Memory {
	const share, devices = 1 << 44, 16 // of the window of global addresses
	m := &Memory{next: globalBase + uint64(device%devices)*share + 1<<20, limit: limit}
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

// Find gives the live allocation that holds addr: within a pool, the piece.
func (m *Memory) Find(addr uint64) (Allocation, bool) {
	a := m.find(addr)
	if a == nil {
		return Allocation{}, false
	}
	return a.describe(), true
}

// find gives the live allocation that holds addr, or nil.
func (m *Memory) find(addr uint64) *alloc { return search(*m.live.Load(), addr) }

// poolOf gives the pool that holds addr, or nil. The caller holds m.mu.
func (m *Memory) poolOf(addr uint64) *alloc { return search(m.pools, addr) }

func search(list []*alloc, addr uint64) *alloc {
	i := sort.Search(len(list), func(i int) bool { return list[i].base > addr })
	if i == 0 || addr-list[i-1].base >= list[i-1].size {
		return nil
	}
	return list[i-1]
}

// indexOf finds the place of the allocation that starts at addr in a sorted list, or
// where it would stand.
func indexOf(list []*alloc, addr uint64) (int, bool) {
	return slices.BinarySearchFunc(list, addr, func(a *alloc, addr uint64) int { return cmp.Compare(a.base, addr) })
}

// remove takes entry i off the list of live allocations. The caller holds m.mu.
func (m *Memory) remove(i int) {
	list := *m.live.Load()
	list[i].dead.Store(true)
	rest := make([]*alloc, 0, len(list)-1)
	rest = append(append(rest, list[:i]...), list[i+1:]...)
	m.live.Store(&rest)
}

func (a *alloc) describe() Allocation {
	return Allocation{Address: a.base, Size: a.size, ID: a.id, Tag: a.tag, Module: a.owned}
}
