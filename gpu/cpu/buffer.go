package cpu

import (
	"fmt"
	"unsafe"

	"mdfa/gpu"
	"mdfa/gpu/internal/state"
)

// alignment of every buffer, in bytes: a cache line, and more than a vector.
const alignment = 64

// buffer is a slice of host memory. Of the typed slices, one views the bytes.
type buffer struct {
	state.Buffer
	device *Device
	bytes  []byte
	f32    []float32
	u8     []uint8
	i32    []int32
	f64    []float64
}

func (b *buffer) Free() error {
	if err := b.CheckFree(); err != nil {
		return err
	}
	b.device.sums.waitFor(b)
	b.release()
	return nil
}

func (b *buffer) release() {
	b.Remove()
	b.bytes, b.f32, b.u8, b.i32, b.f64 = nil, nil, nil, nil, nil
}

// Alloc returns zeroed memory, or ErrOutOfMemory when the system has too little left.
func (d *Device) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	if err := d.state.CheckAlloc(t, n); err != nil {
		return nil, err
	}
	if err := checkMemory(n, t); err != nil {
		return nil, err
	}
	b := &buffer{device: d, bytes: alignedBytes(n * t.Size())}
	d.state.Add(b, t, n)
	start := unsafe.Pointer(unsafe.SliceData(b.bytes))
	switch t {
	case gpu.Float32:
		b.f32 = unsafe.Slice((*float32)(start), n)
	case gpu.Uint8:
		b.u8 = b.bytes
	case gpu.Int32:
		b.i32 = unsafe.Slice((*int32)(start), n)
	case gpu.Float64:
		b.f64 = unsafe.Slice((*float64)(start), n)
	}
	return b, nil
}

// checkMemory refuses an allocation that exceeds the free memory, because Go would end the
// process. Asking the system takes time: small buffers are not checked.
func checkMemory(n int, t gpu.DType) error {
	const small = 1 << 20
	size := int64(t.Size())
	if int64(n) <= small {
		return nil
	}
	free, _ := systemMemory()
	if int64(n) > state.MaxBytes/size || free > 0 && int64(n)*size > free {
		return fmt.Errorf("alloc %d elements of %s, %d MiB are free: %w", n, t, free>>20, gpu.ErrOutOfMemory)
	}
	return nil
}

// alignedBytes allocates n bytes that start at a multiple of alignment.
func alignedBytes(n int) []byte {
	raw := make([]byte, n+alignment)
	skip := alignment - int(uintptr(unsafe.Pointer(&raw[0]))%alignment)
	return raw[skip : skip+n : skip+n]
}

func alignedFloats(n int) []float32 {
	raw := alignedBytes(4 * n)
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(raw))), n)
}

// Upload copies host memory into a buffer.
func (d *Device) Upload(dst gpu.Buffer, off int, src []byte) error {
	b, err := d.state.Transfer("upload", dst, off, len(src))
	if err == nil {
		d.sums.waitFor(b)
		copy(b.bytes[off:], src)
	}
	return err
}

// Download copies a buffer into host memory.
func (d *Device) Download(dst []byte, src gpu.Buffer, off int) error {
	b, err := d.state.Transfer("download", src, off, len(dst))
	if err == nil {
		err = d.drain("download")
	}
	if err == nil {
		copy(dst, b.bytes[off:])
	}
	return err
}

// floats, ints, octets and doubles return the memory of a span that was checked.
func floats(s gpu.Span) []float32 {
	if s.IsNone() {
		return nil
	}
	return s.Buf.(*buffer).f32[s.Off : s.Off+s.Len]
}

func ints(s gpu.Span) []int32 {
	if s.IsNone() {
		return nil
	}
	return s.Buf.(*buffer).i32[s.Off : s.Off+s.Len]
}

func octets(s gpu.Span) []uint8 {
	if s.IsNone() {
		return nil
	}
	return s.Buf.(*buffer).u8[s.Off : s.Off+s.Len]
}

func doubles(s gpu.Span) []float64 { return s.Buf.(*buffer).f64[s.Off : s.Off+s.Len] }

// memory returns a span's bytes, for every type.
func memory(s gpu.Span) []byte {
	size := s.Buf.DType().Size()
	return s.Buf.(*buffer).bytes[s.Off*size : (s.Off+s.Len)*size]
}

// Zero clears a span.
func (d *Device) Zero(s gpu.Span) error {
	return d.submit("zero", s.Check("zero"), []gpu.Span{s}, func() []phase {
		m := memory(s)
		return []phase{serial(func() { clear(m) })}
	})
}

// Copy copies a span.
func (d *Device) Copy(dst, src gpu.Span) error {
	return d.submit("copy", gpu.CheckCopy(dst, src), []gpu.Span{dst, src}, func() []phase {
		to, from := memory(dst), memory(src)
		return []phase{serial(func() { copy(to, from) })}
	})
}
