package cpu

import (
	"fmt"
	"unsafe"

	"mdfa/gpu"
)

// alignment of every buffer, in bytes: a cache line, and more than a vector.
const alignment = 64

// buffer is a slice of host memory; exactly one of the slices is used.
type buffer struct {
	device *Device
	dtype  gpu.DType
	n      int
	bytes  []byte
	f32    []float32
	u8     []uint8
	i32    []int32
	f64    []float64
	freed  bool
	feed   bool // it is a feed's, which frees it
}

func (b *buffer) DType() gpu.DType { return b.dtype }
func (b *buffer) Len() int         { return b.n }

func (b *buffer) Free() error {
	if b.freed {
		return fmt.Errorf("gpu: free: the buffer was freed before: %w", gpu.ErrBuffer)
	}
	if b.feed {
		return fmt.Errorf("gpu: free: the buffer belongs to a feed, which frees it: %w", gpu.ErrBuffer)
	}
	delete(b.device.buffers, b)
	b.release()
	return nil
}

func (b *buffer) release() {
	b.freed = true
	b.bytes, b.f32, b.u8, b.i32, b.f64 = nil, nil, nil, nil, nil
}

// Alloc returns zeroed memory, or ErrOutOfMemory when the system has too little left.
func (d *Device) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	if err := d.ready("alloc"); err != nil {
		return nil, err
	}
	if t > gpu.Float64 || n < 0 {
		return nil, fmt.Errorf("gpu: alloc %d elements of %s: %w", n, t, gpu.ErrShape)
	}
	if err := checkMemory(n, t); err != nil {
		return nil, err
	}
	b := &buffer{device: d, dtype: t, n: n, bytes: alignedBytes(n * t.Size())}
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
	d.buffers[b] = struct{}{}
	return b, nil
}

// checkMemory refuses what the system cannot hold: Go would end the process. Asking the
// system takes time, so that small buffers go unasked.
func checkMemory(n int, t gpu.DType) error {
	const small = 1 << 20
	size := int64(t.Size())
	if int64(n) <= small {
		return nil
	}
	free, _ := systemMemory()
	if int64(n) > maxBytes/size || free > 0 && int64(n)*size > free {
		return fmt.Errorf("gpu: alloc %d elements of %s, %d MiB are free: %w", n, t, free>>20, gpu.ErrOutOfMemory)
	}
	return nil
}

// maxBytes is more than any machine has and leaves room for arithmetic.
const maxBytes = 1 << 46

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
	if err := d.ready("upload"); err != nil {
		return err
	}
	memory, err := d.transfer("upload", dst, off, len(src))
	if err != nil {
		return err
	}
	copy(memory, src)
	return nil
}

// Download copies a buffer into host memory.
func (d *Device) Download(dst []byte, src gpu.Buffer, off int) error {
	if err := d.ready("download"); err != nil {
		return err
	}
	memory, err := d.transfer("download", src, off, len(dst))
	if err != nil {
		return err
	}
	copy(dst, memory)
	return nil
}

// transfer is the n bytes of a buffer from byte off on.
func (d *Device) transfer(op string, b gpu.Buffer, off, n int) ([]byte, error) {
	if b == nil {
		return nil, fmt.Errorf("gpu: %s: no buffer: %w", op, gpu.ErrBuffer)
	}
	if err := d.owns(op, gpu.Span{Buf: b}); err != nil {
		return nil, err
	}
	own := b.(*buffer)
	if off < 0 || off > len(own.bytes) || n > len(own.bytes)-off {
		return nil, fmt.Errorf("gpu: %s: bytes %d to %d of a buffer of %d: %w", op, off, off+n, len(own.bytes), gpu.ErrShape)
	}
	return own.bytes[off : off+n], nil
}

// owns refuses buffers of other devices and freed ones. Optional arguments that were
// left out pass: the shape check has seen to those that are needed.
func (d *Device) owns(op string, s gpu.Span) error {
	if s.IsNone() {
		return nil
	}
	b, ok := s.Buf.(*buffer)
	switch {
	case !ok || b == nil || b.device != d:
		return fmt.Errorf("gpu: %s: the buffer belongs to another device: %w", op, gpu.ErrBuffer)
	case b.freed:
		return fmt.Errorf("gpu: %s: the buffer was freed: %w", op, gpu.ErrBuffer)
	}
	return nil
}

// floats, ints, bytes and doubles are the memory of a span that was checked.
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

func octets(s gpu.Span) []uint8 { return s.Buf.(*buffer).u8[s.Off : s.Off+s.Len] }

func doubles(s gpu.Span) []float64 { return s.Buf.(*buffer).f64[s.Off : s.Off+s.Len] }

// memory is a span's bytes, whatever its type.
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
