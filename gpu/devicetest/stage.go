package devicetest

import (
	"bytes"
	"math"
	"unsafe"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// opCase is one call of one operation, or a few in a row, with all it reads and writes.
type opCase struct {
	name string
	cost int // multiply-adds of the definition
	// lay puts the arguments on the stage and returns the call.
	lay func(s *stage) func() error
}

// conforms makes a room out of the cases of one operation.
func conforms(cases func() []opCase) func(*suite, testingT) {
	return func(su *suite, t testingT) {
		d := su.device(t)
		for _, c := range su.affordable(cases()) {
			t.Run(c.name, func(t testingT) {
				su.conform(t, d, c, oddLeads)
				su.agree(t, d, c, alignedLeads)
			})
		}
	}
}

func (s *suite) affordable(cases []opCase) []opCase {
	var fit []opCase
	for _, c := range cases {
		if c.cost <= s.maxCost {
			fit = append(fit, c)
		}
	}
	return fit
}

// agree holds one case against its definition.
func (s *suite) agree(t testingT, d gpu.Device, c opCase, leads []int) {
	t.Helper()
	st := newStage(t, d, leads)
	defer st.free()
	require.NoError(t, c.lay(st)())
	st.verify(st.snapshot())
}

// conform holds one case against its definition, once more against itself, and
// recorded against direct.
func (s *suite) conform(t testingT, d gpu.Device, c opCase, leads []int) {
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
	p, err := d.Record(call)
	require.NoError(t, err, "Record")
	st.requireSame(st.images(), "recording, which must not run anything,")
	require.NoError(t, p.Run(), "Run of the recorded call")
	st.requireSame(first, "the recorded call")
	require.NoError(t, p.Free(), "Free of the program")
}

// The guard elements before a span, by turns. Odd leads put spans off every vector
// width; aligned ones (64 elements of one byte are a cache line) allow the fast paths.
var (
	oddLeads     = []int{3, 1, 7, 5, 2, 17, 9, 33, 6, 15}
	alignedLeads = []int{64}
)

// guardTail is the number of guard elements after a span: more than any vector width.
const guardTail = 37

// stage lays out the arrays of one case on a device, each in a buffer of its own
// between guard elements.
type stage struct {
	t      testingT
	d      gpu.Device
	leads  []int
	arrays []*array
	spare  []byte // for comparisons
}

// array is one argument.
type array struct {
	name    string
	buf     gpu.Buffer
	image   []byte // the whole buffer before the call
	from    int    // bytes before the span
	to      int    // bytes up to its end
	written bool
	verify  func(t testingT, content []byte)
}

func newStage(t testingT, d gpu.Device, leads []int) *stage {
	return &stage{t: t, d: d, leads: leads}
}

// in lays out an array that the operation only reads.
func in[T gpu.Element](s *stage, name string, values []T) gpu.Span {
	return lay(s, name, values, nil)
}

// out lays out an array of n elements that the operation overwrites; verify gets what
// it wrote. Before, it holds NaN, so that nobody multiplies old contents by zero.
func out[T gpu.Element](s *stage, name string, n int, verify func(t testingT, got []T)) gpu.Span {
	values := make([]T, n)
	old := guard[T]()
	for i := range values {
		values[i] = old
	}
	return lay(s, name, values, verify)
}

// inout lays out an array that the operation reads and updates.
func inout[T gpu.Element](s *stage, name string, values []T, verify func(t testingT, got []T)) gpu.Span {
	return lay(s, name, values, verify)
}

func lay[T gpu.Element](s *stage, name string, values []T, verify func(testingT, []T)) gpu.Span {
	s.t.Helper()
	lead := s.leads[len(s.arrays)%len(s.leads)]
	image := make([]T, lead+len(values)+guardTail)
	outside := guard[T]()
	for i := range image {
		image[i] = outside
	}
	copy(image[lead:], values)
	buf, err := gpu.NewBuffer(s.d, image)
	require.NoError(s.t, err, "a buffer for %s", name)
	size := gpu.TypeOf[T]().Size()
	a := &array{name: name, buf: buf, image: rawBytes(image), from: lead * size, to: (lead + len(values)) * size}
	if verify != nil {
		a.written = true
		a.verify = func(t testingT, content []byte) { verify(t, fromBytes[T](content)) }
	}
	s.arrays = append(s.arrays, a)
	return gpu.Span{Buf: buf, Off: lead, Len: len(values)}
}

// guard is the element around every span: NaN for floats, so that whoever reads it
// shows it; out of every range for integers.
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

// reset puts every buffer back to what it was before the call.
func (s *stage) reset() {
	s.t.Helper()
	for _, a := range s.arrays {
		require.NoError(s.t, s.d.Upload(a.buf, 0, a.image), "upload of %s", a.name)
	}
}

// verify holds what the call left against the expectations.
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
		case a.written:
			a.verify(s.t, got[a.from:a.to])
		case !bytes.Equal(got[a.from:a.to], a.image[a.from:a.to]):
			s.t.Errorf("%s is an input, and was changed", a.name)
		}
	}
}

// images is what the buffers held before the call.
func (s *stage) images() [][]byte {
	images := make([][]byte, len(s.arrays))
	for i, a := range s.arrays {
		images[i] = a.image
	}
	return images
}

// requireSame compares what the buffers hold now.
func (s *stage) requireSame(want [][]byte, what string) {
	s.t.Helper()
	for i, a := range s.arrays {
		if len(s.spare) < len(a.image) {
			s.spare = make([]byte, len(a.image))
		}
		got := s.spare[:len(a.image)]
		require.NoError(s.t, s.d.Download(got, a.buf, 0), "download of %s", a.name)
		if !bytes.Equal(want[i], got) {
			s.t.Errorf("%s changed the bits of %s", what, a.name)
			s.t.FailNow()
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
