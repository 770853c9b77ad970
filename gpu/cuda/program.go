//go:build cuda

package cuda

import (
	"cmp"

	"mdfa/gpu"
	"mdfa/gpu/cuda/internal/cuext"
	"mdfa/gpu/internal/state"
)

// program is a recorded step: a CUDA graph, and the step that was captured into it.
type program struct {
	state.Program[*buffer]
	context *context
	device  *deviceState
	step    step
	graph   cuext.Graph
	replay  func() error // puts one step into the stream
	forget  func()       // takes the program off the device's list
}

type deviceState = state.Device[*buffer, *program]

var _ gpu.Profiler = (*program)(nil)

// prepare makes everything that a step needs, so that Run is one call. It runs on the executor.
func (p *program) prepare() error {
	err := p.context.fail("record", p.step.arrange(p.context))
	if err == nil {
		err = p.install()
	}
	return err
}

// install makes the arranged step ready to run.
func (p *program) install() error {
	c := p.context
	var err error
	switch {
	case len(p.step.launches) == 0:
		p.replay = func() error { return nil }
	case c.options.Sync:
		p.replay = p.reissue
	default:
		p.graph, err = c.capture(&p.step)
		p.replay = func() error { return c.fail("run", c.failure("cuGraphLaunch", p.graph.Launch(c.queue.stream))) }
	}
	if err != nil {
		return cmp.Or(err, c.memory.leave(p.step.workspace))
	}
	return nil
}

// reissue puts the operations into the first stream one by one, in the order of their calls.
func (p *program) reissue() error {
	for _, o := range p.step.ops {
		if err := p.context.run(o, p.step.workspace); err != nil {
			return err
		}
	}
	return nil
}

// Run puts one step into the stream. It allocates nothing and does not wait for the device.
func (p *program) Run() error {
	if err := cmp.Or(p.device.Ready("run"), p.CheckRun()); err != nil {
		return err
	}
	return p.context.exec.Do(p.replay)
}

// Free gives the graph back, after the steps that are still in the stream.
func (p *program) Free() error {
	if err := p.End(); err != nil {
		return err
	}
	p.forget()
	if p.device.Lost != nil {
		return nil
	}
	c := p.context
	return c.do("free", func() error {
		err := c.wait(c.queue.stream)
		err = cmp.Or(err, c.failure("cuGraphExecDestroy", p.destroyGraph()))
		return cmp.Or(err, c.memory.leave(p.step.workspace))
	})
}

func (p *program) destroyGraph() error {
	g := p.graph
	p.graph, p.step.ops = 0, nil
	if g == 0 {
		return nil
	}
	return g.Destroy()
}
