//go:build cuda

package cuda

import (
	"cmp"
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/cuda/internal/arena"
	"mdfa/gpu/cuda/kernels"
)

// op is an operation whose arguments were checked, ready to be issued any number of times.
type op struct {
	name          string
	reads, writes []extent
	areas         []*area
	patches       *patches // that it lays out, if another operation could use them
	ranks         bool     // a sum over ranks
	issue         func(q *queue)
}

// place gives the operation's areas their places in the workspace from offset on, and returns
// the end.
func (o op) place(offset int) int {
	for _, a := range o.areas {
		if !a.kept {
			a.offset = offset
			offset += a.size()
		}
	}
	return offset
}

// area is a part of the workspace that an operation uses.
type area struct {
	bytes  int
	offset int  // in the workspace
	kept   bool // the program has placed it, because later operations read it
}

func (a *area) size() int { return int(arena.RoundUp(uint64(a.bytes), arena.Align)) }

// in returns the address of the area, for the queue's current workspace.
func (a *area) in(q *queue) kernels.DevicePtr {
	return kernels.DevicePtr(q.workspace + uint64(a.offset))
}

// patches are the patches of one image array. In a program, operations that need the same
// patches can share them: a layer's forward pass and its filter gradient do.
type patches struct {
	own, at *area // the operation's own place for them, and the place that it uses
	maker   int   // the operation of the program that lays them out
	shared  bool  // the maker is another operation
	image   extent
	shape   gpu.ConvShape // without the filters; the zero shape if they cannot be shared
}

func (p *patches) makeOwn(operation int) {
	p.at, p.maker, p.shared = p.own, operation, false
	p.own.kept = false
}

func (p *patches) use(at *area, maker int) { p.at, p.maker, p.shared = at, maker, true }

func (p *patches) same(o *patches) bool { return p.shape == o.shape && p.image == o.image }

// extent is the device memory [from, to).
type extent struct{ from, to uint64 }

// overlap reports whether some extent of a and some extent of b have a byte in common.
func overlap(a, b []extent) bool {
	for _, x := range a {
		for _, y := range b {
			if x.from < y.to && y.from < x.to {
				return true
			}
		}
	}
	return false
}

// follows reports whether o must run after the earlier operation e: one of them writes
// memory that the other reads or writes.
func (o op) follows(e op) bool {
	return overlap(e.writes, o.reads) || overlap(e.writes, o.writes) || overlap(e.reads, o.writes)
}

// limits are the properties of a device on which operations depend.
type limits struct {
	patchBytes int // of a convolution's patches, and of the patches that a program keeps
	maxBlocks  int // of an elementwise kernel
}

// builder makes an op. It keeps the first error: a buffer that the device refuses, or a size
// that a kernel cannot take.
type builder struct {
	op
	limits
	accept func(s gpu.Span) error // refuses buffers that are freed or belong to others
	spans  []gpu.Span             // all memory of others that the operation uses
	err    error
}

// read returns the address of a span that the operation reads.
func (b *builder) read(s gpu.Span) kernels.DevicePtr { return b.use(s, &b.reads) }

// write returns the address of a span that the operation writes, or reads and writes.
func (b *builder) write(s gpu.Span) kernels.DevicePtr { return b.use(s, &b.writes) }

func (b *builder) use(s gpu.Span, list *[]extent) kernels.DevicePtr {
	if s.IsNone() {
		return 0
	}
	if err := b.accept(s); err != nil {
		b.err = cmp.Or(b.err, err)
		return 0
	}
	at := address(s)
	b.spans = append(b.spans, s)
	if s.Len > 0 {
		*list = append(*list, extent{uint64(at), uint64(at) + uint64(bytesOf(s))})
	}
	return at
}

// readMatrix and writeMatrix are read and write for a matrix.
func (b *builder) readMatrix(m gpu.Mat) matrix { return matrix{b.read(m.Span), m.Rows, m.Cols} }

func (b *builder) writeMatrix(m gpu.Mat) matrix { return matrix{b.write(m.Span), m.Rows, m.Cols} }

// count returns n as a kernel takes it.
func (b *builder) count(n int) int32 {
	c, err := kernels.Count(n)
	if err != nil {
		b.refuse("%d elements at once: at most %d are possible, use smaller batches", n, kernels.MaxElements)
	}
	return c
}

// maxDimension is the largest size of a matrix that cuBLAS takes.
const maxDimension = 1<<31 - 1

// matrices refuses products with sizes that cuBLAS cannot take.
func (b *builder) matrices(list ...matrix) {
	for _, m := range list {
		if m.rows > maxDimension || m.cols > maxDimension {
			b.refuse("a matrix [%d, %d]: cuBLAS takes at most %d rows and columns", m.rows, m.cols, maxDimension)
		}
	}
}

func (b *builder) refuse(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%s: %s: %w", b.name, fmt.Sprintf(format, args...), gpu.ErrShape)
	}
}

// scratch asks for n bytes of the workspace.
func (b *builder) scratch(n int) *area {
	a := &area{bytes: n}
	b.areas = append(b.areas, a)
	return a
}
