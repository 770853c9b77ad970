package vm

import (
	"math/bits"
	"sync/atomic"
)

// initShadow knows which bytes of an allocation have been written: one bit a
// byte. Once all are, a single flag says so and the bits are no longer read.
type initShadow struct {
	size    uint64
	words   []atomic.Uint64 // bit i of word w: byte 64w+i
	full    atomic.Bool
	pending atomic.Int64 // bytes newly marked since the last scan
	missing atomic.Int64 // bytes that the last scan found unwritten
}

func (s *initShadow) init(size uint64) {
	s.size = size
	s.words = make([]atomic.Uint64, (size+63)/64)
	s.missing.Store(int64(size))
}

// spans calls f for each word of a byte range with the bits that lie in it.
func spans(off, n uint64, f func(word, mask uint64) bool) {
	for n > 0 {
		bit := off & 63
		take := min(64-bit, n)
		if !f(off>>6, ^uint64(0)>>(64-take)<<bit) {
			return
		}
		off += take
		n -= take
	}
}

// mark notes n bytes at off as written.
func (s *initShadow) mark(off, n uint64) {
	if s.full.Load() {
		return
	}
	if off == 0 && n == s.size {
		s.full.Store(true)
		return
	}
	added := 0
	spans(off, n, func(w, mask uint64) bool {
		if old := s.words[w].Load(); old&mask != mask {
			added += bits.OnesCount64(mask &^ s.words[w].Or(mask))
		}
		return true
	})
	if added > 0 && s.pending.Add(int64(added)) >= s.missing.Load() {
		s.scan()
	}
}

// scan sets the flag if every byte has been written.
func (s *initShadow) scan() {
	s.pending.Store(0)
	if _, ok := s.first(0, s.size); ok {
		s.full.Store(true)
	}
}

// first finds the first byte of a range that was never written; ok if all were.
func (s *initShadow) first(off, n uint64) (bad uint64, ok bool) {
	if s.full.Load() {
		return 0, true
	}
	ok = true
	spans(off, n, func(w, mask uint64) bool {
		if hole := mask &^ s.words[w].Load(); hole != 0 {
			bad, ok = w<<6+uint64(bits.TrailingZeros64(hole)), false
		}
		return ok
	})
	return bad, ok
}

// copyFrom gives n bytes at off the state of the bytes at from in src.
func (s *initShadow) copyFrom(src *initShadow, off, from, n uint64) {
	if src.full.Load() {
		s.mark(off, n)
		return
	}
	if s.full.Load() { // bytes become unwritten again: go back to bits
		spans(0, s.size, func(w, mask uint64) bool { s.words[w].Store(mask); return true })
		s.full.Store(false)
	}
	state := make([]bool, n)
	for i := range state {
		b := from + uint64(i)
		state[i] = src.words[b>>6].Load()>>(b&63)&1 == 1
	}
	for i, written := range state {
		b := off + uint64(i)
		if bit := uint64(1) << (b & 63); written {
			s.words[b>>6].Or(bit)
		} else {
			s.words[b>>6].And(^bit)
		}
	}
	s.recount()
}

// recount restarts the bookkeeping of how much is missing.
func (s *initShadow) recount() {
	written := 0
	for w := range s.words {
		written += bits.OnesCount64(s.words[w].Load())
	}
	s.pending.Store(0)
	s.missing.Store(max(1, int64(s.size)-int64(written)))
	if _, ok := s.first(0, s.size); ok {
		s.full.Store(true)
	}
}
