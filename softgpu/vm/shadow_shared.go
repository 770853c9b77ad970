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

func (t touch) thread() int { return int(t >> 4 & 1023) }

func (t touch) clock() uint64 { return uint64(t >> 14) }

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

// resize fits the shadow to a block's shared memory.
func (s *sharedShadow) resize(size int, byBytes bool) {
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

// forget starts a new block.
func (s *sharedShadow) forget() {
	clear(s.written)
	clear(s.touch)
}
