//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"fmt"

	"mdfa/gpu"
)

// program is a recorded step: a CUDA graph, and the operations that it was captured from.
type program struct {
	device    *Device
	ops       []op
	buffers   []*buffer
	known     map[*buffer]struct{}
	workspace *workspace // nil: no operation needs one
	schedule  schedule
	launches  []launch // of one step, in order
	graph     graph
	replay    func() error // puts one step into the stream
	freed     bool
}

var _ gpu.Profiler = (*program)(nil)

func (p *program) add(uses []gpu.Span, o op) {
	for _, s := range uses {
		b, ok := s.Buf.(*buffer)
		if _, seen := p.known[b]; ok && !seen {
			p.known[b] = struct{}{}
			p.buffers = append(p.buffers, b)
		}
	}
	p.ops = append(p.ops, o)
}

// Record collects the operations of step, then captures them into a graph. Step itself
// runs without capturing, so that it may fail anywhere and leave nothing behind.
func (d *Device) Record(step func() error) (gpu.Program, error) {
	if err := d.ready("record"); err != nil {
		return nil, err
	}
	p := &program{device: d, known: map[*buffer]struct{}{}}
	if err := d.collect(p, step); err != nil {
		return nil, err
	}
	if err := d.exec.do(p.prepare); err != nil {
		return nil, err
	}
	d.programs[p] = struct{}{}
	return p, nil
}

func (d *Device) collect(p *program, step func() error) error {
	d.recording = p
	defer func() { d.recording = nil }()
	return step()
}

// prepare makes everything that a step needs, so that Run is one call. On the executor.
func (p *program) prepare() error {
	err := p.device.fail("record", p.arrange())
	if err == nil {
		err = p.install()
	}
	return err
}

// install makes the step that was arranged ready to run.
func (p *program) install() error {
	d := p.device
	var err error
	switch {
	case len(p.launches) == 0:
		p.replay = func() error { return nil }
	case d.options.Sync:
		p.replay = p.reissue
	default:
		err = p.capture()
		p.replay = func() error { return d.fail("run", d.failure("cuGraphLaunch", p.graph.launch(d.queue.stream))) }
	}
	if err != nil {
		return cmp.Or(err, d.leaveWorkspace(p.workspace))
	}
	return nil
}

// reissue puts the operations into the first stream one by one, in the order of their calls.
func (p *program) reissue() error {
	for _, o := range p.ops {
		if err := p.device.run(o, p.workspace); err != nil {
			return err
		}
	}
	return nil
}

var (
	errFreedProgram = fmt.Errorf("gpu: run: the program was freed: %w", gpu.ErrRecording)
	errFreedBuffer  = fmt.Errorf("gpu: run: a buffer of the program was freed: %w", gpu.ErrBuffer)
)

// check refuses to run what cannot run whole.
func (p *program) check(op string) error {
	if err := p.device.ready(op); err != nil {
		return err
	}
	if p.freed {
		return errFreedProgram
	}
	for _, b := range p.buffers {
		if b.freed {
			return errFreedBuffer
		}
	}
	return nil
}

// Run puts one step into the stream. It allocates nothing and does not wait for the device.
func (p *program) Run() error {
	if err := p.check("run"); err != nil {
		return err
	}
	return p.device.exec.do(p.replay)
}

// Free gives the graph back, after the steps that are still in the stream.
func (p *program) Free() error {
	if p.freed {
		return errors.New("gpu: free: the program was freed before")
	}
	d := p.device
	p.freed = true
	delete(d.programs, p)
	if d.lost != nil {
		return nil
	}
	return d.exec.do(func() error {
		err := d.failure("cuStreamSynchronize", d.queue.stream.Synchronize())
		err = cmp.Or(err, d.failure("cuGraphExecDestroy", p.destroyGraph()))
		return d.fail("free", cmp.Or(err, d.leaveWorkspace(p.workspace)))
	})
}

func (p *program) destroyGraph() error {
	g := p.graph
	p.graph, p.ops, p.buffers = 0, nil, nil
	if g == 0 {
		return nil
	}
	return g.destroy()
}
