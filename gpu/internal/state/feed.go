package state

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"mdfa/gpu"
)

// Copier is the part of a feed that differs from device to device: the host memory of the
// slots, and the copies from there to their buffers.
type Copier[B ownBuffer, P any] interface {
	// Host returns the host memory of the next slot, by parts, for its buffers.
	Host(buffers []B) ([][]byte, error)
	// Wait returns when the slot's last copy has left the host memory.
	Wait(slot int) error
	// Send starts the slot's copy.
	Send(slot int) error
	// Run runs a program behind the slot's copy.
	Run(slot int, p P) error
	// Free waits for copies and programs and gives everything back, buffers included.
	Free() error
}

// Feed implements gpu.Feed: it keeps the order of the calls on each slot and leaves the copies
// to a [Copier].
type Feed[B ownBuffer, P ownProgram[B]] struct {
	device *Device[B, P]
	copier Copier[B, P]
	slots  []slot
	freed  bool
}

// slot is one slot of a feed.
type slot struct {
	// writing is held for reading by each Fill, so that whoever changes the slot waits for
	// writes that have begun.
	writing sync.RWMutex
	state   slotState
	ended   error // the reason for which the slot cannot be used any more
	host    [][]byte
	buffers []gpu.Buffer
}

// slotState is the last call of a slot's round.
type slotState uint8

const (
	empty slotState = iota // nothing was sent yet
	open                   // the host memory can be filled
	sent                   // programs can run
)

// set changes a slot, after the writes to it that have begun.
func (s *slot) set(state slotState) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.state = state
}

// end makes every later call on a slot fail with the reason, after the writes that have begun.
func (f *Feed[B, P]) end(reason error) {
	for i := range f.slots {
		s := &f.slots[i]
		s.writing.Lock()
		s.ended, s.host = reason, nil
		s.writing.Unlock()
	}
}

// slot returns a slot of a feed that was not closed or freed.
func (f *Feed[B, P]) slot(op string, i int) (*slot, error) {
	if i < 0 || i >= len(f.slots) {
		return nil, fmt.Errorf("%s: slot %d of a feed of %d, counted from 0: %w", op, i, len(f.slots), gpu.ErrShape)
	}
	s := &f.slots[i]
	if s.ended != nil {
		return nil, fmt.Errorf("%s: %w", op, s.ended)
	}
	return s, nil
}

// require returns a slot after the call that brings it into the state.
func (f *Feed[B, P]) require(op string, i int, state slotState) (*slot, error) {
	s, err := f.slot(op, i)
	if err != nil || s.state == state {
		return s, err
	}
	call := "Acquire"
	if state == sent {
		call = "Send"
	}
	return nil, fmt.Errorf("%s: slot %d needs a call of %s first: %w", op, i, call, gpu.ErrOrder)
}

// NewFeed makes a feed. Alloc is the device's own.
func (d *Device[B, P]) NewFeed(slots int, parts []gpu.FeedPart, alloc func(gpu.DType, int) (gpu.Buffer, error), c Copier[B, P]) (*Feed[B, P], error) {
	if err := d.Ready("feed"); err != nil {
		return nil, err
	}
	if err := gpu.CheckFeed(slots, parts); err != nil {
		return nil, err
	}
	f := &Feed[B, P]{device: d, copier: c, slots: make([]slot, slots)}
	for i := range f.slots {
		s, own := &f.slots[i], make([]B, len(parts))
		var err error
		for i, p := range parts {
			var b gpu.Buffer
			if b, err = alloc(p.Type, p.Len); err != nil {
				break
			}
			own[i] = b.(B)
			own[i].state().feed = true
			s.buffers = append(s.buffers, b)
		}
		if err == nil {
			s.host, err = c.Host(own)
		}
		if err != nil {
			_ = f.release() // the first error says more
			return nil, fmt.Errorf("feed of %d slots: %w", slots, err)
		}
	}
	d.Feeds[f] = struct{}{}
	return f, nil
}

// Copier returns the part of the feed that NewFeed was given.
func (f *Feed[B, P]) Copier() Copier[B, P] { return f.copier }

// release frees the copier's part, then the buffers.
func (f *Feed[B, P]) release() error {
	err := f.copier.Free()
	for i := range f.slots {
		for _, b := range f.slots[i].buffers {
			b.(B).state().feed = false
			err = cmp.Or(err, b.Free())
		}
	}
	return err
}

// Buffers implements gpu.Feed.
func (f *Feed[B, P]) Buffers(i int) []gpu.Buffer {
	if i < 0 || i >= len(f.slots) {
		return nil
	}
	return f.slots[i].buffers
}

// Acquire implements gpu.Feed.
func (f *Feed[B, P]) Acquire(i int) error {
	if err := f.device.Ready("acquire"); err != nil {
		return err
	}
	s, err := f.slot("acquire", i)
	if err == nil && s.state == sent {
		err = f.copier.Wait(i)
	}
	if err == nil {
		s.set(open)
	}
	return err
}

// Fill implements gpu.Feed.
func (f *Feed[B, P]) Fill(i int, write func(host [][]byte)) error {
	if i >= 0 && i < len(f.slots) {
		f.slots[i].writing.RLock()
		defer f.slots[i].writing.RUnlock()
	}
	s, err := f.require("fill", i, open)
	if err == nil {
		write(s.host)
	}
	return err
}

// Send implements gpu.Feed.
func (f *Feed[B, P]) Send(i int) error {
	if err := f.device.Ready("send"); err != nil {
		return err
	}
	s, err := f.require("send", i, open)
	if err != nil {
		return err
	}
	s.set(sent)
	return f.copier.Send(i)
}

// Run implements gpu.Feed.
func (f *Feed[B, P]) Run(i int, p gpu.Program) error {
	if err := f.device.Ready("run"); err != nil {
		return err
	}
	if _, err := f.require("run", i, sent); err != nil {
		return err
	}
	var none P
	own, ok := p.(P)
	if !ok || own == none || own.state().device != f.device {
		return errForeignProgram
	}
	if err := own.state().CheckRun(); err != nil {
		return err
	}
	return f.copier.Run(i, own)
}

// Free implements gpu.Feed. On a lost device only the device's Close can give anything back.
func (f *Feed[B, P]) Free() error {
	if f.freed {
		return fmt.Errorf("free: %w", errFreedFeed)
	}
	if err := f.device.Ready("free"); err != nil && !errors.Is(err, gpu.ErrDeviceLost) {
		return err
	}
	f.freed = true
	f.end(errFreedFeed)
	if f.device.Lost == nil {
		delete(f.device.Feeds, f)
		return f.release()
	}
	for i := range f.slots {
		for _, b := range f.slots[i].buffers {
			b.(B).state().Remove()
		}
	}
	return nil
}

var (
	errFreedFeed      = fmt.Errorf("the feed was freed: %w", gpu.ErrBuffer)
	errForeignProgram = fmt.Errorf("run: the program belongs to another device: %w", gpu.ErrRecording)
)
