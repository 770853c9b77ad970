package devicetest

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"mdfa/gpu"
)

// naive is a device that runs the float64 definitions and rounds. It passes the suite,
// unless its defect names something to do wrong: see defects.
type naive struct {
	defect    string
	closed    bool
	recording *naiveProgram
	feeds     []*naiveFeed
	calls     int
}

// has says whether the device is to do this wrong.
func (d *naive) has(defect string) bool {
	if _, known := defects[defect]; !known {
		panic("a defect that no test knows: " + defect)
	}
	return d.defect == defect
}

// naiveBuffer holds its elements in words of eight bytes, so that every type is aligned.
type naiveBuffer struct {
	device *naive
	kind   gpu.DType
	n      int
	words  []uint64
	freed  bool
	feed   bool // it is a feed's
}

func (b *naiveBuffer) DType() gpu.DType { return b.kind }
func (b *naiveBuffer) Len() int         { return b.n }

func (b *naiveBuffer) Free() error {
	switch {
	case b.device.closed:
		return fmt.Errorf("gpu: free: %w", gpu.ErrClosed)
	case b.freed && !b.device.has("double free is ignored"):
		return fmt.Errorf("gpu: free: freed before: %w", gpu.ErrBuffer)
	case b.feed && !b.device.has("a feed's buffers can be freed"):
		return fmt.Errorf("gpu: free: it is a feed's: %w", gpu.ErrBuffer)
	}
	b.freed = true
	return nil
}

func (b *naiveBuffer) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.words))), b.n*b.kind.Size())
}

// elements views a span as a slice.
func elements[T gpu.Element](s gpu.Span) []T {
	if s.Len == 0 {
		return nil
	}
	first := unsafe.SliceData(s.Buf.(*naiveBuffer).words)
	return unsafe.Slice((*T)(unsafe.Pointer(first)), s.Off+s.Len)[s.Off:]
}

func (d *naive) Info() gpu.Info {
	if d.has("info is empty") {
		return gpu.Info{}
	}
	return gpu.Info{Kind: "naive", Name: "naive"}
}

// host refuses what a closed device and a recording cannot do.
func (d *naive) host(op string) error {
	switch {
	case d.closed && !d.has("close is forgotten"):
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrClosed)
	case d.recording != nil && !d.has("host calls run inside step"):
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrRecording)
	}
	return nil
}

func (d *naive) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	if err := d.host("alloc"); err != nil {
		return nil, err
	}
	switch {
	case t > gpu.Float64 || n < 0:
		return nil, fmt.Errorf("gpu: alloc: %d of %v: %w", n, t, gpu.ErrShape)
	case n > 1<<32:
		return nil, fmt.Errorf("gpu: alloc: %d of %v: %w", n, t, gpu.ErrOutOfMemory)
	}
	b := &naiveBuffer{device: d, kind: t, n: n, words: make([]uint64, n*t.Size()/8+1)}
	if d.has("alloc is not zeroed") {
		b.words[0] = 1
	}
	return b, nil
}

// owned looks up a live buffer of this device.
func (d *naive) owned(op string, b gpu.Buffer) (*naiveBuffer, error) {
	own, is := b.(*naiveBuffer)
	switch {
	case !is,
		own.device != d && !d.has("foreign buffers are taken"),
		own.freed && !d.has("freed buffers are taken"):
		return nil, fmt.Errorf("gpu: %s: not a live buffer of this device: %w", op, gpu.ErrBuffer)
	}
	return own, nil
}

// window is n bytes of a buffer from off on.
func (d *naive) window(op string, b gpu.Buffer, off, n int) ([]byte, error) {
	if err := d.host(op); err != nil {
		return nil, err
	}
	own, err := d.owned(op, b)
	if err != nil {
		return nil, err
	}
	all := own.bytes()
	if off < 0 || off > len(all) || n > len(all)-off {
		return nil, fmt.Errorf("gpu: %s: %d bytes at %d of %d: %w", op, n, off, len(all), gpu.ErrShape)
	}
	return all[off : off+n], nil
}

func (d *naive) Upload(dst gpu.Buffer, off int, src []byte) error {
	w, err := d.window("upload", dst, off, len(src))
	copy(w, src)
	return err
}

func (d *naive) Download(dst []byte, src gpu.Buffer, off int) error {
	w, err := d.window("download", src, off, len(dst))
	copy(dst, w)
	return err
}

func (d *naive) Sync() error { return d.host("sync") }

func (d *naive) Close() error {
	d.closed = true
	for _, f := range d.feeds {
		if !d.has("a feed outlives its device") {
			f.slots.End(gpu.ErrClosed)
		}
	}
	return nil
}

// submit checks an operation and runs or records it. Spans are all those it touches.
func (d *naive) submit(op string, check error, spans []gpu.Span, run func()) error {
	if d.closed && !d.has("close is forgotten") {
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrClosed)
	}
	if check != nil {
		if d.has("mistakes are passed over in silence") {
			return nil
		}
		return check
	}
	for _, s := range spans {
		if s.IsNone() {
			continue
		}
		if _, err := d.owned(op, s.Buf); err != nil {
			return err
		}
	}
	if d.recording != nil {
		d.recording.ops = append(d.recording.ops, run)
		d.recording.spans = append(d.recording.spans, spans...)
		if !d.has("recording runs the step") {
			return nil
		}
	}
	d.calls++
	run()
	return nil
}

type naiveProgram struct {
	device *naive
	ops    []func()
	spans  []gpu.Span
	freed  bool
}

func (d *naive) Record(step func() error) (gpu.Program, error) {
	if err := d.host("record"); err != nil {
		return nil, err
	}
	p := &naiveProgram{device: d}
	d.recording = p
	defer func() { d.recording = nil }()
	if err := step(); err != nil && !d.has("errors inside step are lost") {
		return nil, err
	}
	return p, nil
}

func (p *naiveProgram) Run() error {
	if err := p.device.host("run"); err != nil {
		return err
	}
	if p.freed {
		return fmt.Errorf("gpu: run: the program is freed: %w", gpu.ErrRecording)
	}
	for _, s := range p.spans {
		if s.IsNone() {
			continue
		}
		if _, err := p.device.owned("run", s.Buf); err != nil {
			return err
		}
	}
	ops := p.ops
	if p.device.has("replay forgets the last operation") && len(ops) > 1 {
		ops = ops[:len(ops)-1]
	}
	for _, op := range ops {
		op()
	}
	return nil
}

func (p *naiveProgram) Free() error {
	if p.freed {
		return fmt.Errorf("gpu: free: the program is freed: %w", gpu.ErrRecording)
	}
	p.freed = true
	return nil
}

// put rounds values into a span, with the defects of a careless store.
func (d *naive) put(s gpu.Span, values []float64) {
	w := elements[float32](s)
	for i, v := range values {
		w[i] = float32(v)
	}
	switch {
	case len(w) == 0:
	case d.has("writes one element too far"):
		s.Len++
		w = elements[float32](s)
		w[len(w)-1] = 0
	case d.has("writes one element too early") && s.Off > 0:
		s.Off--
		elements[float32](s)[0] = 0
	case d.has("forgets the last element of 33") && len(w)%32 == 1 && len(w) > 1:
		w[len(w)-1] = 0
	case d.has("never the same bits twice"):
		w[0] = math.Float32frombits(math.Float32bits(w[0]) ^ uint32(d.calls&1))
	case d.has("rounds to bfloat16"):
		for i := range w {
			w[i] = math.Float32frombits(math.Float32bits(w[i]) &^ 0xffff)
		}
	case d.has("wants aligned spans") && s.Off%4 != 0:
		clear(w)
	}
}

// floats reads a span in float64.
func floats(s gpu.Span) []float64 { return wide(elements[float32](s)) }

func (d *naive) Zero(s gpu.Span) error {
	return d.submit("zero", s.Check("zero"), []gpu.Span{s}, func() {
		own, size := s.Buf.(*naiveBuffer), s.Buf.DType().Size()
		part := own.bytes()[s.Off*size : (s.Off+s.Len)*size]
		if d.has("zero forgets the last byte") && len(part) > 0 {
			part = part[:len(part)-1]
		}
		clear(part)
	})
}

func (d *naive) Copy(dst, src gpu.Span) error {
	return d.submit("copy", gpu.CheckCopy(dst, src), []gpu.Span{dst, src}, func() {
		size := src.Buf.DType().Size()
		from := src.Buf.(*naiveBuffer).bytes()[src.Off*size : (src.Off+src.Len)*size]
		if d.has("copy rounds down to words") {
			from = from[:len(from)/16*16]
		}
		copy(dst.Buf.(*naiveBuffer).bytes()[dst.Off*size:], from)
	})
}

func (d *naive) Gather(a gpu.GatherArgs) error {
	spans := []gpu.Span{a.X.Span, a.Y, a.Data, a.Labels, a.Order, a.Cursor}
	return d.submit("gather", a.Check(), spans, func() { d.gather(a) })
}

func (d *naive) gather(a gpu.GatherArgs) {
	x, y, order, labels := elements[float32](a.X.Span), elements[int32](a.Y), elements[int32](a.Order), elements[int32](a.Labels)
	for i := range y {
		row := int(elements[int32](a.Cursor)[0])*a.X.Rows + i
		if d.has("the cursor wraps") {
			row = int(elements[int32](a.Cursor)[0]*int32(a.X.Rows)) + i
		}
		if d.has("the cursor is ignored") {
			row = i
		}
		if !a.Order.IsNone() {
			if row >= 0 && row < len(order) {
				row = int(order[row])
			} else if !d.has("past the order comes the data") {
				row = -1
			}
		}
		line := x[i*a.X.Cols : (i+1)*a.X.Cols]
		if row < 0 || row >= len(labels) {
			clear(line)
			y[i] = -1
			if d.has("rows outside get label 0") {
				y[i] = 0
			}
			continue
		}
		y[i] = labels[row]
		for f := range line {
			line[f] = a.Scale * float32(elements[uint8](a.Data)[row*a.X.Cols+f])
			if d.has("pixels are divided by 256") {
				line[f] *= 255.0 / 256
			}
		}
	}
}

// hiddenSpans are the spans of a layer's outputs.
func hiddenSpans(h gpu.Hidden, more ...gpu.Span) []gpu.Span {
	return append(slices.Clone(more), h.H, h.Pre)
}
