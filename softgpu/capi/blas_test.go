//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	cublas "gorgonia.org/cu/blas"

	"gorgonia.org/cu"

	"mdfa/softgpu"
	"mdfa/softgpu/capi/internal/call"
)

func newBLAS(t *testing.T) call.BLAS {
	t.Helper()
	h, r := call.NewBLAS()
	require.Equal(t, success, r)
	t.Cleanup(func() { require.Equal(t, success, h.Destroy()) })
	return h
}

func TestModesOfCUBLASAreKept(t *testing.T) {
	m := start(t)
	h := newBLAS(t)
	modes, r := h.Get()
	require.Equal(t, success, r)
	version, _ := m.BlasVersion(0, 0)
	assert.Equal(t, call.Modes{Version: version}, modes)
	want := call.Modes{Math: 3, Pointers: 1, Atomics: 1, Version: version, Stream: call.Handle(stream(t))}
	require.Equal(t, success, h.Set(want, uint64(alloc(t, 1024)), 1024))
	modes, r = h.Get()
	require.Equal(t, success, r)
	assert.Equal(t, want, modes)
	require.Equal(t, success, h.Set(call.Modes{}, 0, 0))
	assert.Equal(t, int(softgpu.BlasInvalidValue), h.Set(call.Modes{Math: 77}, 0, 0))
	_, r = call.BLAS(0x1230).Get()
	assert.Equal(t, int(softgpu.BlasNotInitialized), r)
}

func TestProductsReachTheMatrices(t *testing.T) {
	start(t)
	h := newBLAS(t)
	a := put(t, []float32{1, 2, 3, 4, 5, 6, 1, 0, 0, 1, 0, 0}) // two of [2, 3]
	b := put(t, []float32{1, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6}) // two of [3, 2]
	c := put(t, []float32{10, 20, 30, 40, 100, 200, 300, 400}) // two of [2, 2]
	require.Equal(t, success, h.Sgemm(2, 2, 3, 2, uint64(a), uint64(b), 1, uint64(c), 1))
	assert.Equal(t, []float32{12, 24, 46, 60, 100, 200, 300, 400}, get[float32](t, c, 8))
	require.Equal(t, success, h.Sgemm(2, 2, 3, 1, uint64(a), uint64(b), 0, uint64(c), 2))
	assert.Equal(t, []float32{1, 2, 8, 10, 1, 2, 4, 5}, get[float32](t, c, 8))

	assert.Equal(t, int(softgpu.BlasInvalidValue), h.Sgemm(-1, 2, 3, 1, uint64(a), uint64(b), 0, uint64(c), 1))
	assert.Equal(t, int(softgpu.BlasInvalidValue), h.SgemmNoAlpha())
}

func TestGorgoniasBLASMultiplies(t *testing.T) {
	start(t)
	var impl cublas.Standard
	require.NoError(t, impl.Init())
	slice := func(p cu.DevicePtr, n int) []float32 { return unsafe.Slice(*(**float32)(unsafe.Pointer(&p)), n) }
	a, b, c := put(t, []float32{1, 2, 3, 4}), put(t, []float32{5, 6, 7, 8}), alloc(t, 16)
	impl.Sgemm(blas.Trans, blas.NoTrans, 2, 2, 2, 1, slice(a, 4), 2, slice(b, 4), 2, 0, slice(c, 4), 2)
	require.NoError(t, impl.Err())
	assert.Equal(t, []float32{17, 39, 23, 53}, get[float32](t, c, 4))
	require.NoError(t, impl.Close())
}
