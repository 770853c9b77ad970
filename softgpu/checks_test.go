package softgpu

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/softgpu/vm"
)

// TestBrokenKernelsAreReported runs a broken kernel for every check of a running kernel
// through the driver's calls: the launch itself is accepted, the next synchronisation
// answers, the answer sticks, and the reason names kernel, line, thread and address.
func TestBrokenKernelsAreReported(t *testing.T) {
	for name, c := range map[string]struct {
		body        string
		grid, block int
		want        Result
		line        int // of the fault, within the body
		texts       []string
	}{
		"out of bounds": {"st.global.u32 [r+4], t;", 1, 64, ErrorIllegalAddress, 0,
			[]string{"out-of-bounds", "block (0,0,0) thread (63,0,0)", "0 bytes past the end"}},
		"misaligned": {"add.u64 r, r, 2;\nld.global.u32 x, [r];", 1, 32, ErrorMisalignedAddress, 1,
			[]string{"misaligned", "thread (0,0,0)"}},
		"never written": {"ld.global.u32 x, [r];\nst.global.u32 [r], x;", 1, 32, ErrorLaunchFailed, 0,
			[]string{"uninitialised", "thread (0,0,0)"}},
		"shared race": {"mov.u64 s, smem;\nst.shared.u32 [s], t;", 1, 32, ErrorLaunchFailed, 1,
			[]string{"race on shared memory", "thread (1,0,0)", "a write by thread (0,0,0)"}},
		"global race": {"st.global.u32 [p], t;", 2, 1, ErrorLaunchFailed, 0,
			[]string{"race on global memory", "thread (0,0,0)", "block 0"}},
		"barrier divergence": {"setp.lt.u32 a, t, 7;\n@!a bra L;\nbar.sync 0;\nL:", 1, 32, ErrorLaunchFailed, 2,
			[]string{"barrier divergence", "thread (7,0,0) is on another path"}},
		"endless": {"L: bra L;", 1, 1, ErrorLaunchTimeout, 0, []string{"budget", "thread (0,0,0)"}},
		"trap":    {"setp.eq.u32 a, t, 9;\n@a trap;", 1, 32, ErrorLaunchFailed, 1, []string{"trap", "thread (9,0,0)"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.m.budget = 10_000
			h.load(kernel(c.body))
			p := h.alloc(256)
			h.ok(h.launch("k", c.grid, c.block, 0, p, uint32(64)))
			got := h.m.CtxSynchronize(one)
			h.refused(c.want, got, append(c.texts, "kernel k", fmt.Sprintf("ptx line %d ", bodyLine+c.line))...)
			_, r := h.m.MemAlloc(one, 4)
			require.Equal(t, c.want, r, "the error sticks to the context")
			h.ok(h.m.CtxDestroy(one, h.ctx))
			var r2 Result
			h.ctx, r2 = h.m.CtxCreate(one, 0, 0)
			h.ok(r2)
			h.alloc(4) // a new context is as good as new
		})
	}
}

func TestFreedMemoryIsReported(t *testing.T) {
	h := start(t)
	h.load(kernel("st.global.u32 [r], t;"))
	p := h.alloc(256)
	h.ok(h.launch("k", 1, 64, 0, p, uint32(64)))
	h.ok(h.m.MemFree(one, p)) // does not wait for the launch
	h.refused(ErrorIllegalAddress, h.m.CtxSynchronize(one), "use after free", "kernel k", "thread (0,0,0)", fmt.Sprintf("%#x", p))
}

func TestMemoryIsFreedOnce(t *testing.T) {
	h := start(t)
	p := h.alloc(256)
	h.ok(h.m.MemFree(one, p))
	h.refused(ErrorInvalidValue, h.m.MemFree(one, p), "freed before")
	h.refused(ErrorInvalidValue, h.m.MemFree(one, p+4), "cuMemAlloc did not give")
}

func TestModuleThatIsGoneCannotRun(t *testing.T) {
	h := start(t)
	h.load(kernel("st.global.u32 [r], t;"))
	h.ok(h.launch("k", 1, 1, 0, h.alloc(4), uint32(1)))
	h.ok(h.m.ModuleUnload(one, h.mod))
	h.refused(ErrorLaunchFailed, h.m.CtxSynchronize(one), "k: its module was unloaded")
}

// TestMissingSynchronisationShows is the reason why streams run late.
func TestMissingSynchronisationShows(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	s := h.stream()
	p := h.put(1, 2, 3)
	result := h.pin(3)
	h.ok(h.launch("scale", 1, 32, s, p, float32(2), uint32(3)))
	h.ok(h.m.MemcpyDtoHAsync(one, ptr(result), p, 12, s))
	for _, v := range result {
		require.True(t, v != v, "what has not been copied yet is NaN, not something plausible: %v", v)
	}
	h.ok(h.m.StreamSynchronize(one, s))
	require.Equal(t, []float32{2, 4, 6}, result)
}

func TestPinnedMemoryIsReadWhenTheCopyRuns(t *testing.T) {
	h := start(t)
	s := h.stream()
	source, p := h.pin(2), h.alloc(8)
	source[0], source[1] = 1, 2
	h.ok(h.m.MemcpyHtoDAsync(one, p, ptr(source), 8, s))
	source[1] = 7 // too early
	h.ok(h.m.StreamSynchronize(one, s))
	require.Equal(t, []float32{1, 7}, h.floats(p, 2))
}

func TestPageableMemoryIsStagedAtOnce(t *testing.T) {
	h := start(t)
	s := h.stream()
	source, p := []float32{1, 2}, h.alloc(8)
	h.ok(h.m.MemcpyHtoDAsync(one, p, ptr(source), 8, s))
	source[1] = 7
	h.ok(h.m.StreamSynchronize(one, s))
	require.Equal(t, []float32{1, 2}, h.floats(p, 2))
}

// TestStreamsThatNothingOrdersRace has one case for each pair of operations.
func TestStreamsThatNothingOrdersRace(t *testing.T) {
	type step func(h *host, on Handle, p, q uint64) Result
	scale := func(h *host, on Handle, p, _ uint64) Result {
		return h.launch("scale", 1, 32, on, p, float32(2), uint32(4))
	}
	read := func(h *host, on Handle, p, q uint64) Result { return h.launch("copyWords", 1, 32, on, q, p, uint32(4)) }
	fill := func(h *host, on Handle, p, _ uint64) Result { return h.m.MemsetAsync(one, p, 0, 4, 4, on) }
	copyAway := func(h *host, on Handle, p, q uint64) Result { return h.m.MemcpyDtoDAsync(one, q+64, p, 16, on) }
	for name, c := range map[string]struct {
		first, second step
		races         bool
	}{
		"kernel and kernel":        {scale, scale, true},
		"kernel and reader":        {scale, read, true},
		"reader and kernel":        {read, scale, true},
		"kernel and fill":          {scale, fill, true},
		"fill and kernel":          {fill, scale, true},
		"fill and copy":            {fill, copyAway, true},
		"copy and kernel":          {copyAway, scale, true},
		"two that read are no two": {read, copyAway, false},
	} {
		for _, ordered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/ordered %v", name, ordered), func(t *testing.T) {
				h := start(t)
				h.load(goodKernels)
				p, q := h.put(1, 2, 3, 4), h.alloc(128)
				a, b := h.stream(), h.stream()
				h.ok(c.first(h, a, p, q))
				if ordered {
					e := h.event()
					h.ok(h.m.EventRecord(one, e, a))
					h.ok(h.m.StreamWaitEvent(one, b, e, 0))
				}
				h.ok(c.second(h, b, p, q))
				r := h.m.CtxSynchronize(one)
				if ordered || !c.races {
					h.ok(r)
					return
				}
				h.refused(ErrorLaunchFailed, r, "race on global memory", "not ordered after", "the earlier operation is ")
			})
		}
	}
}

func TestHostThatWaitsOrdersStreams(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	p := h.put(1, 2, 3, 4)
	a, b := h.stream(), h.stream()
	h.ok(h.launch("scale", 1, 32, a, p, float32(2), uint32(4)))
	h.ok(h.m.StreamSynchronize(one, a))
	h.ok(h.launch("scale", 1, 32, b, p, float32(2), uint32(4)))
	h.ok(h.m.StreamSynchronize(one, b))
	require.Equal(t, []float32{4, 8, 12, 16}, h.floats(p, 4))
}

func TestLimitsAreCheckedAtTheCall(t *testing.T) {
	h := start(t)
	h.load(kernel("") + ".visible .entry few() .maxntid 64, 1, 1 { ret; }\n")
	p := h.alloc(4)
	h.refused(ErrorInvalidValue, h.launch("k", 1, 1025, 0, p, uint32(0)), "block x: 1025, at most 1024")
	h.refused(ErrorInvalidValue, h.launch("k", 0, 32, 0, p, uint32(0)), "grid x is 0")
	h.refused(ErrorLaunchOutOfResources, h.launch("few", 1, 65, 0), "65, at most 64")
	f, r := h.m.ModuleGetFunction(one, h.mod, "k")
	h.ok(r)
	_, size, r := h.m.FuncParams(one, f)
	h.ok(r)
	params := make([]byte, size)
	const tooMuch = 49 << 10 // more than 48 KiB, which has to be opted in
	h.refused(ErrorInvalidValue, h.m.LaunchKernel(one, f, Line(1), Line(32), tooMuch, 0, params), "shared memory")
	h.ok(h.m.FuncSetAttribute(one, f, funcMaxDynamicShared, tooMuch))
	h.ok(h.m.LaunchKernel(one, f, Line(1), Line(32), tooMuch, 0, params))
	h.refused(ErrorInvalidValue, h.m.FuncSetAttribute(one, f, funcMaxDynamicShared, 1<<20), "dynamic shared memory")
	h.refused(ErrorInvalidValue, h.m.LaunchKernel(one, f, vm.Dim3{X: 1, Y: 65536, Z: 1}, Line(32), 0, 0, params), "grid y")

	_, r = h.m.MemAlloc(one, 1<<40)
	h.refused(ErrorOutOfMemory, r, "1099511627776 bytes")
	_, r = h.m.MemAlloc(one, 0)
	h.refused(ErrorInvalidValue, r, "0 bytes")
}

func TestModulesThatDoNotFitAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		want   Result
		text   string
	}{
		"a newer version":        {".version 8.8\n.target sm_70\n.address_size 64\n", ErrorUnsupportedPTXVersion, "needs a driver for CUDA 12.9"},
		"another architecture":   {".version 8.0\n.target sm_90\n.address_size 64\n", ErrorNoBinaryForGPU, "sm_90"},
		"no PTX":                 {"hello", ErrorInvalidPTX, "line 1"},
		"an unknown instruction": {kernel("frobnicate.u32 x, t;"), ErrorInvalidPTX, "frobnicate"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			_, r := h.m.ModuleLoadData(one, c.source)
			h.refused(c.want, r, c.text)
		})
	}
}

func TestLeaksAreListed(t *testing.T) {
	h := start(t)
	kept, given := h.alloc(100), h.alloc(200)
	h.ok(h.m.MemFree(one, given))
	require.Len(t, h.m.Leaks(), 1)
	h.ok(h.m.CtxDestroy(one, h.ctx))
	leaks := h.m.Leaks()
	require.Len(t, leaks, 1, "what a context takes with it was never given back")
	require.Equal(t, kept, leaks[0].Address)
	require.EqualValues(t, 100, leaks[0].Size)
}

func TestPiecesOfAPoolAreWatchedOneByOne(t *testing.T) {
	h := start(t)
	h.load(kernel("st.global.u32 [r], t;"))
	chunk := h.alloc(4096)
	h.m.Pool(chunk, 4096)
	h.m.Carve(chunk+256, 128, "weights")
	h.ok(h.launch("k", 1, 32, 0, chunk+256, uint32(32)))
	h.ok(h.m.CtxSynchronize(one))
	h.ok(h.launch("k", 1, 33, 0, chunk+256, uint32(33)))
	h.refused(ErrorIllegalAddress, h.m.CtxSynchronize(one), "out-of-bounds", `"weights"`, "thread (32,0,0)")
}
