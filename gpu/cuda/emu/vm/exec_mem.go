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
