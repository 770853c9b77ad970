package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/fault"
	"mdfa/model"
	"mdfa/run/device"
)

// Need is the device memory of one kind of thing.
type Need struct {
	What  string
	Bytes uint64
	held  bool // the device took it when it was opened
}

// Memory lists a run's memory on its device by purpose, the largest first.
type Memory []Need

// What a GPU takes beside the engine's own arrays: the workspace of cuBLAS, and patches of
// as many images at a time as fit. Both are at most these, or these parts of its memory.
const (
	productBytes, productPart = 32 << 20, 256
	patchBytes, patchPart     = 256 << 20, 8
)

// planMemory adds up a run's memory. On the cpu, whose memory is the host's, the
// initial values are held once more while they are handed over. aligned: the run measures its
// alignment. more are needs of the run itself.
func planMemory(net *model.Network, c algo.Config, data training.Data, dev gpu.Info, aligned bool, more ...Need) Memory {
	m := training.PlanMemory(net, c, data, aligned)
	feedback := "feedback"
	if c.FeedbackArenas() > 1 {
		feedback = "feedback and its optimizer"
	}
	p := Memory{
		{What: "weights and optimizer", Bytes: m.Weights},
		{What: feedback, Bytes: m.Feedback},
		{What: "activations", Bytes: m.Activations},
		{What: "images", Bytes: m.Images},
	}
	p = append(p, more...)
	if aligned {
		p = append(p, Need{What: "alignment", Bytes: m.Alignment})
	}
	if device.OnGPU(dev.Kind) {
		total := uint64(dev.MemoryTotal)
		p = append(p,
			Need{What: "patches", Bytes: min(patchBytes, total/patchPart, largestPatches(net, c.Batch))},
			Need{What: "cuBLAS", Bytes: min(productBytes, total/productPart), held: true})
	} else {
		initial := net.Memory(0, c.Stored())
		p = append(p, Need{What: "initial values", Bytes: initial.Weights + initial.Feedback})
	}
	slices.SortStableFunc(p, func(a, b Need) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return p
}

// largestPatches returns the bytes of the patches of the neediest convolution, of all images of
// a step at once.
func largestPatches(net *model.Network, batch int) uint64 {
	images := algo.EvalBatch(net, batch)
	var most uint64
	for _, l := range net.Hidden() {
		if l.Kind == model.Conv {
			positions := l.Units() / l.Channels()
			most = max(most, 4*uint64(images)*uint64(positions)*uint64(l.FanIn()))
		}
	}
	return most
}

// Total returns the bytes of all.
func (p Memory) Total() uint64 {
	var sum uint64
	for _, n := range p {
		sum += n.Bytes
	}
	return sum
}

// String lists the purposes that take 1 % or more: "images 55 MB · activations 12 MB".
func (p Memory) String() string {
	var parts []string
	for _, n := range p {
		if n.Bytes*100 >= p.Total() {
			parts = append(parts, n.What+" "+humanize.Bytes(n.Bytes))
		}
	}
	return strings.Join(parts, " · ")
}

// available returns the memory that the run can have, with that which the device holds for it.
func (p Memory) available(dev gpu.Info) uint64 {
	free := uint64(dev.MemoryFree)
	for _, n := range p {
		if n.held {
			free += n.Bytes
		}
	}
	return free
}

// check refuses a run that cannot fit, before anything of it is allocated.
func (p Memory) check(dev gpu.Info) error {
	if dev.MemoryFree <= 0 || p.Total() <= p.available(dev) {
		return nil
	}
	return p.tooLarge(dev)
}

// tooLarge returns the error, a gpu.ErrOutOfMemory, for a run that does not fit, by plan or in fact.
func (p Memory) tooLarge(dev gpu.Info) error {
	has, others := "", ""
	if dev.MemoryFree > 0 {
		free := p.available(dev)
		has = fmt.Sprintf(", and %s has %s free", dev.Name, humanize.Bytes(free))
		if p.Total() <= free {
			has = fmt.Sprintf(", and %s had %s free but gave less", dev.Name, humanize.Bytes(free))
			others = "end other programs that use it, or "
		}
	}
	return fault.New(gpu.ErrOutOfMemory, nil, "the run needs about %s (%v)%s: %suse smaller -layers or -filters, fewer -classes or a smaller -batch_size.",
		humanize.Bytes(p.Total()), p, has, others)
}
