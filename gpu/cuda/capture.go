//go:build cuda

package cuda

import (
	"cmp"

	"gorgonia.org/cu"
)

// capture makes a graph of what the operations put into the streams. The first stream
// begins the capture; the others join it by waiting for an event of it, and it waits for
// them in the end (CUDA C++ Programming Guide, "Cross-stream Dependencies and Events").
func (p *program) capture() error {
	d := p.device
	record := func(call string, err error) error { return d.fail("record", d.failure(call, err)) }
	f := newFork(p)
	defer f.close()
	if err := f.warmUp(); err != nil {
		return err
	}
	if err := record("cuEventCreate", f.open()); err != nil {
		return err
	}
	if err := record("cuStreamBeginCapture", beginCapture(d.queue.stream)); err != nil {
		return err
	}
	issued := f.issue()
	captured, err := endCapture(d.queue.stream) // also after a failure: the stream must not stay in capture
	if err = cmp.Or(issued, record("cuStreamEndCapture", err)); err == nil {
		p.graph, err = captured.instantiate()
		err = record("cuGraphInstantiate", err)
	}
	if captured != 0 {
		err = cmp.Or(err, record("cuGraphDestroy", captured.destroy()))
	}
	return err
}

// fork issues a program on several streams while it is captured. The events are not part
// of the graph, only the dependences that they stand for.
type fork struct {
	program *program
	lanes   []lane
	start   cu.Event   // the begin of the capture, for the other streams to join
	ends    []cu.Event // of each operation; only of those that are waited for
	awaited []bool
}

func newFork(p *program) *fork {
	d, s := p.device, &p.schedule
	f := &fork{program: p, lanes: []lane{d.queue.lane}, ends: make([]cu.Event, len(p.ops)), awaited: make([]bool, len(p.ops))}
	for stream := 1; stream < s.used(); stream++ {
		f.lanes = append(f.lanes, *d.side[stream-1])
	}
	for _, waits := range append(s.waits, s.ends) {
		for _, i := range waits {
			f.awaited[i] = true
		}
	}
	return f
}

// open makes the events, since a capture is no place for it.
func (f *fork) open() error {
	var err error
	if len(f.lanes) > 1 {
		f.start, err = cu.MakeEvent(cu.DisableTiming)
	}
	for i, awaited := range f.awaited {
		if awaited && err == nil {
			f.ends[i], err = cu.MakeEvent(cu.DisableTiming)
		}
	}
	return err
}

// close destroys the events, after the capture.
func (f *fork) close() {
	for i := range f.ends {
		if f.ends[i] != (cu.Event{}) {
			_ = cu.DestroyEvent(&f.ends[i]) // the graph does without
		}
	}
	if f.start != (cu.Event{}) {
		_ = cu.DestroyEvent(&f.start)
	}
}

// issue puts every operation into its stream, behind what it has to wait for.
func (f *fork) issue() error {
	d, s := f.program.device, &f.program.schedule
	first := d.queue.lane
	defer func() { d.queue.lane = first }()
	if err := f.begin(); err != nil {
		return err
	}
	for _, i := range s.order {
		d.queue.lane = f.lanes[s.stream[i]]
		if err := f.wait(s.waits[i]); err != nil {
			return err
		}
		if err := d.run(f.program.ops[i], f.program.workspace); err != nil {
			return err
		}
		if f.awaited[i] {
			if err := f.record(f.ends[i]); err != nil {
				return err
			}
		}
	}
	d.queue.lane = first
	return f.wait(s.ends)
}

// begin makes the other streams join the capture.
func (f *fork) begin() error {
	if len(f.lanes) == 1 {
		return nil
	}
	if err := f.record(f.start); err != nil {
		return err
	}
	d := f.program.device
	for _, l := range f.lanes[1:] {
		if err := d.fail("record", d.failure("cuStreamWaitEvent", l.stream.Wait(f.start, 0))); err != nil {
			return err
		}
	}
	return nil
}

// record marks the current stream's end with an event, and wait makes the stream wait for
// operations.
func (f *fork) record(e cu.Event) error {
	d := f.program.device
	return d.fail("record", d.failure("cuEventRecord", e.Record(d.queue.stream)))
}

func (f *fork) wait(operations []int) error {
	d := f.program.device
	for _, i := range operations {
		if err := d.fail("record", d.failure("cuStreamWaitEvent", d.queue.stream.Wait(f.ends[i], 0))); err != nil {
			return err
		}
	}
	return nil
}
