// Package arena divides device memory: it takes large chunks from the driver and hands out
// blocks of them, so that allocating and freeing buffers needs no call of the driver.
package arena

import (
	"cmp"
	"errors"
	"slices"

	"mdfa/gpu"
)

const (
	// Align is the alignment of every block, which is cuMemAlloc's own.
	Align = 256
	// redZone is the least number of unused bytes behind every block: an access past the
	// end of a buffer cannot reach the next one. The software GPU reports such an access.
	redZone = 256
	// chunkGrain divides the sizes of chunks. It is the size of the driver's pages.
	chunkGrain = 2 << 20
)

// Source provides chunks: cuMemAlloc and cuMemFree. After gpu.ErrOutOfMemory the arena
// gives idle chunks back and asks again.
type Source interface {
	Alloc(n uint64) (addr uint64, err error)
	Free(addr uint64) error
}

// Arena hands out blocks of a few large chunks. It keeps the chunks until it is closed or
// the device runs out of memory.
type Arena struct {
	source Source
	step   uint64 // the usual size of a chunk
	chunks []*chunk
	taken  map[uint64]*block // by address
	idle   []*block          // blocks that are not taken, in the order of size and address
}

// chunk is one allocation of the driver. Its blocks follow each other without gaps.
type chunk struct {
	addr, size uint64
	first      *block
}

type block struct {
	chunk      *chunk
	addr, size uint64 // a multiple of Align, the red zone included
	prev, next *block // neighbours in the chunk
	busy       bool
}

// New returns an empty arena. Step is the usual size of a chunk.
func New(source Source, step uint64) *Arena {
	return &Arena{source: source, step: step, taken: map[uint64]*block{}}
}

// blockSize returns the size of a block for n bytes and their red zone.
func blockSize(n uint64) uint64 { return RoundUp(n, Align) + redZone }

// RoundUp returns the least multiple of unit that is not below n.
func RoundUp(n, unit uint64) uint64 { return (n + unit - 1) / unit * unit }

// Take returns the address of n bytes, n > 0, from the smallest block that holds them.
func (a *Arena) Take(n uint64) (uint64, error) {
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

// provide ensures that a block of the size is idle.
func (a *Arena) provide(size uint64) error {
	if a.search(size, 0) < len(a.idle) {
		return nil
	}
	usual := max(a.step, RoundUp(size, chunkGrain))
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
func (a *Arena) grow(size uint64) error {
	addr, err := a.source.Alloc(size)
	if err != nil {
		return err
	}
	c := &chunk{addr: addr, size: size}
	c.first = &block{chunk: c, addr: addr, size: size}
	a.chunks = append(a.chunks, c)
	a.insert(c.first)
	return nil
}

// search returns the index of the first idle block that is not before (size, addr).
func (a *Arena) search(size, addr uint64) int {
	i, _ := slices.BinarySearchFunc(a.idle, [2]uint64{size, addr}, func(b *block, key [2]uint64) int {
		return cmp.Or(cmp.Compare(b.size, key[0]), cmp.Compare(b.addr, key[1]))
	})
	return i
}

func (a *Arena) insert(b *block) { a.idle = slices.Insert(a.idle, a.search(b.size, b.addr), b) }

// remove takes a block out of the list of idle ones.
func (a *Arena) remove(b *block) {
	i := a.search(b.size, b.addr)
	a.idle = slices.Delete(a.idle, i, i+1)
}

// Give takes a block back and joins it with idle neighbours. Addr is a result of Take.
func (a *Arena) Give(addr uint64) {
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

// join adds the next block to b.
func (b *block) join(next *block) {
	b.size += next.size
	b.next = next.next
	if b.next != nil {
		b.next.prev = b
	}
}

// trim frees the chunks that have no taken block.
func (a *Arena) trim() error {
	var first error
	a.chunks = slices.DeleteFunc(a.chunks, func(c *chunk) bool {
		if first != nil || c.first.busy || c.first.next != nil {
			return false
		}
		a.remove(c.first)
		first = a.source.Free(c.addr)
		return true
	})
	return first
}

// Unused returns the number of bytes in idle blocks.
func (a *Arena) Unused() uint64 {
	var sum uint64
	for _, b := range a.idle {
		sum += b.size
	}
	return sum
}

// Close gives all chunks back, taken blocks included, and returns the first error.
func (a *Arena) Close() error {
	var first error
	for _, c := range a.chunks {
		if err := a.source.Free(c.addr); err != nil && first == nil {
			first = err
		}
	}
	a.chunks, a.idle, a.taken = nil, nil, map[uint64]*block{}
	return first
}
