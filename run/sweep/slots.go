package sweep

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"mdfa/internal/wording"
	"mdfa/run/device"
)

// autoGPU is the number of runs that train side by side on a GPU if nobody says how many: small networks leave most of
// it idle.
const autoGPU = 4

// allGPUs is the value of -device for every GPU of the machine.
const allGPUs = "all"

// place is a device on which runs train side by side. Each run opens it for itself.
type place struct {
	name  string
	onGPU bool
	gate  sync.Mutex   // held from a run's opening of a GPU until it has its memory, so that the next run sees what is free
	runs  atomic.Int32 // that train
	lost  atomic.Bool  // a run has ended because the GPU was lost
}

// slot trains one run at a time.
type slot struct {
	*place
	workers int // processors; 0: all
}

// enter begins a run. The run calls started once it has its memory, or when it has ended before.
func (p *place) enter() (started func()) {
	if p.onGPU {
		p.gate.Lock()
	}
	p.runs.Add(1)
	return sync.OnceFunc(func() {
		if p.onGPU {
			p.gate.Unlock()
		}
	})
}

// leave ends a run.
func (p *place) leave() { p.runs.Add(-1) }

// shared says whether other runs train here at this moment.
func (p *place) shared() bool { return p.runs.Load() > 1 }

// slots returns the slots for the runs that are left. Devices are filled in turn.
func (s *Sweep) slots() ([]slot, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	jobs, processors := s.options.Jobs, runtime.GOMAXPROCS(0)
	for _, p := range s.places {
		switch {
		case s.options.Jobs > 0:
		case p.onGPU:
			jobs += autoGPU
		default:
			jobs += processors
		}
	}
	slots := make([]slot, min(jobs, len(s.Left())))
	for i := range slots {
		slots[i].place = s.places[i%len(s.places)]
		if !slots[i].onGPU { // its share of the processors
			slots[i].workers = max(1, (i+1)*processors/len(slots)-i*processors/len(slots))
		}
	}
	return slots, nil
}

// Jobs returns the number of runs that Do would train side by side; 1 where no device can be opened.
func (s *Sweep) Jobs() int {
	slots, err := s.slots()
	if err != nil {
		return 1
	}
	return max(1, len(slots))
}

// open looks at each device, once.
func (s *Sweep) open() error {
	if s.places != nil {
		return nil
	}
	names, err := s.devices()
	if err != nil {
		return err
	}
	var places []*place
	for _, name := range names {
		dev, _, err := device.Open(name, device.Options{})
		if err != nil {
			return err
		}
		places = append(places, &place{name: name, onGPU: device.OnGPU(dev.Info().Kind)})
		if err := dev.Close(); err != nil {
			return fmt.Errorf("-device %s: %w", name, err)
		}
	}
	s.places = places
	return nil
}

// devices returns the names of the devices.
func (s *Sweep) devices() ([]string, error) {
	names := s.grid.devices
	if len(names) == 0 {
		return []string{s.Runs[0].Spec.Device}, nil
	}
	if len(names) == 1 && names[0] == allGPUs {
		if names = device.GPUs(); len(names) == 0 {
			return nil, wording.Usagef("-device all: this machine has no GPU that can be used; train -devices says why.")
		}
	}
	for i, name := range names {
		for _, other := range names[:i] {
			if name == other {
				return nil, wording.Usagef("-device names %s twice: leave it out once; -jobs says how many runs a device trains at a time.", name)
			}
		}
	}
	return names, nil
}
