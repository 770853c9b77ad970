//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/softgpu"
	"mdfa/softgpu/capi/internal/call"
)

// Kinds of nodes, as CUgraphNodeType counts them.
const (
	kernelNode = iota
	memcpyNode
	memsetNode
	hostNode
	graphNode
	emptyNode
)

// chain is a graph of one node after the other.
type chain struct {
	t *testing.T
	call.Graph
	last  uintptr
	nodes []uintptr
}

func newChain(t *testing.T) *chain {
	g, r := call.NewGraph()
	require.Equal(t, success, r)
	t.Cleanup(func() { require.Equal(t, success, g.Destroy()) })
	return &chain{t: t, Graph: g}
}

func (c *chain) then(node uintptr, r int) {
	c.t.Helper()
	require.Equal(c.t, success, r)
	c.last = node
	c.nodes = append(c.nodes, node)
}

func (c *chain) run(times int) {
	c.t.Helper()
	exec, r := c.Instantiate()
	require.Equal(c.t, success, r)
	for range times {
		require.Equal(c.t, success, exec.Launch(0))
	}
	require.NoError(c.t, cu.Synchronize())
	require.Equal(c.t, success, exec.Destroy())
}

func TestNodesOfEveryKindRun(t *testing.T) {
	start(t)
	const n = 100
	pinned, r := call.HostAlloc(4*n, 0)
	require.Equal(t, success, r)
	copy(unsafe.Slice((*float32)(pinned), n), ramp(1, n))
	counter := call.NewCounter()
	defer counter.Free()
	f := call.Handle(kernel(t, "saxpy"))
	x, y := alloc(t, 4*n), alloc(t, 4*(n+1))
	p := saxpy{a: [2]float32{2}, x: x, y: y, n: n}

	c := newChain(t)
	c.then(c.Memset(0, uint64(y), 0x40000000, n+1)) // 2.0
	c.then(c.Upload(c.last, uint64(x), pinned, 4*n))
	ctx, err := cu.CurrentContext()
	require.NoError(t, err)
	c.then(c.Kernel(c.last, f, call.Handle(ctx), p.params()...))
	c.then(c.Memcpy(c.last, uint64(x), uint64(y), 4*n, 1))
	c.then(c.Host(c.last, counter))
	child := newChain(t)
	child.then(child.Memset(0, uint64(y+4*n), 0x3f800000, 1)) // 1.0
	c.then(c.Child(c.last, child.Graph))
	c.then(c.Empty(c.last))
	c.run(3)

	assert.Equal(t, 3, counter.Count())
	want := make([]float32, n)
	for i := range want {
		want[i] = 2*float32(1+i) + 2
	}
	assert.Equal(t, want, get[float32](t, x, n))
	assert.Equal(t, append(want, 1), get[float32](t, y, n+1))
	for i, kind := range []int{memsetNode, memcpyNode, kernelNode, memcpyNode, hostNode, graphNode, emptyNode} {
		got, r := call.NodeType(c.nodes[i])
		require.Equal(t, success, r)
		assert.Equal(t, kind, got, "node %d", i)
	}
	require.NoError(t, cu.MemFreeHost(pinned))
}

func TestNodesAndEdgesAreListed(t *testing.T) {
	start(t)
	c := newChain(t)
	c.then(c.Empty())
	c.then(c.Empty(c.last))
	c.then(c.Empty(c.nodes...))

	_, n, r := c.Nodes(-1)
	require.Equal(t, [2]int{3, success}, [2]int{n, r})
	nodes, n, r := c.Nodes(5)
	require.Equal(t, [2]int{3, success}, [2]int{n, r})
	assert.Equal(t, append(c.nodes[:3:3], 0, 0), nodes)
	nodes, n, r = c.Nodes(2)
	require.Equal(t, [2]int{2, success}, [2]int{n, r})
	assert.Equal(t, c.nodes[:2], nodes)

	from, to, n, r := c.Edges(4)
	require.Equal(t, [2]int{3, success}, [2]int{n, r})
	type edge struct{ from, to uintptr }
	var edges []edge
	for i := range from {
		edges = append(edges, edge{from[i], to[i]})
	}
	a, b, d := c.nodes[0], c.nodes[1], c.nodes[2]
	assert.ElementsMatch(t, []edge{{a, b}, {a, d}, {b, d}, {}}, edges)

	assert.Equal(t, invalidValue, c.Depend(d, a), "a circle")
	clone, r := c.Clone()
	require.Equal(t, success, r)
	require.Equal(t, success, call.DestroyNode(b))
	_, n, _ = c.Nodes(-1)
	assert.Equal(t, 2, n)
	_, n, _ = clone.Nodes(-1)
	assert.Equal(t, 3, n, "the clone keeps its nodes")
	require.Equal(t, success, clone.Destroy())

	e, r := c.Empty()
	require.Equal(t, success, r)
	require.Equal(t, success, c.Depend(e, a))
	_, _, n, _ = c.Edges(4)
	assert.Equal(t, 2, n)
}

func TestWhatNodesCannotDo(t *testing.T) {
	m := start(t)
	c := newChain(t)
	p := alloc(t, 64)
	_, r := c.Memcpy(0, uint64(p), uint64(p+32), 8, 2)
	assert.Equal(t, int(softgpu.ErrorNotSupported), r)
	assert.ErrorContains(t, m.Explain(), "1 x 2 rows")
	s := saxpy{x: p, y: p, n: 1}
	_, r = c.Kernel(0, call.Handle(kernel(t, "saxpy")), 0x1230, s.params()...)
	assert.Equal(t, int(softgpu.ErrorNotSupported), r)
	assert.ErrorContains(t, m.Explain(), "another context")
	_, r = c.Kernel(0, 0x1230, 0)
	assert.Equal(t, int(softgpu.ErrorInvalidHandle), r)
	_, r = c.Empty(0x1230)
	assert.Equal(t, invalidValue, r)
}

// current is as much of gorgonia.org/cu's Context as its graphs use.
type current struct {
	cu.Context
	ctx cu.CUContext
}

func (c current) CUDAContext() cu.CUContext { return c.ctx }

func TestGraphsOfGorgonia(t *testing.T) {
	start(t)
	ctx, err := cu.CurrentContext()
	require.NoError(t, err)
	here := current{ctx: ctx}
	g, err := cu.MakeGraph()
	require.NoError(t, err)
	p := alloc(t, 16)
	first, err := g.AddEmptyNode(nil)
	require.NoError(t, err)
	fill, err := g.AddMemsetNode([]cu.Node{first}, &cu.MemsetParams{Dst: p, Value: 7, ElementSize: 1, Width: 16, Height: 1}, here)
	require.NoError(t, err)
	require.ErrorIs(t, g.AddDependencies([]cu.Node{fill}, []cu.Node{first}), cu.InvalidValue)
	exec, r := call.Graph(call.Handle(g)).Instantiate()
	require.Equal(t, success, r)
	require.Equal(t, success, exec.Launch(0))
	require.NoError(t, cu.Synchronize())
	assert.Equal(t, []byte{7, 7}, get[byte](t, p, 2))
	require.Equal(t, success, exec.Destroy())
	require.NoError(t, g.Destroy())
}
