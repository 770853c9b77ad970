//go:build cuda

package cuda

import (
	"unsafe"

	"gorgonia.org/cu"

	"mdfa/gpu"
)

// slotBytes is the size of a pinned buffer: enough to reach the bus's full speed.
const slotBytes = 4 << 20

// slot is pinned host memory, through which all copies between host and device go: only
// such memory can be copied while the host goes on, and only it at full speed.
type slot struct {
	memory unsafe.Pointer
	event  cu.Event // when the last copy from or to it is done
	busy   bool     // that has not been waited for
}

// staging are two slots, used by turns: one is filled while the other is copied.
type staging struct {
	slots [2]slot
	turn  int
}

// open allocates the slots. What was allocated is there for close, also after an error.
func (s *staging) open() error {
	for i := range s.slots {
		p, err := hostAlloc(slotBytes)
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
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for i := range s.slots {
		if s.slots[i].event != (cu.Event{}) {
			keep(cu.DestroyEvent(&s.slots[i].event))
		}
		if s.slots[i].memory != nil {
			keep(cu.MemFreeHost(s.slots[i].memory))
		}
	}
	*s = staging{}
	return first
}

// free returns the next slot, once the copy that used it last is done.
func (s *staging) free() (*slot, error) {
	next := &s.slots[s.turn]
	s.turn = (s.turn + 1) % len(s.slots)
	return next, next.wait()
}

func (s *slot) wait() error {
	if !s.busy {
		return nil
	}
	s.busy = false
	return s.event.Synchronize()
}

// copied notes the copy that was just put into the stream.
func (s *slot) copied(stream cu.Stream) error {
	s.busy = true
	return s.event.Record(stream)
}

func (s *slot) bytes(n int) []byte { return unsafe.Slice((*byte)(s.memory), n) }

// Upload copies src through pinned memory. It waits for the device only where both
// slots still wait to be copied, so that src can be reused at once.
func (d *Device) Upload(dst gpu.Buffer, off int, src []byte) error {
	b, err := d.state.Transfer("upload", dst, off, len(src))
	if err != nil {
		return err
	}
	return d.exec.do(func() error { return d.fail("upload", d.failure("host to device", d.upload(b.addr+uint64(off), src))) })
}

func (d *Device) upload(addr uint64, src []byte) error {
	stream := d.queue.stream
	for at := 0; at < len(src); at += slotBytes {
		part := src[at:min(at+slotBytes, len(src))]
		s, err := d.staging.free()
		if err != nil {
			return err
		}
		copy(s.bytes(len(part)), part)
		if err := cu.MemcpyHtoDAsync(cu.DevicePtr(addr+uint64(at)), s.memory, int64(len(part)), stream); err != nil {
			return err
		}
		if err := s.copied(stream); err != nil {
			return err
		}
	}
	return nil
}

// Download copies a buffer through pinned memory, and waits for it.
func (d *Device) Download(dst []byte, src gpu.Buffer, off int) error {
	b, err := d.state.Transfer("download", src, off, len(dst))
	if err != nil {
		return err
	}
	return d.exec.do(func() error {
		return d.fail("download", d.failure("device to host", d.download(dst, b.addr+uint64(off))))
	})
}

func (d *Device) download(dst []byte, addr uint64) error {
	type piece struct {
		slot *slot
		to   []byte
	}
	stream := d.queue.stream
	var waiting []piece // at most as many as there are slots
	arrive := func() error {
		p := waiting[0]
		waiting = waiting[1:]
		if err := p.slot.wait(); err != nil {
			return err
		}
		copy(p.to, p.slot.bytes(len(p.to)))
		return nil
	}
	for at := 0; at < len(dst); at += slotBytes {
		if len(waiting) == len(d.staging.slots) {
			if err := arrive(); err != nil {
				return err
			}
		}
		to := dst[at:min(at+slotBytes, len(dst))]
		s, err := d.staging.free()
		if err != nil {
			return err
		}
		if err := cu.MemcpyDtoHAsync(s.memory, cu.DevicePtr(addr+uint64(at)), int64(len(to)), stream); err != nil {
			return err
		}
		if err := s.copied(stream); err != nil {
			return err
		}
		waiting = append(waiting, piece{s, to})
	}
	for len(waiting) > 0 {
		if err := arrive(); err != nil {
			return err
		}
	}
	if len(dst) == 0 { // a download waits, also for nothing
		return stream.Synchronize()
	}
	return nil
}
