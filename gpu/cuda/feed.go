//go:build cuda

package cuda

import (
	"cmp"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/internal/arena"
	"mdfa/gpu/cuda/internal/cuext"
)

// copier copies the batches of a feed in its own stream, beside the one in which
// programs run. Two events of each slot order the streams, outside of the programs' graphs:
//
//	copies    … waits for used · copies the slot · records sent …
//	programs  … waits for sent · runs · records used …
//
// All feeds of a device share the stream of copies, as they share the bus.
type copier struct {
	context *context
	ring    []*feedSlot
}

// feedSlot is one slot. Its functions are made once, so that later calls allocate nothing.
type feedSlot struct {
	*context
	host       unsafe.Pointer // pinned: all parts, each at a multiple of arena.Align
	parts      []*buffer
	offsets    []int    // of the parts in the host memory
	sent, used cu.Event // after the slot's last copy; after the last program on it
	next       *program // for startProgram

	waitForCopy, startCopy, startProgram func() error
}

// Host adds a slot to the ring.
func (c *copier) Host(buffers []*buffer) ([][]byte, error) {
	s := &feedSlot{context: c.context, parts: buffers}
	s.waitForCopy = func() error { return s.fail("acquire", s.awaitCopy()) }
	s.startCopy, s.startProgram = s.putCopy, s.putProgram
	c.ring = append(c.ring, s)
	size := 0
	for _, b := range buffers {
		s.offsets = append(s.offsets, size)
		size += int(arena.RoundUp(uint64(b.Bytes()), arena.Align))
	}
	if err := c.context.do("feed", func() error { return s.makeResources(size) }); err != nil {
		return nil, err
	}
	host := make([][]byte, len(buffers))
	for i, b := range buffers {
		host[i] = unsafe.Slice((*byte)(unsafe.Add(s.host, s.offsets[i])), b.Bytes())
	}
	return host, nil
}

func (s *feedSlot) awaitCopy() error {
	if s.ranks != nil {
		return s.await("cuEventQuery", s.sent.Query)
	}
	return s.failure("cuEventSynchronize", s.sent.Synchronize())
}

// makeResources takes the pinned memory and the events. It runs on the executor.
func (s *feedSlot) makeResources(size int) error {
	var err error
	if s.copies == (cu.Stream{}) {
		if s.copies, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return s.failure("cuStreamCreate", err)
		}
	}
	if s.host, err = cuext.HostAlloc(max(size, 1)); err != nil {
		return s.failure(fmt.Sprintf("cuMemHostAlloc of %d bytes", size), err)
	}
	clear(unsafe.Slice((*byte)(s.host), size))
	// The host sleeps while it waits for a copy: its processors have batches to assemble.
	if s.sent, err = cu.MakeEvent(cu.DisableTiming | cu.BlockingSyncEvent); err != nil {
		return s.failure("cuEventCreate", err)
	}
	if s.used, err = cu.MakeEvent(cu.DisableTiming); err != nil {
		return s.failure("cuEventCreate", err)
	}
	return s.recordUsed() // the first copy comes after the fills that zeroed the buffers
}

// Wait waits for the slot's last copy, and so for the programs that had to run before it.
func (c *copier) Wait(slot int) error { return c.context.exec.Do(c.ring[slot].waitForCopy) }

// Send puts the slot's copy into the stream of copies.
func (c *copier) Send(slot int) error { return c.context.exec.Do(c.ring[slot].startCopy) }

// Run puts the program into its stream, behind the slot's copy.
func (c *copier) Run(slot int, p *program) error {
	c.ring[slot].next = p
	return c.context.exec.Do(c.ring[slot].startProgram)
}

func (s *feedSlot) putCopy() error {
	err := s.waitUsed()
	if err == nil {
		err = s.copy()
	}
	if err == nil {
		err = s.recordSent()
	}
	return s.fail("send", err)
}

func (s *feedSlot) waitUsed() error {
	return s.failure("cuStreamWaitEvent", s.copies.Wait(s.used, 0))
}

func (s *feedSlot) copy() error {
	for i, b := range s.parts {
		if b.Len() == 0 {
			continue
		}
		from := unsafe.Add(s.host, s.offsets[i])
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(b.addr), from, int64(b.Bytes()), s.copies); err != nil {
			return s.failure("cuMemcpyHtoDAsync", err)
		}
	}
	if s.options.Sync {
		return s.failure("copying a slot failed", s.finish(s.copies))
	}
	return nil
}

func (s *feedSlot) recordSent() error { return s.failure("cuEventRecord", s.sent.Record(s.copies)) }

func (s *feedSlot) putProgram() error {
	if err := s.fail("run", s.waitSent()); err != nil {
		return err
	}
	// A program that broke off has used the slot as well.
	ran := s.next.replay()
	return cmp.Or(ran, s.fail("run", s.recordUsed()))
}

func (s *feedSlot) waitSent() error {
	return s.failure("cuStreamWaitEvent", s.queue.stream.Wait(s.sent, 0))
}

func (s *feedSlot) recordUsed() error {
	return s.failure("cuEventRecord", s.used.Record(s.queue.stream))
}

// Free waits for both streams and frees the slots' memory.
func (c *copier) Free() error {
	return c.context.do("free", func() error { return cmp.Or(c.context.drain(), c.close()) })
}

// close frees everything but the buffers, and returns the first error. It runs on the
// executor, when both streams are idle.
func (c *copier) close() error {
	var first error
	for _, s := range c.ring {
		for _, event := range []*cu.Event{&s.sent, &s.used} {
			if *event != (cu.Event{}) {
				first = cmp.Or(first, s.failure("cuEventDestroy", cu.DestroyEvent(event)))
			}
		}
		if s.host != nil {
			first = cmp.Or(first, s.failure("cuMemFreeHost", cu.MemFreeHost(s.host)))
			s.host = nil
		}
	}
	return first
}
