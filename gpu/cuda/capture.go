//go:build cuda

package cuda

import (
	"cmp"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/internal/cuext"
)

// capture makes a graph of a step. The first stream begins the capture; the others join it by
// waiting for an event of the first, which waits for them in the end (CUDA C++ Programming
// Guide, "Cross-stream Dependencies and Events"). It runs on the executor.
func (c *context) capture(s *step) (graph cuext.Graph, err error) {
	f := newFork(c, s)
	defer f.destroyEvents()
	if err := c.warmUp(s, f.streams); err != nil {
		return 0, c.fail("record", err)
	}
	if err := f.failed("cuEventCreate", f.makeEvents()); err != nil {
		return 0, err
	}
	if err := f.failed("cuStreamBeginCapture", cuext.BeginCapture(c.queue.stream)); err != nil {
		return 0, err
	}
	issued := f.issue()
	captured, err := cuext.EndCapture(c.queue.stream) // also after a failure: the stream must not stay in capture
	if err = cmp.Or(issued, f.failed("cuStreamEndCapture", err)); err == nil {
		graph, err = captured.Instantiate()
		err = f.failed("cuGraphInstantiate", err)
	}
	if captured != 0 {
		err = cmp.Or(err, f.failed("cuGraphDestroy", captured.Destroy()))
	}
	return graph, err
}

// fork issues a step on several streams while it is captured. The events are not part of the
// graph, only the dependences that they stand for.
type fork struct {
	*context
	step    *step
	streams []blasStream
	start   cu.Event   // records the begin of the capture, for the other streams to join
	ends    []cu.Event // of the operations that others wait for
	awaited []bool     // the operations that others wait for
}

func newFork(c *context, s *step) *fork {
	f := &fork{context: c, step: s, streams: []blasStream{c.queue.blasStream},
		ends: make([]cu.Event, len(s.ops)), awaited: make([]bool, len(s.ops))}
	for stream := 1; stream < s.computing(); stream++ {
		f.streams = append(f.streams, *c.side[stream-1])
	}
	if s.computing() < s.schedule.Used() {
		f.streams = append(f.streams, c.ranks.stream)
	}
	for _, waits := range append(s.schedule.Waits, s.schedule.Ends) {
		for _, i := range waits {
			f.awaited[i] = true
		}
	}
	return f
}

func (f *fork) failed(call string, err error) error { return f.fail("record", f.failure(call, err)) }

// makeEvents makes the events, which is not possible during the capture.
func (f *fork) makeEvents() error {
	var err error
	if len(f.streams) > 1 {
		f.start, err = cu.MakeEvent(cu.DisableTiming)
	}
	for i, awaited := range f.awaited {
		if awaited && err == nil {
			f.ends[i], err = cu.MakeEvent(cu.DisableTiming)
		}
	}
	return err
}

// destroyEvents destroys the events, after the capture.
func (f *fork) destroyEvents() {
	for _, e := range append(f.ends, f.start) {
		if e != (cu.Event{}) {
			_ = cu.DestroyEvent(&e) // the graph does not need it
		}
	}
}

// issue puts every operation into its stream, behind those that it waits for.
func (f *fork) issue() error {
	s := &f.step.schedule
	first := f.queue.blasStream
	defer func() { f.queue.blasStream = first }()
	if len(f.streams) > 1 {
		if err := f.joinCapture(); err != nil {
			return err
		}
	}
	for _, i := range s.Order {
		f.queue.blasStream = f.streams[s.Stream[i]]
		if err := f.waitFor(s.Waits[i]); err != nil {
			return err
		}
		if err := f.run(f.step.ops[i], f.step.workspace); err != nil {
			return err
		}
		if f.awaited[i] {
			if err := f.record(f.ends[i]); err != nil {
				return err
			}
		}
	}
	f.queue.blasStream = first
	return f.waitFor(s.Ends)
}

// joinCapture makes the other streams join the capture.
func (f *fork) joinCapture() error {
	err := f.record(f.start)
	for _, s := range f.streams[1:] {
		if err == nil {
			err = f.failed("cuStreamWaitEvent", s.stream.Wait(f.start, 0))
		}
	}
	return err
}

// record marks the end of the current stream with an event.
func (f *fork) record(e cu.Event) error {
	return f.failed("cuEventRecord", e.Record(f.queue.stream))
}

// waitFor makes the current stream wait for operations.
func (f *fork) waitFor(operations []int) error {
	for _, i := range operations {
		if err := f.failed("cuStreamWaitEvent", f.queue.stream.Wait(f.ends[i], 0)); err != nil {
			return err
		}
	}
	return nil
}
