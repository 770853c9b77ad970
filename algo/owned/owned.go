// Package owned keeps buffers, programs and feeds that belong together, and frees them together.
package owned

import (
	"cmp"
	"fmt"
	"slices"

	"mdfa/gpu"
)

// List is buffers, programs and feeds of a device. After the first failure it takes nothing more, returns nil
// from every call, and [List.Err] returns the failure.
type List struct {
	Device gpu.Device
	parts  []interface{ Free() error }
	err    error
}

// Alloc takes a zeroed buffer of n elements. The error names it.
func (l *List) Alloc(name string, t gpu.DType, n int) gpu.Buffer {
	return take(l, "memory for "+name, func() (gpu.Buffer, error) { return l.Device.Alloc(t, n) })
}

// Floats takes a zeroed buffer of n float32.
func (l *List) Floats(name string, n int) gpu.Buffer { return l.Alloc(name, gpu.Float32, n) }

// Record records a program.
func (l *List) Record(step func() error) gpu.Program {
	return take(l, "", func() (gpu.Program, error) { return l.Device.Record(step) })
}

// Feed makes a feed. The error names it.
func (l *List) Feed(name string, slots int, parts ...gpu.FeedPart) gpu.Feed {
	return take(l, "memory for "+name, func() (gpu.Feed, error) { return l.Device.NewFeed(slots, parts...) })
}

func take[T interface{ Free() error }](l *List, name string, create func() (T, error)) (part T) {
	if l.err != nil {
		return part
	}
	part, err := create()
	switch {
	case err != nil && name != "":
		l.err = fmt.Errorf("%s: %w", name, err)
	case err != nil:
		l.err = err
	default:
		l.parts = append(l.parts, part)
	}
	return part
}

// Err returns the first failure.
func (l *List) Err() error { return l.err }

// Free frees everything, the last first, and returns the first error. The list is empty afterwards.
func (l *List) Free() error {
	var first error
	for _, part := range slices.Backward(l.parts) {
		first = cmp.Or(first, part.Free())
	}
	l.parts = nil
	return first
}
