package devicetest

import (
	"bytes"
	"fmt"
	"math"

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

func (s *suite) memory(t testingT) {
	d := s.device(t)
	sizes := append([]int{}, memorySizes...)
	if s.maxCost < fullCost {
		sizes = append(sizes, largeMemorySlow)
	} else {
		sizes = append(sizes, largeMemory)
	}
	for _, n := range sizes {
		memoryOf[float32](s, t, d, n)
		memoryOf[uint8](s, t, d, n)
		memoryOf[int32](s, t, d, n)
		memoryOf[float64](s, t, d, n)
	}
	t.Run("CopyWithinOneBuffer", func(t testingT) { copyWithin(t, d) })
	t.Run("TransfersReachEveryPart", func(t testingT) { transfers(t, d) })
	t.Run("FreedMemoryComesBackZeroed", func(t testingT) { reuse(t, d) })
	t.Run("ManyBuffersDoNotOverlap", func(t testingT) { manyBuffers(t, d) })
	t.Run("UploadTakesItsBytesAtOnce", func(t testingT) { uploadTakes(t, d) })
}

// ramp is n elements that tell their places apart.
func ramp[T gpu.Element](n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(i%251 + 1)
	}
	return v
}

func memoryOf[T gpu.Element](su *suite, t testingT, d gpu.Device, n int) {
	kind := gpu.TypeOf[T]()
	of := func(claim string) string { return fmt.Sprintf("%s/%v/%d", claim, kind, n) }
	t.Run(of("AllocIsZeroed"), func(t testingT) {
		b, err := d.Alloc(kind, n)
		require.NoError(t, err)
		assert.Equal(t, n, b.Len())
		assert.Equal(t, kind, b.DType())
		got, err := gpu.Read[T](d, gpu.All(b))
		require.NoError(t, err)
		assert.Equal(t, make([]T, n), got)
		require.NoError(t, b.Free())
	})
	t.Run(of("DownloadGivesWhatUploadTook"), func(t testingT) {
		want := ramp[T](n)
		b, err := gpu.NewBuffer(d, want)
		require.NoError(t, err)
		got, err := gpu.Read[T](d, gpu.All(b))
		require.NoError(t, err)
		assert.Equal(t, want, got)
		require.NoError(t, b.Free())
	})
	same := func(want []T) func(testingT, []T) {
		return func(t testingT, got []T) {
			t.Helper()
			assert.True(t, bytes.Equal(rawBytes(want), rawBytes(got)), "the elements differ")
		}
	}
	for _, leads := range [][]int{oddLeads, alignedLeads} {
		where := "Odd"
		if leads[0] == alignedLeads[0] {
			where = "Aligned"
		}
		t.Run(of("Zero"+where), func(t testingT) {
			su.conform(t, d, opCase{lay: func(s *stage) func() error {
				span := inout(s, "the span", ramp[T](n), same(make([]T, n)))
				return func() error { return s.d.Zero(span) }
			}}, leads)
		})
		t.Run(of("Copy"+where), func(t testingT) {
			su.conform(t, d, opCase{lay: func(s *stage) func() error {
				src := in(s, "the source", ramp[T](n))
				dst := out(s, "the destination", n, same(ramp[T](n)))
				return func() error { return s.d.Copy(dst, src) }
			}}, leads)
		})
	}
}

// copyWithin copies between neighbouring parts of one buffer, which touch but do not overlap.
func copyWithin(t testingT, d gpu.Device) {
	b, err := gpu.NewBuffer(d, ramp[float32](10))
	require.NoError(t, err)
	all := gpu.All(b)
	require.NoError(t, d.Copy(all.Slice(4, 3), all.Slice(1, 3)))
	require.NoError(t, d.Copy(all.Slice(0, 1), all.Slice(9, 1)))
	require.NoError(t, d.Copy(all.Slice(5, 0), all.Slice(5, 0)), "nothing overlaps nothing")
	got, err := gpu.Read[float32](d, all)
	require.NoError(t, err)
	assert.Equal(t, []float32{10, 2, 3, 4, 2, 3, 4, 8, 9, 10}, got)
	require.NoError(t, b.Free())
}

// transfers uploads and downloads parts, through the typed functions and the raw methods.
func transfers(t testingT, d gpu.Device) {
	b, err := gpu.NewBuffer(d, make([]int32, 11))
	require.NoError(t, err)
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
	got, err := gpu.Read[int32](d, gpu.All(b))
	require.NoError(t, err)
	assert.Equal(t, []int32{0, 0, 0, 7, -8, 9, 0, 0, 0, 0, math.MinInt32}, got)
	require.NoError(t, b.Free())
}

// reuse dirties memory and frees it; an allocator that hands it out again must clear it.
func reuse(t testingT, d gpu.Device) {
	for _, n := range []int{1, 33, 1025, 4096, 10_007} {
		for range 3 {
			b, err := d.Alloc(gpu.Float32, n)
			require.NoError(t, err)
			got, err := gpu.Read[float32](d, gpu.All(b))
			require.NoError(t, err)
			require.Equal(t, make([]float32, n), got)
			require.NoError(t, gpu.Upload(d, b, 0, ramp[float32](n)))
			require.NoError(t, b.Free())
		}
	}
}

func manyBuffers(t testingT, d gpu.Device) {
	var buffers []gpu.Buffer
	for i := range 200 {
		b, err := gpu.NewBuffer(d, []int32{int32(i), int32(-i), int32(i * i)})
		require.NoError(t, err)
		buffers = append(buffers, b)
	}
	for i := 0; i < len(buffers); i += 2 {
		require.NoError(t, d.Zero(gpu.All(buffers[i])))
	}
	for i, b := range buffers {
		want := []int32{int32(i), int32(-i), int32(i * i)}
		if i%2 == 0 {
			want = make([]int32, 3)
		}
		got, err := gpu.Read[int32](d, gpu.All(b))
		require.NoError(t, err)
		require.Equal(t, want, got, "buffer %d", i)
		require.NoError(t, b.Free())
	}
}

// uploadTakes reuses the host slice right after Upload, as a loader does.
func uploadTakes(t testingT, d gpu.Device) {
	host := ramp[float32](1025)
	b, err := gpu.NewBuffer(d, host)
	require.NoError(t, err)
	clear(host)
	got, err := gpu.Read[float32](d, gpu.All(b))
	require.NoError(t, err)
	assert.Equal(t, ramp[float32](1025), got)
	require.NoError(t, b.Free())
}
