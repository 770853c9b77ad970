package softgpu

import (
	"math/rand/v2"
	"slices"
)

// add puts a node behind others.
func (g *graph) add(k task, deps []*node) *node {
	n := &node{task: k, deps: slices.Clone(deps)}
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

// before says whether task i is ordered before task j.
func (x *executable) before(i, j int) bool { return i < j && x.above[j][i] }

// flatten appends nodes with all children in place of their graphs. ends are the tasks
// behind which a node that depends on these nodes has to run.
func (x *executable) flatten(nodes []*node, roots []int) (ends []int) {
	last := map[*node][]int{} // the tasks at a node's end
	used := map[*node]bool{}
	for _, n := range nodes {
		after := slices.Clone(roots)
		for _, d := range n.deps {
			after = append(after, last[d]...)
			used[d] = true
		}
		x.tasks = append(x.tasks, n.task)
		x.deps = append(x.deps, after)
		last[n] = []int{len(x.tasks) - 1}
		if len(n.child) > 0 {
			last[n] = x.flatten(n.child, last[n])
		}
	}
	for _, n := range nodes {
		if !used[n] {
			ends = append(ends, last[n]...)
		}
	}
	return ends
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
