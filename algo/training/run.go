package training

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
)

// Run trains until the schedule is done, ctx ends, or something fails. The result holds every completed epoch, also
// when the error is not nil. When Run returns it leaves no goroutine behind.
func (t *Trainer) Run(ctx context.Context, observer Observer) (Result, error) {
	r := t.progress.result()
	defer t.stop()
	begun := t.progress.Step > 0 // an epoch that must be closed even if no step is left
	for number := len(r.Epochs) + 1; begun || !t.schedule.done(r); number++ {
		begun = false
		epoch, err := t.epoch(ctx, number, &r, observer)
		if err != nil {
			return r, err
		}
		r.Epochs = append(r.Epochs, epoch)
		if epoch.Best {
			r.BestEpoch = number
		}
		if err := observer.Epoch(epoch); err != nil {
			return r, err
		}
		if loss := epoch.Train.MeanLoss(); !finite(loss) {
			return r, fmt.Errorf("the loss of epoch %d is %g: try a smaller learning rate: %w", number, loss, algo.ErrDiverged)
		}
		if err := t.saveEpoch(r); err != nil {
			return r, err
		}
	}
	if t.schedule.Save == nil {
		if err := t.checkWeights(); err != nil {
			return r, err
		}
	}
	if r.BestEpoch > 0 {
		if err := t.learner.Device().Copy(t.learner.Arena(), gpu.All(t.best)); err != nil {
			return r, err
		}
	}
	test, err := t.scoreBest(ctx, observer)
	if err != nil {
		return r, err
	}
	r.Test = test
	r.Complete = true
	r.Early = len(r.Epochs) < t.schedule.Epochs && !t.schedule.over(r.Steps)
	return r, nil
}

// epoch trains one epoch and validates.
func (t *Trainer) epoch(ctx context.Context, number int, r *Result, observer Observer) (Epoch, error) {
	if err := t.beginEpoch(number, t.progress.Step, t.progress.Sums); err != nil {
		return Epoch{}, err
	}
	watch := startWatch(t.progress.Seconds)
	e := Epoch{Number: number, Steps: t.progress.Step, DataWait: t.progress.DataWait}
	loss := func() (float64, error) {
		m, err := t.learner.Metrics()
		return m.MeanLoss(), err
	}
	for e.Steps < t.Steps() && !t.schedule.over(r.Steps) {
		if err := t.ended(ctx, r.Steps); err != nil {
			return Epoch{}, t.saveInterrupted(ctx, err, e, watch)
		}
		wait, err := t.step(ctx, number, r.Steps, observer)
		if err != nil && errors.Is(err, ctx.Err()) {
			return Epoch{}, t.saveInterrupted(ctx, err, e, watch)
		}
		if err != nil {
			return Epoch{}, fmt.Errorf("step %d of epoch %d: %w", e.Steps+1, number, err)
		}
		e.DataWait += wait.Seconds()
		e.Steps++
		r.Steps++
		t.group.Progress()
		observer.Step(number, e.Steps, loss)
		if t.schedule.saveAfter(r.Steps) && e.Steps < t.Steps() && !t.schedule.over(r.Steps) {
			if err := t.saveInEpoch(ctx, e, watch); err != nil {
				return Epoch{}, err
			}
		}
	}
	t.training.stop() // after MaxSteps there may be more to read
	var err error
	if e.Train, err = t.metrics(ctx); err != nil {
		return Epoch{}, fmt.Errorf("epoch %d: %w", number, err)
	}
	e.Seconds = watch.seconds()
	e.LR = t.lastRate(e)
	t.note(e)
	if e.Steps < t.Steps() {
		if err := t.save(); err != nil {
			return Epoch{}, err
		}
	}
	r.Seconds += e.Seconds
	r.DataWait += e.DataWait
	r.TrainImages += e.Train.Count
	return t.validate(ctx, e, r)
}

// step makes the step of an epoch that follows done others of the run, measures it where that is asked for, and
// returns how long it waited for images.
func (t *Trainer) step(ctx context.Context, epoch, done int, observer Observer) (time.Duration, error) {
	aligned, wanted := observer.(AlignmentObserver)
	if !wanted || !t.schedule.alignAfter(done) {
		return t.training.step(t.undivided(ctx), false)
	}
	if err := t.aligner.Before(); err != nil {
		return 0, err
	}
	wait, err := t.training.step(t.undivided(ctx), true)
	if err != nil {
		return wait, err
	}
	a, err := t.aligner.Read(epoch, done, func(x []float64) error { return t.group.Sum(context.WithoutCancel(ctx), x) })
	if err != nil {
		return wait, err
	}
	return wait, aligned.Alignment(a)
}

// validate scores the validation set at the end of an epoch, and keeps the weights if they are the best so far.
func (t *Trainer) validate(ctx context.Context, e Epoch, r *Result) (_ Epoch, err error) {
	if t.valid == nil {
		return e, nil
	}
	if e.Valid, err = t.score(ctx, t.valid, nil); err != nil {
		err = fmt.Errorf("validation of epoch %d: %w", e.Number, err)
		if ctx.Err() != nil {
			err = alsoFailed(err, t.save())
		}
		return Epoch{}, err
	}
	if !finite(e.Train.Loss) || !finite(e.Valid.Loss) {
		return e, nil // never the best
	}
	if r.BestEpoch == 0 || t.schedule.better(e, r.Best()) {
		e.Best = true
		err = t.learner.Device().Copy(gpu.All(t.best), t.learner.Arena())
	}
	return e, err
}

// scoreBest scores the test set with the weights that are on the device now, and shows the logits to a
// [LogitsObserver]. Metrics are zero where there is no test set.
func (t *Trainer) scoreBest(ctx context.Context, observer Observer) (algo.Metrics, error) {
	var yield func(first int, logits []float32) error
	if o, ok := observer.(LogitsObserver); ok {
		yield = o.Logits
	}
	switch {
	case t.test != nil:
		test, err := t.score(ctx, t.test, yield)
		if err != nil {
			return algo.Metrics{}, fmt.Errorf("test: %w", err)
		}
		return test, nil
	case t.valid != nil && yield != nil:
		if _, err := t.score(ctx, t.valid, yield); err != nil {
			return algo.Metrics{}, fmt.Errorf("validation: %w", err)
		}
	}
	return algo.Metrics{}, nil
}

// score scores a set with the weights that are on the device now: each rank its part. Where yield is not nil it gets, to keep, the
// logits of all examples in their order.
func (t *Trainer) score(ctx context.Context, e *evaluation, yield func(first int, logits []float32) error) (algo.Metrics, error) {
	ctx = t.undivided(ctx)
	hand := func() error { return nil }
	if t.several() && yield != nil {
		yield, hand = t.gathered(ctx, yield)
	}
	m, err := e.run(ctx, yield)
	if err != nil {
		return m, err
	}
	if m, err = t.sum(ctx, m); err != nil {
		return m, err
	}
	return m, hand()
}
