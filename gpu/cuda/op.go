//go:build cuda

package cuda

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// touched is what an operation does with memory that others see. A span that is both
// read and written counts as written.
type touched struct{ reads, writes []gpu.Span }

// op is an operation whose arguments were checked, ready to be issued any number of times.
type op struct {
	name          string
	reads, writes []extent
	areas         []*area
	patches       *patches // that it lays out, if another operation could use them
	issue         func(q *queue)
}

// layOut gives the operation's areas their places from offset on, and returns the end.
func (o op) layOut(offset int) int {
	for _, a := range o.areas {
		if !a.kept {
			a.offset = offset
			offset += int(roundUp(uint64(a.bytes), blockAlign))
		}
	}
	return offset
}

// extent is the device memory [from, to).
type extent struct{ from, to uint64 }

// extents are where spans lie that were left in and hold anything.
func extents(spans []gpu.Span) []extent {
	var list []extent
	for _, s := range spans {
		if !s.IsNone() && s.Len > 0 {
			at := uint64(address(s))
			list = append(list, extent{at, at + uint64(bytesOf(s))})
		}
	}
	return list
}

// overlap says whether some extent of a and some of b have a byte in common.
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

// follows says whether o has to run after the earlier operation e: one of them writes
// what the other reads or writes.
func (o op) follows(e op) bool {
	return overlap(e.writes, o.reads) || overlap(e.writes, o.writes) || overlap(e.reads, o.writes)
}

// builder makes an op. The first size that a kernel cannot take stays in err.
type builder struct {
	op
	err error
}

// count is n as a kernel takes it.
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
		b.err = fmt.Errorf("gpu: %s: %s: %w", b.name, fmt.Sprintf(format, args...), gpu.ErrShape)
	}
}

// scratch asks for n bytes of the workspace.
func (b *builder) scratch(n int) *area {
	a := &area{bytes: n}
	b.areas = append(b.areas, a)
	return a
}
