package softgpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// capture records what f submits and makes it executable.
func (h *host) capture(origin Handle, f func()) Handle {
	h.t.Helper()
	h.ok(h.m.StreamBeginCapture(one, origin, captureThreadLocal))
	f()
	g, r := h.m.StreamEndCapture(one, origin)
	h.ok(r)
	x, r := h.m.GraphInstantiate(one, g, 0)
	h.ok(r)
	h.ok(h.m.GraphDestroy(one, g))
	return x
}

func (h *host) scale(on Handle, p uint64, by float32) {
	h.t.Helper()
	h.ok(h.launch("scale", 1, 32, on, p, by, uint32(1)))
}

func TestCapturedWorkRunsWhenTheGraphIsLaunched(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	s, p := h.stream(), h.put(1)
	x := h.capture(s, func() {
		h.scale(s, p, 2)
		h.scale(s, p, 5)
	})
	h.ok(h.m.StreamSynchronize(one, s))
	require.Equal(t, []float32{1}, h.floats(p, 1), "recorded, not run")
	before := h.m.Ledger()
	for range 3 {
		h.ok(h.m.GraphLaunch(one, x, s))
	}
	h.ok(h.m.StreamSynchronize(one, s))
	assert.Equal(t, []float32{1000}, h.floats(p, 1))
	used := h.m.Ledger().Since(before)
	assert.Equal(t, 3, used.GraphLaunches)
	assert.Equal(t, 6, used.Launches)
	assert.Equal(t, 6, used.Kernels["scale"].Launches)
	assert.EqualValues(t, 24, used.Kernels["scale"].BytesRead)
	assert.EqualValues(t, 24, used.Kernels["scale"].BytesWritten)
	h.ok(h.m.GraphExecDestroy(one, x))
	h.refused(ErrorInvalidHandle, h.m.GraphLaunch(one, x, s))
}

// fork captures work on two streams; b joins origin if it is told to.
func (h *host) fork(a, b Handle, join bool, onA, onB func()) Handle {
	h.t.Helper()
	forked, joined := h.event(), h.event()
	h.ok(h.m.StreamBeginCapture(one, a, captureThreadLocal))
	h.ok(h.m.EventRecord(one, forked, a))
	h.ok(h.m.StreamWaitEvent(one, b, forked, 0))
	onA()
	onB()
	if join {
		h.ok(h.m.EventRecord(one, joined, b))
		h.ok(h.m.StreamWaitEvent(one, a, joined, 0))
	}
	g, r := h.m.StreamEndCapture(one, a)
	if !join {
		h.refused(ErrorStreamCaptureUnjoined, r, "not joined")
		return 0
	}
	h.ok(r)
	x, r := h.m.GraphInstantiate(one, g, 0)
	h.ok(r)
	return x
}

func TestForkedStreamsRunInOneGraph(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2, 3} {
		h := start(t, func(o *Options) { o.Seed = seed })
		h.load(goodKernels)
		a, b := h.stream(), h.stream()
		p, q := h.put(1), h.put(1)
		x := h.fork(a, b, true, func() { h.scale(a, p, 2) }, func() { h.scale(b, q, 3) })
		h.ok(h.m.GraphLaunch(one, x, a))
		h.ok(h.m.StreamSynchronize(one, a))
		assert.Equal(t, []float32{2}, h.floats(p, 1))
		assert.Equal(t, []float32{3}, h.floats(q, 1))
	}
}

func TestBranchesOfAGraphRace(t *testing.T) {
	for _, seed := range []uint64{0, 1, 2} {
		h := start(t, func(o *Options) { o.Seed = seed })
		h.load(goodKernels)
		a, b, p := h.stream(), h.stream(), h.put(1)
		x := h.fork(a, b, true, func() { h.scale(a, p, 2) }, func() { h.scale(b, p, 3) })
		h.ok(h.m.GraphLaunch(one, x, a))
		h.refused(ErrorLaunchFailed, h.m.StreamSynchronize(one, a), "race on global memory", "kernel scale", "not ordered after")
	}
}

func TestCaptureRules(t *testing.T) {
	begin := func(h *host, mode int32) Handle {
		s := h.stream()
		h.ok(h.m.StreamBeginCapture(one, s, mode))
		return s
	}
	// ends requires that the capture has been ended by an error.
	ends := func(h *host, s Handle) {
		h.t.Helper()
		status, r := h.m.StreamIsCapturing(one, s)
		h.ok(r)
		require.EqualValues(h.t, 2, status)
		_, r = h.m.StreamEndCapture(one, s)
		h.refused(ErrorStreamCaptureInvalidated, r)
		status, r = h.m.StreamIsCapturing(one, s)
		h.ok(r)
		require.Zero(h.t, status)
	}
	for name, rule := range map[string]func(t *testing.T, h *host){
		"no synchronisation of the stream": func(_ *testing.T, h *host) {
			s := begin(h, captureThreadLocal)
			h.refused(ErrorStreamCaptureUnsupported, h.m.StreamSynchronize(one, s))
			ends(h, s)
		},
		"no query of the stream": func(_ *testing.T, h *host) {
			s := begin(h, captureRelaxed)
			h.refused(ErrorStreamCaptureUnsupported, h.m.StreamQuery(one, s))
			ends(h, s)
		},
		"no synchronisation of the context": func(_ *testing.T, h *host) {
			s := begin(h, captureThreadLocal)
			h.refused(ErrorStreamCaptureUnsupported, h.m.CtxSynchronize(one))
			ends(h, s)
		},
		"no allocation": func(_ *testing.T, h *host) {
			s := begin(h, captureThreadLocal)
			_, r := h.m.MemAlloc(one, 4)
			h.refused(ErrorStreamCaptureUnsupported, r)
			ends(h, s)
		},
		"no blocking copy": func(_ *testing.T, h *host) {
			p := h.put(1)
			s := begin(h, captureThreadLocal)
			buf := make([]float32, 1)
			h.refused(ErrorStreamCaptureUnsupported, h.m.MemcpyDtoH(one, ptr(buf), p, 4))
			ends(h, s)
		},
		"no copy of pageable memory": func(_ *testing.T, h *host) {
			p := h.put(1)
			s := begin(h, captureRelaxed)
			buf := make([]float32, 1)
			h.refused(ErrorStreamCaptureUnsupported, h.m.MemcpyHtoDAsync(one, p, ptr(buf), 4, s))
			ends(h, s)
		},
		"another thread may allocate beside a thread-local capture": func(_ *testing.T, h *host) {
			s := begin(h, captureThreadLocal)
			h.ok(h.m.CtxSetCurrent(other, h.ctx))
			_, r := h.m.MemAlloc(other, 4)
			h.ok(r)
			_, r = h.m.StreamEndCapture(one, s)
			h.ok(r)
		},
		"no thread may allocate beside a global capture": func(_ *testing.T, h *host) {
			s := begin(h, captureGlobal)
			h.ok(h.m.CtxSetCurrent(other, h.ctx))
			_, r := h.m.MemAlloc(other, 4)
			h.refused(ErrorStreamCaptureUnsupported, r)
			ends(h, s)
		},
		"the thread that began ends": func(_ *testing.T, h *host) {
			s := begin(h, captureThreadLocal)
			h.ok(h.m.CtxSetCurrent(other, h.ctx))
			_, r := h.m.StreamEndCapture(other, s)
			h.refused(ErrorStreamCaptureWrongThread, r)
			ends(h, s)
		},
		"the stream that began ends": func(_ *testing.T, h *host) {
			s, b, e := begin(h, captureThreadLocal), h.stream(), h.event()
			h.ok(h.m.EventRecord(one, e, s))
			h.ok(h.m.StreamWaitEvent(one, b, e, 0))
			_, r := h.m.StreamEndCapture(one, b)
			h.refused(ErrorStreamCaptureUnmatched, r)
			ends(h, s)
		},
		"a forked stream is joined": func(_ *testing.T, h *host) {
			h.load(goodKernels)
			a, b, p := h.stream(), h.stream(), h.put(1)
			h.fork(a, b, false, func() {}, func() { h.scale(b, p, 2) })
		},
		"no work from outside": func(_ *testing.T, h *host) {
			outside, e := h.stream(), h.event()
			h.ok(h.m.EventRecord(one, e, outside))
			s := begin(h, captureThreadLocal)
			h.refused(ErrorStreamCaptureIsolation, h.m.StreamWaitEvent(one, s, e, 0))
			ends(h, s)
		},
		"two captures stay two": func(_ *testing.T, h *host) {
			a, b, e := begin(h, captureThreadLocal), begin(h, captureThreadLocal), h.event()
			h.ok(h.m.EventRecord(one, e, a))
			h.refused(ErrorStreamCaptureMerge, h.m.StreamWaitEvent(one, b, e, 0))
			ends(h, a)
			ends(h, b)
		},
		"the default stream stays out": func(_ *testing.T, h *host) {
			h.refused(ErrorStreamCaptureUnsupported, h.m.StreamBeginCapture(one, 0, captureGlobal))
			p := h.put(1)
			blocking, r := h.m.StreamCreate(one, 0)
			h.ok(r)
			h.ok(h.m.StreamBeginCapture(one, blocking, captureRelaxed))
			h.refused(ErrorStreamCaptureImplicit, h.m.MemsetAsync(one, p, 0, 4, 1, 0))
			ends(h, blocking)
		},
		"an event of a capture tells nothing": func(_ *testing.T, h *host) {
			s, e := begin(h, captureThreadLocal), h.event()
			h.ok(h.m.EventRecord(one, e, s))
			h.refused(ErrorCapturedEvent, h.m.EventQuery(one, e))
			ends(h, s)
			h.refused(ErrorCapturedEvent, h.m.StreamWaitEvent(one, s, e, 0), "has ended")
		},
		"a stream is captured once": func(_ *testing.T, h *host) {
			s := begin(h, captureThreadLocal)
			h.refused(ErrorIllegalState, h.m.StreamBeginCapture(one, s, captureThreadLocal))
			_, r := h.m.StreamEndCapture(one, s)
			h.ok(r)
			_, r = h.m.StreamEndCapture(one, s)
			h.refused(ErrorIllegalState, r)
		},
	} {
		t.Run(name, func(t *testing.T) { rule(t, start(t)) })
	}
}

func TestCapturedLaunchBecomesAChild(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	s, p := h.stream(), h.put(1)
	inner := h.capture(s, func() { h.scale(s, p, 2) })
	outer := h.capture(s, func() {
		h.ok(h.m.GraphLaunch(one, inner, s))
		h.scale(s, p, 10)
	})
	h.ok(h.m.GraphLaunch(one, outer, s))
	h.ok(h.m.StreamSynchronize(one, s))
	assert.Equal(t, []float32{20}, h.floats(p, 1))
}
