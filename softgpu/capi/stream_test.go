//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/softgpu"
)

// stream makes a stream that nothing waits for by itself, for the time of the test.
func stream(t *testing.T) cu.Stream {
	t.Helper()
	s, err := cu.MakeStream(cu.NonBlocking)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Destroy()) })
	return s
}

func event(t *testing.T) cu.Event {
	t.Helper()
	e, err := cu.MakeEvent(cu.DefaultEvent)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cu.DestroyEvent(&e)) })
	return e
}

func TestStreamsTellWhatTheyAre(t *testing.T) {
	start(t)
	flags, err := stream(t).Flags()
	require.NoError(t, err)
	assert.Equal(t, cu.NonBlocking, flags)
	_, greatest, err := cu.StreamPriorityRange()
	require.NoError(t, err)
	s, err := cu.MakeStreamWithPriority(greatest, cu.DefaultStream)
	require.NoError(t, err)
	priority, err := s.Priority()
	require.NoError(t, err)
	assert.Equal(t, greatest, priority)
	gone := s
	require.NoError(t, s.Destroy())
	require.ErrorIs(t, gone.Synchronize(), cu.InvalidHandle)
}

func TestQueriesBringWorkToItsEnd(t *testing.T) {
	start(t)
	s, e := stream(t), event(t)
	p := alloc(t, 64)
	require.NoError(t, s.Query(), "nothing to do")
	require.NoError(t, cu.MemsetD8Async(p, 1, 64, s))
	require.NoError(t, e.Record(s))
	require.ErrorIs(t, e.Query(), cu.NotReady)
	for range 10 {
		if e.Query() == nil {
			break
		}
	}
	require.NoError(t, e.Query())
	require.NoError(t, cu.MemsetD8Async(p, 2, 64, s))
	require.ErrorIs(t, s.Query(), cu.NotReady)
	require.NoError(t, s.Query())
}

func TestEventsOrderStreams(t *testing.T) {
	m := start(t)
	f := kernel(t, "saxpy")
	const n = 32
	s := saxpy{a: [2]float32{1}, x: put(t, ramp(1, n)), y: put(t, full(0, n)), n: n}
	one, two := stream(t), stream(t)
	begin, done := event(t), event(t)
	require.NoError(t, begin.Record(one))
	require.NoError(t, f.Launch(1, 1, 1, n, 1, 1, 0, one, s.params()))
	require.NoError(t, done.Record(one))
	require.NoError(t, two.Wait(done, 0))
	require.NoError(t, f.Launch(1, 1, 1, n, 1, 1, 0, two, s.params()))
	require.NoError(t, two.Synchronize(), "%v", m.Explain())
	got := get[float32](t, s.y, n)
	assert.Equal(t, float32(2*n), got[n-1])
	require.NoError(t, done.Synchronize())
	ms, err := begin.Elapsed(done)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, ms, 0.0)
}

func TestStreamsWithoutOrderAreARace(t *testing.T) {
	m := install(t)
	ctx, err := cu.Device(0).MakeContext(cu.SchedAuto)
	require.NoError(t, err)
	f := kernelHere(t, "saxpy")
	const n = 32
	p, err := cu.MemAlloc(8 * n)
	require.NoError(t, err)
	require.NoError(t, cu.MemsetD32(p, 0, 2*n))
	s := saxpy{a: [2]float32{1}, x: p, y: p + 4*n, n: n}
	require.NoError(t, cu.Synchronize())
	for range 2 {
		other, err := cu.MakeStream(cu.NonBlocking)
		require.NoError(t, err)
		require.NoError(t, f.Launch(1, 1, 1, n, 1, 1, 0, other, s.params()))
	}
	require.ErrorIs(t, cu.Synchronize(), cu.LaunchFailed)
	require.ErrorContains(t, m.Explain(), "not ordered")
	require.NoError(t, ctx.Destroy())
}

func TestCaptureBecomesAGraph(t *testing.T) {
	m := start(t)
	f := kernel(t, "saxpy")
	const n, threadLocal = 32, 1
	x, y := alloc(t, 4*n), put(t, full(0, n))
	s := stream(t)
	on := handle(s)
	p := saxpy{a: [2]float32{3}, x: x, y: y, n: n}

	var capturing int32
	require.Equal(t, success, call("cuStreamBeginCapture_v2", on, threadLocal))
	require.Equal(t, success, call("cuStreamIsCapturing", on, &capturing))
	require.EqualValues(t, 1, capturing)
	require.NoError(t, cu.MemsetD32Async(x, 0x3f800000, n, s))
	require.NoError(t, f.Launch(1, 1, 1, n, 1, 1, 0, s, p.params()))
	var graph, exec uintptr
	require.Equal(t, success, call("cuStreamEndCapture", on, &graph))
	assert.Equal(t, full(0, n), get[float32](t, y, n), "nothing has run")

	require.Equal(t, success, call("cuGraphInstantiateWithFlags", &exec, graph, 0))
	require.Equal(t, success, call("cuGraphDestroy", graph))
	for range 2 {
		require.Equal(t, success, call("cuGraphLaunch", exec, on))
	}
	require.NoError(t, s.Synchronize())
	assert.Equal(t, full(6, n), get[float32](t, y, n))
	require.Equal(t, success, call("cuGraphExecDestroy", exec))
	assert.Equal(t, 2, m.Ledger().GraphLaunches)
}

func TestAFailedCaptureGivesNoGraph(t *testing.T) {
	start(t)
	s := stream(t)
	on, graph := handle(s), uintptr(1)
	assert.Equal(t, int(softgpu.ErrorIllegalState), call("cuStreamEndCapture", on, &graph))
	require.Equal(t, success, call("cuStreamBeginCapture_v2", on, 0))
	require.ErrorIs(t, s.Synchronize(), cu.StreamCaptureUnsupported)
	graph = 1
	assert.Equal(t, int(softgpu.ErrorStreamCaptureInvalidated), call("cuStreamEndCapture", on, &graph))
	assert.Zero(t, graph)
}
