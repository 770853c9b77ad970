package training

import (
	"fmt"
	"slices"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/model"
)

// State downloads the run's state. It waits for the device. Must be called in the schedule's Save, or after Restore
// and before Run.
func (t *Trainer) State() (State, error) {
	s := State{Progress: t.progress}
	s.Epochs = slices.Clip(t.progress.Epochs) // shared: a completed epoch never changes
	var err error
	if s.Params, err = t.learner.Params(); err != nil {
		return State{}, err
	}
	if s.BestEpoch > 0 {
		if s.Best, err = t.Best(); err != nil {
			return State{}, err
		}
	}
	if t.learner.Config().Rule.LearnsFeedback() {
		if s.Feedback, err = t.learner.Feedback(); err != nil {
			return State{}, err
		}
	}
	s.Optimizer, s.FeedbackOptimizer, err = t.learner.OptimizerState()
	return s, err
}

// Best downloads the parameters of the best epoch so far. There are some from the first validation on.
func (t *Trainer) Best() ([]float32, error) {
	return gpu.Read[float32](t.learner.Device(), gpu.All(t.best))
}

// Restore brings a state to the device, also one of another device: Run resumes from there. ErrConfig marks a state
// that does not belong to the network, the optimizer, the data or the schedule.
func (t *Trainer) Restore(s State) error {
	if err := t.checkState(s); err != nil {
		return err
	}
	if err := t.learner.SetParams(s.Params); err != nil {
		return err
	}
	if s.BestEpoch > 0 {
		if err := gpu.Upload(t.learner.Device(), t.best, 0, s.Best); err != nil {
			return err
		}
	}
	if len(s.Feedback) > 0 {
		if err := t.learner.SetFeedback(s.Feedback); err != nil {
			return err
		}
	}
	if err := t.learner.SetOptimizerState(s.Optimizer, s.FeedbackOptimizer); err != nil {
		return err
	}
	if err := t.learner.SetCounters(s.Step, s.Steps()); err != nil {
		return err
	}
	t.progress = s.Progress
	t.progress.Epochs = slices.Clone(s.Epochs)
	return nil
}

// checkState refuses a state from which this run cannot resume.
func (t *Trainer) checkState(s State) error {
	net, c := t.learner.Network(), t.learner.Config()
	if err := checkArena("parameters", s.Params, net.Params); err != nil {
		return err
	}
	if s.BestEpoch > 0 {
		if err := checkArena("best parameters", s.Best, net.Params); err != nil {
			return err
		}
	}
	if err := checkArenas(c.Kind(), s.Optimizer, net.Params); err != nil {
		return err
	}
	if err := checkFeedback(net, c, s); err != nil {
		return err
	}
	if s.BestEpoch < 0 || s.BestEpoch > len(s.Epochs) || s.Step < 0 || s.Step > t.Steps() {
		return fmt.Errorf("a state in step %d of an epoch of %d, with epoch %d of %d as the best: it is another run's: %w",
			s.Step, t.Steps(), s.BestEpoch, len(s.Epochs), algo.ErrConfig)
	}
	for i, e := range s.Epochs {
		if e.Number != i+1 || e.Steps != t.Steps() {
			return fmt.Errorf("a state whose epoch %d, number %d, has %d steps of %d: it is another run's: %w",
				i+1, e.Number, e.Steps, t.Steps(), algo.ErrConfig)
		}
	}
	begun := len(s.Epochs)
	if s.Step > 0 {
		begun++
	}
	switch {
	case begun > t.schedule.Epochs:
		return fmt.Errorf("%d epochs are fewer than the %d that were trained already: ask for at least as many: %w",
			t.schedule.Epochs, begun, algo.ErrConfig)
	case t.schedule.MaxSteps > 0 && s.Steps() > t.schedule.MaxSteps:
		return fmt.Errorf("%d steps are fewer than the %d that were trained already: ask for at least as many: %w",
			t.schedule.MaxSteps, s.Steps(), algo.ErrConfig)
	}
	return nil
}

// checkFeedback refuses a state without the learned feedback of this run, or with that of another one.
func checkFeedback(net *model.Network, c algo.Config, s State) error {
	optimizer, _ := c.FeedbackUpdate()
	learned := int(net.FeedbackLen(c.Stored()))
	if !c.Rule.LearnsFeedback() {
		learned = 0
	}
	switch {
	case learned == 0 && len(s.Feedback) == 0 && len(s.FeedbackOptimizer) == 0:
		return nil
	case learned == 0 || len(s.Feedback) == 0:
		return fmt.Errorf("a state with %d values of learned feedback; %v has %d here: it is another rule's: %w", len(s.Feedback), c.Rule, learned, algo.ErrConfig)
	}
	if err := checkArena("values of learned feedback", s.Feedback, learned); err != nil {
		return err
	}
	return checkArenas(optimizer, s.FeedbackOptimizer, learned)
}

// checkArenas refuses the arenas of another optimizer, or of another size than n.
func checkArenas(optimizer gpu.Optimizer, arenas [][]float32, n int) error {
	if got, want := len(arenas), optimizer.States(); got != want {
		return fmt.Errorf("a state with %d arenas of an optimizer; %v has %d: it is another optimizer's: %w",
			got, optimizer, want, algo.ErrConfig)
	}
	for _, a := range arenas {
		if err := checkArena("values of the optimizer", a, n); err != nil {
			return err
		}
	}
	return nil
}

func checkArena(name string, got []float32, n int) error {
	if len(got) != n {
		return fmt.Errorf("a state with %d %s for a network of %d: it is another network's: %w", len(got), name, n, algo.ErrConfig)
	}
	return nil
}
