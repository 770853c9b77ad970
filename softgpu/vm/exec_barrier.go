package vm

import "math/bits"

// barrier executes bar.sync, bar.arrive or bar.red for the lanes m.
func (w *warp) barrier(in *inst, m uint32) {
	b := w.blk
	if in.pred >= 0 && m == 0 {
		return
	}
	if m != w.all {
		i := bits.TrailingZeros32(w.all &^ m)
		why := "is on another path"
		if w.live>>i&1 == 0 {
			why = "has left the kernel"
		}
		w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: detail("only lanes %#08x of warp %d reach the barrier; thread %v %s", m, w.index, b.run.thread(w.index*lanes+i), why)})
		return
	}
	if !alike(w.v(in.a)) || in.b != noOperand && !alike(w.v(in.b)) {
		w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: "the lanes of a warp name different barriers, or numbers of threads"})
		return
	}
	id := w.v(in.a)[0]
	if id > 15 {
		w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: detail("barrier %d does not exist: a block has 0 to 15", id)})
		return
	}
	want := len(b.warps) * lanes
	if in.b != noOperand {
		want = int(w.v(in.b)[0])
		if want == 0 || want%lanes != 0 || want > len(b.warps)*lanes {
			w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: detail("barrier %d for %d threads: expected a multiple of 32, at most %d", id, want, len(b.warps)*lanes)})
			return
		}
	}
	bar := &b.bars[id]
	if bar.count != 0 && bar.count != want {
		w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: detail("barrier %d is used for %d and for %d threads at once", id, bar.count, want)})
		return
	}
	if bar.count == 0 {
		*bar = barrier{count: want, and: true}
	}
	bar.arrived += lanes
	bar.warps |= 1 << w.index
	for i, c := range w.accessor.seen {
		bar.seen[i] = max(bar.seen[i], c)
	}
	bar.seen[w.index] = w.accessor.clock
	if in.pa >= 0 {
		p := w.predicate(in) & m
		bar.sum += bits.OnesCount32(p)
		bar.and = bar.and && p == m
		bar.or = bar.or || p != 0
	}
	if in.bar.arrive {
		w.tick()
	} else {
		w.state, w.wait = waiting, int(id)
		bar.waiting |= 1 << w.index
	}
	if bar.arrived >= bar.count {
		b.release(bar)
	}
}

// release lets the warps at a full barrier continue. The accesses of all of them before
// the barrier are ordered before those after it.
func (b *block) release(bar *barrier) {
	b.generation++
	for r := bar.waiting; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		w := b.warps[i]
		in := &b.run.k.code[w.pc-1]
		for j := range w.accessor.seen {
			w.accessor.seen[j] = max(w.accessor.seen[j], bar.seen[j])
		}
		w.accessor.clock++
		w.fenced = w.accessor.clock
		w.state = ready
		if in.d != noOperand {
			splat(w.v(in.d), uint64(bar.sum))
		}
		if in.pd >= 0 {
			v := bar.or
			if in.bar.red == "and" {
				v = bar.and
			}
			w.setPred(in.pd, -bit(v), w.all)
		}
		found := false
		for _, x := range b.ready {
			found = found || x == i
		}
		if !found {
			b.ready = append(b.ready, i)
		}
	}
	for _, w := range b.warps {
		w.accessor.generation = b.generation
	}
	*bar = barrier{}
}

// stuck looks for warps that still wait at a barrier when nothing can run.
func (b *block) stuck() *Fault {
	for _, w := range b.warps {
		if w.state != waiting {
			continue
		}
		bar := &b.bars[w.wait]
		in := &b.run.k.code[w.pc-1]
		others := ""
		for _, o := range b.warps {
			if bar.warps>>o.index&1 == 0 {
				others = detail("warp %d (threads from %v) never reaches it", o.index, b.run.thread(o.index*lanes))
				if o.state == finished {
					others = detail("warp %d (threads from %v) has left the kernel without it", o.index, b.run.thread(o.index*lanes))
				} else if o.state == waiting {
					others = detail("warp %d waits at barrier %d instead", o.index, o.wait)
				}
				break
			}
		}
		w.fail(in, w.mask, &Fault{Kind: BarrierMismatch, Detail: detail("barrier %d: %d of %d threads arrived; %s", w.wait, bar.arrived, bar.count, others)})
		return w.fault
	}
	for i := range b.bars {
		if bar := &b.bars[i]; bar.count > 0 {
			w := b.warps[bits.TrailingZeros32(bar.warps)]
			in := w.blk.run.k.firstBarrier()
			w.fail(in, 1, &Fault{Kind: BarrierMismatch, Detail: detail("barrier %d: %d of %d threads arrived and nobody waits for the rest", i, bar.arrived, bar.count)})
			return w.fault
		}
	}
	return nil
}

func (k *Kernel) firstBarrier() *inst {
	for i := range k.code {
		if k.code[i].kind == kBarrier {
			return &k.code[i]
		}
	}
	return &k.code[0]
}
