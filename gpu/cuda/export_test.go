//go:build cuda

package cuda

import "mdfa/gpu"

// The events that order a feed's two streams, for tests that leave one out.
type FeedWaits struct{ Used, Sent bool }

// CarryWith sends an open slot and runs a program on it, as Send and Run do, with only
// the given waits.
func CarryWith(f gpu.Feed, slot int, p gpu.Program, waits FeedWaits) error {
	own := f.(*feed)
	s := own.ring[slot]
	own.slots.Set(slot, gpu.FeedSent)
	s.next = p.(*program)
	steps := []func() error{s.copy, s.recordSent}
	if waits.Used {
		steps = append([]func() error{s.waitUsed}, steps...)
	}
	if waits.Sent {
		steps = append(steps, s.waitSent)
	}
	steps = append(steps, func() error { return s.next.replay() }, s.recordUsed)
	return own.device.exec.do(func() error {
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// OpenWithoutWaiting is Acquire as if it did not wait for the slot's copy.
func OpenWithoutWaiting(f gpu.Feed, slot int) { f.(*feed).slots.Set(slot, gpu.FeedOpen) }
