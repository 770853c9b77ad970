package vm

import "slices"

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
