package training

import (
	"context"
	"fmt"
	"time"
)

// save hands the state to the schedule's Save. A state that is NaN or infinite is an error instead: it would replace
// the one from which the run can resume.
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

// checkWeights returns algo.ErrDiverged for weights that are not finite.
func (t *Trainer) checkWeights() error {
	s := State{Progress: t.progress}
	var err error
	if s.Params, err = t.learner.Params(); err != nil {
		return err
	}
	return s.diverged()
}

// note records how far the epoch under way has come.
func (t *Trainer) note(e Epoch) {
	p := &t.progress
	p.Step, p.Sums, p.Seconds, p.DataWait = e.Steps, e.Train, e.Seconds, e.DataWait
}

// saveInEpoch saves in the middle of an epoch. The time spent here does not count as training time.
func (t *Trainer) saveInEpoch(ctx context.Context, e Epoch, watch *stopwatch) error {
	if t.schedule.Save == nil && !t.several() {
		return nil
	}
	var err error
	if e.Train, err = t.metrics(ctx); err != nil {
		return err
	}
	e.Seconds = watch.seconds()
	t.note(e)
	watch.stop()
	defer watch.start()
	return t.save()
}

// saveInterrupted saves because err, of the context, ends the run.
func (t *Trainer) saveInterrupted(ctx context.Context, err error, e Epoch, watch *stopwatch) error {
	return alsoFailed(err, t.saveInEpoch(ctx, e, watch))
}

// alsoFailed joins an error with a second one that followed it, which may be nil.
func alsoFailed(err, second error) error {
	if second == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, second)
}

// saveEpoch records that the last epoch of r is complete, and saves if that is due. Of an epoch that MaxSteps has cut
// short the state before its validation stays: a run that resumes there has to finish the epoch first.
func (t *Trainer) saveEpoch(r Result) error {
	last := r.Epochs[len(r.Epochs)-1]
	if last.Steps < t.Steps() {
		return nil
	}
	t.progress = Progress{Epochs: r.Epochs, BestEpoch: r.BestEpoch}
	s := t.schedule
	if s.SaveEvery == 0 || s.saveAfter(r.Steps) || s.done(r) {
		return t.save()
	}
	return nil
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
