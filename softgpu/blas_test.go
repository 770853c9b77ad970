package softgpu

import (
	"math"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (h *host) blas() Handle {
	h.t.Helper()
	b, s := h.m.BlasCreate(one)
	require.Equal(h.t, BlasSuccess, s)
	return b
}

// product asks for C = alpha·A·B + beta·C of square matrices without gaps.
func (h *host) product(blas Handle, n int32, alpha, beta float32, a, b, c uint64) Status {
	return h.m.BlasSgemm(one, blas, 0, 0, n, n, n, unsafe.Pointer(&alpha), a, n, b, n, unsafe.Pointer(&beta), c, n)
}

func TestProductsAreColumnMajor(t *testing.T) {
	h := start(t)
	a, b, c := h.put(1, 2, 3, 4), h.put(5, 6, 7, 8), h.put(1, 1, 1, 1)
	require.Equal(t, BlasSuccess, h.product(h.blas(), 2, 2, 10, a, b, c))
	assert.Equal(t, []float32{2*23 + 10, 2*34 + 10, 2*31 + 10, 2*46 + 10}, h.floats(c, 4))
	k := h.m.Ledger().Kernels["sgemm"]
	assert.EqualValues(t, 48, k.BytesRead, "A, B and, as beta is not 0, C")
	assert.EqualValues(t, 16, k.BytesWritten)
	assert.EqualValues(t, 16, k.FLOPs)
}

func TestProductsFollowTheirStream(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	blas, s := h.blas(), h.stream()
	require.Equal(t, BlasSuccess, h.m.BlasSetStream(one, blas, s))
	a, b, c := h.put(3), h.put(5), h.alloc(4)
	h.ok(h.launch("scale", 1, 1, s, a, float32(2), uint32(1)))
	require.Equal(t, BlasSuccess, h.product(blas, 1, 1, 0, a, b, c))
	assert.Zero(t, h.m.Ledger().Launches, "nothing has run")
	h.ok(h.m.StreamSynchronize(one, s))
	assert.Equal(t, []float32{30}, h.floats(c, 1))
}

func TestProductsAreCaptured(t *testing.T) {
	h := start(t)
	blas, s := h.blas(), h.stream()
	require.Equal(t, BlasSuccess, h.m.BlasSetStream(one, blas, s))
	require.Equal(t, BlasSuccess, h.m.BlasSetWorkspace(one, blas, h.alloc(512), 512))
	a, b, c := h.put(3), h.put(5), h.put(100)
	require.Equal(t, BlasSuccess, h.product(blas, 1, 1, 0, a, b, h.alloc(4)), "loads what the capture needs")
	x := h.capture(s, func() { require.Equal(t, BlasSuccess, h.product(blas, 1, 1, 1, a, b, c)) })
	h.ok(h.m.GraphLaunch(one, x, s))
	h.ok(h.m.GraphLaunch(one, x, s))
	h.ok(h.m.StreamSynchronize(one, s))
	assert.Equal(t, []float32{130}, h.floats(c, 1))
}

// TestCapturedProductsLoadAndAllocateNothing: what setUpBLAS and the warm-up of a recorded step are for.
func TestCapturedProductsLoadAndAllocateNothing(t *testing.T) {
	const cold, owns = "has run no product like it", "has no workspace of the program's"
	multiply := func(h *host, blas Handle, transA int32) Status {
		one32, zero := float32(1), float32(0)
		x, y := h.put(3), h.put(5)
		return h.m.BlasSgemm(one, blas, transA, 0, 1, 1, 1, unsafe.Pointer(&one32), x, 1, y, 1, unsafe.Pointer(&zero), h.alloc(4), 1)
	}
	for name, c := range map[string]struct {
		driver    int
		workspace string // when it is set: "before" or "after" the stream, or never
		warm      bool
		transA    int32 // of the warm-up; the capture has 1
		text      string
	}{
		"warm, with a workspace":            {12000, "after", true, 1, ""},
		"never multiplied":                  {12000, "after", false, 0, cold},
		"other transposition":               {12000, "after", true, 0, cold},
		"a newer driver loads meanwhile":    {12030, "after", false, 0, ""},
		"workspace set before the stream":   {12000, "before", true, 1, owns},
		"workspace never set":               {12000, "", true, 1, owns},
		"no workspace under a newer driver": {12030, "", false, 0, owns},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(o *Options) { o.Driver = c.driver })
			blas, s, memory := h.blas(), h.stream(), h.alloc(512)
			if c.workspace == "before" {
				require.Equal(t, BlasSuccess, h.m.BlasSetWorkspace(one, blas, memory, 512))
			}
			require.Equal(t, BlasSuccess, h.m.BlasSetStream(one, blas, s))
			if c.workspace == "after" {
				require.Equal(t, BlasSuccess, h.m.BlasSetWorkspace(one, blas, memory, 512))
			}
			if c.warm {
				require.Equal(t, BlasSuccess, multiply(h, blas, c.transA))
			}
			h.ok(h.m.StreamBeginCapture(one, s, captureRelaxed))
			status := multiply(h, blas, 1)
			if c.text == "" {
				require.Equal(t, BlasSuccess, status)
				_, r := h.m.StreamEndCapture(one, s)
				h.ok(r)
				return
			}
			require.Equal(t, BlasInternalError, status)
			require.ErrorContains(t, h.m.Explain(), c.text)
			_, r := h.m.StreamEndCapture(one, s)
			require.Equal(t, ErrorStreamCaptureInvalidated, r)
		})
	}
}

func TestKernelsAreLoadedBeforeACapture(t *testing.T) {
	for driver, want := range map[int]Result{12000: ErrorStreamCaptureUnsupported, 12030: Success} {
		h := start(t, func(o *Options) { o.Driver = driver })
		module, r := h.m.ModuleLoadData(one, goodKernels)
		h.ok(r)
		_, r = h.m.ModuleGetFunction(one, module, "scale")
		h.ok(r)
		h.ok(h.m.StreamBeginCapture(one, h.stream(), captureThreadLocal))
		_, r = h.m.ModuleGetFunction(one, module, "scale")
		h.ok(r)
		_, r = h.m.ModuleGetFunction(one, module, "copyWords")
		assert.Equal(t, want, r, "CUDA %d", driver)
	}
}

func TestProductsAreCheckedLikeKernels(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(h *host, blas Handle) Status
		want Result
		text string
	}{
		"out of bounds": {func(h *host, blas Handle) Status {
			return h.product(blas, 2, 1, 0, h.put(1, 2, 3), h.put(1, 2, 3, 4), h.alloc(16))
		}, ErrorIllegalAddress, "matrix A"},
		"never written": {func(h *host, blas Handle) Status {
			return h.product(blas, 2, 1, 0, h.put(1, 2, 3, 4), h.alloc(16), h.alloc(16))
		}, ErrorLaunchFailed, "matrix B"},
		"C is read where beta is not 0": {func(h *host, blas Handle) Status {
			return h.product(blas, 1, 1, 1, h.put(1), h.put(1), h.alloc(4))
		}, ErrorLaunchFailed, "matrix C"},
		"freed": {func(h *host, blas Handle) Status {
			c := h.alloc(4)
			s := h.product(blas, 1, 1, 0, h.put(1), h.put(1), c)
			h.ok(h.m.MemFree(one, c))
			return s
		}, ErrorIllegalAddress, "use after free"},
		"C within A": {func(h *host, blas Handle) Status {
			a := h.put(1, 2)
			return h.product(blas, 1, 1, 0, a, h.put(1), a)
		}, ErrorLaunchFailed, "overlaps"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			blas, s := h.blas(), h.stream() // a stream of its own, so that no allocation runs it early
			require.Equal(t, BlasSuccess, h.m.BlasSetStream(one, blas, s))
			require.Equal(t, BlasSuccess, c.run(h, blas))
			h.refused(c.want, h.m.StreamSynchronize(one, s), c.text)
		})
	}
}

func TestBetaZeroDoesNotReadC(t *testing.T) {
	h := start(t)
	c := h.alloc(4)
	require.Equal(t, BlasSuccess, h.product(h.blas(), 1, 1, 0, h.put(2), h.put(4), c))
	assert.Equal(t, []float32{8}, h.floats(c, 1))
}

func TestCublasRefusesWhatTheRealOneRefuses(t *testing.T) {
	h := start(t)
	blas := h.blas()
	a := h.put(1, 2, 3, 4)
	alpha, beta := float32(1), float32(0)
	pa, pb := unsafe.Pointer(&alpha), unsafe.Pointer(&beta)
	for name, s := range map[string]Status{
		"negative rows":      h.m.BlasSgemm(one, blas, 0, 0, -1, 1, 1, pa, a, 1, a, 1, pb, a, 1),
		"unknown transpose":  h.m.BlasSgemm(one, blas, 3, 0, 1, 1, 1, pa, a, 1, a, 1, pb, a, 1),
		"leading dimension":  h.m.BlasSgemm(one, blas, 0, 0, 2, 1, 1, pa, a, 1, a, 1, pb, a, 2),
		"no alpha":           h.m.BlasSgemm(one, blas, 0, 0, 1, 1, 1, nil, a, 1, a, 1, pb, a, 1),
		"math mode":          h.m.BlasSetMathMode(one, blas, 9),
		"workspace":          h.m.BlasSetWorkspace(one, blas, a+4, 4),
		"stream of no one":   h.m.BlasSetStream(one, blas, 77),
		"workspace too long": h.m.BlasSetWorkspace(one, blas, a, 1<<20),
	} {
		assert.Equal(t, BlasInvalidValue, s, name)
	}
	assert.Equal(t, BlasNotInitialized, h.product(12345, 1, 1, 0, a, a, a))
	require.Equal(t, BlasSuccess, h.m.BlasDestroy(one, blas))
	assert.Equal(t, BlasNotInitialized, h.m.BlasDestroy(one, blas))
	_, s := h.m.BlasCreate(other)
	assert.Equal(t, BlasNotInitialized, s, "no context is current on that thread")
}

// TestTF32RoundsToTenBits: 1 + 2^-12 is 1 in TF32.
func TestTF32RoundsToTenBits(t *testing.T) {
	h := start(t)
	blas := h.blas()
	fine := float32(1 + math.Ldexp(1, -12))
	a, b, c := h.put(fine), h.put(1), h.alloc(4)
	require.Equal(t, BlasSuccess, h.product(blas, 1, 1, 0, a, b, c))
	assert.Equal(t, []float32{fine}, h.floats(c, 1))
	require.Equal(t, BlasSuccess, h.m.BlasSetMathMode(one, blas, mathTF32))
	require.Equal(t, BlasSuccess, h.product(blas, 1, 1, 0, a, b, c))
	assert.Equal(t, []float32{1}, h.floats(c, 1))
}

// TestProductsThatShareAWorkspaceRace: cuBLAS may write to it in any product.
func TestProductsThatShareAWorkspaceRace(t *testing.T) {
	for _, shared := range []bool{false, true} {
		h := start(t)
		p, q := h.alloc(512), h.alloc(512)
		for i, c := range []uint64{h.alloc(4), h.alloc(4)} {
			blas := h.blas()
			require.Equal(t, BlasSuccess, h.m.BlasSetStream(one, blas, h.stream()))
			workspace := p
			if i == 1 && !shared {
				workspace = q
			}
			require.Equal(t, BlasSuccess, h.m.BlasSetWorkspace(one, blas, workspace, 512))
			require.Equal(t, BlasSuccess, h.product(blas, 1, 1, 0, h.put(2), h.put(3), c))
		}
		if r := h.m.CtxSynchronize(one); shared {
			h.refused(ErrorLaunchFailed, r, "race on global memory", "the earlier operation is sgemm")
		} else {
			h.ok(r)
		}
	}
}
