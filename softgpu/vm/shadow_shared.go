package vm

// sharedShadow watches a block's shared memory: which bytes were written, and
// who touched each unit last. A unit is a word, or a byte in kernels that store
// parts of words. Threads are told apart, not only warps: within a warp, lanes
// are ordered by bar.warp.sync alone, as on Volta and later.
type sharedShadow struct {
	unit    uint64 // 4 or 1
	written []uint64
	touch   []touch
}

// touch is the last accesses to one unit of shared memory: a clock, a thread of the
// block in 10 bits, and a kind in 4.
type touch uint64

func touchOf(kind touchKind, thread int, clock uint64) touch {
	return touch(clock<<14 | uint64(thread)<<4 | uint64(kind))
}

func (t touch) kind() touchKind { return touchKind(t & 15) }
func (t touch) thread() int     { return int(t >> 4 & 1023) }
func (t touch) clock() uint64   { return uint64(t >> 14) }

type touchKind uint8

const (
	untouched   touchKind = iota
	readOne               // by one thread
	readWarp              // by several threads of the warp of thread
	readBlock             // by several warps; clock is the block's barrier count
	wroteOne              // by one thread
	updatedOne            // atomically, or by a strong access, by one thread
	updatedWarp           // so by several threads of a warp
	updatedMany           // so by several warps
)

var touchNames = [...]string{
	readOne: "a read", readWarp: "reads of its warp, one", readBlock: "reads of several warps, one", wroteOne: "a write",
	updatedOne: "an atomic or strong access", updatedWarp: "atomic or strong accesses of its warp, one",
	updatedMany: "atomic or strong accesses of several warps, one",
}

func (s *sharedShadow) prepare(size int, byBytes bool) {
	s.unit = 4
	if byBytes {
		s.unit = 1
	}
	words := (size + 63) / 64
	units := (size + int(s.unit) - 1) / int(s.unit)
	if cap(s.written) < words {
		s.written = make([]uint64, words)
	}
	if cap(s.touch) < units {
		s.touch = make([]touch, units)
	}
	s.written, s.touch = s.written[:words], s.touch[:units]
}

func (s *sharedShadow) clear() {
	clear(s.written)
	clear(s.touch)
}

// noteShared notes an access to n bytes at off, each bytes of them by a thread of
// warp w, from thread on. It returns the record that it races with; ok means none.
func (w *warp) noteShared(off, n, each uint64, thread int, acc access) (with touch, ok bool) {
	s := &w.blk.shadow
	first, last, per := off/s.unit, (off+n-1)/s.unit, max(each/s.unit, 1)
	mine := touchOf(readOne, thread, w.party.clock)
	if acc == writing {
		mine = touchOf(wroteOne, thread, w.party.clock)
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
		ordered = one && by == thread || sameWarp && w.follows(t.clock(), thread, by) || !sameWarp && w.party.seen[owner] >= t.clock()
	}
	var next touchKind
	clock := w.party.clock
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
