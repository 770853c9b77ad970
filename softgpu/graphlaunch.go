package softgpu

import "slices"

// GraphInstantiate is cuGraphInstantiateWithFlags.
func (m *Machine) GraphInstantiate(t Thread, h Handle, flags uint64) (exec Handle, r Result) {
	r = with(m, t, h, "cuGraphInstantiate", func(ctx *context, g *graph) Result {
		if flags > 15 {
			return m.refuse(ErrorInvalidValue, "cuGraphInstantiate: flags %d", flags)
		}
		if r := m.claim(t, ctx, "cuGraphInstantiate"); r != Success {
			return r
		}
		x := &executable{ctx: ctx, source: g.nodes}
		x.flatten(g.nodes, nil)
		x.order()
		exec = m.keep(ctx, x)
		return Success
	})
	return exec, r
}

// GraphLaunch is cuGraphLaunch. Launches of one executable follow each other.
func (m *Machine) GraphLaunch(t Thread, exec, on Handle) Result {
	const call = "cuGraphLaunch"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		x, r := find[*executable](m, ctx, call, exec)
		if r != Success {
			return r
		}
		if s.capture != nil {
			r := m.captured(s, call, task{name: "graph"})
			if r == Success {
				s.tail[0].child = x.source
			}
			return r
		}
		if r := m.implicit(s, call); r != Success {
			return r
		}
		if r := m.usable(call, x); r != Success {
			return r
		}
		m.ledger.GraphLaunches++
		x.last = m.enqueue(s, max(1, len(x.tasks)), func(o *op) error { return m.runGraph(ctx, x, o) }, x.last)
		if slices.ContainsFunc(x.tasks, func(k task) bool { return k.comm != nil }) {
			m.beginLater(x.last)
		}
		return Success
	})
}

func (m *Machine) runGraph(ctx *context, x *executable, o *op) error {
	m.launched++
	for _, i := range x.sequence(m.options.Seed, m.launched) {
		if err := m.runTask(x.tasks[i], &execution{m: m, ctx: ctx, at: place{op: o, node: i}, graph: x}); err != nil {
			return err
		}
	}
	return nil
}

// GraphExecDestroy is cuGraphExecDestroy. A launch that waits in a stream still runs.
func (m *Machine) GraphExecDestroy(t Thread, exec Handle) Result {
	return with(m, t, exec, "cuGraphExecDestroy", func(ctx *context, _ *executable) Result {
		m.drop(ctx, exec)
		return Success
	})
}

// GraphDestroy is cuGraphDestroy.
func (m *Machine) GraphDestroy(t Thread, h Handle) Result {
	return with(m, t, h, "cuGraphDestroy", func(ctx *context, _ *graph) Result {
		m.drop(ctx, h)
		return Success
	})
}
