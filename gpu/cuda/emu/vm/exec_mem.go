package vm

import (
	"encoding/binary"
	"math/bits"

	"mdfa/gpu/cuda/emu/ptx"
)

func loadLE(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func storeLE(b []byte, size int, v uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

// extend sign-extends a loaded value to its register, where the type asks for it.
func (op *memOp) extend(v uint64) uint64 {
	if op.signed {
		return uint64(sx(v, 8*op.size)) & maskBits(op.ext)
	}
	return v
}

// how tells the race checks what the access is.
func (op *memOp) how() access {
	switch {
	case op.atom != nil:
		return updating
	case op.store && op.strong:
		return updating
	case op.store:
		return writing
	case op.strong:
		return watching
	}
	return reading
}

// memory executes a load or store for the lanes m.
func (w *warp) memory(in *inst, m uint32) {
	op := in.mem
	base := w.v(in.a)
	switch op.space {
	case ptx.Global, ptx.Const:
		w.global(in, m, base)
	case ptx.Shared:
		w.sharedAccess(in, m, base, op.off)
	case ptx.Local:
		w.localAccess(in, m, base, op.off)
	case ptx.Param:
		w.paramAccess(in, m, base, op.off)
	default:
		w.generic(in, m, base)
	}
}

// generic sends each lane to the space its address lies in.
func (w *warp) generic(in *inst, m uint32, base *vec) {
	off := in.mem.off
	for m != 0 && w.fault == nil {
		window := (base[bits.TrailingZeros32(m)] + off) & windowMask
		same := uint32(0)
		for r := m; r != 0; r &= r - 1 {
			i := bits.TrailingZeros32(r)
			same |= bit((base[i]+off)&windowMask == window) << i
		}
		switch window {
		case sharedBase:
			w.sharedAccess(in, same, base, off-sharedBase)
		case localBase:
			w.localAccess(in, same, base, off-localBase)
		case paramBase:
			w.paramAccess(in, same, base, off-paramBase)
		default:
			w.global(in, same, base)
		}
		m &^= same
	}
}

// global accesses global memory. A warp whose lanes lie side by side in one
// allocation is checked and copied as one range; others go lane by lane.
func (w *warp) global(in *inst, m uint32, base *vec) {
	op := in.mem
	step := uint64(op.size * op.count)
	w.blk.stats.GlobalAccesses++
	if useful := step * uint64(bits.OnesCount32(m)); op.store {
		w.blk.stats.GlobalWritten += useful
	} else {
		w.blk.stats.GlobalRead += useful
	}
	first := base[bits.TrailingZeros32(m)] + op.off
	al := w.allocAt(op, first)
	if al == nil {
		w.globalLanes(in, m, base)
		return
	}
	off := first - al.base
	if m == allLanes && first&(step-1) == 0 && !op.strong && (op.space != ptx.Const) == !al.readOnly {
		stray, spread := uint64(0), uint64(0)
		next := base[0]
		for _, a := range base {
			stray |= a ^ next
			spread |= a ^ base[0]
			next += step
		}
		switch {
		case stray == 0 && off+lanes*step <= al.size:
			if w.globalRange(in, al, off, lanes*step) {
				w.copyRange(in, al.data[off:off+lanes*step])
			}
			return
		case spread == 0 && !op.store && off+step <= al.size:
			if w.globalRange(in, al, off, step) {
				for e, d := range in.dv {
					splat(w.v(d), op.extend(loadLE(al.data[off+uint64(e*op.size):], op.size)))
				}
			}
			return
		}
	}
	w.globalLanes(in, m, base)
}

// allocAt finds the allocation that holds addr, trying first the one this
// instruction used last.
func (w *warp) allocAt(op *memOp, addr uint64) *alloc {
	if al := w.blk.cache[op.site]; al != nil && addr-al.base < al.size && !al.dead.Load() {
		return al
	}
	al := w.blk.run.k.mod.mem.find(addr)
	w.blk.cache[op.site] = al
	return al
}

// globalRange checks n bytes of an allocation that all lanes together access,
// and notes what they do. It returns false after a fault.
func (w *warp) globalRange(in *inst, al *alloc, off, n uint64) bool {
	op := in.mem
	w.blk.stats.Sectors += (off+n-1)/32 - off/32 + 1
	if !op.store {
		if bad, ok := al.shadow.first(off, n); !ok {
			lane := int((bad - off) / uint64(op.size*op.count))
			w.globalFault(in, lane, al.base+bad, Uninitialised, "")
			return false
		}
	}
	if bad, with, ok := al.races.note(&w.party, off, n, op.how(), op.byBytes); !ok {
		lane := int((max(bad, off) - off) / uint64(op.size*op.count))
		w.race(in, lane, al.base+max(bad, off), with)
		return false
	}
	if op.store {
		al.shadow.mark(off, n)
	}
	return true
}

func (w *warp) race(in *inst, lane int, addr, with uint64) {
	w.globalFault(in, lane, addr, GlobalRace, detail("%s by block %d, warp %d, against %s, with no barrier between",
		accessNames[in.mem.how()], w.blk.linear, w.index, describeRecord(with)))
}

// globalFault reports a fault at a global address.
func (w *warp) globalFault(in *inst, lane int, addr uint64, kind FaultKind, text string) {
	mem := w.blk.run.k.mod.mem
	f := &Fault{Kind: kind, Address: addr, Size: in.mem.size * in.mem.count, Space: "global", Detail: text}
	if in.mem.space == ptx.Const {
		f.Space = "const"
	}
	mem.mu.Lock()
	f.Allocation = mem.describe(addr)
	if kind == OutOfBounds && search(mem.freed, addr) != nil {
		f.Kind = UseAfterFree
	}
	mem.mu.Unlock()
	if kind == OutOfBounds && addr < globalBase {
		f.Detail = "the address is below device memory"
		if addr < 1<<32 {
			f.Detail = "the address is null or near it, or an offset without its base"
		}
	}
	w.failAt(in, lane, f)
}

// copyRange moves a whole warp's worth of neighbouring elements.
func (w *warp) copyRange(in *inst, mem []byte) {
	op := in.mem
	step := op.size * op.count
	if op.size == 4 && op.count == 1 {
		if b := (*[lanes * 4]byte)(mem); op.store {
			v := w.v(in.sv[0])
			for i := range lanes {
				binary.LittleEndian.PutUint32(b[4*i:4*i+4], uint32(v[i]))
			}
		} else if !op.signed || op.ext == 32 {
			v := w.v(in.dv[0])
			for i := range lanes {
				v[i] = uint64(binary.LittleEndian.Uint32(b[4*i : 4*i+4]))
			}
		} else {
			v := w.v(in.dv[0])
			for i := range lanes {
				v[i] = op.extend(uint64(binary.LittleEndian.Uint32(b[4*i : 4*i+4])))
			}
		}
		return
	}
	if op.size == 4 && op.count == 4 && !op.signed {
		b := (*[lanes * 16]byte)(mem)
		if op.store {
			x, y, z, t := w.v(in.sv[0]), w.v(in.sv[1]), w.v(in.sv[2]), w.v(in.sv[3])
			for i := range lanes {
				s := b[16*i : 16*i+16]
				binary.LittleEndian.PutUint64(s, x[i]&0xffffffff|y[i]<<32)
				binary.LittleEndian.PutUint64(s[8:], z[i]&0xffffffff|t[i]<<32)
			}
			return
		}
		x, y, z, t := w.v(in.dv[0]), w.v(in.dv[1]), w.v(in.dv[2]), w.v(in.dv[3])
		for i := range lanes {
			s := b[16*i : 16*i+16]
			lo, hi := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
			x[i], y[i], z[i], t[i] = lo&0xffffffff, lo>>32, hi&0xffffffff, hi>>32
		}
		return
	}
	for e := range op.count {
		at := e * op.size
		if op.store {
			v := w.v(in.sv[e])
			for i := range lanes {
				storeLE(mem[at+i*step:], op.size, v[i])
			}
			continue
		}
		v := w.v(in.dv[e])
		for i := range lanes {
			v[i] = op.extend(loadLE(mem[at+i*step:], op.size))
		}
	}
}

// transfer moves one lane's elements.
func (w *warp) transfer(in *inst, lane int, mem []byte) {
	op := in.mem
	for e := range op.count {
		if op.store {
			storeLE(mem[e*op.size:], op.size, w.v(in.sv[e])[lane])
		} else {
			w.v(in.dv[e])[lane] = op.extend(loadLE(mem[e*op.size:], op.size))
		}
	}
}

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
	var sectors sectorSet
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
		bad, with, ok := group.al.races.noteWords(&w.party, group.line, group.mask, op.how())
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
		sectors.add(addr / 32)
		if !op.store {
			if bad, ok := al.shadow.first(off, n); !ok {
				w.globalFault(in, i, al.base+bad, Uninitialised, "")
				return
			}
		} else if !op.strong {
			if j := stores.add(addr, n, i); j >= 0 {
				w.globalFault(in, i, addr, GlobalRace, detail("lanes %d and %d of one warp write the same word in one instruction", j, i))
				return
			}
		}
		if n < 4 && op.byBytes {
			if bad, with, ok := al.races.note(&w.party, off, n, op.how(), true); !ok {
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
	w.blk.stats.Sectors += uint64(sectors.n)
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		off := base[i] + op.off - als[i].base
		if op.strong { // other blocks may look at the same word now
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

// sectorSet counts distinct 32-byte sectors of one access.
type sectorSet struct {
	n    int
	list [lanes]uint64
}

func (s *sectorSet) add(sector uint64) {
	for i := s.n - 1; i >= 0; i-- {
		if s.list[i] == sector {
			return
		}
	}
	s.list[s.n] = sector
	s.n++
}

// collisions finds two lanes that write the same bytes: a small hash table of
// what each lane wrote, by 4-byte word.
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

// execAtom executes an atomic on the lanes m, in lane order.
func execAtom(w *warp, in *inst, m uint32) {
	op := in.mem
	base := w.v(in.a)
	var zero vec
	b, c := w.v(in.b), &zero
	if in.c != none {
		c = w.v(in.c)
	}
	shared := uint64(0)
	switch {
	case op.space == ptx.Shared:
	case op.space == ptx.Generic && (base[bits.TrailingZeros32(m)]+op.off)&windowMask == sharedBase:
		shared = sharedBase
	default:
		w.globalAtom(in, m, base, b, c)
		return
	}
	w.blk.stats.SharedAccesses++
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		off := base[i] + op.off - shared
		if !w.sharedCheck(in, i, off, uint64(op.size), updating, true) {
			return
		}
		mem := w.blk.shared[off:]
		old := loadLE(mem, op.size)
		storeLE(mem, op.size, op.atom(old, b[i], c[i]))
		if in.d != none {
			w.v(in.d)[i] = old
		}
	}
}

func (w *warp) globalAtom(in *inst, m uint32, base, b, c *vec) {
	op := in.mem
	n := uint64(op.size)
	mem := w.blk.run.k.mod.mem
	var sectors sectorSet
	s := &w.blk.stats
	s.GlobalAccesses++
	s.GlobalRead += n * uint64(bits.OnesCount32(m))
	s.GlobalWritten += n * uint64(bits.OnesCount32(m))
	out := *b // the destination may be an operand: collect first
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		addr := base[i] + op.off
		al, off, ok := w.laneAddress(in, i, addr, n)
		if !ok {
			return
		}
		if bad, ok := al.shadow.first(off, n); !ok {
			w.globalFault(in, i, al.base+bad, Uninitialised, "")
			return
		}
		if bad, with, ok := al.races.note(&w.party, off, n, updating, op.byBytes); !ok {
			w.race(in, i, al.base+bad, with)
			return
		}
		sectors.add(addr / 32)
		lock := &mem.atomics[addr/8%uint64(len(mem.atomics))]
		lock.Lock()
		old := loadLE(al.data[off:off+n], op.size)
		storeLE(al.data[off:off+n], op.size, op.atom(old, b[i], c[i]))
		lock.Unlock()
		out[i] = old
	}
	s.Sectors += uint64(sectors.n)
	if in.d != none {
		w.blend(w.v(in.d), &out, m)
	}
}
