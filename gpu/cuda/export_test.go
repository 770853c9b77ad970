//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"os"
	"slices"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
	"mdfa/gpu/internal/state"
)

// gpu/mutants brings kernels with a bug in them, without building the tests anew.
func init() {
	file := os.Getenv("MDFA_TEST_PTX")
	if file == "" {
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	ptx = string(text)
}

// The events that order a feed's two streams, for tests that leave one out.
type FeedWaits struct{ Used, Sent bool }

// CarryWith sends an open slot and runs a program on it, as Send and Run do, with only
// the given waits.
func CarryWith(f gpu.Feed, slot int, p gpu.Program, waits FeedWaits) error {
	s := slotOf(f, slot)
	defer func(send, run func() error) { s.send, s.run = send, run }(s.send, s.run)
	if !waits.Used {
		s.send = func() error { return cmp.Or(s.copy(), s.recordSent()) }
	}
	if !waits.Sent {
		s.run = func() error { return cmp.Or(s.next.replay(), s.recordUsed()) }
	}
	return cmp.Or(f.Send(slot), f.Run(slot, p))
}

// OpenWithoutWaiting is Acquire as if it did not wait for the slot's copy.
func OpenWithoutWaiting(f gpu.Feed, slot int) error {
	s := slotOf(f, slot)
	defer func(wait func() error) { s.wait = wait }(s.wait)
	s.wait = func() error { return nil }
	return f.Acquire(slot)
}

func slotOf(f gpu.Feed, slot int) *feedSlot {
	return f.(*state.Feed[*buffer, *program]).Copier().(*copier).ring[slot]
}

// Waits is how many waits order the streams of a program.
func Waits(p gpu.Program) int {
	n := 0
	for _, waits := range p.(*program).schedule.waits {
		n += len(waits)
	}
	return n
}

// Streams is how many streams a program is spread over.
func Streams(p gpu.Program) int { return p.(*program).schedule.used() }

// RecordWithout is Record that leaves wait number drop out.
func RecordWithout(d *Device, step func() error, drop int) (gpu.Program, error) {
	p := &program{device: d}
	if err := d.state.Record(p, step); err != nil {
		return nil, err
	}
	err := d.exec.do(func() error {
		if err := p.arrange(); err != nil {
			return err
		}
		for i, waits := range p.schedule.waits {
			if drop >= 0 && drop < len(waits) {
				p.schedule.waits[i] = slices.Delete(slices.Clone(waits), drop, drop+1)
			}
			drop -= len(waits)
		}
		return p.install()
	})
	d.programs[p] = struct{}{}
	return p, err
}

// Launch puts kernels into the stream with shapes and addresses of the caller's.
func Launch(d *Device, launch func(k kernels.Kernels) error) error {
	return d.exec.do(func() error {
		d.queue.note(launch(d.queue.kernel(0, 0, 0)))
		return d.fail("launch", d.queue.take())
	})
}

// Address is where a span begins on the device.
func Address(s gpu.Span) kernels.DevicePtr { return address(s) }

// ErrOrdered is what the helpers below let fail.
var ErrOrdered = errors.New("ordered to fail")

// RecordFailing is Record in which the first operation of another stream than the first
// fails while it is captured. It says whether the queue is back at the first stream then.
func RecordFailing(d *Device, step func() error) (failure error, first bool) {
	p := &program{device: d}
	if err := d.state.Record(p, step); err != nil {
		return err, false
	}
	err := d.exec.do(func() error {
		stream := d.queue.stream
		if err := p.arrange(); err != nil {
			return err
		}
		at := slices.IndexFunc(p.schedule.stream, func(stream int) bool { return stream > 0 })
		p.ops[at].issue = func(q *queue) { q.note(ErrOrdered) }
		err := p.install()
		first = d.queue.stream == stream
		return err
	})
	return err, first
}

// BreakOff lets a program fail after it has put its step into the stream.
func BreakOff(p gpu.Program) {
	own := p.(*program)
	whole := own.replay
	own.replay = func() error { return cmp.Or(whole(), ErrOrdered) }
}

// ProvideLanes opens streams beside the first, up to n in all, and returns how many there are.
func ProvideLanes(d *Device, n int) (lanes int, err error) {
	err = d.exec.do(func() error {
		lanes, err = d.provideLanes(n)
		return err
	})
	return lanes, err
}
