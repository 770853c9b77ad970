package softgpu

import "slices"

func (m *Machine) onGraph(t Thread, h Handle, call string, f func(ctx *context, g *graph) Result) Result {
	return m.call(t, call, func(ctx *context) Result {
		g := object[*graph](m, h)
		if g == nil || g.ctx != ctx {
			return m.refuse(ErrorInvalidHandle, "%s: no graph of the current context", call)
		}
		return f(ctx, g)
	})
}

// members finds nodes of a graph by their handles.
func (m *Machine) members(g *graph, call string, handles []Handle) ([]*node, Result) {
	var list []*node
	for _, h := range handles {
		n := object[*node](m, h)
		if n == nil || n.graph != g {
			return nil, m.refuse(ErrorInvalidValue, "%s: a dependency is no node of the graph", call)
		}
		list = append(list, n)
	}
	return list, Success
}

// addNode adds a node whose task build brings.
func (m *Machine) addNode(t Thread, g Handle, deps []Handle, call string, build func(ctx *context) (task, Result)) (h Handle, r Result) {
	r = m.onGraph(t, g, call, func(ctx *context, g *graph) Result {
		after, r := m.members(g, call, deps)
		if r != Success {
			return r
		}
		k, r := build(ctx)
		if r != Success {
			return r
		}
		n := g.add(k, after)
		n.handle = m.keep(ctx, n)
		h = n.handle
		return Success
	})
	return h, r
}

// GraphCreate is cuGraphCreate.
func (m *Machine) GraphCreate(t Thread, flags uint32) (h Handle, r Result) {
	r = m.call(t, "cuGraphCreate", func(ctx *context) Result {
		if flags != 0 {
			return m.refuse(ErrorInvalidValue, "cuGraphCreate: flags %d, 0 is expected", flags)
		}
		g := &graph{ctx: ctx}
		g.handle = m.keep(ctx, g)
		h = g.handle
		return Success
	})
	return h, r
}

// GraphDestroy is cuGraphDestroy.
func (m *Machine) GraphDestroy(t Thread, h Handle) Result {
	return m.onGraph(t, h, "cuGraphDestroy", func(ctx *context, g *graph) Result {
		for _, n := range g.nodes {
			m.drop(ctx, n.handle)
		}
		m.drop(ctx, h)
		return Success
	})
}

// GraphClone is cuGraphClone.
func (m *Machine) GraphClone(t Thread, h Handle) (clone Handle, r Result) {
	r = m.onGraph(t, h, "cuGraphClone", func(ctx *context, g *graph) Result {
		c := &graph{ctx: ctx}
		c.nodes = copyNodes(g.nodes, c)
		for _, n := range c.nodes {
			n.handle = m.keep(ctx, n)
		}
		c.handle = m.keep(ctx, c)
		clone = c.handle
		return Success
	})
	return clone, r
}

// GraphAddDependencies is cuGraphAddDependencies: to[i] runs after from[i].
func (m *Machine) GraphAddDependencies(t Thread, h Handle, from, to []Handle) Result {
	const call = "cuGraphAddDependencies"
	return m.onGraph(t, h, call, func(_ *context, g *graph) Result {
		first, r := m.members(g, call, from)
		if r != Success {
			return r
		}
		then, r := m.members(g, call, to)
		if r != Success {
			return r
		}
		if len(first) != len(then) {
			return m.refuse(ErrorInvalidValue, "%s: %d nodes before %d", call, len(first), len(then))
		}
		for i, n := range then {
			if slices.Contains(n.deps, first[i]) {
				return m.refuse(ErrorInvalidValue, "%s: the edge is there already", call)
			}
			if ancestors(first[i : i+1])[n] {
				return m.refuse(ErrorInvalidValue, "%s: the edge would close a circle", call)
			}
			n.deps = append(n.deps, first[i])
		}
		return Success
	})
}

// GraphGetNodes is cuGraphGetNodes.
func (m *Machine) GraphGetNodes(t Thread, h Handle) (nodes []Handle, r Result) {
	r = m.onGraph(t, h, "cuGraphGetNodes", func(_ *context, g *graph) Result {
		for _, n := range g.nodes {
			nodes = append(nodes, n.handle)
		}
		return Success
	})
	return nodes, r
}

// GraphGetEdges is cuGraphGetEdges: to[i] runs after from[i].
func (m *Machine) GraphGetEdges(t Thread, h Handle) (from, to []Handle, r Result) {
	r = m.onGraph(t, h, "cuGraphGetEdges", func(_ *context, g *graph) Result {
		for _, n := range g.nodes {
			for _, d := range n.deps {
				from, to = append(from, d.handle), append(to, n.handle)
			}
		}
		return Success
	})
	return from, to, r
}

func (m *Machine) onNode(t Thread, h Handle, call string, f func(ctx *context, n *node) Result) Result {
	return m.call(t, call, func(ctx *context) Result {
		n := object[*node](m, h)
		if n == nil || n.graph == nil || n.graph.ctx != ctx {
			return m.refuse(ErrorInvalidHandle, "%s: no node of the current context", call)
		}
		return f(ctx, n)
	})
}

// GraphNodeGetType is cuGraphNodeGetType.
func (m *Machine) GraphNodeGetType(t Thread, h Handle) (kind int32, r Result) {
	r = m.onNode(t, h, "cuGraphNodeGetType", func(_ *context, n *node) Result {
		kind = n.task.kind
		return Success
	})
	return kind, r
}

// GraphDestroyNode is cuGraphDestroyNode: the node and its edges go.
func (m *Machine) GraphDestroyNode(t Thread, h Handle) Result {
	return m.onNode(t, h, "cuGraphDestroyNode", func(ctx *context, n *node) Result {
		isIt := func(o *node) bool { return o == n }
		n.graph.nodes = slices.DeleteFunc(n.graph.nodes, isIt)
		for _, o := range n.graph.nodes {
			o.deps = slices.DeleteFunc(o.deps, isIt)
		}
		m.drop(ctx, h)
		return Success
	})
}
