package vm

import (
	"fmt"
	"math/bits"
)

// warp is 32 threads of a block in lockstep.
type warp struct {
	blk   *block
	index int

	regs   []vec
	consts []vec
	preds  []uint32
	undef  []uint32
	carry  uint32
	lost   uint32 // lanes that the last shfl left without a value
	tid    [3]vec
	tmp    vec

	all   uint32 // lanes that exist
	live  uint32 // lanes that have not left the kernel
	mask  uint32 // lanes that run now
	pc    int32
	rpc   int32 // where they meet others again, or -1
	stack []path

	issued  uint64
	quantum int // memory instructions until the scheduler may switch

	party  party
	fenced uint64                // what a lane did before that clock is ordered before what all do now
	pairs  *[lanes][lanes]uint64 // [i][j]: the same of lane j for lane i, after barriers of some lanes; nil before
	state  warpState
	wait   int // the barrier waited at
	fault  *Fault
}

// path is a set of lanes that waits for its turn.
type path struct {
	pc, rpc int32
	mask    uint32
}

type warpState uint8

const (
	ready warpState = iota
	waiting
	finished
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

// tick moves the warp's clock on at a barrier, so that what it did before can be told
// from what it does after.
func (w *warp) tick() {
	w.party.seen[w.index] = w.party.clock
	w.party.clock++
}

// fence orders what the lanes of a group did before what they do from now on. Lanes learn
// from each other what those were ordered after.
func (w *warp) fence(group uint32) {
	w.tick()
	if w.live&^group == 0 {
		w.fenced = w.party.clock
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
		known[bits.TrailingZeros32(r)] = w.party.clock
	}
	for r := group; r != 0; r &= r - 1 {
		w.pairs[bits.TrailingZeros32(r)] = known
	}
}

// follows reports whether what thread does now is ordered after what another thread of
// its warp did at a clock. Of several lanes that read, or updated, one word, by is the last.
func (w *warp) follows(clock uint64, thread, by int) bool {
	return clock < w.fenced || w.pairs != nil && clock < w.pairs[thread%lanes][by%lanes]
}

func (w *warp) loadParam(in *inst, m uint32) {
	op := in.mem
	for e, d := range in.dv {
		raw := loadLE(w.blk.run.params[op.off+uint64(e*op.size):], op.size)
		raw = op.extend(raw)
		w.fill(d, raw, m)
	}
}

func detail(format string, args ...any) string { return fmt.Sprintf(format, args...) }

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
