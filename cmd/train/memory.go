package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
)

// need is one consumer of device memory.
type need struct {
	what  string
	bytes uint64
}

// memoryPlan is what a run will keep on its device, the largest first.
type memoryPlan []need

// evaluationBytes is about what the activations of an evaluation step take.
const evaluationBytes = 64 << 20

// planMemory adds up what a run allocates. onHost says that the device's memory is the
// host's, where the initial values are held once more while they are handed over.
func planMemory(net *model.Network, c algo.Config, data *loaders.Dataset, onHost bool) memoryPlan {
	kind := c.Rule.Feedback()
	m := net.Memory(c.Batch, kind)
	activations := max(m.Activations, min(net.Memory(512, kind).Activations, evaluationBytes))
	deltas := 4 * uint64(c.Batch) * uint64(net.HiddenUnits()+net.Logits)
	images := uint64(data.Train.Len()+data.Valid.Len()+data.Test.Len()) * uint64(net.Input.Size()+4)
	p := memoryPlan{
		// weights, gradients, the best weights so far, optimizer state
		{"weights and optimizer", m.Weights * uint64(3+c.Optimizer.States())},
		{"feedback", m.Feedback},
		{"activations", activations + deltas},
		{"images", images},
	}
	if onHost {
		p = append(p, need{"initial values", m.Weights + m.Feedback})
	}
	slices.SortStableFunc(p, func(a, b need) int { return cmp.Compare(b.bytes, a.bytes) })
	return p
}

func (p memoryPlan) total() uint64 {
	var sum uint64
	for _, n := range p {
		sum += n.bytes
	}
	return sum
}

// String lists the consumers that count: "images 55 MB · activations 12 MB".
func (p memoryPlan) String() string {
	var parts []string
	for _, n := range p {
		if n.bytes*100 >= p.total() {
			parts = append(parts, n.what+" "+humanize.Bytes(n.bytes))
		}
	}
	return strings.Join(parts, " · ")
}

// check refuses a run that cannot fit, before anything of it is allocated.
func (p memoryPlan) check(dev gpu.Info) error {
	if dev.MemoryFree <= 0 || p.total() <= uint64(dev.MemoryFree) {
		return nil
	}
	return p.tooLarge(dev)
}

// tooLarge is the error for a run that does not fit.
func (p memoryPlan) tooLarge(dev gpu.Info) error {
	free := ""
	if dev.MemoryFree > 0 {
		free = fmt.Sprintf(", and %s has %s free", dev.Name, humanize.Bytes(uint64(dev.MemoryFree)))
	}
	return fmt.Errorf("the run needs about %s (%v)%s: use smaller -layers or -filters, fewer -classes or a smaller -batch_size",
		humanize.Bytes(p.total()), p, free)
}
