package training

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// silent watches a run and keeps its epochs.
type silent struct {
	epochs []Epoch
	onStep func(epoch, step int)
}

func (s *silent) Step(epoch, step int, _ func() (float64, error)) {
	if s.onStep != nil {
		s.onStep(epoch, step)
	}
}

func (s *silent) Epoch(e Epoch) error {
	s.epochs = append(s.epochs, e)
	return nil
}

// newRun is a small convolutional run on learnable data: the class is which part of
// the image is bright.
func newRun(t *testing.T, dev gpu.Device, cfg algo.Config, schedule Schedule) (*algo.Learner, *Trainer, Data) {
	data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41), Test: algotest.Bands(3, 37)}
	l, trainer := newRunOn(t, dev, cfg, schedule, data)
	return l, trainer, data
}

// newRunOn is the same run on other data of its size.
func newRunOn(t *testing.T, dev gpu.Device, cfg algo.Config, schedule Schedule, data Data) (*algo.Learner, *Trainer) {
	t.Helper()
	l := algotest.Learner(t, dev, cfg)
	trainer, err := New(t.Context(), l, data, schedule)
	require.NoError(t, err)
	return l, trainer
}

func TestEveryRuleLearns(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, rule := range algo.Rules() {
			t.Run(rule.String(), func(t *testing.T) {
				_, trainer, data := newRun(t, dev, algotest.Config(rule), Schedule{Epochs: 12, Seed: 4})
				watch := &silent{}
				r, err := trainer.Run(context.Background(), watch)
				require.NoError(t, err)
				assert.True(t, r.Complete)
				assert.Equal(t, r.Epochs, watch.epochs)
				assert.Greater(t, r.Test.Accuracy(), 0.9)
				for _, e := range r.Epochs {
					assert.Equal(t, 12, e.Steps, "103 examples make 12 full batches of 8")
					assert.Equal(t, 96.0, e.Train.Count)
					assert.Equal(t, float64(data.Valid.Len()), e.Valid.Count, "every validation example counts")
				}
				assert.Equal(t, float64(data.Test.Len()), r.Test.Count)
			})
		}
	})
}

func TestEveryActivationLearnsByEveryRule(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	for _, act := range gpu.Activations() {
		for _, rule := range algo.Rules() {
			l := algotest.LearnerWith(t, dev, algotest.Config(rule), act)
			trainer, err := New(t.Context(), l, Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41)}, Schedule{Epochs: 30, Seed: 4})
			require.NoError(t, err)
			r, err := trainer.Run(context.Background(), &silent{})
			require.NoError(t, err)
			assert.Greater(t, r.Best().Valid.Accuracy(), 0.9, "%v by %v", act, rule)
		}
	}
}

func TestTheBestValidationWeightsAreTested(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	l, trainer, _ := newRun(t, dev, algotest.Config(algo.BP), Schedule{Epochs: 9, Seed: 4})
	var snapshots [][]float32
	r, err := trainer.Run(context.Background(), &snapshot{learner: l, params: &snapshots})
	require.NoError(t, err)
	best := 0.0
	first := 0
	for _, e := range r.Epochs {
		if e.Valid.Accuracy() > best {
			best, first = e.Valid.Accuracy(), e.Number
		}
	}
	assert.Equal(t, first, r.BestEpoch, "the first of the best")
	tested, err := l.Params()
	require.NoError(t, err)
	assert.Equal(t, snapshots[first-1], tested)
}

// snapshot keeps the weights after every epoch.
type snapshot struct {
	silent
	learner *algo.Learner
	params  *[][]float32
}

func (s *snapshot) Epoch(Epoch) error {
	p, err := s.learner.Params()
	*s.params = append(*s.params, p)
	return err
}

func TestWeightsDoNotDependOnProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, rule := range algo.Rules() {
		var want []float32
		for _, processors := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(processors)
			dev := cpu.Open()
			l, trainer, _ := newRun(t, dev, algotest.Config(rule), Schedule{Epochs: 2, Seed: 4})
			_, err := trainer.Run(context.Background(), &silent{})
			require.NoError(t, err)
			got, err := l.Params()
			require.NoError(t, err)
			if want == nil {
				want = got
			}
			assert.Equal(t, want, got, "%v on %d processors", rule, processors)
			require.NoError(t, dev.Close())
		}
	}
}

func TestARunStopsAfterTheCurrentStep(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	_, trainer, _ := newRun(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 100, Seed: 4})
	ctx, stop := context.WithCancel(context.Background())
	steps := 0
	r, err := trainer.Run(ctx, &silent{onStep: func(epoch, step int) {
		steps++
		if epoch == 3 && step == 5 {
			stop()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2*12+5, steps)
	assert.Len(t, r.Epochs, 2, "the epochs that were completed")
	assert.False(t, r.Complete)
}

func TestMaxStepsEndsTheRunInOrder(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	_, trainer, _ := newRun(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 100, MaxSteps: 17, Seed: 4})
	r, err := trainer.Run(context.Background(), &silent{})
	require.NoError(t, err)
	assert.True(t, r.Complete)
	assert.Equal(t, 17, r.Steps)
	require.Len(t, r.Epochs, 2)
	assert.Equal(t, 5, r.Epochs[1].Steps)
	assert.Positive(t, r.Test.Count)
}

func TestADivergedRunSaysSo(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	cfg := algotest.Config(algo.BP)
	cfg.Optimizer, cfg.LR = gpu.SGD, 1e38
	_, trainer, _ := newRun(t, dev, cfg, Schedule{Epochs: 3, Seed: 4})
	r, err := trainer.Run(context.Background(), &silent{})
	require.ErrorIs(t, err, algo.ErrDiverged)
	assert.False(t, r.Complete)
}

func TestUnusableSettingsAreRefused(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	net, err := model.NewDense(model.Vector(81), []int{4}, 3, gpu.Tanh)
	require.NoError(t, err)
	params := make([]float32, net.Params)
	nan := float32(0)
	nan /= nan
	for name, change := range map[string]func(*algo.Config){
		"no batch":          func(c *algo.Config) { c.Batch = 0 },
		"negative rate":     func(c *algo.Config) { c.LR = -1 },
		"rate not a number": func(c *algo.Config) { c.LR = nan },
		"negative l2":       func(c *algo.Config) { c.L2 = -1 },
		"negative floor":    func(c *algo.Config) { c.Rule, c.Floor = algo.MDFA, -1 },
	} {
		cfg := algotest.Config(algo.BP)
		change(&cfg)
		_, err := algo.NewLearner(dev, net, cfg, params, nil)
		assert.ErrorIs(t, err, algo.ErrConfig, name)
	}
	_, err = algo.NewLearner(dev, net, algotest.Config(algo.DFA), params, nil)
	assert.ErrorIs(t, err, gpu.ErrShape, "feedback is missing")

	l, err := algo.NewLearner(dev, net, algotest.Config(algo.BP), params, nil)
	require.NoError(t, err)
	_, err = New(t.Context(), l, Data{Train: algotest.Bands(1, 7)}, Schedule{Epochs: 1})
	assert.ErrorIs(t, err, algo.ErrConfig, "a batch larger than the data")
	_, err = New(t.Context(), l, Data{Train: algotest.Bands(1, 8)}, Schedule{})
	assert.ErrorIs(t, err, algo.ErrConfig, "no epochs")
}
