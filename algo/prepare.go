package algo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mdfa/gpu"
)

// The names of the sets in errors.
const (
	trainingSet   = "training"
	validationSet = "validation"
	testSet       = "test"
)

// NewTrainer brings the resident data to the device and records the steps.
func NewTrainer(l *Learner, data Data, schedule Schedule) (*Trainer, error) {
	return NewTrainerContext(context.Background(), l, data, schedule)
}

// NewTrainerContext is NewTrainer, which ends with an error of ctx when ctx does: reading
// all images of a source can take minutes.
func NewTrainerContext(ctx context.Context, l *Learner, data Data, schedule Schedule) (*Trainer, error) {
	t := &Trainer{learner: l, data: data, schedule: schedule}
	if n := data.Train.Len(); n < l.cfg.Batch {
		return nil, fmt.Errorf("a batch of %d is larger than the %d training images: use a smaller one: %w", l.cfg.Batch, n, ErrConfig)
	}
	if schedule.AlignmentEvery < 0 {
		return nil, fmt.Errorf("measuring the alignment every %d steps: at least 1 is needed, or 0 for never: %w", schedule.AlignmentEvery, ErrConfig)
	}
	if schedule.Epochs < 1 || schedule.MaxSteps < 0 {
		return nil, fmt.Errorf("%d epochs, at most %d steps: at least 1 epoch is needed, and steps from 0 (no limit) on: %w",
			schedule.Epochs, schedule.MaxSteps, ErrConfig)
	}
	if schedule.SaveEvery < 0 {
		return nil, fmt.Errorf("saving every %d steps: at least 1 is needed, or 0 for after each epoch: %w", schedule.SaveEvery, ErrConfig)
	}
	if err := data.check(l.net.Input.Size()); err != nil {
		return nil, err
	}
	if err := t.prepare(ctx); err != nil {
		_ = t.Close() // what went wrong first says more
		return nil, err
	}
	return t, nil
}

func (d Data) check(features int) error {
	return cmp.Or(d.Train.check(trainingSet, features), d.Valid.check(validationSet, features), d.Test.check(testSet, features))
}

// prepare takes all device memory that the trainer will ever use and records all programs.
func (t *Trainer) prepare(ctx context.Context) error {
	var err error
	if t.best, err = t.alloc(gpu.Float32, t.learner.net.Params); err != nil {
		return err
	}
	if every := t.schedule.AlignmentEvery; every > 0 {
		if t.alignment, err = t.newAlignment(every); err != nil {
			return err
		}
	}
	if err := t.prepareTraining(ctx); err != nil {
		return err
	}
	var shared *stream // of all streamed evaluations
	for _, e := range []struct {
		what string
		set  Examples
		to   *evaluation
	}{{validationSet, t.data.Valid, &t.valid}, {testSet, t.data.Test, &t.test}} {
		switch {
		case e.set.Len() == 0:
		case e.set.streamed():
			if shared == nil {
				if shared, err = t.newStream(t.longestEvaluation()); err != nil {
					return err
				}
			}
			if *e.to, err = t.newStreamedEvaluation(shared, e.what, e.set); err != nil {
				return err
			}
		default:
			s, err := t.newSet(ctx, e.what, e.set)
			if err != nil {
				return err
			}
			if *e.to, err = t.newResidentEvaluation(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Trainer) prepareTraining(ctx context.Context) error {
	if t.data.Train.streamed() {
		streamed, err := t.newStreamedTraining(t.data.Train)
		if err != nil {
			return err
		}
		t.training, t.program = streamed, streamed.programs[0]
		return nil
	}
	s, err := t.newSet(ctx, trainingSet, t.data.Train)
	if err != nil {
		return err
	}
	resident, err := t.newResidentTraining(s)
	if err != nil {
		return err
	}
	t.training, t.program = resident, resident.program
	return nil
}

// longestEvaluation is the largest batch of the streamed evaluations.
func (t *Trainer) longestEvaluation() int {
	n := 0
	for _, e := range []Examples{t.data.Valid, t.data.Test} {
		if e.streamed() {
			n = max(n, min(e.Len(), t.learner.cfg.EvalBatch))
		}
	}
	return n
}

// alloc takes memory that Close frees.
func (t *Trainer) alloc(kind gpu.DType, n int) (gpu.Buffer, error) {
	b, err := t.learner.dev.Alloc(kind, n)
	if err == nil {
		t.owned = append(t.owned, b)
	}
	return b, err
}

// record records a program that Close frees.
func (t *Trainer) record(step func() error) (gpu.Program, error) {
	p, err := t.learner.dev.Record(step)
	if err == nil {
		t.owned = append(t.owned, p)
	}
	return p, err
}

// Close stops reading images and frees what the trainer has on the device, the learner
// excepted. Who closes the device may leave it out, but should not in the middle of a
// streamed epoch that was stepped by hand: the goroutines that read would stay.
func (t *Trainer) Close() error {
	t.stop()
	var first error
	for _, o := range slices.Backward(t.owned) {
		first = cmp.Or(first, o.Free())
	}
	t.owned = nil
	return first
}

// stop ends all goroutines of the trainer.
func (t *Trainer) stop() {
	for _, s := range t.streams {
		s.stop()
	}
}
