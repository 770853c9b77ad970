package softgpu

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ptr(s []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

func TestNothingWorksBeforeInit(t *testing.T) {
	m := New(DefaultOptions())
	_, r := m.CtxCreate(one, 0, 0)
	assert.Equal(t, ErrorNotInitialized, r)
	_, r = m.DeviceCount(one)
	assert.Equal(t, ErrorNotInitialized, r)
	assert.Equal(t, ErrorInvalidValue, m.Init(1))
}

func TestContextsBelongToThreads(t *testing.T) {
	h := start(t)
	_, r := h.m.MemAlloc(other, 4)
	h.refused(ErrorInvalidContext, r, "no context is current on this thread")
	h.ok(h.m.CtxSetCurrent(other, h.ctx))
	_, r = h.m.MemAlloc(other, 4)
	h.ok(r)

	popped, r := h.m.CtxPopCurrent(one)
	h.ok(r)
	assert.Equal(t, h.ctx, popped)
	_, r = h.m.CtxGetDevice(one)
	h.refused(ErrorInvalidContext, r)
	h.ok(h.m.CtxPushCurrent(one, h.ctx))
	current, r := h.m.CtxGetCurrent(one)
	h.ok(r)
	assert.Equal(t, h.ctx, current)

	h.ok(h.m.CtxDestroy(one, h.ctx))
	_, r = h.m.MemAlloc(other, 4)
	h.refused(ErrorContextIsDestroyed, r)
}

func TestHandlesBelongToContexts(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	s, e := h.stream(), h.event()
	f, r := h.m.ModuleGetFunction(one, h.mod, "scale")
	h.ok(r)
	_, r = h.m.CtxCreate(one, 0, 0)
	h.ok(r)
	h.refused(ErrorInvalidHandle, h.m.StreamSynchronize(one, s), "no stream of the current context")
	h.refused(ErrorInvalidHandle, h.m.EventRecord(one, e, 0), "no event of the current context")
	h.refused(ErrorInvalidHandle, h.m.LaunchKernel(one, f, Line(1), Line(1), 0, 0, make([]byte, 16)), "no kernel of the current context")
	h.refused(ErrorInvalidHandle, h.m.ModuleUnload(one, h.mod), "no module of the current context")
	h.refused(ErrorInvalidHandle, h.m.StreamDestroy(one, 12345), "no stream")
}

func TestPrimaryContextIsCounted(t *testing.T) {
	m := New(DefaultOptions())
	require.Equal(t, Success, m.Init(0))
	a, r := m.PrimaryCtxRetain(one, 0)
	require.Equal(t, Success, r)
	b, r := m.PrimaryCtxRetain(one, 0)
	require.Equal(t, Success, r)
	assert.Equal(t, a, b)
	require.Equal(t, Success, m.PrimaryCtxRelease(one, 0))
	_, active, r := m.PrimaryCtxGetState(one, 0)
	require.Equal(t, Success, r)
	assert.True(t, active)
	require.Equal(t, Success, m.PrimaryCtxRelease(one, 0))
	assert.Equal(t, ErrorInvalidContext, m.PrimaryCtxRelease(one, 0))
}

func TestLegacyStreamAndBlockingStreamsWaitForEachOther(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	p := h.put(1)
	blocking, r := h.m.StreamCreate(one, 0)
	h.ok(r)
	free := h.stream()
	h.ok(h.launch("scale", 1, 1, blocking, p, float32(3), uint32(1)))
	h.ok(h.launch("scale", 1, 1, 0, p, float32(5), uint32(1)))
	h.ok(h.launch("scale", 1, 1, blocking, p, float32(7), uint32(1)))
	h.ok(h.m.StreamSynchronize(one, blocking))
	assert.Equal(t, []float32{105}, h.floats(p, 1))
	h.ok(h.launch("scale", 1, 1, free, p, float32(2), uint32(1)))
	h.ok(h.launch("scale", 1, 1, 0, p, float32(2), uint32(1)))
	h.refused(ErrorLaunchFailed, h.m.CtxSynchronize(one), "race on global memory")
}

func TestQueriesMakeWorkGoOn(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	s, e := h.stream(), h.event()
	p := h.put(1)
	for range 3 {
		h.ok(h.launch("scale", 1, 1, s, p, float32(2), uint32(1)))
	}
	h.ok(h.m.EventRecord(one, e, s))
	assert.Equal(t, ErrorNotReady, h.m.EventQuery(one, e))
	for n := 0; h.m.StreamQuery(one, s) == ErrorNotReady; n++ {
		require.Less(t, n, 10)
	}
	h.ok(h.m.EventQuery(one, e))
	assert.Equal(t, []float32{8}, h.floats(p, 1))
}

func TestHostIsNeverFarAheadOfTheDevice(t *testing.T) {
	h := start(t, func(o *Options) { o.QueueDepth = 4 })
	h.load(goodKernels)
	s, p := h.stream(), h.put(1)
	for range 20 {
		h.ok(h.launch("scale", 1, 1, s, p, float32(1), uint32(1)))
	}
	assert.Equal(t, 16, h.m.Ledger().Launches, "four wait in the queue")
}

func TestEventsTellTime(t *testing.T) {
	h := start(t)
	a, b, untimed := h.event(), h.event(), h.event()
	h.ok(h.m.EventRecord(one, a, 0))
	h.ok(h.m.EventRecord(one, b, 0))
	_, r := h.m.EventElapsedTime(one, a, b)
	h.refused(ErrorNotReady, r, "has not run")
	h.ok(h.m.EventSynchronize(one, b))
	ms, r := h.m.EventElapsedTime(one, a, b)
	h.ok(r)
	assert.GreaterOrEqual(t, ms, float32(0))
	_, r = h.m.EventElapsedTime(one, a, untimed)
	h.refused(ErrorInvalidHandle, r)
}

func TestCopiesBeyondMemoryAreRefusedAtTheCall(t *testing.T) {
	h := start(t)
	p := h.put(1, 2)
	buf := make([]float32, 4)
	h.refused(ErrorInvalidValue, h.m.MemcpyDtoH(one, ptr(buf), p, 16), "cuMemcpyDtoH")
	h.refused(ErrorInvalidValue, h.m.MemcpyHtoD(one, p+4, ptr(buf), 8), "cuMemcpyHtoD")
	h.refused(ErrorInvalidValue, h.m.MemcpyHtoD(one, p, nil, 8), "null")
	h.refused(ErrorInvalidValue, h.m.Memset(one, p+2, 0, 4, 1), "multiple of 4")
	h.refused(ErrorLaunchFailed, h.m.MemcpyDtoH(one, ptr(buf), h.alloc(8), 8), "uninitialised")
}

func TestOrderedFaultsHappen(t *testing.T) {
	t.Run("allocation", func(t *testing.T) {
		h := start(t, func(o *Options) { o.FailAlloc = 3 }) // the context is the first
		h.alloc(4)
		_, r := h.m.MemAlloc(one, 4)
		h.refused(ErrorOutOfMemory, r, "ordered")
		h.alloc(4)
	})
	t.Run("launch", func(t *testing.T) {
		h := start(t, func(o *Options) { o.FailLaunch = 2 })
		h.load(goodKernels)
		p := h.put(1)
		h.ok(h.launch("scale", 1, 1, 0, p, float32(2), uint32(1)))
		h.ok(h.m.CtxSynchronize(one))
		h.ok(h.launch("scale", 1, 1, 0, p, float32(2), uint32(1)))
		h.refused(ErrorLaunchFailed, h.m.CtxSynchronize(one), "scale (number 2) was ordered to fail")
		h.refused(ErrorLaunchFailed, h.m.CtxSynchronize(one), "ordered")
	})
	t.Run("device", func(t *testing.T) {
		h := start(t, func(o *Options) { o.LoseDevice = 1 })
		h.load(goodKernels)
		h.ok(h.launch("scale", 1, 1, 0, h.put(1), float32(2), uint32(1)))
		h.refused(ErrorUnknown, h.m.CtxSynchronize(one), "lost")
		_, r := h.m.MemAlloc(one, 4)
		h.refused(ErrorUnknown, r, "lost")
		_, r = h.m.CtxCreate(one, 0, 0)
		h.refused(ErrorUnknown, r, "lost")
	})
}

func TestOptionsAreRead(t *testing.T) {
	o, err := ParseOptions(" seed=7, memory=512MiB,sm=90,fail_alloc=3,,queue=8")
	require.NoError(t, err)
	want := DefaultOptions()
	want.Seed, want.Memory, want.SM, want.FailAlloc, want.QueueDepth = 7, 512<<20, 90, 3, 8
	assert.Equal(t, want, o)
	for _, bad := range []string{"sm=ninety", "memory=lots", "colour=red", "queue=0", "seed=-1", "fail_alloc"} {
		_, err := ParseOptions(bad)
		assert.Error(t, err, bad)
	}
}
