package state

import (
	"cmp"
	"errors"
	"fmt"

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

// Feed implements gpu.Feed: it keeps the order of the calls and leaves the copies to a [Copier].
type Feed[B ownBuffer, P ownProgram[B]] struct {
	device  *Device[B, P]
	copier  Copier[B, P]
	slots   *FeedSlots
	buffers [][]gpu.Buffer // by slot and part
	freed   bool
}

// NewFeed makes a feed. Alloc is the device's own.
func (d *Device[B, P]) NewFeed(slots int, parts []gpu.FeedPart, alloc func(gpu.DType, int) (gpu.Buffer, error), c Copier[B, P]) (*Feed[B, P], error) {
	if err := d.Ready("feed"); err != nil {
		return nil, err
	}
	if err := gpu.CheckFeed(slots, parts); err != nil {
		return nil, err
	}
	f := &Feed[B, P]{device: d, copier: c, buffers: make([][]gpu.Buffer, slots)}
	host := make([][][]byte, slots)
	for slot := range slots {
		own := make([]B, len(parts))
		var err error
		for i, p := range parts {
			var b gpu.Buffer
			if b, err = alloc(p.Type, p.Len); err != nil {
				break
			}
			own[i] = b.(B)
			own[i].state().feed = true
			f.buffers[slot] = append(f.buffers[slot], b)
		}
		if err == nil {
			host[slot], err = c.Host(own)
		}
		if err != nil {
			_ = f.release() // the first error says more
			return nil, fmt.Errorf("gpu: feed of %d slots: %w", slots, err)
		}
	}
	f.slots = NewFeedSlots(host)
	d.Feeds[f] = struct{}{}
	return f, nil
}

// Copier returns the part of the feed that NewFeed was given.
func (f *Feed[B, P]) Copier() Copier[B, P] { return f.copier }

// release gives back the copier's part, then the buffers.
func (f *Feed[B, P]) release() error {
	err := f.copier.Free()
	for _, slot := range f.buffers {
		for _, b := range slot {
			b.(B).state().feed = false
			err = cmp.Or(err, b.Free())
		}
	}
	return err
}

// Buffers implements gpu.Feed.
func (f *Feed[B, P]) Buffers(slot int) []gpu.Buffer {
	if slot < 0 || slot >= len(f.buffers) {
		return nil
	}
	return f.buffers[slot]
}

// Acquire implements gpu.Feed.
func (f *Feed[B, P]) Acquire(slot int) error {
	if err := f.device.Ready("acquire"); err != nil {
		return err
	}
	if err := f.slots.Check("acquire", slot); err != nil {
		return err
	}
	if f.slots.Is(slot, FeedSent) {
		if err := f.copier.Wait(slot); err != nil {
			return err
		}
	}
	f.slots.Set(slot, FeedOpen)
	return nil
}

// Fill implements gpu.Feed.
func (f *Feed[B, P]) Fill(slot int, write func(host [][]byte)) error {
	return f.slots.Fill(slot, write)
}

// Send implements gpu.Feed.
func (f *Feed[B, P]) Send(slot int) error {
	if err := f.device.Ready("send"); err != nil {
		return err
	}
	if err := f.slots.Require("send", slot, FeedOpen); err != nil {
		return err
	}
	f.slots.Set(slot, FeedSent)
	return f.copier.Send(slot)
}

// Run implements gpu.Feed.
func (f *Feed[B, P]) Run(slot int, p gpu.Program) error {
	if err := f.device.Ready("run"); err != nil {
		return err
	}
	if err := f.slots.Require("run", slot, FeedSent); err != nil {
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
	return f.copier.Run(slot, own)
}

// Free implements gpu.Feed. On a lost device only the device's Close can give anything back.
func (f *Feed[B, P]) Free() error {
	if f.freed {
		return fmt.Errorf("gpu: free: %w", ErrFreedFeed)
	}
	if err := f.device.Ready("free"); err != nil && !errors.Is(err, gpu.ErrDeviceLost) {
		return err
	}
	f.freed = true
	f.slots.End(ErrFreedFeed)
	if f.device.Lost != nil {
		for _, slot := range f.buffers {
			for _, b := range slot {
				b.(B).state().Remove()
			}
		}
		return nil
	}
	delete(f.device.Feeds, f)
	return f.release()
}

var errForeignProgram = fmt.Errorf("gpu: run: the program belongs to another device: %w", gpu.ErrRecording)
