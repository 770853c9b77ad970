//go:build cuda

package cuda

import (
	"cmp"
	"unsafe"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/internal/cuext"
)

// slotBytes is the size of a pinned buffer: enough to reach the bus's full speed.
const slotBytes = 4 << 20

// slot is pinned host memory, through which all copies between host and device go: only
// such memory can be copied while the host continues, and only it at full speed.
type slot struct {
	memory unsafe.Pointer
	event  cu.Event // records the end of the last copy
	busy   bool     // nobody has waited for the event
	to     []byte   // the destination of a download that was not copied out yet
}

// staging holds two slots, used by turns: one is filled while the other is copied.
type staging struct {
	slots [2]slot
	turn  int
}

// open allocates the slots. After an error, close frees those that were allocated.
func (s *staging) open() error {
	for i := range s.slots {
		p, err := cuext.HostAlloc(slotBytes)
		if err != nil {
			return err
		}
		s.slots[i].memory = p
		if s.slots[i].event, err = cu.MakeEvent(cu.DisableTiming); err != nil {
			return err
		}
	}
	return nil
}

// close frees the slots and returns the first error.
func (s *staging) close() error {
	var first error
	for i := range s.slots {
		if s.slots[i].event != (cu.Event{}) {
			first = cmp.Or(first, cu.DestroyEvent(&s.slots[i].event))
		}
		if s.slots[i].memory != nil {
			first = cmp.Or(first, cu.MemFreeHost(s.slots[i].memory))
		}
	}
	*s = staging{}
	return first
}

// next returns the next slot, after the copy that used it last.
func (s *staging) next() (*slot, error) {
	next := &s.slots[s.turn]
	s.turn = (s.turn + 1) % len(s.slots)
	return next, next.finish()
}

// finish waits for the slot's copy, and copies a download out.
func (s *slot) finish() error {
	if !s.busy {
		return nil
	}
	s.busy = false
	err := s.event.Synchronize()
	if err == nil {
		copy(s.to, s.bytes(len(s.to)))
	}
	s.to = nil
	return err
}

// copied notes the copy that was just put into the stream.
func (s *slot) copied(stream cu.Stream) error {
	s.busy = true
	return s.event.Record(stream)
}

func (s *slot) bytes(n int) []byte { return unsafe.Slice((*byte)(s.memory), n) }

// upload copies src to the device. It waits only where both slots are in use, and src can be
// reused at once.
func (s *staging) upload(stream cu.Stream, addr uint64, src []byte) error {
	for at := 0; at < len(src); at += slotBytes {
		part := src[at:min(at+slotBytes, len(src))]
		next, err := s.next()
		if err != nil {
			return err
		}
		copy(next.bytes(len(part)), part)
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(addr+uint64(at)), next.memory, int64(len(part)), stream); err != nil {
			return err
		}
		if err := next.copied(stream); err != nil {
			return err
		}
	}
	return nil
}

// download copies to dst from the device, and waits for the stream.
func (s *staging) download(stream cu.Stream, dst []byte, addr uint64) error {
	defer s.forget()
	for at := 0; at < len(dst); at += slotBytes {
		part := dst[at:min(at+slotBytes, len(dst))]
		next, err := s.next()
		if err != nil {
			return err
		}
		if err := cu.MemcpyDtoHAsync(next.memory, cu.DevicePtr(addr+uint64(at)), int64(len(part)), stream); err != nil {
			return err
		}
		if err := next.copied(stream); err != nil {
			return err
		}
		next.to = part
	}
	if len(dst) == 0 { // a download waits, also for nothing
		return stream.Synchronize()
	}
	for range s.slots {
		if _, err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

// forget makes sure that nothing is copied out after a download, even one that failed.
func (s *staging) forget() {
	for i := range s.slots {
		s.slots[i].to = nil
	}
}
