//go:build cuda

package cuda

import (
	"errors"
	"slices"

	"mdfa/gpu"
	"mdfa/gpu/cuda/internal/schedule"
)

// usualStreams is the usual limit on a recorded step's streams. The paper's networks for
// MNIST and CIFAR use three under DFA: one gradient for each hidden layer, and the logit
// layer's beside the feedback.
const usualStreams = 4

// step is the work of a recorded program: its operations, the order in which they depend on
// each other, the patches that they share, the stream of each, and the place of its workspace.
type step struct {
	ops       []op
	schedule  schedule.Schedule
	launches  []launch   // in the order of the calls
	workspace *workspace // nil: no operation needs one
}

// arrange plans how to issue the operations. It runs on the executor.
func (s *step) arrange(c *context) error {
	streams := c.options.Streams
	switch {
	case c.options.Sync: // the operations are issued one by one
		streams = 1
	case streams <= 0:
		streams = usualStreams
	}
	err := s.plan(c, streams, c.patchBytes)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		err = s.plan(c, 1, 0) // needs the least memory
	}
	return err
}

// plan uses at most the given streams, and at most keep bytes for shared patches.
func (s *step) plan(c *context, streams, keep int) error {
	needs, kept := s.dependences(keep)
	seconds, err := s.trace(c)
	if err != nil {
		return err
	}
	var bytes int
	for ; ; streams-- {
		s.schedule = schedule.New(needs, seconds, streams, s.overRanks())
		bytes = s.placeAreas(kept)
		// The memory for shared patches and for other streams has the limit of a
		// convolution's patches.
		if streams == 1 || bytes-s.largest() <= c.patchBytes {
			break
		}
	}
	used := s.computing()
	provided, err := c.provideStreams(used)
	if err != nil {
		return err
	}
	if provided < used {
		return s.plan(c, provided, keep)
	}
	if err := c.provideWorkspace(bytes); err != nil {
		return err
	}
	if bytes > 0 {
		s.workspace = c.workspace
		s.workspace.users++
	}
	return nil
}

// overRanks marks the sums over ranks.
func (s *step) overRanks() []bool {
	marks := make([]bool, len(s.ops))
	for i, o := range s.ops {
		marks[i] = o.ranks
	}
	return marks
}

// computing returns the number of streams that are not the one of the sums over ranks.
func (s *step) computing() int {
	used := s.schedule.Used()
	if slices.ContainsFunc(s.ops, func(o op) bool { return o.ranks }) {
		used-- // the last one
	}
	return used
}

// dependences returns for each operation the earlier ones that it must follow. It also finds
// patches that several operations can use: it keeps as many as fit into the given bytes at
// the begin of the workspace, until the end of the step, and returns their bytes.
func (s *step) dependences(keep int) (needs [][]int, kept int) {
	needs = make([][]int, len(s.ops))
	for i, o := range s.ops {
		for j, earlier := range s.ops[:i] {
			// Sums over ranks keep the order of the calls, which is the same on all ranks.
			if o.follows(earlier) || o.ranks && earlier.ranks {
				needs[i] = append(needs[i], j)
			}
		}
		if o.patches == nil {
			continue
		}
		o.patches.makeOwn(i)
		maker := s.makerOf(i)
		if maker == i {
			continue
		}
		at := s.ops[maker].patches.own
		if !at.kept {
			if kept+at.size() > keep {
				continue
			}
			at.kept, at.offset = true, kept
			kept += at.size()
		}
		o.patches.use(at, maker)
		needs[i] = append(needs[i], maker)
	}
	return needs, kept
}

// makerOf returns the operation that lays out the patches of operation i first: an earlier one
// with the same patches of an image that nothing has written since, or i itself.
func (s *step) makerOf(i int) int {
	mine := s.ops[i].patches
	for j := i - 1; j >= 0; j-- {
		earlier := s.ops[j]
		if earlier.patches != nil && earlier.patches.same(mine) {
			return earlier.patches.maker
		}
		if overlap(earlier.writes, []extent{mine.image}) {
			break
		}
	}
	return i
}

// placeAreas gives every stream a part of the workspace behind the shared patches, which its
// operations use by turns, and returns the end.
func (s *step) placeAreas(kept int) int {
	end := kept
	for stream := range s.schedule.Used() {
		base := end
		for i, o := range s.ops {
			if s.schedule.Stream[i] == stream {
				end = max(end, o.place(base))
			}
		}
	}
	return end
}

// largest returns the largest need of a single operation, without shared patches.
func (s *step) largest() int {
	most := 0
	for _, o := range s.ops {
		need := 0
		for _, a := range o.areas {
			if !a.kept {
				need += a.size()
			}
		}
		most = max(most, need)
	}
	return most
}

// launchSeconds is the estimated time of a graph's node beside the node's own work.
const launchSeconds = 2e-6

// tracer collects the launches of a step.
type tracer struct{ step *step }

func (t tracer) before(launch) error { return nil }

func (t tracer) after(l launch) error {
	t.step.launches = append(t.step.launches, l)
	return nil
}

// trace finds the launches of the step, without doing them, and estimates the seconds of each
// operation.
func (s *step) trace(c *context) (seconds []float64, err error) {
	q := &c.queue
	q.observer, q.dry = tracer{s}, true
	defer func() { q.observer, q.dry = nil, false }()
	s.launches = nil
	for i, o := range s.ops {
		from := len(s.launches)
		if err := c.run(o, nil); err != nil {
			return nil, err
		}
		sum := 0.0
		for j := range s.launches[from:] {
			l := &s.launches[from+j]
			l.operation = i
			sum += launchSeconds + l.seconds(c.about)
		}
		seconds = append(seconds, sum)
	}
	return seconds, nil
}

// seconds returns a lower bound of the launch's time; 0 if the device's limits are unknown.
func (l launch) seconds(on Description) float64 {
	at := func(work int, rate float64) float64 {
		if rate <= 0 {
			return 0
		}
		return float64(work) / rate
	}
	return max(at(l.read+l.written, on.BytesPerSecond), at(l.flops, on.FLOPS()))
}
