package vm

import (
	"fmt"
	"sync/atomic"
)

// The race shadow of global memory remembers, per 4-byte word, the last access
// of the running launch: by which warp of which block and when, in terms of
// the warp's barrier clock. Memory is watched by lines of 128 bytes: while every
// access covers whole lines (the coalesced case) one word of shadow serves the
// line; an access to part of a line splits it into 32 records, and a kernel that
// stores single bytes splits words into four.
//
// A record packs epoch 16 | kind 4 | block 20 | warp 5 | clock 19 bits. Block
// numbers are taken modulo 2^20: in a larger grid two blocks with the same
// number are taken for one, which can only miss a race.
const (
	lineBytes = 128
	lineWords = 32

	clockBits = 19
	clockMask = 1<<clockBits - 1
	warpShift = clockBits
	blkShift  = warpShift + 5
	blkMask   = 1<<20 - 1
	kindShift = blkShift + 20
	wroteBit  = uint64(1) << (kindShift + 3)
	epochBits = 16
	epochShft = 48

	splitLine  = ^uint64(0)     // the line's records are in fine
	lockedLine = ^uint64(0) - 1 // someone is changing the line
)

// What the last access to a word was. wroteBit beside it says that its block
// has also changed the word earlier in the launch.
const (
	accRead       uint64 = iota // by one warp
	accReadBlock                // by several warps of a block; clock is the block's barrier count
	accWrite                    // by one warp
	accAtomic                   // atomically, or by a strong access, by one warp
	accAtomicWarp               // so by several warps of a block
	accReadAll                  // by several blocks
	accAtomicAll                // so by several blocks
	accReadOnly                 // with .nc: the launch must not write it
)

var recordNames = [8]string{"read", "read", "write", "atomic or strong access", "atomic or strong access", "read",

	"atomic or strong access", "read with .nc"}

// access is the kind of a memory access, for the race checks.
type access uint8

const (
	reading access = iota
	writing
	updating    // atomically, or by a strong (volatile, relaxed, ...) store
	watching    // by a strong load
	readingOnly // by a load with .nc, which wants memory that the launch only reads
)

type raceShadow struct {
	lines []atomic.Uint64
	fine  []atomic.Pointer[fineLine]
	past  atomic.Pointer[[]atomic.Uint64] // by line, once any launch asks for it
}

// fineLine holds the records and histories of a split line. epoch is the last launch
// that noted anything; the bytes are nil until single bytes are stored.
type fineLine struct {
	epoch     uint64
	words     [lineWords]uint64
	past      [lineWords]uint64
	bytes     *[lineBytes]uint64
	bytesPast *[lineBytes]uint64
}

func (s *raceShadow) init(size uint64) {
	n := (size + lineBytes - 1) / lineBytes
	s.lines = make([]atomic.Uint64, n)
	s.fine = make([]atomic.Pointer[fineLine], n)
}

func (s *raceShadow) reset() {
	for i := range s.lines {
		s.lines[i].Store(0)
		s.fine[i].Store(nil)
	}
	s.past.Store(nil)
}

// accessor identifies the warp or operation that accesses memory, and its position in the order of barriers.
type accessor struct {
	epoch, block, warp, clock uint64
	generation                uint64   // barriers the block has passed
	seen                      []uint64 // seen[w]: the clock of warp w that is ordered before now
	unordered                 func(epoch uint64) bool
	asked                     uint64 // the epoch that unordered was asked about last
	answer                    bool
}

func (p *accessor) record(kind, clock uint64) uint64 {
	return p.epoch<<epochShft | kind<<kindShift | p.block<<blkShift | p.warp<<warpShift | clock&clockMask
}

// before reports whether a clock value recorded earlier is at most now, with
// wrap-around.
func before(recorded, now uint64) bool { return (now-recorded)&clockMask < 1<<(clockBits-1) }

// describeRecord tells a record in words.
func describeRecord(r uint64) string {
	kind := recordNames[r>>kindShift&7]
	who := fmt.Sprintf("block %d", r>>blkShift&blkMask)
	switch r >> kindShift & 7 {
	case accReadAll, accAtomicAll:
		who = "several blocks"
	case accReadOnly:
		who = "a block" // which one is not on record
	case accReadBlock, accAtomicWarp:
		who += ", several warps"
	default:
		who += fmt.Sprintf(", warp %d", r>>warpShift&31)
	}
	if r&wroteBit != 0 && r>>kindShift&7 != accWrite {
		kind += " (after a write)"
	}
	return fmt.Sprintf("%s by %s", kind, who)
}
