package vm

import "slices"

// tracking tells which of an instruction's registers may hold no value. Numbers
// index warp.undef, whose bits are the lanes without a value.
type tracking struct {
	srcs  []int32 // registers read
	dsts  []int32 // registers written
	guard int32   // the guard, or -1
	sink  bool    // the instruction acts on its sources: memory, control, barriers
	lost  bool    // shfl: lanes in warp.lost get no value
}

// track finds the registers that can be read before they are written: those
// live at the kernel's entry, and results of shfl (a lane may read from one that
// takes no part). What is computed from them is followed too. Such a value may
// be moved and combined, but not stored, used as an address or branched on. It
// returns the set, in the numbering of lives.
func (k *Kernel) track(l *lowerer, lv *lives) bitset {
	set := newBitset(lv.size)
	set.or(lv.in[0])
	for i := range k.code {
		if in := &k.code[i]; in.src.Op == "shfl" && in.kind == kCall {
			set.add(in.d)
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range k.code {
			in := &k.code[i]
			tainted := false
			lv.visit(in, func(r int32) { tainted = tainted || set.has(r) }, func(int32) {})
			if !tainted || in.sink() {
				continue
			}
			lv.visit(in, func(int32) {}, func(r int32) {
				if !set.has(r) {
					set.add(r)
					changed = true
				}
			})
		}
	}
	index := make([]int32, lv.size)
	for r := range int32(lv.size) {
		if !set.has(r) {
			continue
		}
		index[r] = int32(k.tracked)
		k.tracked++
		if r < lv.base {
			k.regNames = append(k.regNames, l.regs[r].name)
		} else {
			k.regNames = append(k.regNames, l.preds[r-lv.base])
		}
	}
	if k.tracked == 0 {
		return set
	}
	for i := range k.code {
		in := &k.code[i]
		t := tracking{guard: -1}
		lv.visit(in, func(r int32) {
			if set.has(r) && !slices.Contains(t.srcs, index[r]) {
				t.srcs = append(t.srcs, index[r])
			}
		}, func(r int32) {
			if set.has(r) {
				t.dsts = append(t.dsts, index[r])
			}
		})
		if in.pred >= 0 && set.has(in.pred+lv.base) {
			t.guard = index[in.pred+lv.base]
		}
		if len(t.srcs)+len(t.dsts) > 0 {
			t.sink = in.sink()
			t.lost = in.src.Op == "shfl" && in.kind == kCall
			in.track, in.tracked = &t, true
		}
	}
	return set
}

// sink reports an instruction that acts on its operands instead of computing
// with them. A guard is judged apart: it always acts.
func (in *inst) sink() bool {
	switch in.kind {
	case kMem, kBra, kBrx, kExit, kBarrier:
		return true
	}
	if in.mem != nil {
		return true
	}
	switch in.src.Op {
	case "vote", "match", "redux", "bar":
		return true
	}
	return false
}

// known checks an instruction's operands before it runs with lanes m of the
// lanes active.
func (w *warp) known(in *inst, m, active uint32) bool {
	t := in.track
	if t.guard >= 0 {
		if bad := w.undef[t.guard] & active; bad != 0 {
			w.unwritten(in, t.guard, bad)
			return false
		}
	}
	if !t.sink {
		return true
	}
	for _, s := range t.srcs {
		if bad := w.undef[s] & m; bad != 0 {
			w.unwritten(in, s, bad)
			return false
		}
	}
	return true
}

// propagate sets, after an instruction ran with lanes m, which of its results
// have no value.
func (w *warp) propagate(in *inst, m uint32) {
	t := in.track
	if len(t.dsts) == 0 {
		return
	}
	bad := uint32(0)
	if !t.sink {
		for _, s := range t.srcs {
			bad |= w.undef[s]
		}
	}
	if t.lost {
		bad |= w.lost
	}
	for _, d := range t.dsts {
		w.undef[d] = w.undef[d]&^m | bad&m
	}
}
