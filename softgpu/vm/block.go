package vm

import "math/rand/v2"

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
	b.shadow.resize(size, k.sharedBytes)
	threads := n * lanes
	local := int(k.local.end) * threads
	if cap(b.local) < local {
		b.local = make([]byte, local)
		b.locals = make([]uint64, (local+63)/64)
	}
	b.local, b.locals = b.local[:local], b.locals[:(local+63)/64]
	for i, w := range b.warps {
		w.accessor.seen = make([]uint64, n)
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
	b.shadow.forget()
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
		seen := w.accessor.seen
		clear(seen)
		w.accessor = accessor{epoch: r.epoch, block: linear & blkMask, warp: uint64(i), clock: 1, generation: 1, seen: seen, unordered: r.unordered}
		w.fenced, w.pairs = w.accessor.clock, nil
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
