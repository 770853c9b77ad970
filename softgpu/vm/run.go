package vm

import "math/bits"

// run executes until a barrier, the end, a fault, or the quantum is used up.
func (w *warp) run() {
	code := w.blk.run.k.code
	counts := w.blk.counts
	for w.state == ready {
		in := &code[w.pc]
		if in.leader {
			if w.pc == w.rpc {
				w.pop()
				continue
			}
			counts[in.counter] += uint64(bits.OnesCount32(w.mask))
			if w.issued > w.blk.run.budget {
				w.fail(in, w.mask, &Fault{Kind: BudgetExceeded, Detail: detail("more than %d instructions: the kernel may not end", w.blk.run.budget)})
			}
		}
		if w.fault != nil {
			return
		}
		w.issued++
		m := w.mask
		if in.pred >= 0 {
			p := w.preds[in.pred]
			if in.predNot {
				p = ^p
			}
			m &= p
			if in.tracked && !w.known(in, m, w.mask) {
				return
			}
			if in.kind < kBra {
				if m == 0 {
					w.pc++
					continue
				}
				counts[in.own] += uint64(bits.OnesCount32(m))
			}
		} else if in.tracked && !w.known(in, m, m) {
			return
		}
		switch in.kind {
		case kVec1:
			if m == allLanes {
				in.f1(w.v(in.d), w.v(in.a))
			} else {
				in.f1(&w.tmp, w.v(in.a))
				w.blend(w.v(in.d), &w.tmp, m)
			}
		case kVec2:
			if m == allLanes {
				in.f2(w.v(in.d), w.v(in.a), w.v(in.b))
			} else {
				in.f2(&w.tmp, w.v(in.a), w.v(in.b))
				w.blend(w.v(in.d), &w.tmp, m)
			}
		case kVec3:
			if m == allLanes {
				in.f3(w.v(in.d), w.v(in.a), w.v(in.b), w.v(in.c))
			} else {
				in.f3(&w.tmp, w.v(in.a), w.v(in.b), w.v(in.c))
				w.blend(w.v(in.d), &w.tmp, m)
			}
		case kSetp:
			w.compare(in, m)
		case kSelp:
			p := w.predicate(in)
			if m == allLanes {
				selectLanes(w.v(in.d), w.v(in.a), w.v(in.b), p)
			} else {
				selectLanes(&w.tmp, w.v(in.a), w.v(in.b), p)
				w.blend(w.v(in.d), &w.tmp, m)
			}
		case kSpecial, kCall:
			in.ex(w, in, m)
			if w.fault != nil {
				return
			}
		case kParam:
			w.loadParam(in, m)
		case kMem:
			w.memory(in, m)
			if w.fault != nil {
				return
			}
			if w.quantum--; w.quantum < 0 {
				if in.tracked {
					w.propagate(in, m)
				}
				w.pc++
				return
			}
		case kBra:
			w.branch(in, m)
			continue
		case kBrx:
			w.branchIndexed(in, m)
			continue
		case kExit:
			w.exit(m)
			continue
		case kBarrier:
			w.pc++
			w.barrier(in, m)
			if in.tracked {
				w.propagate(in, m)
			}
			continue
		}
		if in.tracked {
			w.propagate(in, m)
		}
		w.pc++
	}
}

func (w *warp) compare(in *inst, m uint32) {
	r := in.cmp(w.v(in.a), w.v(in.b))
	if in.cmpNot {
		r = ^r
	}
	not := ^r
	if in.combine != boolNone {
		p := w.predicate(in)
		switch in.combine {
		case boolAnd:
			r, not = r&p, not&p
		case boolOr:
			r, not = r|p, not|p
		default:
			r, not = r^p, not^p
		}
	}
	w.setPred(in.pd, r, m)
	if in.pe >= 0 {
		w.setPred(in.pe, not, m)
	}
}

// branch sends the lanes m to the target and the others on. If both sets have
// lanes, one path waits, and they meet at the branch's post-dominator.
func (w *warp) branch(in *inst, m uint32) {
	fall := w.pc + 1
	switch {
	case m == w.mask:
		w.pc = in.target
		return
	case m == 0:
		w.pc = fall
		return
	}
	if in.target == fall {
		w.pc = fall
		return
	}
	w.diverge(in.rpc)
	rest := w.mask &^ m
	switch in.rpc {
	case fall: // the others are already where all meet
		w.pc, w.mask = in.target, m
	case in.target:
		w.pc, w.mask = fall, rest
	default:
		w.stack = append(w.stack, path{fall, in.rpc, rest})
		w.pc, w.mask = in.target, m
	}
	w.rpc = in.rpc
}

// diverge leaves a path on the stack on which all lanes continue at rpc. When
// the lanes run towards rpc already, a path for them waits there.
func (w *warp) diverge(rpc int32) {
	if rpc >= 0 && rpc != w.rpc {
		w.stack = append(w.stack, path{rpc, w.rpc, w.mask})
	}
}

func (w *warp) branchIndexed(in *inst, m uint32) {
	index := w.v(in.a)
	groups := make([]uint32, len(in.targets))
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		if index[i] >= uint64(len(in.targets)) {
			w.failAt(in, i, &Fault{Kind: BadBranchIndex, Detail: detail("index %d into a list of %d targets", index[i], len(in.targets))})
			return
		}
		groups[index[i]] |= 1 << i
	}
	first := true
	for t, g := range groups {
		if g == m {
			w.pc = in.targets[t]
			return
		}
	}
	w.diverge(in.rpc)
	for t, g := range groups {
		if g == 0 || in.targets[t] == in.rpc && in.rpc >= 0 {
			continue
		}
		if !first {
			w.stack = append(w.stack, path{w.pc, in.rpc, w.mask})
		}
		w.pc, w.mask, first = in.targets[t], g, false
	}
	w.rpc = in.rpc
}

// pop continues with the next path that has lanes left.
func (w *warp) pop() {
	for len(w.stack) > 0 {
		top := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if top.mask &= w.live; top.mask != 0 {
			w.pc, w.rpc, w.mask = top.pc, top.rpc, top.mask
			return
		}
	}
	w.mask = 0
	w.state = finished
}

// exit ends the lanes m.
func (w *warp) exit(m uint32) {
	w.live &^= m
	w.mask &^= m
	if w.mask == 0 {
		w.pop()
		return
	}
	w.pc++
}

func (w *warp) loadParam(in *inst, m uint32) {
	op := in.mem
	for e, d := range in.dv {
		raw := loadLE(w.blk.run.params[op.off+uint64(e*op.size):], op.size)
		raw = op.extend(raw)
		w.fill(d, raw, m)
	}
}
