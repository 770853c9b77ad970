//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"os"
	"slices"

	"gorgonia.org/cu"

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
	defer func(send, run func() error) { s.startCopy, s.startProgram = send, run }(s.startCopy, s.startProgram)
	if !waits.Used {
		s.startCopy = func() error { return cmp.Or(s.copy(), s.recordSent()) }
	}
	if !waits.Sent {
		s.startProgram = func() error { return cmp.Or(s.next.replay(), s.recordUsed()) }
	}
	return cmp.Or(f.Send(slot), f.Run(slot, p))
}

// OpenWithoutWaiting is Acquire as if it did not wait for the slot's copy.
func OpenWithoutWaiting(f gpu.Feed, slot int) error {
	s := slotOf(f, slot)
	defer func(wait func() error) { s.waitForCopy = wait }(s.waitForCopy)
	s.waitForCopy = func() error { return nil }
	return f.Acquire(slot)
}

func slotOf(f gpu.Feed, slot int) *feedSlot {
	return f.(*state.Feed[*buffer, *program]).Copier().(*copier).ring[slot]
}

// Waits is how many waits order the streams of a program.
func Waits(p gpu.Program) int {
	n := 0
	for _, waits := range p.(*program).step.schedule.Waits {
		n += len(waits)
	}
	return n
}

// Streams is how many streams a program is spread over.
func Streams(p gpu.Program) int { return p.(*program).step.schedule.Used() }

// RecordWithout is Record that leaves wait number drop out.
func RecordWithout(d *Device, step func() error, drop int) (gpu.Program, error) {
	p := d.newProgram()
	if err := d.state.Record(p, step); err != nil {
		return nil, err
	}
	err := d.context.exec.Do(func() error {
		if err := p.step.arrange(d.context); err != nil {
			return err
		}
		for i, waits := range p.step.schedule.Waits {
			if drop >= 0 && drop < len(waits) {
				p.step.schedule.Waits[i] = slices.Delete(slices.Clone(waits), drop, drop+1)
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
	return d.context.exec.Do(func() error {
		d.context.queue.note(launch(d.context.queue.kernel(0, 0, 0)))
		return d.context.fail("launch", d.context.queue.take())
	})
}

// Address is where a span begins on the device.
func Address(s gpu.Span) kernels.DevicePtr { return address(s) }

// ErrOrdered is the error of the helpers below that make a call fail.
var ErrOrdered = errors.New("ordered to fail")

// RecordFailing is Record in which the first operation of another stream than the first
// fails while it is captured. It says whether the queue is back at the first stream then.
func RecordFailing(d *Device, step func() error) (failure error, first bool) {
	p := d.newProgram()
	if err := d.state.Record(p, step); err != nil {
		return err, false
	}
	err := d.context.exec.Do(func() error {
		stream := d.context.queue.stream
		if err := p.step.arrange(d.context); err != nil {
			return err
		}
		at := slices.IndexFunc(p.step.schedule.Stream, func(stream int) bool { return stream > 0 })
		p.step.ops[at].issue = func(q *queue) { q.note(ErrOrdered) }
		err := p.install()
		first = d.context.queue.stream == stream
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

// ProvideStreams opens streams beside the first, up to n in all, and returns how many there are.
func ProvideStreams(d *Device, n int) (streams int, err error) {
	err = d.context.exec.Do(func() error {
		streams, err = d.context.provideStreams(n)
		return err
	})
	return streams, err
}

// Follow puts the device's next work behind all that is in the stream of another one on the same GPU.
func Follow(d, before *Device) error {
	return d.context.exec.Do(func() error {
		e, err := cu.MakeEvent(cu.DisableTiming)
		if err != nil {
			return err
		}
		defer func() { _ = cu.DestroyEvent(&e) }()
		return cmp.Or(e.Record(before.context.queue.stream), d.context.queue.stream.Wait(e, 0))
	})
}
