package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

// execAtom executes an atomic on the lanes m, in lane order.
func execAtom(w *warp, in *inst, m uint32) {
	op := in.mem
	base := w.v(in.a)
	var zero vec
	b, c := w.v(in.b), &zero
	if in.c != noOperand {
		c = w.v(in.c)
	}
	for rest := m; rest != 0 && w.fault == nil; {
		if op.space == ptx.Shared {
			w.sharedAtom(in, m, base, b, c, 0)
			return
		}
		window, part := firstWindow(base, op.off, rest)
		if op.space == ptx.Generic && window == sharedBase {
			w.sharedAtom(in, part, base, b, c, sharedBase)
		} else {
			w.globalAtom(in, part, base, b, c)
		}
		rest &^= part
	}
}

// sharedAtom executes an atomic on shared memory, whose addresses begin at start.
func (w *warp) sharedAtom(in *inst, m uint32, base, b, c *vec, start uint64) {
	op := in.mem
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		off := base[i] + op.off - start
		if !w.sharedCheck(in, i, off, uint64(op.size), updating, true) {
			return
		}
		mem := w.blk.shared[off:]
		old := loadLE(mem, op.size)
		storeLE(mem, op.size, op.atShared(old, b[i], c[i]))
		if in.d != noOperand {
			w.v(in.d)[i] = old
		}
	}
}

func (w *warp) globalAtom(in *inst, m uint32, base, b, c *vec) {
	op := in.mem
	n := uint64(op.size)
	mem := w.blk.run.k.mod.mem
	s := &w.blk.stats
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
		if bad, with, ok := al.races.note(&w.accessor, off, n, updating, op.byBytes); !ok {
			w.race(in, i, al.base+bad, with)
			return
		}
		lock := &mem.atomics[addr/8%uint64(len(mem.atomics))]
		lock.Lock()
		old := loadLE(al.data[off:off+n], op.size)
		storeLE(al.data[off:off+n], op.size, op.atom(old, b[i], c[i]))
		lock.Unlock()
		out[i] = old
	}
	if in.d != noOperand {
		w.blend(w.v(in.d), &out, m)
	}
}
