package devicetest

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// misuse makes every mistake that a caller can make. Each must be refused with the
// right sentinel and a text that names the operation, and change nothing.
func (s *suite) misuse(t *testing.T) {
	d, other := s.device(t), s.device(t)
	for _, op := range misusedOps() {
		t.Run(op.name, func(t *testing.T) {
			st := newStage(t, d, oddLeads)
			defer st.free()
			args := op.lay(st)
			for _, sp := range spansOf(args) {
				misuseSpan(t, st, other, op, args, sp)
			}
			for _, name := range sortedKeys(op.mistakes) {
				m := op.mistakes[name]
				t.Run(name, func(t *testing.T) {
					st := newStage(t, d, oddLeads)
					defer st.free()
					args := op.lay(st)
					m.change(args)
					refused(t, st, op, args, m.kind, m.texts...)
				})
			}
			require.NoError(t, op.run(d, args), "the same arguments without a mistake")
		})
	}
	t.Run("Memory", func(t *testing.T) { misuseMemory(t, d, other) })
	t.Run("DeviceStillWorks", func(t *testing.T) { requireUsable(t, d) })
}

// refused runs an operation that must fail and leave all its arrays as they were.
func refused(t *testing.T, st *stage, op misusedOp, args any, kind error, texts ...string) {
	t.Helper()
	err := op.run(st.d, args)
	if !assert.ErrorIs(t, err, kind) {
		return
	}
	for _, text := range append(texts, op.word) {
		assert.Contains(t, err.Error(), text)
	}
	st.t = t
	st.verify(st.snapshot())
}

// namedSpan is one span within an operation's arguments.
type namedSpan struct {
	name string
	span *gpu.Span
}

// spansOf finds every span in a struct of arguments that holds one.
func spansOf(args any) []namedSpan {
	var found []namedSpan
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		if span, is := v.Addr().Interface().(*gpu.Span); is {
			if !span.IsNone() {
				found = append(found, namedSpan{name, span})
			}
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				field := v.Type().Field(i)
				if field.Anonymous {
					walk(name, v.Field(i))
				} else {
					walk(name+"."+field.Name, v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(name+"."+string(rune('0'+i)), v.Index(i))
			}
		}
	}
	walk("", reflect.ValueOf(args).Elem())
	return found
}

// strangeBuffer is a buffer of no device.
type strangeBuffer struct {
	kind gpu.DType
	n    int
}

func (b strangeBuffer) DType() gpu.DType { return b.kind }
func (b strangeBuffer) Len() int         { return b.n }
func (b strangeBuffer) Free() error      { return nil }

// misuseSpan breaks one span in every way, one after the other.
func misuseSpan(t *testing.T, st *stage, other gpu.Device, op misusedOp, args any, sp namedSpan) {
	right := *sp.span
	kind, length := right.Buf.DType(), right.Buf.Len()
	with := func(claim string, wrong gpu.Span, want error) {
		t.Run(claim+sp.name, func(t *testing.T) {
			*sp.span = wrong
			defer func() { *sp.span = right }()
			refused(t, st, op, args, want)
		})
	}
	alloc := func(d gpu.Device, kind gpu.DType) gpu.Buffer {
		b, err := d.Alloc(kind, length)
		require.NoError(t, err)
		return b
	}
	on := func(b gpu.Buffer) gpu.Span { return gpu.Span{Buf: b, Off: right.Off, Len: right.Len} }

	if !op.optional[sp.name] {
		with("Missing", gpu.Span{}, gpu.ErrBuffer)
	}
	if !op.anyType {
		wrongType := alloc(st.d, (kind+1)%4)
		with("OfAnotherType", on(wrongType), gpu.ErrBuffer)
		require.NoError(t, wrongType.Free())
	}
	freed := alloc(st.d, kind)
	require.NoError(t, freed.Free())
	with("Freed", on(freed), gpu.ErrBuffer)
	foreign := alloc(other, kind)
	with("OfAnotherDevice", on(foreign), gpu.ErrBuffer)
	require.NoError(t, foreign.Free())
	with("OfNoDevice", on(strangeBuffer{kind, length}), gpu.ErrBuffer)

	if !op.anyLength[sp.name] {
		with("TooLong", gpu.Span{Buf: right.Buf, Off: right.Off, Len: right.Len + 1}, gpu.ErrShape)
		with("TooShort", gpu.Span{Buf: right.Buf, Off: right.Off, Len: right.Len - 1}, gpu.ErrShape)
	}
	with("OfNegativeLength", gpu.Span{Buf: right.Buf, Off: right.Off, Len: -1}, gpu.ErrShape)
	with("BeforeItsBuffer", gpu.Span{Buf: right.Buf, Off: -1, Len: right.Len}, gpu.ErrShape)
	with("PastItsBuffer", gpu.Span{Buf: right.Buf, Off: length - right.Len + 1, Len: right.Len}, gpu.ErrShape)
	with("FarPastItsBuffer", gpu.Span{Buf: right.Buf, Off: math.MaxInt, Len: right.Len}, gpu.ErrShape)
}

// misuseMemory misuses allocation and transfers.
func misuseMemory(t *testing.T, d, other gpu.Device) {
	st := newStage(t, d, oddLeads)
	buf := in(st, "the buffer", ramp[float32](5)).Buf
	freed := upload(t, d, ramp[float32](5)).Buf
	require.NoError(t, freed.Free())
	foreign := upload(t, other, ramp[float32](5)).Buf
	strange := strangeBuffer{gpu.Float32, 5}
	size := len(st.arrays[0].image)
	four := make([]byte, 4)
	alloc := func(kind gpu.DType, n int) func() error {
		return func() error { _, err := d.Alloc(kind, n); return err }
	}
	upload := func(b gpu.Buffer, off int) func() error {
		return func() error { return gpu.Upload(d, b, off, []float32{1}) }
	}
	download := func(b gpu.Buffer, off int) func() error {
		return func() error { return gpu.Download(d, make([]float32, 1), b, off) }
	}
	uploadRaw := func(b gpu.Buffer, off int) func() error { return func() error { return d.Upload(b, off, four) } }
	downloadRaw := func(b gpu.Buffer, off int) func() error { return func() error { return d.Download(four, b, off) } }
	for _, c := range []struct {
		claim string
		call  func() error
		any   []error
	}{
		{"AllocOfMinusOne", alloc(gpu.Float32, -1), []error{gpu.ErrShape, gpu.ErrOutOfMemory}},
		{"AllocOfTheSmallestInt", alloc(gpu.Float32, math.MinInt), []error{gpu.ErrShape, gpu.ErrOutOfMemory}},
		{"AllocOfPastAnyMachine", alloc(gpu.Float32, 1<<45), []error{gpu.ErrOutOfMemory}},
		{"AllocOfAnExabyte", alloc(gpu.Uint8, 1<<60), []error{gpu.ErrOutOfMemory}},
		{"AllocWhoseBytesOverflow", alloc(gpu.Float32, 1<<60), []error{gpu.ErrShape, gpu.ErrOutOfMemory}},
		{"AllocWhoseBytesWrapToZero", alloc(gpu.Float32, 1<<62), []error{gpu.ErrShape, gpu.ErrOutOfMemory}},
		{"AllocWhoseBytesWrapToFew", alloc(gpu.Float64, 1<<61+1), []error{gpu.ErrShape, gpu.ErrOutOfMemory}},
		{"AllocOfTheLargestInt", alloc(gpu.Uint8, math.MaxInt), []error{gpu.ErrShape, gpu.ErrOutOfMemory}},
		{"AllocOfAnUnknownType", alloc(gpu.DType(99), 1), []error{gpu.ErrShape, gpu.ErrBuffer}},
		{"SecondFree", freed.Free, []error{gpu.ErrBuffer}},
		{"TypedUploadOfAnotherType", func() error { return gpu.Upload(d, buf, 0, []int32{1}) }, []error{gpu.ErrBuffer}},
		{"TypedUploadPastTheEnd", upload(buf, buf.Len()), []error{gpu.ErrShape}},
		{"TypedUploadBeforeTheStart", upload(buf, -1), []error{gpu.ErrShape}},
		{"TypedDownloadOfAnotherType", func() error { return gpu.Download(d, []uint8{1}, buf, 0) }, []error{gpu.ErrBuffer}},
		{"TypedDownloadPastTheEnd", download(buf, buf.Len()), []error{gpu.ErrShape}},
		{"TypedUploadToNothing", upload(nil, 0), []error{gpu.ErrBuffer}},
		{"UploadToNothing", uploadRaw(nil, 0), []error{gpu.ErrBuffer}},
		{"UploadPastTheEnd", uploadRaw(buf, size-3), []error{gpu.ErrShape}},
		{"UploadFarPastTheEnd", uploadRaw(buf, math.MaxInt), []error{gpu.ErrShape}},
		{"UploadBeforeTheStart", uploadRaw(buf, -1), []error{gpu.ErrShape}},
		{"UploadToAFreedBuffer", upload(freed, 0), []error{gpu.ErrBuffer}},
		{"UploadToAnotherDevice", upload(foreign, 0), []error{gpu.ErrBuffer}},
		{"UploadToNoDevice", upload(strange, 0), []error{gpu.ErrBuffer}},
		{"DownloadFromNothing", downloadRaw(nil, 0), []error{gpu.ErrBuffer}},
		{"DownloadPastTheEnd", downloadRaw(buf, size-3), []error{gpu.ErrShape}},
		{"DownloadBeforeTheStart", downloadRaw(buf, -1), []error{gpu.ErrShape}},
		{"DownloadFromAFreedBuffer", download(freed, 0), []error{gpu.ErrBuffer}},
		{"DownloadFromAnotherDevice", download(foreign, 0), []error{gpu.ErrBuffer}},
		{"DownloadFromNoDevice", download(strange, 0), []error{gpu.ErrBuffer}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			err := c.call()
			require.Error(t, err)
			assert.True(t, slices.ContainsFunc(c.any, func(want error) bool { return errors.Is(err, want) }), "%v is none of %v", err, c.any)
			st.t = t
			st.verify(st.snapshot())
		})
	}
	t.Run("FreedBufferStillKnowsItsSize", func(t *testing.T) {
		assert.Equal(t, 5, freed.Len())
		assert.Equal(t, gpu.Float32, freed.DType())
	})
	st.t = t
	st.free()
}
