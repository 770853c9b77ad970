package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/device"
)

// need is one consumer of device memory.
type need struct {
	what  string
	bytes uint64
	held  bool // the device took it when it was opened
}

// memoryPlan is what a run will keep on its device, the largest first.
type memoryPlan []need

// evaluationBytes is about what the activations of an evaluation step take.
const evaluationBytes = 64 << 20

// What a GPU takes beside the engine's own arrays: the workspace of cuBLAS, and patches of
// as many images at a time as fit. Both are at most these, or these parts of its memory.
const (
	productBytes, productPart = 32 << 20, 256
	patchBytes, patchPart     = 256 << 20, 8
)

// planMemory adds up what a run allocates. On the cpu, whose memory is the host's, the
// initial values are held once more while they are handed over. Aligned says whether
// -alignment measures.
func planMemory(net *model.Network, c algo.Config, data algo.Data, dev gpu.Info, aligned bool) memoryPlan {
	kind := c.Rule.Feedback
	if c.Feedback.Draw != gpu.DrawNone {
		kind = model.NoFeedback // drawn in every step
	}
	m := net.Memory(c.Batch, kind)
	activations := max(m.Activations, min(net.Memory(512, kind).Activations, evaluationBytes))
	deltas := 4 * uint64(c.Batch) * uint64(net.HiddenUnits()+net.Logits)
	p := memoryPlan{
		// weights, gradients, the best weights so far, optimizer state
		{what: "weights and optimizer", bytes: m.Weights * uint64(3+c.Optimizer.States())},
		{what: "feedback", bytes: m.Feedback},
		{what: "activations", bytes: activations + deltas},
		{what: "images", bytes: c.ImageBytes(net, data)},
	}
	if aligned {
		p = append(p, need{what: "alignment", bytes: c.AlignmentBytes(net)})
	}
	if device.OnGPU(dev.Kind) {
		total := uint64(dev.MemoryTotal)
		p = append(p,
			need{what: "patches", bytes: min(patchBytes, total/patchPart, largestPatches(net, c.Batch))},
			need{what: "cuBLAS", bytes: min(productBytes, total/productPart), held: true})
	} else {
		p = append(p, need{what: "initial values", bytes: m.Weights + m.Feedback})
	}
	slices.SortStableFunc(p, func(a, b need) int { return cmp.Compare(b.bytes, a.bytes) })
	return p
}

// largestPatches is what the patches of the neediest convolution take, of all images of
// a step at once.
func largestPatches(net *model.Network, batch int) uint64 {
	perExample := 4 * (net.Input.Size() + net.HiddenUnits())
	images := max(batch, min(512, evaluationBytes/perExample))
	var most uint64
	for _, l := range net.Hidden() {
		if l.Kind == model.Conv {
			positions := l.Units() / l.Channels()
			most = max(most, 4*uint64(images)*uint64(positions)*uint64(l.FanIn()))
		}
	}
	return most
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

// available is the memory that the run can have, with what the device took for it.
func (p memoryPlan) available(dev gpu.Info) uint64 {
	free := uint64(dev.MemoryFree)
	for _, n := range p {
		if n.held {
			free += n.bytes
		}
	}
	return free
}

// check refuses a run that cannot fit, before anything of it is allocated.
func (p memoryPlan) check(dev gpu.Info) error {
	if dev.MemoryFree <= 0 || p.total() <= p.available(dev) {
		return nil
	}
	return p.tooLarge(dev)
}

// tooLarge is the error for a run that does not fit, as planned or as it came.
func (p memoryPlan) tooLarge(dev gpu.Info) error {
	has, others := "", ""
	if dev.MemoryFree > 0 {
		free := p.available(dev)
		has = fmt.Sprintf(", and %s has %s free", dev.Name, humanize.Bytes(free))
		if p.total() <= free {
			has = fmt.Sprintf(", and %s had %s free but gave less", dev.Name, humanize.Bytes(free))
			others = "end other programs that use it, or "
		}
	}
	return fmt.Errorf("the run needs about %s (%v)%s: %suse smaller -layers or -filters, fewer -classes or a smaller -batch_size",
		humanize.Bytes(p.total()), p, has, others)
}
