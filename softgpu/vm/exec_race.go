package vm

// noteShared notes an access to n bytes at off, share bytes of them by a thread of
// warp w, from thread on. It returns the record that it races with; ok if there is no race.
func (w *warp) noteShared(off, n, share uint64, thread int, acc access) (with touch, ok bool) {
	s := &w.blk.shadow
	first, last, per := off/s.unit, (off+n-1)/s.unit, max(share/s.unit, 1)
	mine := touchOf(readOne, thread, w.accessor.clock)
	if acc == writing {
		mine = touchOf(wroteOne, thread, w.accessor.clock)
	}
	several := touchOf(readBlock, 0, w.blk.generation)
	const anyone = touch(1023 << 4)
	left := per
	for u := first; u <= last; u++ {
		t := s.touch[u]
		switch {
		case t == 0 && acc <= writing:
			s.touch[u] = mine
		case t == mine:
		case acc == reading && t&^anyone == several: // one more of many
		default:
			next, ok := w.step(t, mine.thread(), acc)
			if !ok {
				return t, false
			}
			s.touch[u] = next
		}
		if left--; left == 0 {
			mine += 1 << 4 // the next thread
			left = per
		}
	}
	return 0, true
}

// step judges an access by a thread of warp w against the record of a unit. It
// returns the new record, and whether the two go together.
func (w *warp) step(t touch, thread int, acc access) (touch, bool) {
	kind, by := t.kind(), t.thread()
	if acc == watching {
		acc = reading
		if kind >= updatedOne {
			acc = updating
		}
	}
	owner := by / lanes
	sameWarp := owner == w.index
	var ordered bool
	switch kind {
	case untouched:
		ordered = true
	case readBlock, updatedMany:
		ordered = t.clock() < w.blk.generation
	default:
		one := kind == readOne || kind == wroteOne || kind == updatedOne
		ordered = one && by == thread || sameWarp && w.follows(t.clock(), thread, by) || !sameWarp && w.accessor.seen[owner] >= t.clock()
	}
	var next touchKind
	clock := w.accessor.clock
	switch {
	case ordered && acc == reading:
		next = readOne
		if kind == wroteOne && by == thread {
			return t, true // its own write stays on record
		}
	case ordered && acc == writing:
		next = wroteOne
	case ordered:
		next = updatedOne
		if kind == wroteOne && by == thread {
			return t, true
		}
	case acc == reading && kind <= readBlock:
		next = readBlock
		if kind != readBlock && sameWarp {
			next = readWarp
		}
	case acc == updating && kind >= updatedOne:
		next = updatedMany
		if kind != updatedMany && sameWarp {
			next = updatedWarp
		}
	default:
		return t, false
	}
	if next == readBlock || next == updatedMany {
		clock = w.blk.generation
	}
	return touchOf(next, thread, clock), true
}
