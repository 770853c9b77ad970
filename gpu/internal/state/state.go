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
	owner owner // a *Device
	dtype gpu.DType
	n     int
	freed bool
	feed  bool
}

type owner interface{ forget(b *Buffer) }

// DType implements gpu.Buffer.
func (b *Buffer) DType() gpu.DType { return b.dtype }

// Len implements gpu.Buffer.
func (b *Buffer) Len() int { return b.n }

// Bytes returns the size of the buffer.
func (b *Buffer) Bytes() int { return b.n * b.dtype.Size() }

// CheckFree refuses to free a buffer that was freed or that belongs to a feed.
func (b *Buffer) CheckFree() error {
	if b.freed {
		return fmt.Errorf("free: the buffer was freed before: %w", gpu.ErrBuffer)
	}
	if b.feed {
		return fmt.Errorf("free: the buffer belongs to a feed, which frees it: %w", gpu.ErrBuffer)
	}
	return nil
}

// Remove makes the buffer unusable.
func (b *Buffer) Remove() {
	b.freed = true
	b.owner.forget(b)
}

func (b *Buffer) state() *Buffer { return b }

// ownBuffer is a pointer to a type that embeds [Buffer].
type ownBuffer interface {
	comparable
	gpu.Buffer
	state() *Buffer
}

// ownProgram is a pointer to a type that embeds [Program].
type ownProgram[B ownBuffer] interface {
	comparable
	gpu.Program
	state() *Program[B]
}

// Device is the state of a device with buffers of type B and programs of type P.
type Device[B ownBuffer, P ownProgram[B]] struct {
	Lost      error // the failure after which nothing works
	Recording P     // the program that collects operations; nil outside of Record
	Buffers   map[*Buffer]B
	Feeds     map[*Feed[B, P]]struct{}
	closed    bool
}

// New returns the state of a device that was just opened.
func New[B ownBuffer, P ownProgram[B]]() *Device[B, P] {
	return &Device[B, P]{Buffers: map[*Buffer]B{}, Feeds: map[*Feed[B, P]]struct{}{}}
}

// Closed reports whether Close was called.
func (d *Device[B, P]) Closed() bool { return d.closed }

func (d *Device[B, P]) forget(b *Buffer) { delete(d.Buffers, b) }

// Ready refuses calls on a device that is closed or lost, and calls that cannot be recorded.
func (d *Device[B, P]) Ready(op string) error {
	var none P
	switch {
	case d.closed:
		return fmt.Errorf("%s: %w", op, gpu.ErrClosed)
	case d.Recording != none:
		return fmt.Errorf("%s: %w", op, gpu.ErrRecording)
	}
	return d.alive(op)
}

func (d *Device[B, P]) alive(op string) error {
	if d.Lost == nil {
		return nil
	}
	return fmt.Errorf("%s: the device failed before: %w", op, d.Lost)
}

// Accept decides whether an operation can run or be recorded. Check is the result of the
// operation's shape check, and spans are all the memory that the operation uses.
func (d *Device[B, P]) Accept(op string, check error, spans ...gpu.Span) error {
	if d.closed {
		return fmt.Errorf("%s: %w", op, gpu.ErrClosed)
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
		return none, fmt.Errorf("%s: no buffer: %w", op, gpu.ErrBuffer)
	case !ok || own == none || own.state().owner != owner(d):
		return none, fmt.Errorf("%s: the buffer belongs to another device: %w", op, gpu.ErrBuffer)
	case own.state().freed:
		return none, fmt.Errorf("%s: the buffer was freed: %w", op, gpu.ErrBuffer)
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
		return none, fmt.Errorf("%s: bytes %d to %d of a buffer of %d: %w", op, off, off+n, size, gpu.ErrShape)
	}
	return own, nil
}

// CheckAlloc refuses unknown types and negative lengths.
func (d *Device[B, P]) CheckAlloc(t gpu.DType, n int) error {
	if err := d.Ready("alloc"); err != nil {
		return err
	}
	if t > gpu.Float64 || n < 0 {
		return fmt.Errorf("alloc %d elements of %s: %w", n, t, gpu.ErrShape)
	}
	return nil
}

// Add makes b a buffer of n elements that belongs to the device.
func (d *Device[B, P]) Add(b B, t gpu.DType, n int) {
	*b.state() = Buffer{owner: d, dtype: t, n: n}
	d.Buffers[b.state()] = b
}

// Close makes the device and its feeds unusable. A second Close is an error.
func (d *Device[B, P]) Close() error {
	if d.closed {
		return fmt.Errorf("close: %w", gpu.ErrClosed)
	}
	d.closed = true
	for f := range d.Feeds {
		f.end(gpu.ErrClosed)
	}
	return nil
}

// Record calls step while the operations go to p.
func (d *Device[B, P]) Record(p P, step func() error) error {
	if err := d.Ready("record"); err != nil {
		return err
	}
	var none P
	p.state().device = d
	d.Recording = p
	defer func() { d.Recording = none }()
	return step()
}

// Program is the state of a recorded program: the buffers that it uses. The programs of a
// device embed it.
type Program[B ownBuffer] struct {
	device  any // the *Device that it belongs to
	buffers []B
	known   map[B]struct{}
	freed   bool
}

func (p *Program[B]) state() *Program[B] { return p }

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
	errFreedProgram = fmt.Errorf("run: the program was freed: %w", gpu.ErrRecording)
	errFreedBuffer  = fmt.Errorf("run: a buffer of the program was freed: %w", gpu.ErrBuffer)
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
		return errors.New("free: the program was freed before")
	}
	p.freed, p.buffers, p.known = true, nil, nil
	return nil
}
