package vm

import (
	"math/bits"
	"strings"

	"mdfa/softgpu/ptx"
)

// extend sign-extends a loaded value to its register, where the type asks for it.
func (op *memOp) extend(v uint64) uint64 {
	if op.signed {
		return uint64(sx(v, 8*op.size)) & maskBits(op.ext)
	}
	return v
}

// access gives the kind of access for the race checks.
func (op *memOp) access() access {
	switch {
	case op.atom != nil:
		return updating
	case op.store && op.strong != "":
		return updating
	case op.store:
		return writing
	case op.strong != "":
		return watching
	case op.nc:
		return readingOnly
	}
	return reading
}

// name tells the access in words.
func (op *memOp) name() string {
	switch {
	case op.atom != nil:
		return "atomic update"
	case op.nc:
		return "read with .nc"
	case op.store:
		return strings.TrimLeft(op.strong+" write", " ")
	}
	return strings.TrimLeft(op.strong+" read", " ")
}

// firstWindow gives the space that the first lane's generic address lies in, and all lanes
// of m whose addresses lie there.
func firstWindow(base *vec, off uint64, m uint32) (window uint64, same uint32) {
	window = (base[bits.TrailingZeros32(m)] + off) & windowMask
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		same |= bit((base[i]+off)&windowMask == window) << i
	}
	return window, same
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

func (w *warp) race(in *inst, lane int, addr, with uint64) {
	text := detail("%s by block %d, warp %d, against %s, with no barrier between",
		in.mem.name(), w.blk.linear, w.index, describeRecord(with))
	earlier := uint64(0)
	if epoch := with >> epochShft; epoch != w.accessor.epoch {
		earlier = epoch
		text = detail("%s by block %d, warp %d, not ordered after an earlier operation's %s",
			in.mem.name(), w.blk.linear, w.index, recordNames[with>>kindShift&7])
	}
	w.globalFault(in, lane, addr, GlobalRace, text)
	w.fault.Earlier = earlier
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
	if kind == OutOfBounds && mem.find(addr) == nil && mem.ghostAt(addr) != nil {
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
