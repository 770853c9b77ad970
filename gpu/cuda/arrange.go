//go:build cuda

package cuda

import (
	"errors"

	"mdfa/gpu"
)

// arrange decides how a step is issued: what depends on what, which patches are made once,
// which stream each operation goes to, and where its workspace lies. On the executor.
func (p *program) arrange() error {
	d := p.device
	streams := d.options.Streams
	switch {
	case d.options.Sync: // the operations are issued one by one
		streams = 1
	case streams <= 0:
		streams = usualStreams
	}
	err := p.arrangeOn(streams, d.patchBytes)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		err = p.arrangeOn(1, 0) // the least that a step can do with
	}
	return err
}

// arrangeOn uses at most so many streams, and so many bytes for patches that are kept.
func (p *program) arrangeOn(streams, keep int) error {
	d := p.device
	needs, kept := p.connect(keep)
	seconds, err := p.trace()
	if err != nil {
		return err
	}
	var bytes int
	for ; ; streams-- {
		p.schedule = newSchedule(needs, seconds, streams)
		bytes = p.layOut(kept)
		// What is kept and what other streams need is limited like a convolution's patches.
		if streams == 1 || bytes-p.largest() <= d.patchBytes {
			break
		}
	}
	used := p.schedule.used()
	lanes, err := d.provideLanes(used)
	if err != nil {
		return err
	}
	if lanes < used {
		return p.arrangeOn(lanes, keep)
	}
	if err := d.provideWorkspace(bytes); err != nil {
		return err
	}
	if bytes > 0 {
		p.workspace = d.workspace
		p.workspace.users++
	}
	return nil
}

// connect finds the earlier operations that each has to follow, and the patches that
// several can use: as many as fit into keep bytes are laid out where they stay until the
// end of the step, kept bytes in all.
func (p *program) connect(keep int) (needs [][]int, kept int) {
	needs = make([][]int, len(p.ops))
	for i, o := range p.ops {
		for j, earlier := range p.ops[:i] {
			if o.follows(earlier) {
				needs[i] = append(needs[i], j)
			}
		}
		if o.patches == nil {
			continue
		}
		o.patches.makeOwn(i)
		maker := p.makerOf(i)
		if maker == i {
			continue
		}
		at := p.ops[maker].patches.own
		if !at.kept {
			size := int(roundUp(uint64(at.bytes), blockAlign))
			if kept+size > keep {
				continue
			}
			at.kept, at.offset = true, kept
			kept += size
		}
		o.patches.use(at, maker)
		needs[i] = append(needs[i], maker)
	}
	return needs, kept
}

// makerOf is the operation that lays out the patches of operation i first: an earlier one
// with the same patches of an image that nothing has written since, or i itself.
func (p *program) makerOf(i int) int {
	mine := p.ops[i].patches
	for j := i - 1; j >= 0; j-- {
		earlier := p.ops[j]
		if earlier.patches != nil && earlier.patches.same(mine) {
			return earlier.patches.maker
		}
		if overlap(earlier.writes, []extent{mine.image}) {
			break
		}
	}
	return i
}

// layOut gives every stream a part of the workspace behind the patches that are kept, in
// which its operations take turns, and returns the end.
func (p *program) layOut(kept int) int {
	end := kept
	for stream := range p.schedule.used() {
		base := end
		for i, o := range p.ops {
			if p.schedule.stream[i] == stream {
				end = max(end, o.layOut(base))
			}
		}
	}
	return end
}

// largest is what the neediest operation needs beside patches that are kept.
func (p *program) largest() int {
	most := 0
	for _, o := range p.ops {
		need := 0
		for _, a := range o.areas {
			if !a.kept {
				need += int(roundUp(uint64(a.bytes), blockAlign))
			}
		}
		most = max(most, need)
	}
	return most
}

// launchSeconds is about what a graph needs for a node beside the node's own work.
const launchSeconds = 2e-6

// tracer writes down what is issued.
type tracer struct{ program *program }

func (t tracer) before(launch) error { return nil }

func (t tracer) after(l launch) error {
	t.program.launches = append(t.program.launches, l)
	return nil
}

// trace finds out what a step launches, without doing it, and about how many seconds each
// operation takes.
func (p *program) trace() (seconds []float64, err error) {
	d := p.device
	q := &d.queue
	q.observer, q.dry = tracer{p}, true
	defer func() { q.observer, q.dry = nil, false }()
	p.launches = nil
	for i, o := range p.ops {
		from := len(p.launches)
		if err := d.run(o, nil); err != nil {
			return nil, err
		}
		sum := 0.0
		for j, l := range p.launches[from:] {
			p.launches[from+j].operation = i
			sum += launchSeconds + d.about.seconds(l)
		}
		seconds = append(seconds, sum)
	}
	return seconds, nil
}

// seconds is what the launch takes at least; 0 where the driver tells no limits.
func (d Description) seconds(l launch) float64 {
	at := func(work int, rate float64) float64 {
		if rate <= 0 {
			return 0
		}
		return float64(work) / rate
	}
	return max(at(l.read+l.written, d.BytesPerSecond), at(l.flops, d.FLOPS()))
}
