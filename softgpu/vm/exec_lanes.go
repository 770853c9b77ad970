package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

// laneAddress checks one lane's global address and gives its allocation and offset.
func (w *warp) laneAddress(in *inst, lane int, addr, n uint64) (*alloc, uint64, bool) {
	op := in.mem
	al := w.allocAt(op, addr)
	if al == nil {
		w.globalFault(in, lane, addr, OutOfBounds, "")
		return nil, 0, false
	}
	off := addr - al.base
	switch {
	case off+n > al.size:
		w.globalFault(in, lane, addr, OutOfBounds, "")
	case addr&(n-1) != 0:
		w.globalFault(in, lane, addr, Misaligned, detail("the address is not a multiple of %d", n))
	case op.store && al.readOnly:
		w.globalFault(in, lane, addr, ReadOnly, "constant memory")
	case op.space == ptx.Const && !al.readOnly:
		w.globalFault(in, lane, addr, BadAddressSpace, "a const access outside constant memory")
	default:
		return al, off, true
	}
	return nil, 0, false
}

// globalLanes accesses global memory lane by lane. Neighbouring lanes in one
// line are noted together in the race shadow.
func (w *warp) globalLanes(in *inst, m uint32, base *vec) {
	op := in.mem
	n := uint64(op.size * op.count)
	var stores collisions
	var group struct { // consecutive lanes within one line
		al   *alloc
		line uint64
		mask uint32
		lane int
	}
	flush := func() bool {
		if group.al == nil {
			return true
		}
		bad, with, ok := group.al.races.noteWords(&w.accessor, group.line, group.mask, op.access())
		if !ok {
			w.race(in, group.lane, group.al.base+bad, with)
		}
		group.al = nil
		return ok
	}
	// Check everything first: an instruction that faults has done nothing.
	var als [lanes]*alloc
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		addr := base[i] + op.off
		al, off, ok := w.laneAddress(in, i, addr, n)
		if !ok {
			return
		}
		als[i] = al
		if !op.store {
			if bad, ok := al.shadow.first(off, n); !ok {
				w.globalFault(in, i, al.base+bad, Uninitialised, "")
				return
			}
		} else if op.strong == "" {
			if j := stores.add(addr, n, i); j >= 0 {
				w.globalFault(in, i, addr, GlobalRace, detail("lanes %d and %d of one warp write the same word in one instruction", j, i))
				return
			}
		}
		if n < 4 && op.byBytes {
			if bad, with, ok := al.races.note(&w.accessor, off, n, op.access(), true); !ok {
				w.race(in, i, al.base+bad, with)
				return
			}
			continue
		}
		line, word := off/lineBytes, off%lineBytes/4
		if group.al != al || group.line != line {
			if !flush() {
				return
			}
			group.al, group.line, group.mask, group.lane = al, line, 0, i
		}
		group.mask |= (1<<max(n/4, 1) - 1) << word
	}
	if !flush() {
		return
	}
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		off := base[i] + op.off - als[i].base
		if op.strong != "" { // other blocks may look at the same word now
			lock := &w.blk.run.k.mod.mem.atomics[(base[i]+op.off)/8%256]
			lock.Lock()
			w.transfer(in, i, als[i].data[off:off+n])
			lock.Unlock()
		} else {
			w.transfer(in, i, als[i].data[off:off+n])
		}
		if op.store {
			als[i].shadow.mark(off, n)
		}
	}
}

// collisions finds two lanes that write the same bytes: a small hash table of
// each lane's write, by 4-byte word.
type collisions struct {
	used  uint64
	key   [64]uint64
	lane  [64]int8
	bytes [64]uint8
}

// add notes a write and returns the lane that wrote an overlapping byte before, or -1.
func (c *collisions) add(addr, n uint64, lane int) int {
	// Accesses are aligned, so that two of at least 4 bytes overlap only if they
	// start alike; smaller ones are told apart within their word.
	word := addr / 4
	touched := uint8(0xf)
	if n < 4 {
		touched = uint8((1<<n - 1) << (addr & 3))
	}
	h := (word * 0x9E3779B97F4A7C15) >> 58
	for probe := range uint64(64) {
		i := (h + probe) & 63
		if c.used>>i&1 == 0 {
			c.used |= 1 << i
			c.key[i], c.lane[i], c.bytes[i] = word, int8(lane), touched
			return -1
		}
		if c.key[i] == word {
			if c.bytes[i]&touched != 0 {
				return int(c.lane[i])
			}
			c.bytes[i] |= touched
			return -1
		}
	}
	return -1
}
