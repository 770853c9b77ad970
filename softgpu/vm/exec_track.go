package vm

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
