package algo

import (
	"fmt"
	"time"
)

// save hands the state to the schedule's Save. Weights that are NaN or infinite never get
// there: they would replace the state that the run can go on from.
func (t *Trainer) save() error {
	if t.schedule.Save == nil {
		return nil
	}
	s, err := t.State()
	if err != nil {
		return err
	}
	if err := s.diverged(); err != nil {
		return err
	}
	return t.schedule.Save(s)
}

// diverged is ErrDiverged for a state that is not finite.
func (s State) diverged() error {
	at := fmt.Sprintf("epoch %d", len(s.Epochs))
	if s.Step > 0 {
		at = fmt.Sprintf("step %d of epoch %d", s.Step, s.Epoch())
	}
	if loss := s.Sums.Loss; !finite(loss) {
		return fmt.Errorf("the loss after %s is %g: try a smaller learning rate: %w", at, loss, ErrDiverged)
	}
	if !Finite(s.Params) {
		return fmt.Errorf("weights are NaN or infinite after %s: try a smaller learning rate: %w", at, ErrDiverged)
	}
	return nil
}

// checkWeights is ErrDiverged for weights that are not finite.
func (t *Trainer) checkWeights() error {
	s := State{Progress: t.progress}
	var err error
	if s.Params, err = t.learner.Params(); err != nil {
		return err
	}
	return s.diverged()
}

// finite says whether x is a number.
func finite(x float64) bool { return x-x == 0 }

// within notes what the epoch that goes on has come to.
func (t *Trainer) within(e Epoch) {
	p := &t.progress
	p.Step, p.Sums, p.Seconds, p.DataWait = e.Steps, e.Train, e.Seconds, e.DataWait
}

// saveWithin saves in the middle of an epoch. The time that it takes is none of training.
func (t *Trainer) saveWithin(e Epoch, watch *stopwatch) error {
	if t.schedule.Save == nil {
		return nil
	}
	var err error
	if e.Train, err = t.learner.Metrics(); err != nil {
		return err
	}
	e.Seconds = watch.seconds()
	t.within(e)
	watch.stop()
	defer watch.start()
	return t.save()
}

// saveInterrupted saves because err, of the context, ends the run.
func (t *Trainer) saveInterrupted(err error, e Epoch, watch *stopwatch) error {
	return alsoFailed(err, t.saveWithin(e, watch))
}

// alsoFailed is an error and, where there is one, a second that followed it.
func alsoFailed(err, second error) error {
	if second == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, second)
}

// saveEpoch notes that the last epoch of r is complete, and saves if that is due. Of an
// epoch that MaxSteps has cut short the state before its validation stays: a run that goes
// on from there has to finish the epoch first.
func (t *Trainer) saveEpoch(r Result) error {
	last := r.Epochs[len(r.Epochs)-1]
	if last.Steps < t.Steps() {
		return nil
	}
	t.progress = Progress{Epochs: r.Epochs, BestEpoch: r.BestEpoch}
	if t.schedule.SaveEvery == 0 || t.dueAfter(r.Steps) || last.Number == t.schedule.Epochs || t.finished(r.Steps) {
		return t.save()
	}
	return nil
}

// dueAfter says whether SaveEvery asks for a state after so many steps of the run.
func (t *Trainer) dueAfter(steps int) bool {
	return t.schedule.SaveEvery > 0 && steps%t.schedule.SaveEvery == 0
}

// stopwatch adds up seconds.
type stopwatch struct {
	before float64 // of earlier rounds
	since  time.Time
}

func startWatch(before float64) *stopwatch { return &stopwatch{before, time.Now()} }

func (w *stopwatch) seconds() float64 { return w.before + time.Since(w.since).Seconds() }

func (w *stopwatch) stop() { w.before = w.seconds() }

func (w *stopwatch) start() { w.since = time.Now() }
