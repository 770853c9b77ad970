//go:build cuda

package cuda

import (
	"cmp"
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu"
)

// Profile runs the program steps times. On hardware the operations are issued one by
// one, with an event before and after each piece of work, whose difference is its time.
// With a Checker the graph runs, and the bytes and operations are the Checker's counts.
func (p *program) Profile(steps int) (gpu.Profile, error) {
	if err := cmp.Or(p.device.Ready("profile"), p.CheckRun()); err != nil {
		return gpu.Profile{}, err
	}
	if steps < 1 {
		return gpu.Profile{}, fmt.Errorf("profile: %d steps, at least 1 is expected: %w", steps, gpu.ErrShape)
	}
	c := p.context
	profile := gpu.Profile{
		Kernels: p.step.floors(), Steps: steps,
		PeakBytesPerSecond: c.about.BytesPerSecond, PeakFLOPS: c.about.FLOPS(),
	}
	err := c.exec.Do(func() error {
		if c.checker != nil {
			return p.count(profile.Kernels, steps)
		}
		return c.fail("profile", p.measure(profile.Kernels, steps))
	})
	return profile, err
}

// floors adds up the launches of a step by kernel.
func (s *step) floors() []gpu.KernelProfile {
	var list []gpu.KernelProfile
	place := map[string]int{}
	for _, l := range s.launches {
		i, known := place[l.kernel]
		if !known {
			i = len(list)
			place[l.kernel] = i
			list = append(list, gpu.KernelProfile{Kernel: l.kernel})
		}
		k := &list[i]
		k.Launches++
		k.FloorRead += int64(l.read)
		k.FloorWritten += int64(l.written)
		k.FLOPs += int64(l.flops)
	}
	return list
}

// count runs the program and sets the Checker's counts per step.
func (p *program) count(list []gpu.KernelProfile, steps int) error {
	c := p.context
	if err := c.fail("sync", c.drain()); err != nil { // earlier work must not be counted
		return err
	}
	before := c.checker.Traffic()
	for range steps {
		if err := p.replay(); err != nil {
			return err
		}
	}
	if err := c.fail("sync", c.drain()); err != nil {
		return err
	}
	after := c.checker.Traffic()
	for i := range list {
		k := &list[i]
		end, known := after[k.Kernel]
		if !known { // fills and copies are not counted by kernel
			continue
		}
		start := before[k.Kernel]
		per := func(end, start uint64) int64 { return int64((end - start) / uint64(steps)) }
		k.Read, k.Written = per(end.BytesRead, start.BytesRead), per(end.BytesWritten, start.BytesWritten)
		k.FLOPs = per(end.FLOPs, start.FLOPs)
	}
	return nil
}

// stopwatch records an event before and after each piece of work of a step.
type stopwatch struct {
	stream cu.Stream
	events [][2]cu.Event
	names  []string // of the work, as it was issued
}

func (s *stopwatch) before(l launch) error {
	i := len(s.names)
	s.names = append(s.names, l.kernel)
	return s.events[i][0].Record(s.stream)
}

func (s *stopwatch) after(launch) error { return s.events[len(s.names)-1][1].Record(s.stream) }

// measure issues the operations and sets the seconds per step. It runs on the executor.
func (p *program) measure(list []gpu.KernelProfile, steps int) error {
	c := p.context
	watch := &stopwatch{stream: c.queue.stream, events: make([][2]cu.Event, len(p.step.launches))}
	defer watch.free()
	for i := range watch.events {
		for j := range watch.events[i] {
			var err error
			if watch.events[i][j], err = cu.MakeEvent(cu.DefaultEvent); err != nil {
				return c.failure("cuEventCreate", err)
			}
		}
	}
	c.queue.observer = watch
	defer func() { c.queue.observer = nil }()
	seconds := map[string]float64{}
	for range steps {
		watch.names = watch.names[:0]
		if err := p.reissue(); err != nil {
			return err
		}
		if err := c.wait(c.queue.stream); err != nil {
			return err
		}
		for i, name := range watch.names {
			milliseconds, err := watch.events[i][0].Elapsed(watch.events[i][1])
			if err != nil {
				return c.failure("cuEventElapsedTime", err)
			}
			seconds[name] += milliseconds / 1e3
		}
	}
	for i := range list {
		list[i].Seconds = seconds[list[i].Kernel] / float64(steps)
	}
	return nil
}

// free destroys the events that were created.
func (s *stopwatch) free() {
	for i := range s.events {
		for _, e := range s.events[i] {
			if e != (cu.Event{}) {
				_ = cu.DestroyEvent(&e) // the times have been read
			}
		}
	}
}
