// Package state holds the part of a device that does not depend on where it computes: which
// buffers belong to it, whether it is closed, lost or recording, and which calls it refuses
// for these reasons.
package state

import (
	"errors"
	"fmt"

	"mdfa/gpu"
)

// MaxBytes is more memory than any device has, and leaves room for arithmetic.
const MaxBytes = 1 << 46

// Buffer is the state of a buffer. The buffers of a device embed it.
type Buffer struct {
	device any // the *Device that it belongs to
	dtype  gpu.DType
	n      int
	freed  bool
	feed   bool
}

// DType implements gpu.Buffer.
func (b *Buffer) DType() gpu.DType { return b.dtype }

// Len implements gpu.Buffer.
func (b *Buffer) Len() int { return b.n }

// Bytes returns the size of the buffer.
func (b *Buffer) Bytes() int { return b.n * b.dtype.Size() }

// GiveToFeed leaves it to a feed to free the buffer.
func (b *Buffer) GiveToFeed() { b.feed = true }

// CheckFree refuses to free a buffer that was freed or that belongs to a feed.
func (b *Buffer) CheckFree() error {
	if b.freed {
		return fmt.Errorf("gpu: free: the buffer was freed before: %w", gpu.ErrBuffer)
	}
	if b.feed {
		return fmt.Errorf("gpu: free: the buffer belongs to a feed, which frees it: %w", gpu.ErrBuffer)
	}
	return nil
}

func (b *Buffer) state() *Buffer { return b }

// ownBuffer is a type that embeds [Buffer], by its pointer.
type ownBuffer interface {
	comparable
	state() *Buffer
}

// Device is the state of a device with buffers of type B and programs of type P.
type Device[B ownBuffer, P comparable] struct {
	Closed    bool
	Lost      error // the failure after which nothing works
	Recording P     // the program that collects operations; nil outside of Record
	Buffers   map[B]struct{}
}

// Ready refuses calls on a device that is closed or lost, and calls that cannot be recorded.
func (d *Device[B, P]) Ready(op string) error {
	var none P
	switch {
	case d.Closed:
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrClosed)
	case d.Recording != none:
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrRecording)
	}
	return d.alive(op)
}

func (d *Device[B, P]) alive(op string) error {
	if d.Lost == nil {
		return nil
	}
	return fmt.Errorf("gpu: %s: the device failed before: %w", op, d.Lost)
}

// Accept decides whether an operation can run or be recorded. Check is the result of the
// operation's shape check, and spans are all the memory that the operation uses.
func (d *Device[B, P]) Accept(op string, check error, spans []gpu.Span) error {
	if d.Closed {
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrClosed)
	}
	if check != nil {
		return check
	}
	for _, s := range spans {
		if s.IsNone() {
			continue // an optional argument: the shape check has seen to those that are needed
		}
		if _, err := d.own(op, s.Buf); err != nil {
			return err
		}
	}
	return d.alive(op)
}

// own returns a live buffer of the device, and refuses others.
func (d *Device[B, P]) own(op string, b gpu.Buffer) (B, error) {
	var none B
	own, ok := b.(B)
	switch {
	case b == nil:
		return none, fmt.Errorf("gpu: %s: no buffer: %w", op, gpu.ErrBuffer)
	case !ok || own == none || own.state().device != d:
		return none, fmt.Errorf("gpu: %s: the buffer belongs to another device: %w", op, gpu.ErrBuffer)
	case own.state().freed:
		return none, fmt.Errorf("gpu: %s: the buffer was freed: %w", op, gpu.ErrBuffer)
	}
	return own, nil
}

// Transfer returns the buffer for a copy of n bytes from byte off on, between host and device.
func (d *Device[B, P]) Transfer(op string, b gpu.Buffer, off, n int) (B, error) {
	var none B
	if err := d.Ready(op); err != nil {
		return none, err
	}
	own, err := d.own(op, b)
	if err != nil {
		return none, err
	}
	if size := own.state().Bytes(); off < 0 || off > size || n > size-off {
		return none, fmt.Errorf("gpu: %s: bytes %d to %d of a buffer of %d: %w", op, off, off+n, size, gpu.ErrShape)
	}
	return own, nil
}

// CheckAlloc refuses unknown types and negative lengths.
func (d *Device[B, P]) CheckAlloc(t gpu.DType, n int) error {
	if err := d.Ready("alloc"); err != nil {
		return err
	}
	if t > gpu.Float64 || n < 0 {
		return fmt.Errorf("gpu: alloc %d elements of %s: %w", n, t, gpu.ErrShape)
	}
	return nil
}

// Add makes b a buffer of n elements that belongs to the device.
func (d *Device[B, P]) Add(b B, t gpu.DType, n int) {
	*b.state() = Buffer{device: d, dtype: t, n: n}
	if d.Buffers == nil {
		d.Buffers = map[B]struct{}{}
	}
	d.Buffers[b] = struct{}{}
}

// Remove makes b unusable.
func (d *Device[B, P]) Remove(b B) {
	b.state().freed = true
	delete(d.Buffers, b)
}

// Close makes the device unusable. A second Close is an error.
func (d *Device[B, P]) Close() error {
	if d.Closed {
		return fmt.Errorf("gpu: close: %w", gpu.ErrClosed)
	}
	d.Closed = true
	return nil
}

// Collect calls step while operations go to p.
func (d *Device[B, P]) Collect(p P, step func() error) error {
	var none P
	d.Recording = p
	defer func() { d.Recording = none }()
	return step()
}

// Program is the state of a recorded program, which embeds it: the buffers that it uses.
type Program[B ownBuffer] struct {
	buffers []B
	known   map[B]struct{}
	freed   bool
}

// Use notes the buffers of spans.
func (p *Program[B]) Use(spans []gpu.Span) {
	if p.known == nil {
		p.known = map[B]struct{}{}
	}
	for _, s := range spans {
		b, ok := s.Buf.(B)
		if _, seen := p.known[b]; ok && !seen {
			p.known[b] = struct{}{}
			p.buffers = append(p.buffers, b)
		}
	}
}

var (
	errFreedProgram = fmt.Errorf("gpu: run: the program was freed: %w", gpu.ErrRecording)
	errFreedBuffer  = fmt.Errorf("gpu: run: a buffer of the program was freed: %w", gpu.ErrBuffer)
)

// CheckRun refuses to run a program that cannot run whole.
func (p *Program[B]) CheckRun() error {
	if p.freed {
		return errFreedProgram
	}
	for _, b := range p.buffers {
		if b.state().freed {
			return errFreedBuffer
		}
	}
	return nil
}

// End makes the program unusable. A second End is an error.
func (p *Program[B]) End() error {
	if p.freed {
		return errors.New("gpu: free: the program was freed before")
	}
	p.freed, p.buffers, p.known = true, nil, nil
	return nil
}
