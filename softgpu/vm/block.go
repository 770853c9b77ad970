package vm

import (
	"math/bits"
	"math/rand/v2"
)

// block is one thread block while it runs, with all that its warps share. A
// worker uses one block object for all its blocks.
type block struct {
	run    *launch
	id     Dim3
	linear uint64

	warps  []*warp
	shared []byte
	shadow sharedShadow
	local  []byte
	locals []uint64 // one bit a byte of local memory: written

	bars       [16]barrier
	generation uint64
	rng        *rand.Rand
	pcg        *rand.PCG
	ready      []int

	cache  []*alloc // by memory instruction: the allocation it found last
	counts []uint64
	stats  Stats
}

// barrier is one of a block's 16 named barriers.
type barrier struct {
	count   int    // threads expected, 0 when idle
	arrived int    // threads so far
	warps   uint32 // that arrived or wait
	waiting uint32
	seen    [32]uint64 // clocks of those that arrived
	sum     int        // bar.red
	and, or bool
}

// newBlock makes a block object for kernel k.
func newBlock(k *Kernel) *block {
	b := &block{pcg: rand.NewPCG(0, 0)}
	b.rng = rand.New(b.pcg)
	b.cache = make([]*alloc, k.sites)
	b.counts = make([]uint64, len(k.counters))
	return b
}

// prepare sizes the block object for a launch.
func (b *block) prepare(r *launch) {
	b.run = r
	k := r.k
	n := int(r.block.Count()+lanes-1) / lanes
	for len(b.warps) < n {
		b.warps = append(b.warps, &warp{
			regs: make([]vec, k.slots), preds: make([]uint32, k.preds), undef: make([]uint32, k.tracked),
			consts: k.consts, index: len(b.warps), blk: b,
		})
	}
	b.warps = b.warps[:n]
	clear(b.cache)
	clear(b.counts)
	b.stats = Stats{}
	size := int(k.shared.end + r.dynShared)
	if cap(b.shared) < size {
		b.shared = make([]byte, size)
	}
	b.shared = b.shared[:size]
	b.shadow.prepare(size, k.sharedBytes)
	threads := n * lanes
	local := int(k.local.end) * threads
	if cap(b.local) < local {
		b.local = make([]byte, local)
		b.locals = make([]uint64, (local+63)/64)
	}
	b.local, b.locals = b.local[:local], b.locals[:(local+63)/64]
	for i, w := range b.warps {
		w.party.seen = make([]uint64, n)
		for lane := range lanes {
			t := r.thread(i*lanes + lane)
			w.tid[0][lane], w.tid[1][lane], w.tid[2][lane] = uint64(t.X), uint64(t.Y), uint64(t.Z)
		}
	}
}

// execute runs block number linear to its end.
func (b *block) execute(linear uint64) *Fault {
	r := b.run
	b.linear = linear
	b.id = Dim3{
		uint32(linear % uint64(r.grid.X)), uint32(linear / uint64(r.grid.X) % uint64(r.grid.Y)),
		uint32(linear / uint64(r.grid.X) / uint64(r.grid.Y)),
	}
	b.pcg.Seed(r.seed, linear)
	b.generation = 1
	b.bars = [16]barrier{}
	b.shadow.clear()
	clear(b.locals)
	left := int(r.block.Count())
	b.ready = b.ready[:0]
	for i, w := range b.warps {
		n := min(left, lanes)
		left -= n
		w.all = uint32(uint64(1)<<n - 1)
		w.live, w.mask = w.all, w.all
		w.pc, w.rpc, w.stack = 0, -1, w.stack[:0]
		w.issued, w.fault, w.state, w.carry = 0, nil, ready, 0
		for j := range w.undef {
			w.undef[j] = allLanes
		}
		seen := w.party.seen
		clear(seen)
		w.party = party{epoch: r.epoch, block: linear & blkMask, warp: uint64(i), clock: 1, generation: 1, seen: seen, unordered: r.unordered}
		w.fenced, w.pairs = w.party.clock, nil
		b.ready = append(b.ready, i)
	}
	return b.schedule()
}

// schedule runs the warps in an order drawn from the seed, switching at barriers
// and after a random number of memory instructions.
func (b *block) schedule() *Fault {
	for len(b.ready) > 0 {
		if b.run.stop.Load() {
			return nil
		}
		pick := 0
		if len(b.ready) > 1 {
			pick = b.rng.IntN(len(b.ready))
		}
		w := b.warps[b.ready[pick]]
		w.quantum = 16 + b.rng.IntN(64)
		w.run()
		if w.fault != nil {
			return w.fault
		}
		if w.state != ready {
			// A barrier that releases warps appends them, so find the entry again.
			for i, x := range b.ready {
				if x == w.index {
					b.ready = append(b.ready[:i], b.ready[i+1:]...)
					break
				}
			}
		}
	}
	return b.stuck()
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
	if !alike(w.v(in.a)) || in.b != none && !alike(w.v(in.b)) {
		w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: "the lanes of a warp name different barriers, or numbers of threads"})
		return
	}
	id := w.v(in.a)[0]
	if id > 15 {
		w.fail(in, m, &Fault{Kind: BarrierMismatch, Detail: detail("barrier %d does not exist: a block has 0 to 15", id)})
		return
	}
	want := len(b.warps) * lanes
	if in.b != none {
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
	for i, c := range w.party.seen {
		bar.seen[i] = max(bar.seen[i], c)
	}
	bar.seen[w.index] = w.party.clock
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

// release lets the warps at a full barrier go on. What any of them did before
// is ordered before what they do now.
func (b *block) release(bar *barrier) {
	b.generation++
	for r := bar.waiting; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		w := b.warps[i]
		in := &b.run.k.code[w.pc-1]
		for j := range w.party.seen {
			w.party.seen[j] = max(w.party.seen[j], bar.seen[j])
		}
		w.party.clock++
		w.fenced = w.party.clock
		w.state = ready
		if in.d != none {
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
		w.party.generation = b.generation
	}
	*bar = barrier{}
}
