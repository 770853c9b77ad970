package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

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
		window, same := firstWindow(base, off, m)
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

// global accesses global memory. Lanes that lie side by side, or on one address,
// are checked, noted and copied together. An access that does not fall into a few such groups,
// or in which anything is wrong, is made lane by lane.
func (w *warp) global(in *inst, m uint32, base *vec) {
	op := in.mem
	step := uint64(op.size * op.count)
	if useful := step * uint64(bits.OnesCount32(m)); op.store {
		w.blk.stats.GlobalWritten += useful
	} else {
		w.blk.stats.GlobalRead += useful
	}
	if op.strong != "" || !w.globalGroups(in, m, base) {
		w.globalLanes(in, m, base)
	}
}
