// Package training runs a learner over data: epochs, validation, the best weights, the test, and the state from
// which a run resumes.
package training

import (
	"cmp"
	"fmt"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/measure"
)

// Data is the examples that a run trains, validates and tests on. Validation and test may be empty.
type Data struct {
	Train, Valid, Test feed.Examples
}

// The names of the sets in errors.
const (
	trainingSet   = "training"
	validationSet = "validation"
	testSet       = "test"
)

func (d Data) check(features int) error {
	return cmp.Or(d.Train.Check(trainingSet, features), d.Valid.Check(validationSet, features), d.Test.Check(testSet, features))
}

// streamedRows returns the largest batch of the streamed evaluations, which take up to batch examples; 0 if none is
// streamed.
func (d Data) streamedRows(batch int) int {
	n := 0
	for _, e := range []feed.Examples{d.Valid, d.Test} {
		if e.Streamed() {
			n = max(n, min(e.Len(), batch))
		}
	}
	return n
}

// Schedule is how long a run takes and in which order it sees the data.
type Schedule struct {
	Epochs   int
	MaxSteps int    // the number of training steps that ends the run; 0: no limit
	Seed     uint64 // of the shuffles
	Rates    Rates  // of the steps: factors of the learner's learning rate
	// Patience ends the run after this number of epochs in a row without a new best one; 0: no such end. It needs
	// validation examples.
	Patience int
	// BestByLoss makes the epoch of the lowest validation loss the best one, instead of that of the highest validation
	// accuracy. The first one counts on ties.
	BestByLoss bool
	// AlignmentEvery measures the run's first training step, and then every AlignmentEvery-th step, for an observer
	// that is an [AlignmentObserver]; 0: none. The weights of the run are the same bits either way.
	AlignmentEvery int
	// Group joins the ranks of the run; nil where there is one. Of the ranks only the first needs a Save.
	Group Group
	// Save keeps the state of the run; an error of it ends the run. It is called after each epoch that
	// Observer.Epoch was told of, and when ctx ends the run in the middle of an epoch. Where MaxSteps ends the run
	// there, it is called before the validation, so that a run with a higher limit can resume. Nil: no state is
	// kept.
	Save func(State) error
	// SaveEvery is the number of training steps between calls of Save, which is called at the end of the training in
	// any case; 0: after each epoch.
	SaveEvery int
}

func (s Schedule) check() error {
	switch {
	case s.AlignmentEvery < 0:
		return fmt.Errorf("measuring the alignment every %d steps: at least 1 is needed, or 0 for never: %w", s.AlignmentEvery, algo.ErrConfig)
	case s.Epochs < 1 || s.MaxSteps < 0:
		return fmt.Errorf("%d epochs, at most %d steps: at least 1 epoch is needed, and steps from 0 (no limit) on: %w",
			s.Epochs, s.MaxSteps, algo.ErrConfig)
	case s.Patience < 0:
		return fmt.Errorf("a patience of %d epochs: at least 1 is needed, or 0 for no end by it: %w", s.Patience, algo.ErrConfig)
	case s.SaveEvery < 0:
		return fmt.Errorf("saving every %d steps: at least 1 is needed, or 0 for after each epoch: %w", s.SaveEvery, algo.ErrConfig)
	}
	return nil
}

// saveAfter says whether SaveEvery asks for a state after this number of steps of the run.
func (s Schedule) saveAfter(steps int) bool { return s.SaveEvery > 0 && steps%s.SaveEvery == 0 }

// alignAfter says whether the step that follows this number of steps is measured.
func (s Schedule) alignAfter(steps int) bool {
	return s.AlignmentEvery > 0 && steps%s.AlignmentEvery == 0
}

// over says whether the limit of training steps is reached.
func (s Schedule) over(steps int) bool { return s.MaxSteps > 0 && steps >= s.MaxSteps }

// better says whether epoch e is better than another one, which was validated too.
func (s Schedule) better(e, than Epoch) bool {
	if s.BestByLoss {
		return e.Valid.MeanLoss() < than.Valid.MeanLoss()
	}
	return e.Valid.Accuracy() > than.Valid.Accuracy()
}

// done says whether a limit of steps or epochs, or the patience, ends the run here.
func (s Schedule) done(r Result) bool {
	return len(r.Epochs) >= s.Epochs || s.over(r.Steps) || s.Patience > 0 && len(r.Epochs)-r.BestEpoch >= s.Patience
}

// Observer is told about a run while it trains. Its methods are called from the training goroutine and should return
// at once; an error from Epoch ends the run.
type Observer interface {
	// Step is called after each training step has been submitted, with the number of steps of this epoch so far. A
	// call of loss waits for the device and returns the epoch's mean loss so far.
	Step(epoch, step int, loss func() (float64, error))
	// Epoch is called when an epoch has been validated.
	Epoch(Epoch) error
}

// AlignmentObserver is an [Observer] that is told of the measurements that [Schedule.AlignmentEvery] asks for. An
// error ends the run.
type AlignmentObserver interface {
	Alignment(measure.Alignment) error
}

// LogitsObserver is an [Observer] that gets the logits of every test example under the best weights.
type LogitsObserver interface {
	Observer
	// Logits is called once for each batch of the test set, or of the validation set where there is no test set,
	// when the best weights are scored at the end: with the logits of the examples from first on, [n, logits]. An
	// error ends the run.
	Logits(first int, logits []float32) error
}
