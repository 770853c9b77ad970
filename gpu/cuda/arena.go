//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"slices"

	"mdfa/gpu"
)

const (
	// blockAlign is the alignment of every buffer, cuMemAlloc's own.
	blockAlign = 256
	// redZone is how many bytes at least lie unused behind every buffer, so that an access
	// past its end cannot reach the next one. A Checker finds it.
	redZone = 256
	// chunkGrain is what sizes of chunks are multiples of: the driver's own pages.
	chunkGrain = 2 << 20
)

// memorySource is where an arena gets its chunks from: cuMemAlloc and cuMemFree. An
// error of alloc that is gpu.ErrOutOfMemory makes the arena try something else.
type memorySource interface {
	alloc(n uint64) (addr uint64, err error)
	free(addr uint64) error
}

// arena hands out device memory in blocks of a few large chunks, and keeps the chunks
// until it is closed or the device runs out of memory.
type arena struct {
	source memorySource
	step   uint64 // the usual size of a chunk
	chunks []*chunk
	taken  map[uint64]*block // by address
	idle   []*block          // that can be taken, by size and address
}

// chunk is one allocation of the driver. Its blocks follow each other without gaps.
type chunk struct {
	addr, size uint64
	first      *block
}

type block struct {
	chunk      *chunk
	addr, size uint64 // a multiple of blockAlign, the red zone included
	prev, next *block // neighbours in the chunk
	busy       bool
}

func newArena(source memorySource, step uint64) *arena {
	return &arena{source: source, step: step, taken: map[uint64]*block{}}
}

// blockSize is what n bytes take with their red zone.
func blockSize(n uint64) uint64 { return roundUp(n, blockAlign) + redZone }

func roundUp(n, unit uint64) uint64 { return (n + unit - 1) / unit * unit }

// take returns the address of n bytes, n > 0, from the smallest block that holds them.
func (a *arena) take(n uint64) (uint64, error) {
	size := blockSize(n)
	if err := a.provide(size); err != nil {
		return 0, err
	}
	i := a.search(size, 0)
	b := a.idle[i]
	a.idle = slices.Delete(a.idle, i, i+1)
	if rest := b.size - size; rest >= blockSize(1) {
		tail := &block{chunk: b.chunk, addr: b.addr + size, size: rest, prev: b, next: b.next}
		if tail.next != nil {
			tail.next.prev = tail
		}
		b.next, b.size = tail, size
		a.insert(tail)
	}
	b.busy = true
	a.taken[b.addr] = b
	return b.addr, nil
}

// provide makes sure that a block of the size is idle.
func (a *arena) provide(size uint64) error {
	if a.search(size, 0) < len(a.idle) {
		return nil
	}
	usual := max(a.step, roundUp(size, chunkGrain))
	err := a.grow(usual)
	if !errors.Is(err, gpu.ErrOutOfMemory) {
		return err
	}
	if trimmed := a.trim(); trimmed != nil {
		return trimmed
	}
	if err = a.grow(usual); errors.Is(err, gpu.ErrOutOfMemory) {
		err = a.grow(size)
	}
	return err
}

// grow adds a chunk.
func (a *arena) grow(size uint64) error {
	addr, err := a.source.alloc(size)
	if err != nil {
		return err
	}
	c := &chunk{addr: addr, size: size}
	c.first = &block{chunk: c, addr: addr, size: size}
	a.chunks = append(a.chunks, c)
	a.insert(c.first)
	return nil
}

// search is the place among the idle blocks of the first that is not before (size, addr).
func (a *arena) search(size, addr uint64) int {
	i, _ := slices.BinarySearchFunc(a.idle, [2]uint64{size, addr}, func(b *block, key [2]uint64) int {
		return cmp.Or(cmp.Compare(b.size, key[0]), cmp.Compare(b.addr, key[1]))
	})
	return i
}

func (a *arena) insert(b *block) { a.idle = slices.Insert(a.idle, a.search(b.size, b.addr), b) }

// remove takes an idle block out of the list.
func (a *arena) remove(b *block) {
	i := a.search(b.size, b.addr)
	a.idle = slices.Delete(a.idle, i, i+1)
}

// give takes back what take returned, and joins it with idle neighbours.
func (a *arena) give(addr uint64) {
	b := a.taken[addr]
	delete(a.taken, addr)
	b.busy = false
	if next := b.next; next != nil && !next.busy {
		a.remove(next)
		b.join(next)
	}
	if prev := b.prev; prev != nil && !prev.busy {
		a.remove(prev)
		prev.join(b)
		b = prev
	}
	a.insert(b)
}

// join adds the block behind b to it.
func (b *block) join(next *block) {
	b.size += next.size
	b.next = next.next
	if b.next != nil {
		b.next.prev = b
	}
}

// trim gives chunks back in which nothing is taken.
func (a *arena) trim() error {
	var first error
	a.chunks = slices.DeleteFunc(a.chunks, func(c *chunk) bool {
		if first != nil || c.first.busy || c.first.next != nil {
			return false
		}
		a.remove(c.first)
		first = a.source.free(c.addr)
		return true
	})
	return first
}

// unused is how many bytes of the chunks are not taken.
func (a *arena) unused() uint64 {
	var sum uint64
	for _, b := range a.idle {
		sum += b.size
	}
	return sum
}

// close gives all chunks back, whatever is taken, and returns the first error.
func (a *arena) close() error {
	var first error
	for _, c := range a.chunks {
		if err := a.source.free(c.addr); err != nil && first == nil {
			first = err
		}
	}
	a.chunks, a.idle, a.taken = nil, nil, map[uint64]*block{}
	return first
}
