//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"mdfa/gpu"
)

// feed copies in a stream of its own, beside the one in which programs run. Two events
// of each slot order the streams, outside of the programs' graphs:
//
//	copies    … waits for used · copies the slot · records sent …
//	programs  … waits for sent · runs · records used …
//
// All feeds of a device share the stream of copies, as they share the bus.
type feed struct {
	device *Device
	slots  *gpu.FeedSlots
	ring   []*feedSlot
	freed  bool
}

// feedSlot is one slot. Its calls are made once, so that none allocates later.
type feedSlot struct {
	device     *Device
	host       unsafe.Pointer // pinned: all parts, each at a multiple of blockAlign
	parts      []gpu.Buffer
	offsets    []int    // of the parts in the host memory
	sent, used cu.Event // after the slot's last copy; after the last program on it
	next       *program // that run puts into the stream

	acquire, send, run func() error
}

var _ gpu.Feed = (*feed)(nil)

// NewFeed takes pinned memory from the driver and buffers from the arena.
func (d *Device) NewFeed(slots int, parts ...gpu.FeedPart) (gpu.Feed, error) {
	if err := d.state.Ready("feed"); err != nil {
		return nil, err
	}
	if err := gpu.CheckFeed(slots, parts); err != nil {
		return nil, err
	}
	f := &feed{device: d}
	host := make([][][]byte, slots)
	for i := range host {
		s, err := d.newFeedSlot(parts)
		f.ring = append(f.ring, s)
		if err != nil {
			_ = f.release() // what went wrong first says more
			return nil, fmt.Errorf("gpu: feed of %d slots: %w", slots, err)
		}
		host[i] = s.memory(parts)
	}
	f.slots = gpu.NewFeedSlots(host)
	d.feeds[f] = struct{}{}
	return f, nil
}

// newFeedSlot returns what it took also with an error.
func (d *Device) newFeedSlot(parts []gpu.FeedPart) (*feedSlot, error) {
	s := &feedSlot{device: d}
	s.acquire = func() error { return d.fail("acquire", d.failure("cuEventSynchronize", s.sent.Synchronize())) }
	s.send, s.run = s.putCopy, s.putProgram
	size := 0
	for _, p := range parts {
		b, err := d.Alloc(p.Type, p.Len)
		if err != nil {
			return s, err
		}
		b.(*buffer).GiveToFeed()
		s.parts = append(s.parts, b)
		s.offsets = append(s.offsets, size)
		size += int(roundUp(uint64(p.Bytes()), blockAlign))
	}
	return s, d.exec.do(func() error { return d.fail("feed", s.open(size)) })
}

// open takes the pinned memory and the events. On the executor.
func (s *feedSlot) open(size int) error {
	d := s.device
	var err error
	if d.copies == (cu.Stream{}) {
		if d.copies, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return d.failure("cuStreamCreate", err)
		}
	}
	if s.host, err = hostAlloc(max(size, 1)); err != nil {
		return d.failure(fmt.Sprintf("cuMemHostAlloc of %d bytes", size), err)
	}
	clear(unsafe.Slice((*byte)(s.host), size))
	// The host sleeps while it waits for a copy: its processors have batches to assemble.
	if s.sent, err = cu.MakeEvent(cu.DisableTiming | cu.BlockingSyncEvent); err != nil {
		return d.failure("cuEventCreate", err)
	}
	if s.used, err = cu.MakeEvent(cu.DisableTiming); err != nil {
		return d.failure("cuEventCreate", err)
	}
	// The first copy comes after the fills that zeroed the buffers.
	return d.failure("cuEventRecord", s.used.Record(d.queue.stream))
}

// memory is the slot's host memory, by parts.
func (s *feedSlot) memory(parts []gpu.FeedPart) [][]byte {
	all := make([][]byte, len(parts))
	for i, p := range parts {
		all[i] = unsafe.Slice((*byte)(unsafe.Add(s.host, s.offsets[i])), p.Bytes())
	}
	return all
}

func (f *feed) Buffers(slot int) []gpu.Buffer {
	if slot < 0 || slot >= len(f.ring) {
		return nil
	}
	return f.ring[slot].parts
}

// Acquire waits for the slot's last copy, and so for the programs that had to run before it.
func (f *feed) Acquire(slot int) error {
	if err := f.device.state.Ready("acquire"); err != nil {
		return err
	}
	if err := f.slots.Check("acquire", slot); err != nil {
		return err
	}
	if f.slots.Is(slot, gpu.FeedSent) {
		if err := f.device.exec.do(f.ring[slot].acquire); err != nil {
			return err
		}
	}
	f.slots.Set(slot, gpu.FeedOpen)
	return nil
}

func (f *feed) Fill(slot int, write func(host [][]byte)) error { return f.slots.Fill(slot, write) }

// Send puts the slot's copy into the stream of copies.
func (f *feed) Send(slot int) error {
	if err := f.device.state.Ready("send"); err != nil {
		return err
	}
	if err := f.slots.Require("send", slot, gpu.FeedOpen); err != nil {
		return err
	}
	f.slots.Set(slot, gpu.FeedSent)
	return f.device.exec.do(f.ring[slot].send)
}

func (s *feedSlot) putCopy() error {
	err := s.waitUsed()
	if err == nil {
		err = s.copy()
	}
	if err == nil {
		err = s.recordSent()
	}
	return s.device.fail("send", err)
}

func (s *feedSlot) waitUsed() error {
	return s.device.failure("cuStreamWaitEvent", s.device.copies.Wait(s.used, 0))
}

func (s *feedSlot) copy() error {
	d := s.device
	for i, part := range s.parts {
		b := part.(*buffer)
		if b.Len() == 0 {
			continue
		}
		from := unsafe.Add(s.host, s.offsets[i])
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(b.addr), from, int64(b.Bytes()), d.copies); err != nil {
			return d.failure("cuMemcpyHtoDAsync", err)
		}
	}
	if d.options.Sync {
		return d.failure("copying a slot failed", d.copies.Synchronize())
	}
	return nil
}

func (s *feedSlot) recordSent() error {
	return s.device.failure("cuEventRecord", s.sent.Record(s.device.copies))
}

// Run puts the program into its stream, behind the slot's copy.
func (f *feed) Run(slot int, p gpu.Program) error {
	if err := f.device.state.Ready("run"); err != nil {
		return err
	}
	if err := f.slots.Require("run", slot, gpu.FeedSent); err != nil {
		return err
	}
	own, ok := p.(*program)
	if !ok || own == nil || own.device != f.device {
		return errForeignProgram
	}
	if err := own.check("run"); err != nil {
		return err
	}
	f.ring[slot].next = own
	return f.device.exec.do(f.ring[slot].run)
}

var errForeignProgram = fmt.Errorf("gpu: run: the program belongs to another device: %w", gpu.ErrRecording)

func (s *feedSlot) putProgram() error {
	if err := s.device.fail("run", s.waitSent()); err != nil {
		return err
	}
	// A program that broke off has used the slot as well.
	ran := s.next.replay()
	return cmp.Or(ran, s.device.fail("run", s.recordUsed()))
}

func (s *feedSlot) waitSent() error {
	return s.device.failure("cuStreamWaitEvent", s.device.queue.stream.Wait(s.sent, 0))
}

func (s *feedSlot) recordUsed() error {
	return s.device.failure("cuEventRecord", s.used.Record(s.device.queue.stream))
}

// Free gives everything back, after what is still in both streams.
func (f *feed) Free() error {
	d := f.device
	if f.freed {
		return fmt.Errorf("gpu: free: %w", gpu.ErrFreedFeed)
	}
	if err := d.state.Ready("free"); err != nil && !errors.Is(err, gpu.ErrDeviceLost) {
		return err
	}
	f.freed = true
	f.slots.End(gpu.ErrFreedFeed)
	if d.state.Lost != nil {
		for _, s := range f.ring {
			for _, b := range s.parts {
				d.state.Remove(b.(*buffer))
			}
		}
		return nil // the device's Close closes the feed, as far as that is possible
	}
	delete(d.feeds, f)
	return d.fail("free", f.release())
}

// release waits for both streams and gives back whatever the slots took.
func (f *feed) release() error {
	d := f.device
	err := d.exec.do(func() error { return cmp.Or(d.drain(), f.close()) })
	for _, s := range f.ring {
		for _, b := range s.parts {
			err = cmp.Or(err, b.(*buffer).free())
		}
	}
	return err
}

// close gives back what the slots took beside the buffers, and returns the first error.
// On the executor, when both streams are at rest.
func (f *feed) close() error {
	d := f.device
	var first error
	for _, s := range f.ring {
		for _, event := range []*cu.Event{&s.sent, &s.used} {
			if *event != (cu.Event{}) {
				first = cmp.Or(first, d.failure("cuEventDestroy", cu.DestroyEvent(event)))
			}
		}
		if s.host != nil {
			first = cmp.Or(first, d.failure("cuMemFreeHost", cu.MemFreeHost(s.host)))
			s.host = nil
		}
	}
	return first
}
