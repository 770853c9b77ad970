package softgpu

import (
	"math/rand/v2"
	"slices"

	"mdfa/softgpu/vm"
)

// graph is work with an order, to be made executable.
type graph struct {
	handle Handle
	ctx    *context
	nodes  []*node
}

// node is one piece of work in a graph.
type node struct {
	handle Handle
	graph  *graph
	task   task
	deps   []*node
	child  []*node // the nodes of a child graph, copied
}

// add puts a node behind others.
func (g *graph) add(k task, deps []*node) *node {
	n := &node{graph: g, task: k, deps: slices.Clone(deps)}
	g.nodes = append(g.nodes, n)
	return n
}

// ancestors is nodes and all that they depend on.
func ancestors(nodes []*node) map[*node]bool {
	seen := map[*node]bool{}
	var visit func(list []*node)
	visit = func(list []*node) {
		for _, n := range list {
			if !seen[n] {
				seen[n] = true
				visit(n.deps)
			}
		}
	}
	visit(nodes)
	return seen
}

// copyNodes copies nodes with the edges among them.
func copyNodes(nodes []*node, g *graph) []*node {
	copies := map[*node]*node{}
	list := make([]*node, len(nodes))
	for i, n := range nodes {
		c := *n
		c.graph, c.handle = g, 0
		list[i] = &c
		copies[n] = &c
	}
	for i, n := range nodes {
		list[i].deps = nil
		for _, d := range n.deps {
			list[i].deps = append(list[i].deps, copies[d])
		}
	}
	return list
}

// executable is an instantiated graph: its tasks in an order that respects the edges.
type executable struct {
	ctx    *context
	source []*node // the nodes as they were, for a launch that is captured
	tasks  []task
	deps   [][]int  // of each task, smaller numbers
	above  [][]bool // above[i][j]: j runs before i
	forked bool     // some two tasks may run at the same time
	last   *op      // the last launch
}

// before says whether task i is ordered before task j.
func (x *executable) before(i, j int) bool { return i < j && x.above[j][i] }

// flatten appends nodes with all children in place of their graphs. ends are the tasks
// behind which a node that depends on these nodes has to run.
func (x *executable) flatten(nodes []*node, roots []int) (ends []int, acyclic bool) {
	last := map[*node][]int{} // the tasks that stand for a node's end
	used := map[*node]bool{}
	left := slices.Clone(nodes)
	for len(left) > 0 {
		progress := false
		rest := left[:0:0]
		for _, n := range left {
			if slices.ContainsFunc(n.deps, func(d *node) bool { _, done := last[d]; return !done }) {
				rest = append(rest, n)
				continue
			}
			progress = true
			after := slices.Clone(roots)
			for _, d := range n.deps {
				after = append(after, last[d]...)
				used[d] = true
			}
			x.tasks = append(x.tasks, n.task)
			x.deps = append(x.deps, after)
			last[n] = []int{len(x.tasks) - 1}
			if n.task.kind == nodeGraph && len(n.child) > 0 {
				childEnds, ok := x.flatten(n.child, last[n])
				if !ok {
					return nil, false
				}
				last[n] = childEnds
			}
		}
		if !progress {
			return nil, false
		}
		left = rest
	}
	for _, n := range nodes {
		if !used[n] {
			ends = append(ends, last[n]...)
		}
	}
	return ends, true
}

// order works out which tasks come before which.
func (x *executable) order() {
	x.above = make([][]bool, len(x.tasks))
	for i := range x.tasks {
		x.above[i] = make([]bool, i)
		for _, d := range x.deps[i] {
			x.above[i][d] = true
			for j, above := range x.above[d] {
				x.above[i][j] = x.above[i][j] || above
			}
		}
		for _, above := range x.above[i] {
			x.forked = x.forked || !above
		}
	}
}

// sequence is an order to run the tasks in: the first one there is, or with a seed any.
func (x *executable) sequence(seed, launch uint64) []int {
	list := make([]int, len(x.tasks))
	for i := range list {
		list[i] = i
	}
	if seed == 0 || !x.forked {
		return list
	}
	rng := rand.New(rand.NewPCG(seed, launch))
	done := make([]bool, len(list))
	for at := range list {
		var ready []int
		for i := range list {
			if !done[i] && !slices.ContainsFunc(x.deps[i], func(d int) bool { return !done[d] }) {
				ready = append(ready, i)
			}
		}
		list[at] = ready[rng.IntN(len(ready))]
		done[list[at]] = true
	}
	return list
}

// GraphInstantiate is cuGraphInstantiateWithFlags: later changes of the graph do not
// reach the executable.
func (m *Machine) GraphInstantiate(t Thread, h Handle, flags uint64) (exec Handle, r Result) {
	r = m.onGraph(t, h, "cuGraphInstantiate", func(ctx *context, g *graph) Result {
		if flags > 15 {
			return m.refuse(ErrorInvalidValue, "cuGraphInstantiate: flags %d", flags)
		}
		if r := m.forbidden(t, ctx, "cuGraphInstantiate"); r != Success {
			return r
		}
		if r := m.allocation("cuGraphInstantiate"); r != Success {
			return r
		}
		x := &executable{ctx: ctx, source: copyNodes(g.nodes, nil)}
		if _, ok := x.flatten(g.nodes, nil); !ok {
			return m.refuse(ErrorInvalidValue, "cuGraphInstantiate: the graph's edges form a circle")
		}
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
		x := object[*executable](m, exec)
		if x == nil || x.ctx != ctx {
			return m.refuse(ErrorInvalidHandle, "%s: no executable graph of the current context", call)
		}
		if s.capture != nil {
			r := m.captured(s, call, task{name: "graph", kind: nodeGraph})
			if r == Success {
				s.tail[0].child = copyNodes(x.source, nil)
			}
			return r
		}
		if r := m.implicit(s, call); r != Success {
			return r
		}
		m.ledger.GraphLaunches++
		x.last = m.enqueue(s, max(1, len(x.tasks)), func(o *op) error { return m.runGraph(ctx, x, o) }, x.last)
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

// GraphUpload is cuGraphUpload: an executable needs no preparation here.
func (m *Machine) GraphUpload(t Thread, exec, on Handle) Result {
	return m.onStream(t, on, "cuGraphUpload", func(ctx *context, _ *stream) Result {
		if x := object[*executable](m, exec); x == nil || x.ctx != ctx {
			return m.refuse(ErrorInvalidHandle, "cuGraphUpload: no executable graph of the current context")
		}
		return Success
	})
}

// GraphExecDestroy is cuGraphExecDestroy. A launch that waits in a stream still runs.
func (m *Machine) GraphExecDestroy(t Thread, exec Handle) Result {
	return m.call(t, "cuGraphExecDestroy", func(ctx *context) Result {
		if x := object[*executable](m, exec); x == nil || x.ctx != ctx {
			return m.refuse(ErrorInvalidHandle, "cuGraphExecDestroy: no executable graph of the current context")
		}
		m.drop(ctx, exec)
		return Success
	})
}

// GraphAddKernelNode is cuGraphAddKernelNode.
func (m *Machine) GraphAddKernelNode(t Thread, g Handle, deps []Handle, f Handle, grid, block vm.Dim3, shared uint32, params []byte) (Handle, Result) {
	const call = "cuGraphAddKernelNode"
	return m.addNode(t, g, deps, call, func(ctx *context) (task, Result) {
		return m.kernelTask(ctx, call, f, grid, block, shared, params)
	})
}

// GraphAddMemsetNode is cuGraphAddMemsetNode: h rows of w values of the given width in
// bytes, pitch bytes apart.
func (m *Machine) GraphAddMemsetNode(t Thread, g Handle, deps []Handle, dst, pitch uint64, value uint32, width int, w, h uint64) (Handle, Result) {
	const call = "cuGraphAddMemsetNode"
	return m.addNode(t, g, deps, call, func(ctx *context) (task, Result) {
		return m.memsetTask(ctx, call, dst, pitch, value, width, w, h)
	})
}

// GraphAddMemcpyNode is cuGraphAddMemcpyNode for one row; pinned or device memory.
func (m *Machine) GraphAddMemcpyNode(t Thread, g Handle, deps []Handle, dst, src, n uint64) (Handle, Result) {
	const call = "cuGraphAddMemcpyNode"
	return m.addNode(t, g, deps, call, func(ctx *context) (task, Result) {
		return m.memcpyTask(ctx, call, dst, src, n)
	})
}

// GraphAddEmptyNode is cuGraphAddEmptyNode.
func (m *Machine) GraphAddEmptyNode(t Thread, g Handle, deps []Handle) (Handle, Result) {
	return m.addNode(t, g, deps, "cuGraphAddEmptyNode", func(*context) (task, Result) {
		return task{name: "empty", kind: nodeEmpty}, Success
	})
}

// GraphAddHostNode is cuGraphAddHostNode. The function must not call CUDA.
func (m *Machine) GraphAddHostNode(t Thread, g Handle, deps []Handle, fn func()) (Handle, Result) {
	return m.addNode(t, g, deps, "cuGraphAddHostNode", func(*context) (task, Result) {
		return task{name: "host function", kind: nodeHost, host: fn}, Success
	})
}

// GraphAddChildGraphNode is cuGraphAddChildGraphNode; the child is copied.
func (m *Machine) GraphAddChildGraphNode(t Thread, g Handle, deps []Handle, child Handle) (Handle, Result) {
	const call = "cuGraphAddChildGraphNode"
	var nodes []*node
	h, r := m.addNode(t, g, deps, call, func(ctx *context) (task, Result) {
		c := object[*graph](m, child)
		if c == nil || c.ctx != ctx {
			return task{}, m.refuse(ErrorInvalidHandle, "%s: the child is no graph of the current context", call)
		}
		nodes = copyNodes(c.nodes, nil)
		return task{name: "graph", kind: nodeGraph}, Success
	})
	if r == Success {
		m.mu.Lock()
		object[*node](m, h).child = nodes
		m.mu.Unlock()
	}
	return h, r
}
