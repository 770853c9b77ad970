package cpu

import (
	"fmt"

	"mdfa/gpu"
)

// feed has slots whose host memory is the buffers themselves: nothing is copied. As
// programs have run when Run returns, nothing waits either.
type feed struct {
	device  *Device
	slots   *gpu.FeedSlots
	buffers [][]gpu.Buffer // by slot and part
	freed   bool
}

var _ gpu.Feed = (*feed)(nil)

// NewFeed allocates the buffers, or returns ErrOutOfMemory.
func (d *Device) NewFeed(slots int, parts ...gpu.FeedPart) (gpu.Feed, error) {
	if err := d.state.Ready("feed"); err != nil {
		return nil, err
	}
	if err := gpu.CheckFeed(slots, parts); err != nil {
		return nil, err
	}
	f := &feed{device: d}
	host := make([][][]byte, slots)
	for slot := range slots {
		f.buffers = append(f.buffers, nil)
		for _, p := range parts {
			b, err := d.Alloc(p.Type, p.Len)
			if err != nil {
				f.release()
				return nil, fmt.Errorf("gpu: feed of %d slots: %w", slots, err)
			}
			own := b.(*buffer)
			own.GiveToFeed()
			f.buffers[slot] = append(f.buffers[slot], own)
			host[slot] = append(host[slot], own.bytes)
		}
	}
	f.slots = gpu.NewFeedSlots(host)
	d.feeds[f] = struct{}{}
	return f, nil
}

// release frees the buffers.
func (f *feed) release() {
	for _, slot := range f.buffers {
		for _, b := range slot {
			b.(*buffer).release()
		}
	}
}

func (f *feed) Buffers(slot int) []gpu.Buffer {
	if slot < 0 || slot >= len(f.buffers) {
		return nil
	}
	return f.buffers[slot]
}

func (f *feed) Acquire(slot int) error {
	if err := f.device.state.Ready("acquire"); err != nil {
		return err
	}
	if err := f.slots.Check("acquire", slot); err != nil {
		return err
	}
	f.slots.Set(slot, gpu.FeedOpen)
	return nil
}

func (f *feed) Fill(slot int, write func(host [][]byte)) error { return f.slots.Fill(slot, write) }

func (f *feed) Send(slot int) error {
	if err := f.device.state.Ready("send"); err != nil {
		return err
	}
	if err := f.slots.Require("send", slot, gpu.FeedOpen); err != nil {
		return err
	}
	f.slots.Set(slot, gpu.FeedSent)
	return nil
}

func (f *feed) Run(slot int, p gpu.Program) error {
	if err := f.device.state.Ready("run"); err != nil {
		return err
	}
	if err := f.slots.Require("run", slot, gpu.FeedSent); err != nil {
		return err
	}
	if own, ok := p.(*program); !ok || own == nil || own.device != f.device {
		return errForeignProgram
	}
	return p.Run()
}

var errForeignProgram = fmt.Errorf("gpu: run: the program belongs to another device: %w", gpu.ErrRecording)

func (f *feed) Free() error {
	if err := f.device.state.Ready("free"); err != nil {
		return err
	}
	if f.freed {
		return fmt.Errorf("gpu: free: %w", gpu.ErrFreedFeed)
	}
	f.freed = true
	f.slots.End(gpu.ErrFreedFeed)
	delete(f.device.feeds, f)
	f.release()
	return nil
}
