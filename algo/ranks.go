package algo

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/model"
)

// Ranks is the place of a learner among those that train the same network in other processes, with data-parallel
// steps: each computes the gradients of its part of every batch, and all of them apply the sum of the gradients over
// the ranks, so that their weights stay the same bits. The zero value is one learner by itself.
type Ranks struct {
	Rank int // of this learner, from 0 on
	Size int // number of ranks
}

// Several says whether there are other ranks.
func (r Ranks) Several() bool { return r.Size > 1 }

// Part returns the part of n examples that belongs to the rank: parts follow each other, and differ by at most one
// example.
func (r Ranks) Part(n int) model.Range {
	if !r.Several() {
		return model.Range{Len: n}
	}
	from, to := n*r.Rank/r.Size, n*(r.Rank+1)/r.Size
	return model.Range{Off: from, Len: to - from}
}

// check refuses ranks that do not exist, or have no example of a batch.
func (r Ranks) check(batch int) error {
	switch {
	case r.Size < 0 || r.Rank < 0 || r.Rank >= max(1, r.Size):
		return fmt.Errorf("rank %d of %d: ranks are counted from 0: %w", r.Rank, r.Size, ErrConfig)
	case batch < r.Size:
		return fmt.Errorf("a batch of %d for %d ranks: each rank needs at least 1 example of it: %w", batch, r.Size, ErrConfig)
	}
	return nil
}

// LocalBatch returns the number of examples of a training batch that the learner computes itself.
func (c Config) LocalBatch() int { return c.Ranks.Part(c.Batch).Len }

// sumBytes is the least size of the pieces in which gradients are added up over the ranks: messages that are smaller take
// hardly less time, and a step waits for each of them.
const sumBytes = 1 << 18

// gradientSum adds the gradients of a step up over the ranks, in the order of the arena. It does so in pieces, which are
// on their way while the gradients behind them are computed.
type gradientSum struct {
	s    *Step
	from int // the gradients before it are on their way
}

// ready is told that the weight gradients of all layers up to this one are computed, and all bias gradients, which lie
// between those of the first two layers.
func (g *gradientSum) ready(layer int) error {
	end := g.s.net.Params
	if layer+1 < len(g.s.net.Layers) {
		end = g.s.net.Layers[layer+1].W.Off
	}
	if end < g.s.net.Params && (end-g.from)*gpu.Float32.Size() < sumBytes {
		return nil
	}
	from := g.from
	g.from = end
	return g.s.SumOverRanks(gpu.All(g.s.grads).Slice(from, end-from))
}

// SumOverRanks adds x, float32, up over all ranks, in place. All ranks must ask for the same sums in the same order.
func (s *Step) SumOverRanks(x gpu.Span) error {
	if !s.cfg.Ranks.Several() || x.Len == 0 {
		return nil
	}
	return s.dev.AllReduce(gpu.AllReduceArgs{X: x})
}
