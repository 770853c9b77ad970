package vm

import (
	"math/bits"
	"runtime"
)

// step judges one access against the record of a word. It returns the new
// record, and whether the two accesses race.
func (p *accessor) step(old uint64, acc access) (uint64, bool) {
	if old>>epochShft != p.epoch {
		if p.unordered != nil && old != 0 && p.clashes(old, acc) {
			return old, true
		}
		switch acc {
		case reading:
			return p.record(accRead, p.clock), false
		case readingOnly:
			return p.record(accReadOnly, 0), false
		case writing:
			return p.record(accWrite, p.clock) | wroteBit, false
		}
		return p.record(accAtomic, p.clock), false
	}
	kind := old >> kindShift & 7
	if acc == watching {
		// A strong read goes with atomics, and counts as a plain read otherwise.
		if kind == accAtomic || kind == accAtomicWarp || kind == accAtomicAll {
			acc = updating
		} else {
			acc = reading
		}
	}
	if acc == readingOnly {
		if old&wroteBit == 0 && (kind == accRead || kind == accReadBlock || kind == accReadAll || kind == accReadOnly) {
			return p.record(accReadOnly, 0), false
		}
		return old, true
	}
	switch kind {
	case accReadAll, accReadOnly:
		return old, acc != reading
	case accAtomicAll:
		return old, acc != updating
	}
	if old>>blkShift&blkMask != p.block {
		switch {
		case old&wroteBit != 0:
		case acc == reading && (kind == accRead || kind == accReadBlock):
			return p.record(accReadAll, 0), false
		case acc == updating && (kind == accAtomic || kind == accAtomicWarp):
			return p.record(accAtomicAll, 0), false
		}
		return old, true
	}
	w := old >> warpShift & 31
	var mine, ordered bool
	if kind == accReadBlock || kind == accAtomicWarp {
		ordered = old&clockMask != p.generation&clockMask
	} else {
		mine = w == p.warp
		ordered = mine || before(old, p.seen[w])
	}
	wrote := old & wroteBit
	if kind == accAtomic || kind == accAtomicWarp {
		wrote = wroteBit // matters once the word is read or written plainly
	}
	switch acc {
	case reading:
		switch {
		case mine && (kind == accRead || kind == accWrite):
			return old, false
		case ordered:
			return p.record(accRead, p.clock) | wrote, false
		case kind == accRead || kind == accReadBlock:
			return p.record(accReadBlock, p.generation) | wrote, false
		}
		return old, true
	case writing:
		if ordered {
			return p.record(accWrite, p.clock) | wroteBit, false
		}
		return old, true
	}
	wrote = old & wroteBit
	switch {
	case kind == accAtomic && mine:
		return p.record(accAtomic, p.clock) | wrote, false
	case kind == accAtomic || kind == accAtomicWarp:
		return p.record(accAtomicWarp, p.generation) | wrote, false
	case ordered:
		return p.record(accAtomic, p.clock) | wrote, false
	}
	return old, true
}

// note records an access of n bytes at off. It returns the byte offset of a
// racing word and the record it races with; ok means no race.
func (s *raceShadow) note(p *accessor, off, n uint64, acc access, byBytes bool) (bad, with uint64, ok bool) {
	for n > 0 {
		line, start := off/lineBytes, off%lineBytes
		take := min(lineBytes-start, n)
		if bad, with, ok = s.noteLine(p, line, start, take, acc, byBytes); !ok {
			return bad, with, false
		}
		off += take
		n -= take
	}
	return 0, 0, true
}

// noteLine records an access to bytes start..start+n of one line.
func (s *raceShadow) noteLine(p *accessor, line, start, n uint64, acc access, byBytes bool) (bad, with uint64, ok bool) {
	whole := n == lineBytes
	for {
		old := s.lines[line].Load()
		if old == lockedLine {
			runtime.Gosched()
			continue
		}
		if whole && old != splitLine {
			next, race := p.step(old, acc)
			if race {
				return line * lineBytes, old, false
			}
			if p.unordered != nil {
				past := &s.history()[line]
				h := past.Load()
				after, with, race := p.trace(h, acc)
				if race {
					return line * lineBytes, with, false
				}
				if after != h {
					if s.lines[line].CompareAndSwap(old, lockedLine) {
						if past.CompareAndSwap(h, after) {
							s.lines[line].Store(next)
							return 0, 0, true
						}
						s.lines[line].Store(old)
					}
					continue
				}
			}
			if next == old || s.lines[line].CompareAndSwap(old, next) {
				return 0, 0, true
			}
			continue
		}
		if !s.lines[line].CompareAndSwap(old, lockedLine) {
			continue
		}
		bad, with, ok, after := s.noteParts(p, line, old, start, n, acc, byBytes)
		s.lines[line].Store(after)
		return line*lineBytes + bad, with, ok
	}
}

// noteParts works on a locked line and gives the value to unlock it with.
func (s *raceShadow) noteParts(p *accessor, line, old, start, n uint64, acc access, byBytes bool) (bad, with uint64, ok bool, after uint64) {
	f := s.fine[line].Load()
	if f == nil {
		f = &fineLine{}
		s.fine[line].Store(f)
	}
	if old != splitLine {
		f.split(old, s.lineHistory(line))
	} else if f.epoch != p.epoch && n == lineBytes {
		// Only other launches are on record: one record may be enough again.
		if h, ok := f.join(p, acc); ok {
			if h != 0 || s.lineHistory(line) != 0 {
				s.history()[line].Store(h)
			}
			next, _ := p.step(0, acc)
			return 0, 0, true, next
		}
	}
	f.epoch = p.epoch
	if byBytes && f.bytes == nil && (start|n)%4 != 0 {
		f.splitBytes()
	}
	if f.bytes != nil {
		for i := start; i < start+n; i++ {
			if with, ok := p.noteUnit(&f.bytes[i], &f.bytesPast[i], acc); !ok {
				return i, with, false, splitLine
			}
		}
		return 0, 0, true, splitLine
	}
	for i := start / 4; i*4 < start+n; i++ {
		if with, ok := p.noteUnit(&f.words[i], &f.past[i], acc); !ok {
			return max(i*4, start), with, false, splitLine
		}
	}
	return 0, 0, true, splitLine
}

// noteUnit judges an access against one record and its history, and renews them.
func (p *accessor) noteUnit(record, past *uint64, acc access) (with uint64, ok bool) {
	next, race := p.step(*record, acc)
	if race {
		return *record, false
	}
	if p.unordered != nil {
		after, with, race := p.trace(*past, acc)
		if race {
			return with, false
		}
		*past = after
	}
	*record = next
	return 0, true
}

// noteWords records an access to the words of one line that mask names.
func (s *raceShadow) noteWords(p *accessor, line uint64, mask uint32, acc access) (bad, with uint64, ok bool) {
	if mask == ^uint32(0) {
		return s.noteLine(p, line, 0, lineBytes, acc, false)
	}
	first := uint64(bits.TrailingZeros32(mask))
	if run := mask >> first; run&(run+1) == 0 { // neighbouring words
		return s.noteLine(p, line, first*4, uint64(bits.Len32(run))*4, acc, false)
	}
	for m := mask; m != 0; m &= m - 1 {
		w := uint64(bits.TrailingZeros32(m))
		if bad, with, ok = s.noteLine(p, line, w*4, 4, acc, false); !ok {
			return bad, with, false
		}
	}
	return 0, 0, true
}
