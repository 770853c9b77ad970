package algo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"mdfa/gpu"
)

// ErrDiverged marks a run whose loss is no longer a number.
var ErrDiverged = errors.New("the run diverged")

// Data is what a run trains, validates and tests on. Validation and test may be empty.
type Data struct {
	Train, Valid, Test Examples
}

// Schedule is how long a run takes and in which order it sees the data.
type Schedule struct {
	Epochs   int
	MaxSteps int    // ends the run after so many training steps; 0: no limit
	Seed     uint64 // of the shuffles
	// AlignmentEvery measures the run's first training step, and one after every so many, for
	// an observer that is an [AlignmentObserver]; 0: none. The weights of the run are the same
	// bits either way.
	AlignmentEvery int
	// Save keeps the state of the run; an error of it ends the run. It is called after each
	// epoch that Observer.Epoch was told of, and when ctx ends the run in mid-epoch. Where
	// MaxSteps ends the run in mid-epoch it is called before the validation, so that a run
	// with a higher limit can go on from there. Nil: nothing is kept.
	Save func(State) error
	// SaveEvery calls Save after so many training steps instead of after each epoch, and at
	// the end of the training in any case; 0: after each epoch.
	SaveEvery int
}

// Epoch is what one epoch came to.
type Epoch struct {
	Number  int     // from 1 on
	Steps   int     // training steps in it
	Train   Metrics // of the training batches, each before its update
	Valid   Metrics // after the epoch, over every validation example; zero if there are none
	Best    bool    // the best validation accuracy so far
	Seconds float64 // of training, validation not counted
	// DataWait is the part of Seconds in which streamed images were not ready when the next
	// step needed them. Waiting for the device is not counted.
	DataWait float64
}

// ImagesPerSecond is the speed of training.
func (e Epoch) ImagesPerSecond() float64 { return e.Train.Count / e.Seconds }

// Result is what a run came to.
type Result struct {
	Epochs      []Epoch
	BestEpoch   int     // its number; 0 before the first validation
	Test        Metrics // of the best validation epoch's weights; zero unless Complete
	Complete    bool    // false when the run was stopped or failed
	Steps       int
	TrainImages float64
	Seconds     float64 // of training
	DataWait    float64 // the part of Seconds that waited for streamed images
}

// Best is the epoch whose weights were tested, or the zero Epoch.
func (r Result) Best() Epoch {
	if r.BestEpoch == 0 {
		return Epoch{}
	}
	return r.Epochs[r.BestEpoch-1]
}

// ImagesPerSecond is the speed of training over the whole run.
func (r Result) ImagesPerSecond() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return r.TrainImages / r.Seconds
}

// Observer is told how a run goes on. Its methods are called from the training
// goroutine and should return at once; an error from Epoch ends the run.
type Observer interface {
	// Step is called after each training step has been submitted, with the number of
	// steps of this epoch so far. A call of loss waits for the device and returns the
	// epoch's mean loss so far.
	Step(epoch, step int, loss func() (float64, error))
	// Epoch is called when an epoch has been validated.
	Epoch(Epoch) error
}

// StepsPerEpoch is the number of full batches in n training examples.
func (c Config) StepsPerEpoch(n int) int { return n / c.Batch }

// Trainer runs the protocol: an epoch visits the shuffled training examples in full
// batches, then every validation example is scored; the weights of the best validation
// accuracy, the first on ties, are kept and tested at the end.
type Trainer struct {
	learner  *Learner
	data     Data
	schedule Schedule

	best        gpu.Buffer  // the parameters of the best epoch
	training    training    // its steps
	program     gpu.Program // a training step, for Profile
	alignment   *alignment  // nil: nothing is measured
	valid, test evaluation  // nil where there are no examples
	progress    Progress    // what is done

	streams []*stream
	owned   []interface{ Free() error } // what Close frees
}

// Steps is the number of training steps in a whole epoch.
func (t *Trainer) Steps() int { return t.learner.cfg.StepsPerEpoch(t.data.Train.Len()) }

// Run trains until the schedule is done, ctx is, or something fails. The result holds
// every epoch that was completed, also when the error is not nil. No goroutine of the
// trainer is left when it returns.
func (t *Trainer) Run(ctx context.Context, observer Observer) (Result, error) {
	r := t.progress.result()
	defer t.stop()
	begun := t.progress.Step > 0 // an epoch that is to be closed, also where no step is left
	for number := len(r.Epochs) + 1; number <= t.schedule.Epochs && (begun || !t.finished(r.Steps)); number++ {
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
			return r, fmt.Errorf("the loss of epoch %d is %g: try a smaller learning rate: %w", number, loss, ErrDiverged)
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
		if err := t.learner.dev.Copy(gpu.All(t.learner.params), gpu.All(t.best)); err != nil {
			return r, err
		}
	}
	test, err := t.scoreBest(ctx, observer)
	if err != nil {
		return r, err
	}
	r.Test = test
	r.Complete = true
	return r, nil
}

// finished says whether the limit of training steps is reached.
func (t *Trainer) finished(steps int) bool {
	return t.schedule.MaxSteps > 0 && steps >= t.schedule.MaxSteps
}

// epoch trains one epoch and validates.
func (t *Trainer) epoch(ctx context.Context, number int, r *Result, observer Observer) (Epoch, error) {
	l := t.learner
	if err := t.beginEpoch(number, t.progress.Step, t.progress.Sums); err != nil {
		return Epoch{}, err
	}
	watch := startWatch(t.progress.Seconds)
	e := Epoch{Number: number, Steps: t.progress.Step, DataWait: t.progress.DataWait}
	loss := func() (float64, error) {
		m, err := l.Metrics()
		return m.MeanLoss(), err
	}
	for e.Steps < t.Steps() && !t.finished(r.Steps) {
		if err := ctx.Err(); err != nil {
			return Epoch{}, t.saveInterrupted(err, e, watch)
		}
		wait, err := t.makeStep(ctx, number, r.Steps, observer)
		if err != nil && errors.Is(err, ctx.Err()) {
			return Epoch{}, t.saveInterrupted(err, e, watch)
		}
		if err != nil {
			return Epoch{}, fmt.Errorf("step %d of epoch %d: %w", e.Steps+1, number, err)
		}
		e.DataWait += wait.Seconds()
		e.Steps++
		r.Steps++
		observer.Step(number, e.Steps, loss)
		if t.dueAfter(r.Steps) && e.Steps < t.Steps() && !t.finished(r.Steps) {
			if err := t.saveWithin(e, watch); err != nil {
				return Epoch{}, err
			}
		}
	}
	t.training.stop() // after MaxSteps there may be more to read
	var err error
	if e.Train, err = l.Metrics(); err != nil {
		return Epoch{}, fmt.Errorf("epoch %d: %w", number, err)
	}
	e.Seconds = watch.seconds()
	t.within(e)
	if e.Steps < t.Steps() {
		if err := t.save(); err != nil {
			return Epoch{}, err
		}
	}
	r.Seconds += e.Seconds
	r.DataWait += e.DataWait
	r.TrainImages += e.Train.Count
	if t.valid == nil {
		return e, nil
	}
	if e.Valid, err = t.valid.run(ctx); err != nil {
		err = fmt.Errorf("validation of epoch %d: %w", number, err)
		if ctx.Err() != nil {
			err = alsoFailed(err, t.save())
		}
		return Epoch{}, err
	}
	if !finite(e.Train.Loss) || !finite(e.Valid.Loss) {
		return e, nil // never the best
	}
	if r.BestEpoch == 0 || e.Valid.Accuracy() > r.Best().Valid.Accuracy() {
		e.Best = true
		err = l.dev.Copy(gpu.All(t.best), gpu.All(l.params))
	}
	return e, err
}

// BeginEpoch shuffles the training examples, starts the batches from the first and
// the metrics from zero.
func (t *Trainer) BeginEpoch(epoch int) error { return t.beginEpoch(epoch, 0, Metrics{}) }

// beginEpoch begins an epoch after so many steps of it, which came to sums.
func (t *Trainer) beginEpoch(epoch, done int, sums Metrics) error {
	l := t.learner
	order := t.permutation(epoch)
	if err := t.training.begin(order[:t.Steps()*l.cfg.Batch], done); err != nil {
		return err
	}
	if done > 0 {
		if err := gpu.Upload(l.dev, l.counter, 0, []int32{int32(done)}); err != nil {
			return err
		}
		return l.setMetrics(sums)
	}
	if err := l.dev.Zero(gpu.All(l.counter).Slice(0, 1)); err != nil {
		return err
	}
	return l.ResetMetrics()
}

// permutation is the order of an epoch. It depends on seed and epoch alone, not on what
// was drawn before.
func (t *Trainer) permutation(epoch int) []int32 {
	rng := rand.New(rand.NewPCG(t.schedule.Seed, 0x5b0ff1e<<32|uint64(epoch)))
	order := make([]int32, t.data.Train.Len())
	for i := range order {
		order[i] = int32(i)
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// Step runs the recorded training step on the next batch: no allocations and no waiting
// for the device, and with resident data no copies. With streamed data it waits for the
// images, and for the copy of the batch before. An epoch has Steps of them.
func (t *Trainer) Step() error {
	_, err := t.training.step(context.Background(), false)
	return err
}

// Profile measures the recorded training step over as many steps, an epoch's at most. It
// trains on: take the weights and the test before. Streamed data is not measured: one
// batch is brought to the device, and all steps use it. A device that cannot measure is
// ErrConfig.
func (t *Trainer) Profile(steps int) (gpu.Profile, error) {
	p, ok := t.program.(gpu.Profiler)
	if !ok {
		return gpu.Profile{}, fmt.Errorf("%s measures no kernels: %w", t.learner.dev.Info().Name, ErrConfig)
	}
	if err := t.BeginEpoch(1); err != nil {
		return gpu.Profile{}, err
	}
	if t.data.Train.streamed() {
		defer t.stop()
		if err := t.Step(); err != nil {
			return gpu.Profile{}, err
		}
	}
	return p.Profile(min(steps, t.Steps()))
}
