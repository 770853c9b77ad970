package vm

import (
	"fmt"
	"math/bits"
)

// v gives an operand's values.
func (w *warp) v(r int32) *vec {
	if r >= 0 {
		return &w.regs[r]
	}
	return &w.consts[^r]
}

// blend writes src to the lanes of dst that m names.
func (w *warp) blend(dst, src *vec, m uint32) {
	if m == allLanes {
		*dst = *src
		return
	}
	selectLanes(dst, src, dst, m)
}

// fill writes a value to the lanes of a register that m names.
func (w *warp) fill(d int32, v uint64, m uint32) {
	splat(&w.tmp, v)
	w.blend(w.v(d), &w.tmp, m)
}

// predicate gives an instruction's source predicate.
func (w *warp) predicate(in *inst) uint32 {
	if in.paNot {
		return ^w.preds[in.pa]
	}
	return w.preds[in.pa]
}

// setPred writes the bits of a predicate that m names.
func (w *warp) setPred(p int32, v, m uint32) { w.preds[p] = w.preds[p]&^m | v&m }

// tick advances the warp's clock at a barrier, so that accesses before and after it can be
// told apart.
func (w *warp) tick() {
	w.accessor.seen[w.index] = w.accessor.clock
	w.accessor.clock++
}

// fence orders the earlier accesses of a group's lanes before their later ones. Each lane learns
// from the others the accesses that those were ordered after.
func (w *warp) fence(group uint32) {
	w.tick()
	if w.live&^group == 0 {
		w.fenced = w.accessor.clock
		return
	}
	if w.pairs == nil {
		w.pairs = new([lanes][lanes]uint64)
	}
	var known [lanes]uint64
	for r := group; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		for j, c := range w.pairs[i] {
			known[j] = max(known[j], c)
		}
	}
	for r := group; r != 0; r &= r - 1 {
		known[bits.TrailingZeros32(r)] = w.accessor.clock
	}
	for r := group; r != 0; r &= r - 1 {
		w.pairs[bits.TrailingZeros32(r)] = known
	}
}

// follows reports whether the present access of a thread is ordered after the access of another thread of
// its warp at a clock. Of several lanes that read, or updated, one word, by is the last.
func (w *warp) follows(clock uint64, thread, by int) bool {
	return clock < w.fenced || w.pairs != nil && clock < w.pairs[thread%lanes][by%lanes]
}

// thread gives the index of a thread from its number within the block.
func (r *launch) thread(n int) Dim3 {
	x, y := int(r.block.X), int(r.block.Y)
	return Dim3{uint32(n % x), uint32(n / x % y), uint32(n / x / y)}
}

// fail reports a fault for the first lane of m.
func (w *warp) fail(in *inst, m uint32, f *Fault) {
	w.failAt(in, bits.TrailingZeros32(m|1<<31), f)
}

// failAt completes a fault with code, block and thread, and stops the warp.
func (w *warp) failAt(in *inst, lane int, f *Fault) {
	if w.fault != nil {
		return
	}
	r := w.blk.run
	f.Kernel, f.Line, f.Instr = r.k.name, in.src.Line, in.src.Opcode()
	if in.fn != r.k.fn {
		f.Function = in.fn.Name
	}
	if loc := in.src.Loc; loc != nil {
		f.Source = fmt.Sprintf("%s:%d", r.k.mod.source.Files[loc.File], loc.Line)
	}
	f.Block, f.Lane = w.blk.id, lane
	f.Thread = r.thread(w.index*lanes + lane)
	w.fault = f
}

// unwritten reports the use of a register without a value.
func (w *warp) unwritten(in *inst, reg int32, lanesBad uint32) {
	w.fail(in, lanesBad, &Fault{Kind: UnwrittenValue, Detail: detail("register %s has no value here: it was never written on this path, or comes from a shfl that read a lane which took no part", w.blk.run.k.regNames[reg])})
}
