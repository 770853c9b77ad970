//go:build cuda

package cuda

import (
	"cmp"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"mdfa/gpu"
)

// copier copies the batches of a feed in a stream of its own, beside the one in which
// programs run. Two events of each slot order the streams, outside of the programs' graphs:
//
//	copies    … waits for used · copies the slot · records sent …
//	programs  … waits for sent · runs · records used …
//
// All feeds of a device share the stream of copies, as they share the bus.
type copier struct {
	device *Device
	ring   []*feedSlot
}

// feedSlot is one slot. Its calls are made once, so that none allocates later.
type feedSlot struct {
	device     *Device
	host       unsafe.Pointer // pinned: all parts, each at a multiple of blockAlign
	parts      []*buffer
	offsets    []int    // of the parts in the host memory
	sent, used cu.Event // after the slot's last copy; after the last program on it
	next       *program // that run puts into the stream

	wait, send, run func() error
}

// NewFeed takes pinned memory from the driver and buffers from the arena.
func (d *Device) NewFeed(slots int, parts ...gpu.FeedPart) (gpu.Feed, error) {
	f, err := d.state.NewFeed(slots, parts, d.Alloc, &copier{device: d})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Host adds a slot to the ring.
func (c *copier) Host(buffers []*buffer) ([][]byte, error) {
	d := c.device
	s := &feedSlot{device: d, parts: buffers}
	s.wait = func() error { return d.fail("acquire", d.failure("cuEventSynchronize", s.sent.Synchronize())) }
	s.send, s.run = s.putCopy, s.putProgram
	c.ring = append(c.ring, s)
	size := 0
	for _, b := range buffers {
		s.offsets = append(s.offsets, size)
		size += int(roundUp(uint64(b.Bytes()), blockAlign))
	}
	if err := d.exec.do(func() error { return d.fail("feed", s.open(size)) }); err != nil {
		return nil, err
	}
	host := make([][]byte, len(buffers))
	for i, b := range buffers {
		host[i] = unsafe.Slice((*byte)(unsafe.Add(s.host, s.offsets[i])), b.Bytes())
	}
	return host, nil
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

// Wait waits for the slot's last copy, and so for the programs that had to run before it.
func (c *copier) Wait(slot int) error { return c.device.exec.do(c.ring[slot].wait) }

// Send puts the slot's copy into the stream of copies.
func (c *copier) Send(slot int) error { return c.device.exec.do(c.ring[slot].send) }

// Run puts the program into its stream, behind the slot's copy.
func (c *copier) Run(slot int, p *program) error {
	c.ring[slot].next = p
	return c.device.exec.do(c.ring[slot].run)
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
	for i, b := range s.parts {
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

// Free waits for both streams and gives back whatever the slots took.
func (c *copier) Free() error {
	d := c.device
	return d.exec.do(func() error { return d.fail("free", cmp.Or(d.drain(), c.close())) })
}

// close gives back what the slots took beside the buffers, and returns the first error.
// On the executor, when both streams are at rest.
func (c *copier) close() error {
	d := c.device
	var first error
	for _, s := range c.ring {
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
