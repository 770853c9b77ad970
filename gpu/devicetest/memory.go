package devicetest

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// memorySizes are the lengths at which copies, fills and allocators go wrong.
var memorySizes = []int{0, 1, 31, 32, 33, 1023, 1025, 4099}

const (
	largeMemory     = 300_007
	largeMemorySlow = 20_011
)

func (s *suite) memory(t *testing.T) {
	d := s.device(t)
	large := largeMemory
	if s.maxCost < fullCost {
		large = largeMemorySlow
	}
	for _, n := range append([]int{large}, memorySizes...) {
		memoryOf[float32](s, t, d, n)
		memoryOf[uint8](s, t, d, n)
		memoryOf[int32](s, t, d, n)
		memoryOf[float64](s, t, d, n)
	}
	t.Run("CopyWithinOneBuffer", func(t *testing.T) { copyWithin(t, d) })
	t.Run("TransfersReachEveryPart", func(t *testing.T) { transfers(t, d) })
	t.Run("FreedMemoryComesBackZeroed", func(t *testing.T) { reuse(t, d) })
	t.Run("ManyBuffersDoNotOverlap", func(t *testing.T) { manyBuffers(t, d) })
	t.Run("UploadTakesItsBytesAtOnce", func(t *testing.T) { uploadTakes(t, d) })
}

// ramp returns n elements that differ from their neighbours.
func ramp[T gpu.Element](n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(i%251 + 1)
	}
	return v
}

func memoryOf[T gpu.Element](su *suite, t *testing.T, d gpu.Device, n int) {
	kind := gpu.TypeOf[T]()
	run := func(claim string, f func(t *testing.T)) { t.Run(fmt.Sprintf("%s/%v/%d", claim, kind, n), f) }
	run("AllocIsZeroed", func(t *testing.T) {
		b, err := d.Alloc(kind, n)
		require.NoError(t, err)
		assert.Equal(t, n, b.Len())
		assert.Equal(t, kind, b.DType())
		assert.Equal(t, make([]T, n), read[T](t, d, gpu.All(b)))
		require.NoError(t, b.Free())
	})
	run("DownloadGivesWhatUploadTook", func(t *testing.T) {
		b := upload(t, d, ramp[T](n))
		assert.Equal(t, ramp[T](n), read[T](t, d, b))
		require.NoError(t, b.Buf.Free())
	})
	same := func(want []T) func(*testing.T, []T) {
		return func(t *testing.T, got []T) {
			t.Helper()
			assert.True(t, bytes.Equal(rawBytes(want), rawBytes(got)), "the elements differ")
		}
	}
	for where, leads := range map[string][]int{"Odd": oddLeads, "Aligned": alignedLeads} {
		run("Zero"+where, func(t *testing.T) {
			su.conform(t, d, opCase{lay: func(s *stage) func() error {
				span := inout(s, "the span", ramp[T](n), same(make([]T, n)))
				return func() error { return s.d.Zero(span) }
			}}, leads)
		})
		run("Copy"+where, func(t *testing.T) {
			su.conform(t, d, opCase{lay: func(s *stage) func() error {
				src := in(s, "the source", ramp[T](n))
				dst := out(s, "the destination", n, same(ramp[T](n)))
				return func() error { return s.d.Copy(dst, src) }
			}}, leads)
		})
	}
}

// copyWithin copies between neighbouring parts of one buffer, which touch but do not overlap.
func copyWithin(t *testing.T, d gpu.Device) {
	all := upload(t, d, ramp[float32](10))
	require.NoError(t, d.Copy(all.Slice(4, 3), all.Slice(1, 3)))
	require.NoError(t, d.Copy(all.Slice(0, 1), all.Slice(9, 1)))
	require.NoError(t, d.Copy(all.Slice(5, 0), all.Slice(5, 0)), "nothing overlaps nothing")
	assert.Equal(t, []float32{10, 2, 3, 4, 2, 3, 4, 8, 9, 10}, read[float32](t, d, all))
}

// transfers uploads and downloads parts, through the typed functions and the raw methods.
func transfers(t *testing.T, d gpu.Device) {
	b := upload(t, d, make([]int32, 11)).Buf
	require.NoError(t, gpu.Upload(d, b, 3, []int32{7, -8, 9}))
	require.NoError(t, gpu.Upload(d, b, 11, []int32{}), "nothing, at the very end")
	require.NoError(t, d.Upload(b, 40, rawBytes([]int32{math.MinInt32})))
	part := make([]int32, 2)
	require.NoError(t, gpu.Download(d, part, b, 4))
	assert.Equal(t, []int32{-8, 9}, part)
	require.NoError(t, gpu.Download(d, []int32{}, b, 11))
	raw := make([]byte, 4)
	require.NoError(t, d.Download(raw, b, 12))
	assert.Equal(t, rawBytes([]int32{7}), raw)
	assert.Equal(t, []int32{0, 0, 0, 7, -8, 9, 0, 0, 0, 0, math.MinInt32}, read[int32](t, d, gpu.All(b)))
}

// reuse dirties memory and frees it; an allocator that hands it out again must clear it.
func reuse(t *testing.T, d gpu.Device) {
	for _, n := range []int{1, 33, 1025, 4096, 10_007} {
		for range 3 {
			b, err := d.Alloc(gpu.Float32, n)
			require.NoError(t, err)
			require.Equal(t, make([]float32, n), read[float32](t, d, gpu.All(b)))
			require.NoError(t, gpu.Upload(d, b, 0, ramp[float32](n)))
			require.NoError(t, b.Free())
		}
	}
}

func manyBuffers(t *testing.T, d gpu.Device) {
	var buffers []gpu.Span
	for i := range 200 {
		buffers = append(buffers, upload(t, d, []int32{int32(i), int32(-i), int32(i * i)}))
	}
	for i := 0; i < len(buffers); i += 2 {
		require.NoError(t, d.Zero(buffers[i]))
	}
	for i, b := range buffers {
		want := []int32{int32(i), int32(-i), int32(i * i)}
		if i%2 == 0 {
			want = make([]int32, 3)
		}
		require.Equal(t, want, read[int32](t, d, b), "buffer %d", i)
		require.NoError(t, b.Buf.Free())
	}
}

// uploadTakes reuses the host slice right after Upload, as a loader does.
func uploadTakes(t *testing.T, d gpu.Device) {
	host := ramp[float32](1025)
	b := upload(t, d, host)
	clear(host)
	assert.Equal(t, ramp[float32](1025), read[float32](t, d, b))
}
