//go:build cuda

package cuda

import (
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu"
)

// Profile runs the program steps times. On hardware the operations are issued one by
// one, with an event before and after each piece of work, whose difference is its time.
// With a Checker the graph runs, and the bytes and operations are those that it counted.
func (p *program) Profile(steps int) (gpu.Profile, error) {
	if err := p.check("profile"); err != nil {
		return gpu.Profile{}, err
	}
	if steps < 1 {
		return gpu.Profile{}, fmt.Errorf("gpu: profile: %d steps, at least 1 is expected: %w", steps, gpu.ErrShape)
	}
	d := p.device
	about := d.about
	profile := gpu.Profile{
		Kernels: p.floors(), Steps: steps,
		PeakBytesPerSecond: about.BytesPerSecond, PeakFLOPS: about.FLOPS(),
	}
	err := d.exec.do(func() error {
		if d.options.Checker != nil {
			return p.count(profile.Kernels, steps)
		}
		return d.fail("profile", p.measure(profile.Kernels, steps))
	})
	return profile, err
}

// floors adds up the launches of a step by kernel.
func (p *program) floors() []gpu.KernelProfile {
	var list []gpu.KernelProfile
	place := map[string]int{}
	for _, l := range p.launches {
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

// count runs the program and sets what the Checker counted meanwhile, per step.
func (p *program) count(list []gpu.KernelProfile, steps int) error {
	d := p.device
	if err := d.synchronize(); err != nil { // nothing of before is to be counted
		return err
	}
	before := d.options.Checker.Traffic()
	for range steps {
		if err := p.replay(); err != nil {
			return err
		}
	}
	if err := d.synchronize(); err != nil {
		return err
	}
	after := d.options.Checker.Traffic()
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

// measure issues the operations and sets the seconds per step. On the executor.
func (p *program) measure(list []gpu.KernelProfile, steps int) error {
	d := p.device
	watch := &stopwatch{stream: d.queue.stream, events: make([][2]cu.Event, len(p.launches))}
	defer watch.free()
	for i := range watch.events {
		for j := range watch.events[i] {
			var err error
			if watch.events[i][j], err = cu.MakeEvent(cu.DefaultEvent); err != nil {
				return d.failure("cuEventCreate", err)
			}
		}
	}
	d.queue.observer = watch
	defer func() { d.queue.observer = nil }()
	seconds := map[string]float64{}
	for range steps {
		watch.names = watch.names[:0]
		if err := p.reissue(); err != nil {
			return err
		}
		if err := d.failure("cuStreamSynchronize", d.queue.stream.Synchronize()); err != nil {
			return err
		}
		for i, name := range watch.names {
			milliseconds, err := watch.events[i][0].Elapsed(watch.events[i][1])
			if err != nil {
				return d.failure("cuEventElapsedTime", err)
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
		for j := range s.events[i] {
			if s.events[i][j] != (cu.Event{}) {
				_ = cu.DestroyEvent(&s.events[i][j]) // the times have been read
			}
		}
	}
}
