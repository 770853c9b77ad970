package vm

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Launch runs the kernel to its end. A finding of the checks is a *Fault, an
// impossible launch a *LimitError; memory written until then stays written.
// For kernels without races the results do not depend on seed and workers: a
// kernel whose atomics are sensitive to order (float sums in global memory,
// atomics that return a value) runs its blocks one after another.
//
// Several launches may run at once, as from several streams. The race check
// watches within a launch, and between launches where Unordered says which are
// concurrent for the program, in whichever order they were run.
func (k *Kernel) Launch(c Launch) (Stats, error) {
	if err := k.checkLaunch(&c); err != nil {
		return Stats{}, err
	}
	mem := k.mod.mem
	epoch := mem.beginLaunch()
	defer mem.launches.RUnlock()
	r := &launch{
		k: k, grid: c.Grid, block: c.Block, params: c.Params, dynShared: c.SharedBytes, seed: c.Seed,
		budget: c.Budget, epoch: epoch, unordered: c.Unordered,
	}
	if r.budget == 0 {
		r.budget = defaultBudget
	}
	r.blocks = uint64(c.Grid.X) * uint64(c.Grid.Y)
	if r.blocks > 1<<62/uint64(c.Grid.Z) {
		return Stats{}, &LimitError{k.name, "blocks", r.blocks, 1 << 62}
	}
	r.blocks *= uint64(c.Grid.Z)
	r.order()
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if k.orderedAtomics {
		workers = 1
	}
	workers = int(min(uint64(workers), r.blocks))
	if c.Began != nil {
		c.Began(epoch)
	}
	if c.Context != nil {
		done := context.AfterFunc(c.Context, func() { r.stop.Store(true) })
		defer done()
	}
	if workers == 1 {
		r.work()
	} else {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(r.work)
		}
		wg.Wait()
	}
	if r.fault != nil {
		return r.stats, r.fault
	}
	if c.Context != nil && c.Context.Err() != nil {
		return r.stats, fmt.Errorf("softgpu: launch of %s: %w", k.name, c.Context.Err())
	}
	return r.stats, nil
}

// order picks a sequence of blocks from the seed. Seed 0 keeps the natural one.
func (r *launch) order() {
	r.step = 1
	if r.seed == 0 || r.blocks < 3 {
		return
	}
	h := r.seed*0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019
	r.start = (h >> 7) % r.blocks
	// Strides stay small enough that i*step cannot overflow for the grids that are
	// ever run to their end.
	for r.step = 1 + (h>>13)%min(r.blocks-1, 1<<16); gcd(r.step, r.blocks) != 1; {
		r.step++
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// work runs blocks until all have run or one has a fault.
func (r *launch) work() {
	b, _ := r.k.pool.Get().(*block)
	if b == nil {
		b = newBlock(r.k)
	}
	b.prepare(r)
	for !r.stop.Load() {
		i := r.next.Add(1) - 1
		if i >= r.blocks {
			break
		}
		linear := (r.start + i*r.step) % r.blocks
		f := r.guarded(b, linear)
		if f != nil {
			r.stop.Store(true)
			r.mu.Lock()
			if r.fault == nil || linear < r.at {
				r.fault, r.at = f, linear
			}
			r.mu.Unlock()
		}
	}
	for i, n := range b.counts {
		c := &r.k.counters[i]
		b.stats.Instructions += n * uint64(c.instructions)
		b.stats.FLOPs += n * uint64(c.flops)
	}
	r.mu.Lock()
	r.stats.add(&b.stats)
	r.mu.Unlock()
	b.run = nil
	r.k.pool.Put(b)
}

// guarded runs a block; a panic of the interpreter becomes a fault.
func (r *launch) guarded(b *block, linear uint64) (f *Fault) {
	defer func() {
		if p := recover(); p != nil {
			f = &Fault{Kind: InternalMismatch, Kernel: r.k.name, Detail: detail("%v", p), Block: b.id}
		}
	}()
	return b.execute(linear)
}
