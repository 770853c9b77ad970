package devicetest

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// opCase is one call of one operation, or a few in a row, with all their arguments.
type opCase struct {
	name string
	cost int // multiply-adds of the definition
	// lay lays the arguments out on the stage and returns the call.
	lay func(s *stage) func() error
}

// conformAll makes a subtest of each case that is not too costly.
func (s *suite) conformAll(t *testing.T, cases []opCase) {
	d := s.device(t)
	for _, c := range s.affordable(cases) {
		t.Run(c.name, func(t *testing.T) {
			s.conform(t, d, c, oddLeads)
			st := newStage(t, d, alignedLeads)
			defer st.free()
			require.NoError(t, c.lay(st)())
			st.verify(st.snapshot())
		})
	}
}

func (s *suite) affordable(cases []opCase) []opCase {
	return slices.DeleteFunc(cases, func(c opCase) bool { return c.cost > s.maxCost })
}

// conform compares one case with its definition, repeated calls with the first, and a
// recorded call with the direct one.
func (s *suite) conform(t *testing.T, d gpu.Device, c opCase, leads []int) {
	t.Helper()
	st := newStage(t, d, leads)
	defer st.free()
	call := c.lay(st)
	require.NoError(t, call())
	first := st.snapshot()
	st.verify(first)

	for range s.repeats {
		st.reset()
		require.NoError(t, call())
		st.requireSame(first, "a repeated call")
	}

	st.reset()
	p := record(t, d, call)
	st.requireSame(st.images(), "recording, which must not run anything,")
	require.NoError(t, p.Run(), "Run of the recorded call")
	st.requireSame(first, "the recorded call")
	require.NoError(t, p.Free(), "Free of the program")
}

// eachOf returns calls of an operation in a row.
func eachOf[A any](args []A, op func(A) error) func() error {
	return func() error {
		for _, a := range args {
			if err := op(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// record returns a program of the step.
func record(t *testing.T, d gpu.Device, step func() error) gpu.Program {
	t.Helper()
	p, err := d.Record(step)
	require.NoError(t, err, "Record")
	return p
}

// upload makes a buffer that lives as long as the device.
func upload[T gpu.Element](t *testing.T, d gpu.Device, v []T) gpu.Span {
	t.Helper()
	b, err := gpu.NewBuffer(d, v)
	require.NoError(t, err)
	return gpu.All(b)
}

func read[T gpu.Element](t *testing.T, d gpu.Device, s gpu.Span) []T {
	t.Helper()
	v, err := gpu.Read[T](d, s)
	require.NoError(t, err)
	return v
}

// The guard elements before a span, by turns. Odd leads put spans off every vector
// width; aligned ones (64 elements of one byte are a cache line) allow the fast paths.
var (
	oddLeads     = []int{3, 1, 7, 5, 2, 17, 9, 33, 6, 15}
	alignedLeads = []int{64}
)

// guardTail is the number of guard elements after a span: more than any vector width.
const guardTail = 37

// stage lays out the arrays of one case on a device. Each has its own buffer and lies between
// guard elements.
type stage struct {
	t      *testing.T
	d      gpu.Device
	leads  []int
	arrays []*array
	spare  []byte // for comparisons
}

// array is one argument.
type array struct {
	name   string
	buf    gpu.Buffer
	image  []byte                             // the whole buffer before the call
	from   int                                // bytes before the span
	to     int                                // bytes up to its end
	verify func(t *testing.T, content []byte) // nil for an input
}

func newStage(t *testing.T, d gpu.Device, leads []int) *stage {
	return &stage{t: t, d: d, leads: leads}
}

// in lays out an array that the operation only reads.
func in[T gpu.Element](s *stage, name string, values []T) gpu.Span {
	return inout(s, name, values, nil)
}

// out lays out an array of n elements that the operation overwrites; verify gets the result.
// Before the call it holds NaN, so that a product of old contents and zero shows.
func out[T gpu.Element](s *stage, name string, n int, verify func(t *testing.T, got []T)) gpu.Span {
	return inout(s, name, slices.Repeat([]T{guard[T]()}, n), verify)
}

// inout lays out an array that the operation reads and updates.
func inout[T gpu.Element](s *stage, name string, values []T, verify func(*testing.T, []T)) gpu.Span {
	s.t.Helper()
	lead := s.leads[len(s.arrays)%len(s.leads)]
	image := slices.Repeat([]T{guard[T]()}, lead+len(values)+guardTail)
	copy(image[lead:], values)
	buf, err := gpu.NewBuffer(s.d, image)
	require.NoError(s.t, err, "a buffer for %s", name)
	size := gpu.TypeOf[T]().Size()
	a := &array{name: name, buf: buf, image: rawBytes(image), from: lead * size, to: (lead + len(values)) * size}
	if verify != nil {
		a.verify = func(t *testing.T, content []byte) { verify(t, fromBytes[T](content)) }
	}
	s.arrays = append(s.arrays, a)
	return gpu.Span{Buf: buf, Off: lead, Len: len(values)}
}

// guard returns the element around every span: NaN for floats, so that a result that depends
// on it is NaN; out of every range for integers.
func guard[T gpu.Element]() T {
	var g T
	switch p := any(&g).(type) {
	case *float32:
		*p = math.Float32frombits(0x7fc5a5a5)
	case *float64:
		*p = math.Float64frombits(0x7ffa5a5a5a5a5a5a)
	case *int32:
		*p = -0x5a5a5a5b
	case *uint8:
		*p = 0xa5
	}
	return g
}

// snapshot downloads every buffer of the stage, guards included.
func (s *stage) snapshot() [][]byte {
	s.t.Helper()
	images := make([][]byte, len(s.arrays))
	for i, a := range s.arrays {
		images[i] = make([]byte, len(a.image))
		require.NoError(s.t, s.d.Download(images[i], a.buf, 0), "download of %s", a.name)
	}
	return images
}

// reset gives every buffer its contents before the call.
func (s *stage) reset() {
	s.t.Helper()
	for _, a := range s.arrays {
		require.NoError(s.t, s.d.Upload(a.buf, 0, a.image), "upload of %s", a.name)
	}
}

// verify compares the buffers after the call with the expectations.
func (s *stage) verify(images [][]byte) {
	s.t.Helper()
	for i, a := range s.arrays {
		got := images[i]
		if !bytes.Equal(got[:a.from], a.image[:a.from]) {
			s.t.Errorf("%s: elements before the span were written", a.name)
		}
		if !bytes.Equal(got[a.to:], a.image[a.to:]) {
			s.t.Errorf("%s: elements after the span were written", a.name)
		}
		switch {
		case a.verify != nil:
			a.verify(s.t, got[a.from:a.to])
		case !bytes.Equal(got[a.from:a.to], a.image[a.from:a.to]):
			s.t.Errorf("%s is an input, and was changed", a.name)
		}
	}
}

// images returns the contents of the buffers before the call.
func (s *stage) images() [][]byte {
	images := make([][]byte, len(s.arrays))
	for i, a := range s.arrays {
		images[i] = a.image
	}
	return images
}

// requireSame compares the buffers with earlier contents; cause names what may have changed them.
func (s *stage) requireSame(want [][]byte, cause string) {
	s.t.Helper()
	for i, a := range s.arrays {
		if len(s.spare) < len(a.image) {
			s.spare = make([]byte, len(a.image))
		}
		got := s.spare[:len(a.image)]
		require.NoError(s.t, s.d.Download(got, a.buf, 0), "download of %s", a.name)
		if !bytes.Equal(want[i], got) {
			s.t.Fatalf("%s changed the bits of %s", cause, a.name)
		}
	}
}

// free gives all buffers back.
func (s *stage) free() {
	for _, a := range s.arrays {
		if err := a.buf.Free(); err != nil {
			s.t.Errorf("Free of %s: %v", a.name, err)
		}
	}
}

// rawBytes views a slice's memory as bytes.
func rawBytes[T gpu.Element](v []T) []byte {
	if len(v) == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*gpu.TypeOf[T]().Size())
}

// fromBytes copies bytes into a slice of T.
func fromBytes[T gpu.Element](b []byte) []T {
	v := make([]T, len(b)/gpu.TypeOf[T]().Size())
	copy(rawBytes(v), b)
	return v
}
