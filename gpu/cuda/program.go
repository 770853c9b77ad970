//go:build cuda

package cuda

import (
	"cmp"

	"mdfa/gpu"
	"mdfa/gpu/internal/state"
)

// program is a recorded step: a CUDA graph, and the operations that it was captured from.
type program struct {
	state.Program[*buffer]
	device    *Device
	ops       []op
	workspace *workspace // nil: no operation needs one
	schedule  schedule
	launches  []launch // of one step, in order
	graph     graph
	replay    func() error // puts one step into the stream
}

var _ gpu.Profiler = (*program)(nil)

// Record collects the operations of step, then captures them into a graph. Step itself
// runs without capturing, so that it may fail anywhere and leave nothing behind.
func (d *Device) Record(step func() error) (gpu.Program, error) {
	p := &program{device: d}
	if err := d.state.Record(p, step); err != nil {
		return nil, err
	}
	if err := d.exec.do(p.prepare); err != nil {
		return nil, err
	}
	d.programs[p] = struct{}{}
	return p, nil
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

// check refuses to run what cannot run whole.
func (p *program) check(op string) error {
	if err := p.device.state.Ready(op); err != nil {
		return err
	}
	return p.CheckRun()
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
	if err := p.End(); err != nil {
		return err
	}
	d := p.device
	delete(d.programs, p)
	if d.state.Lost != nil {
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
	p.graph, p.ops = 0, nil
	if g == 0 {
		return nil
	}
	return g.destroy()
}
