package training

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/measure"
	"mdfa/algo/owned"
	"mdfa/gpu"
)

// Trainer runs the protocol: an epoch visits the shuffled training examples in full batches, then every validation
// example is scored; the weights of the best epoch, the first on ties, are kept and tested at the end.
type Trainer struct {
	learner  *algo.Learner
	data     Data
	schedule Schedule

	owned       owned.List
	best        gpu.Buffer // the parameters of the best epoch
	training    *steps
	aligner     *measure.Aligner // nil: no alignment is measured
	valid, test *evaluation      // nil where there are no examples
	progress    Progress
	group       Group
	agreement   agreement
}

// New brings the resident data to the learner's device and records the steps. It ends with an error of ctx when ctx
// ends: reading all images of a source can take minutes.
func New(ctx context.Context, l *algo.Learner, data Data, schedule Schedule) (*Trainer, error) {
	if n, batch := data.Train.Len(), l.Config().Batch; n < batch {
		return nil, fmt.Errorf("a batch of %d is larger than the %d training images: use a smaller one: %w", batch, n, algo.ErrConfig)
	}
	if err := schedule.check(); err != nil {
		return nil, err
	}
	if schedule.Patience > 0 && data.Valid.Len() == 0 {
		return nil, fmt.Errorf("a patience of %d epochs needs validation images: %w", schedule.Patience, algo.ErrConfig)
	}
	t := &Trainer{learner: l, data: data, schedule: schedule, owned: owned.List{Device: l.Device()}, group: schedule.Group}
	if t.several() != (t.group != nil) {
		return nil, fmt.Errorf("%d ranks, and a group of ranks: %v; both belong together: %w", l.Config().Ranks.Size, t.group != nil, algo.ErrConfig)
	}
	if t.group == nil {
		t.group = alone{}
	}
	if err := schedule.Rates.Check(float64(l.Config().LR), t.Steps(), t.planned()); err != nil {
		return nil, err
	}
	if err := data.check(l.Network().Input.Size()); err != nil {
		return nil, err
	}
	if err := t.prepare(ctx); err != nil {
		_ = t.Close() // the first error says more
		return nil, err
	}
	return t, nil
}

// prepare takes all device memory that the trainer will ever use and records all programs.
func (t *Trainer) prepare(ctx context.Context) (err error) {
	o, l, own := &t.owned, t.learner, t.data.part(t.learner.Config().Ranks, t.learner.Network().Input.Size())
	if err := t.setFactors(1); err != nil {
		return err
	}
	t.best = o.Floats("the best weights", l.Network().Params)
	if t.schedule.AlignmentEvery > 0 {
		if t.aligner, err = measure.NewAligner(o, l); err != nil {
			return err
		}
	}
	if t.training, err = newSteps(ctx, o, l, t.aligner, t.data.Train); err != nil {
		return err
	}
	var shared *feed.Stream // of all streamed evaluations
	if rows := own.streamedRows(l.Config().EvalBatch); rows > 0 {
		if shared = feed.NewStream(o, rows, l.Network().Input.Size()); o.Err() != nil {
			return o.Err()
		}
	}
	if t.data.Valid.Len() > 0 {
		if t.valid, err = newEvaluation(ctx, o, l, validationSet, own.Valid, shared); err != nil {
			return err
		}
	}
	if t.data.Test.Len() > 0 {
		t.test, err = newEvaluation(ctx, o, l, testSet, own.Test, shared)
	}
	return err
}

// Close stops reading images and frees the trainer's device memory, the learner's excepted. Before the device is
// closed it may be left out, except in the middle of a streamed epoch that was stepped by hand: the goroutines that
// read would stay.
func (t *Trainer) Close() error {
	t.stop()
	return t.owned.Free()
}

// stop ends all goroutines of the trainer.
func (t *Trainer) stop() {
	t.training.stop()
	t.valid.stop()
	t.test.stop()
}

// Steps returns the number of training steps in a whole epoch.
func (t *Trainer) Steps() int { return t.learner.Config().StepsPerEpoch(t.data.Train.Len()) }

// NewProbe is [measure.NewProbe] for the trainer's learner.
func (t *Trainer) NewProbe(images []uint8) (*measure.Probe, error) {
	return measure.NewProbe(t.learner, images)
}

// BeginEpoch shuffles the training examples, starts the batches from the first and the metrics from zero.
func (t *Trainer) BeginEpoch(epoch int) error { return t.beginEpoch(epoch, 0, algo.Metrics{}) }

// beginEpoch begins an epoch after the first done steps of it, with the sums over them.
func (t *Trainer) beginEpoch(epoch, done int, sums algo.Metrics) error {
	order := t.permutation(epoch)
	if err := t.setFactors(epoch); err != nil {
		return err
	}
	if err := t.training.begin(t.local(order[:t.Steps()*t.learner.Config().Batch]), done); err != nil {
		return err
	}
	if t.learner.Config().Ranks.Rank > 0 {
		sums = algo.Metrics{} // the first rank has those of all
	}
	return t.learner.BeginEpoch(done, sums)
}

// planned returns the number of training steps of the whole run.
func (t *Trainer) planned() int {
	steps := t.schedule.Epochs * t.Steps()
	if most := t.schedule.MaxSteps; most > 0 {
		return min(steps, most)
	}
	return steps
}

// factor returns the factor of the learning rate in step number i, from 0, of an epoch.
func (t *Trainer) factor(epoch, i int) float64 {
	return t.schedule.Rates.Factor((epoch-1)*t.Steps()+i, float64(t.learner.Config().LR), t.Steps(), t.planned())
}

// setFactors brings the factors of an epoch's learning rates to the device. Recorded steps read them there.
func (t *Trainer) setFactors(epoch int) error {
	if t.schedule.Rates.Constant() {
		return nil
	}
	factors := make([]float32, t.Steps())
	for i := range factors {
		factors[i] = float32(t.factor(epoch, i))
	}
	return t.learner.SetFactors(factors)
}

// lastRate returns the learning rate of the last step of an epoch, to the digits of a float32; 0 where it is constant.
func (t *Trainer) lastRate(e Epoch) float64 {
	if t.schedule.Rates.Constant() || e.Steps == 0 {
		return 0
	}
	rate := float64(t.learner.Config().LR) * t.factor(e.Number, e.Steps-1)
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(rate, 'g', 7, 64), 64)
	return rounded
}

// permutation returns the order of an epoch. It depends on seed and epoch alone, not on earlier draws.
func (t *Trainer) permutation(epoch int) []int32 {
	rng := rand.New(rand.NewPCG(t.schedule.Seed, 0x5b0ff1e<<32|uint64(epoch)))
	order := make([]int32, t.data.Train.Len())
	for i := range order {
		order[i] = int32(i)
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// Step runs the recorded training step on the next batch: no allocations and no waiting for the device, and with
// resident data no copies. With streamed data it waits for the images, and for the copy of the batch before. An
// epoch has Steps of them.
func (t *Trainer) Step() error {
	_, err := t.training.step(context.Background(), false)
	return err
}

// Profile measures the recorded training step over as many steps, an epoch's at most. The steps train: keep the
// weights and make the test before. With streamed data, one batch is brought to the device and all steps use it.
// ErrConfig marks a device that cannot measure.
func (t *Trainer) Profile(steps int) (gpu.Profile, error) {
	p, ok := t.training.plain[0].(gpu.Profiler)
	if !ok {
		return gpu.Profile{}, fmt.Errorf("%s measures no kernels: %w", t.learner.Device().Info().Name, algo.ErrConfig)
	}
	if err := t.BeginEpoch(1); err != nil {
		return gpu.Profile{}, err
	}
	if t.data.Train.Streamed() {
		defer t.stop()
		if err := t.Step(); err != nil {
			return gpu.Profile{}, err
		}
	}
	return p.Profile(min(steps, t.Steps()))
}
