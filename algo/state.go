package algo

import (
	"fmt"
	"slices"

	"mdfa/gpu"
)

// Progress is how far a run has come. With the seed of the schedule it says which batch is
// next: the order of an epoch depends on seed and epoch alone.
type Progress struct {
	Epochs    []Epoch // the completed ones
	BestEpoch int     // as in Result
	// Step is the number of training steps in the epoch after those. It may be all of its
	// steps: then its validation is next.
	Step     int
	Sums     Metrics // of these steps
	Seconds  float64 // they took
	DataWait float64 // the part of Seconds that waited for streamed images
}

// Epoch is the number of the epoch that goes on, or that is next.
func (p Progress) Epoch() int { return len(p.Epochs) + 1 }

// Steps is the number of training steps of the whole run so far.
func (p Progress) Steps() int {
	steps := p.Step
	for _, e := range p.Epochs {
		steps += e.Steps
	}
	return steps
}

// result is the totals of the completed epochs.
func (p Progress) result() Result {
	r := Result{Epochs: append([]Epoch(nil), p.Epochs...), BestEpoch: p.BestEpoch, Steps: p.Steps()}
	for _, e := range p.Epochs {
		r.TrainImages += e.Train.Count
		r.Seconds += e.Seconds
		r.DataWait += e.DataWait
	}
	return r
}

// Finite says whether no weight is NaN or infinite.
func Finite(weights []float32) bool {
	for _, x := range weights {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// State is everything that a run needs to go on as if it had never stopped: the same
// bits come out of it. The arenas are laid out as the network says; what their padding
// holds does not matter.
type State struct {
	Progress
	Params    []float32
	Best      []float32   // the parameters of the best epoch; nil before the first validation
	Optimizer [][]float32 // the optimizer's arenas
}

// State downloads what a run needs to go on. It waits for the device. It holds for a
// trainer that runs, in its schedule's Save, or whose state was just restored.
func (t *Trainer) State() (State, error) {
	l := t.learner
	s := State{Progress: t.progress}
	s.Epochs = slices.Clip(t.progress.Epochs) // shared: a completed epoch never changes
	var err error
	if s.Params, err = l.Params(); err != nil {
		return State{}, err
	}
	if s.BestEpoch > 0 {
		if s.Best, err = t.Best(); err != nil {
			return State{}, err
		}
	}
	for _, buffer := range l.state {
		arena, err := gpu.Read[float32](l.dev, gpu.All(buffer))
		if err != nil {
			return State{}, err
		}
		s.Optimizer = append(s.Optimizer, arena)
	}
	return s, nil
}

// Best downloads the parameters of the best epoch so far. There are some from the first
// validation on.
func (t *Trainer) Best() ([]float32, error) {
	return gpu.Read[float32](t.learner.dev, gpu.All(t.best))
}

// Restore brings a state to the device, also one of another device: Run goes on from
// there. A state that does not belong to the network, the optimizer, the data or the
// schedule is ErrConfig.
func (t *Trainer) Restore(s State) error {
	if err := t.checkState(s); err != nil {
		return err
	}
	l := t.learner
	uploads := map[gpu.Buffer][]float32{l.params: s.Params}
	if s.BestEpoch > 0 {
		uploads[t.best] = s.Best
	}
	for i, arena := range s.Optimizer {
		uploads[l.state[i]] = arena
	}
	for buffer, arena := range uploads {
		if err := gpu.Upload(l.dev, buffer, 0, arena); err != nil {
			return err
		}
	}
	// The batches of this epoch, which BeginEpoch sets as well, and Adam's t.
	if err := gpu.Upload(l.dev, l.counter, 0, []int32{int32(s.Step), int32(s.Steps())}); err != nil {
		return err
	}
	t.progress = s.Progress
	t.progress.Epochs = append([]Epoch(nil), s.Epochs...)
	return nil
}

// checkState refuses a state that this run cannot go on from.
func (t *Trainer) checkState(s State) error {
	arena := func(what string, got []float32) error {
		if want := t.learner.net.Params; len(got) != want {
			return fmt.Errorf("a state with %d %s for a network of %d: it is another network's: %w", len(got), what, want, ErrConfig)
		}
		return nil
	}
	if err := arena("parameters", s.Params); err != nil {
		return err
	}
	if s.BestEpoch > 0 {
		if err := arena("best parameters", s.Best); err != nil {
			return err
		}
	}
	if got, want := len(s.Optimizer), len(t.learner.state); got != want {
		return fmt.Errorf("a state with %d arenas of an optimizer; %v has %d: it is another optimizer's: %w",
			got, t.learner.cfg.Optimizer, want, ErrConfig)
	}
	for _, a := range s.Optimizer {
		if err := arena("values of the optimizer", a); err != nil {
			return err
		}
	}
	if s.BestEpoch < 0 || s.BestEpoch > len(s.Epochs) || s.Step < 0 || s.Step > t.Steps() {
		return fmt.Errorf("a state in step %d of an epoch of %d, with epoch %d of %d as the best: it is another run's: %w",
			s.Step, t.Steps(), s.BestEpoch, len(s.Epochs), ErrConfig)
	}
	for i, e := range s.Epochs {
		if e.Number != i+1 || e.Steps != t.Steps() {
			return fmt.Errorf("a state whose epoch %d, number %d, has %d steps of %d: it is another run's: %w",
				i+1, e.Number, e.Steps, t.Steps(), ErrConfig)
		}
	}
	begun := len(s.Epochs)
	if s.Step > 0 {
		begun++
	}
	switch {
	case begun > t.schedule.Epochs:
		return fmt.Errorf("%d epochs are fewer than the %d that were trained already: ask for at least as many: %w",
			t.schedule.Epochs, begun, ErrConfig)
	case t.schedule.MaxSteps > 0 && s.Steps() > t.schedule.MaxSteps:
		return fmt.Errorf("%d steps are fewer than the %d that were trained already: ask for at least as many: %w",
			t.schedule.MaxSteps, s.Steps(), ErrConfig)
	}
	return nil
}
