package gpu

import (
	"fmt"
	"unsafe"
)

// DType is the element type of a buffer.
type DType uint8

// The element types. Float64 is for sums that only the host reads: metrics, and those of Compare.
const (
	Float32 DType = iota
	Uint8
	Int32
	Float64
)

var dtypes = [...]struct {
	name string // in Go
	size int    // bytes
}{Float32: {"float32", 4}, Uint8: {"uint8", 1}, Int32: {"int32", 4}, Float64: {"float64", 8}}

// Size returns the size of one element in bytes.
func (t DType) Size() int { return dtypes[t].size }

// String returns the type's Go name.
func (t DType) String() string {
	if int(t) < len(dtypes) {
		return dtypes[t].name
	}
	return fmt.Sprintf("DType(%d)", uint8(t))
}

// Element lists the Go types that a buffer can hold.
type Element interface {
	float32 | uint8 | int32 | float64
}

// TypeOf returns the DType of the Go type T.
func TypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return Uint8
	case int32:
		return Int32
	case float64:
		return Float64
	}
	return Float32
}

// Buffer is device memory: Len elements of one type.
type Buffer interface {
	DType() DType
	Len() int
	// Free releases the memory. A second Free is an error (ErrBuffer).
	Free() error
}

// Span is a range of Len elements of a buffer that starts at element Off. The zero Span
// is "none": an optional argument that is left out.
type Span struct {
	Buf Buffer
	Off int
	Len int
}

// All returns the whole buffer as a Span.
func All(b Buffer) Span { return Span{Buf: b, Len: b.Len()} }

// Slice returns the part [from, from+n) of s. Bounds are checked when the Span is used.
func (s Span) Slice(from, n int) Span { return Span{Buf: s.Buf, Off: s.Off + from, Len: n} }

// Mat reads s as a row-major matrix [rows, cols].
func (s Span) Mat(rows, cols int) Mat { return Mat{Span: s, Rows: rows, Cols: cols} }

// IsNone says whether s is the zero Span.
func (s Span) IsNone() bool { return s.Buf == nil }

// Mat is a contiguous row-major matrix [Rows, Cols]; Len is Rows·Cols.
type Mat struct {
	Span
	Rows, Cols int
}

// String returns the matrix's shape, as errors print it.
func (m Mat) String() string { return fmt.Sprintf("[%d, %d]", m.Rows, m.Cols) }

// Upload copies src to dst, starting at element off. It is [Device.Upload] with types:
// a wrong element type or a range outside dst is an error.
func Upload[T Element](d Device, dst Buffer, off int, src []T) error {
	if err := checkTransfer("upload", dst, off, len(src), TypeOf[T]()); err != nil {
		return err
	}
	return d.Upload(dst, off*TypeOf[T]().Size(), asBytes(src))
}

// Download copies len(dst) elements of src to dst, starting at element off. It waits
// for all operations so far.
func Download[T Element](d Device, dst []T, src Buffer, off int) error {
	if err := checkTransfer("download", src, off, len(dst), TypeOf[T]()); err != nil {
		return err
	}
	return d.Download(asBytes(dst), src, off*TypeOf[T]().Size())
}

// NewBuffer allocates a buffer and fills it with src.
func NewBuffer[T Element](d Device, src []T) (Buffer, error) {
	b, err := d.Alloc(TypeOf[T](), len(src))
	if err != nil {
		return nil, err
	}
	if err := Upload(d, b, 0, src); err != nil {
		return nil, err
	}
	return b, nil
}

// Read downloads a whole span.
func Read[T Element](d Device, s Span) ([]T, error) {
	dst := make([]T, s.Len)
	return dst, Download(d, dst, s.Buf, s.Off)
}

func checkTransfer(op string, b Buffer, off, n int, t DType) error {
	switch {
	case b == nil:
		return fmt.Errorf("%s: no buffer: %w", op, ErrBuffer)
	case b.DType() != t:
		return fmt.Errorf("%s: buffer holds %s, the host slice %s: %w", op, b.DType(), t, ErrBuffer)
	case off < 0 || off > b.Len() || n > b.Len()-off:
		return fmt.Errorf("%s: elements %d to %d of a buffer of %d: %w", op, off, off+n, b.Len(), ErrShape)
	}
	return nil
}

// asBytes views a slice's memory as bytes, in the host's byte order.
func asBytes[T Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*TypeOf[T]().Size())
}
