package predict

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/model"
)

// silent watches a run.
type silent struct{}

func (silent) Step(int, int, func() (float64, error)) {}

func (silent) Epoch(training.Epoch) error { return nil }

// newRunOn is a small run on a device.
func newRunOn(t *testing.T, dev gpu.Device, cfg algo.Config, schedule training.Schedule, data training.Data) (*algo.Learner, *training.Trainer) {
	t.Helper()
	l := algotest.Learner(t, dev, cfg)
	trainer, err := training.New(t.Context(), l, data, schedule)
	require.NoError(t, err)
	return l, trainer
}

// scored watches a run and keeps the logits of its end.
type scored struct {
	silent
	logits []float32
	firsts []int
}

func (s *scored) Logits(first int, logits []float32) error {
	s.firsts = append(s.firsts, first)
	s.logits = append(s.logits, logits...)
	return nil
}

func TestPredictorHasTheLogitsAndTheAccuracyOfTheRun(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, streamed := range []bool{false, true} {
			cfg := algo.Config{Rule: algo.MDFA, Optimizer: gpu.RMSProp, LR: 0.01, Batch: 8, EvalBatch: 10}
			data := training.Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41), Test: algotest.Bands(3, 37)}
			if streamed {
				data.Test = algotest.FromSource(data.Test, false)
			}
			l, trainer := newRunOn(t, dev, cfg, training.Schedule{Epochs: 2, Seed: 1}, data)
			seen := &scored{}
			r, err := trainer.Run(context.Background(), seen)
			require.NoError(t, err)
			assert.Equal(t, []int{0, 10, 20, 30}, seen.firsts)
			params, err := l.Params()
			require.NoError(t, err)
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())

			p, err := New(dev, l.Network(), params, 10)
			require.NoError(t, err)
			logits, err := p.Logits(algotest.Bands(3, 37).Images)
			require.NoError(t, err)
			assert.Equal(t, seen.logits, logits, "the run's own bits")
			c := NewConfusion(l.Network().Classes)
			require.NoError(t, p.Each(context.Background(), "test", data.Test, func(first int, logits []float32) error {
				c.Add(logits, data.Test.Labels[first:first+len(logits)/l.Network().Logits])
				return nil
			}))
			assert.Equal(t, r.Test.Accuracy(), c.Accuracy())
			assert.Equal(t, r.Test.Top5Accuracy(), c.Top5Accuracy())
			assert.Equal(t, int(r.Test.Count), c.Total)
			require.NoError(t, p.Close())
		}
	})
}

func TestPredictionsDoNotDependOnHowImagesAreSplit(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, []int{7}, 3, gpu.ReLU)
		require.NoError(t, err)
		params, err := net.InitialParams(algotest.Init(t, "U1"), false, 1)
		require.NoError(t, err)
		p, err := New(dev, net, params, 5)
		require.NoError(t, err)
		defer func() { require.NoError(t, p.Close()) }()
		images := algotest.Bands(1, 13).Images
		whole, err := p.Logits(images)
		require.NoError(t, err)
		require.Len(t, whole, 13*net.Logits)
		var parts []float32
		for _, n := range []int{3, 5, 1, 3, 1} {
			part, err := p.Logits(images[:n*81])
			require.NoError(t, err)
			parts, images = append(parts, part...), images[n*81:]
		}
		largest := 0.0
		for _, v := range whole {
			largest = max(largest, math.Abs(float64(v)))
		}
		assert.InDeltaSlice(t, whole, parts, 1e-4*largest, "split another way") // sums of other batch sizes
		none, err := p.Logits(nil)
		require.NoError(t, err)
		assert.Empty(t, none)
		_, err = p.Logits(make([]uint8, 80))
		assert.ErrorIs(t, err, gpu.ErrShape)
	})
}

func TestPredictorStopsWithItsContextAndItsCaller(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, nil, 3, gpu.Tanh)
		require.NoError(t, err)
		p, err := New(dev, net, make([]float32, net.Params), 4)
		require.NoError(t, err)
		defer func() { require.NoError(t, p.Close()) }()
		ctx, cancel := context.WithCancel(context.Background())
		batches := 0
		err = p.Each(ctx, "test", algotest.Bands(1, 20), func(int, []float32) error {
			batches++
			cancel()
			return nil
		})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, batches)
		err = p.Each(context.Background(), "test", algotest.Bands(1, 20), func(int, []float32) error { return assert.AnError })
		assert.ErrorIs(t, err, assert.AnError)
		_, err = New(dev, net, make([]float32, net.Params-1), 4)
		assert.ErrorIs(t, err, gpu.ErrShape)
		_, err = New(dev, net, make([]float32, net.Params), 0)
		assert.ErrorIs(t, err, algo.ErrConfig)
	})
}

func TestRunWithoutATestSetShowsTheValidationSet(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		data := training.Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41)}
		l, trainer := newRunOn(t, dev, algo.Config{Rule: algo.BP, Optimizer: gpu.SGD, LR: 0.1, Batch: 8}, training.Schedule{Epochs: 1}, data)
		seen := &scored{}
		r, err := trainer.Run(context.Background(), seen)
		require.NoError(t, err)
		assert.Zero(t, r.Test)
		c := NewConfusion(3)
		c.Add(seen.logits, data.Valid.Labels)
		assert.Equal(t, r.Best().Valid.Accuracy(), c.Accuracy())
		require.NoError(t, trainer.Close())
		require.NoError(t, l.Close())
	})
}

func TestRanksFollowTheLossesRule(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		logits Scores
		ranks  []int
		top    []int
	}{
		{Scores{3, 1, 2}, []int{0, 2, 1}, []int{0, 2, 1}},
		{Scores{1, 1, 1}, []int{0, 1, 2}, []int{0, 1, 2}}, // the lower index wins a tie
		{Scores{-inf, 1}, []int{1, 0}, []int{1, 0}},
		{Scores{0.5}, []int{1, 0}, []int{1, 0}}, // one logit: class 1 above 0
		{Scores{0}, []int{0, 1}, []int{0, 1}},
		{Scores{-2}, []int{0, 1}, []int{0, 1}},
		{Scores{nan}, []int{1, 1}, nil},
		{Scores{1, nan}, []int{1, 1}, nil},
	} {
		assert.Len(t, c.logits.Probabilities(), len(c.ranks))
		for class, want := range c.ranks {
			assert.Equal(t, want, c.logits.Rank(class), "class %d of %v", class, c.logits)
		}
		if c.top != nil {
			assert.Equal(t, c.top, c.logits.Top(9), "%v", c.logits)
			assert.Equal(t, c.top[:1], c.logits.Top(1))
			p := c.logits.Probabilities()
			assert.Equal(t, slices.Max(p), p[c.top[0]])
		}
	}
}

func TestProbabilitiesAreTheSoftmaxOrTheSigmoid(t *testing.T) {
	const rounding = 1e-12 // float64 throughout
	assert.InDeltaSlice(t, []float64{1 / (1 + math.E), math.E / (1 + math.E)}, Scores{1}.Probabilities(), rounding)
	assert.InDeltaSlice(t, Scores{1}.Probabilities(), Scores{0, 1}.Probabilities(), rounding)
	assert.InDeltaSlice(t, []float64{0, 1, 0}, Scores{-1e30, 3e38, 0}.Probabilities(), rounding, "nothing overflows")
	assert.InDeltaSlice(t, []float64{1, 0}, Scores{-1e5}.Probabilities(), rounding)
}

func TestConfusionCountsEveryExampleOnce(t *testing.T) {
	nan := float32(math.NaN())
	c := NewConfusion(3)
	c.Add([]float32{5, 0, 0, 0, 5, 0, 0, 4, 5, nan, nan, nan}, []int32{0, 0, 2, 1})
	assert.Equal(t, []int{1, 1, 0, 1, 0, 0, 0, 0, 1}, c.Counts)
	assert.Equal(t, 4, c.Total)
	assert.Equal(t, 2, c.Correct)
	assert.Equal(t, 4, c.Top5)
	assert.Equal(t, 1, c.At(0, 1))
	assert.Equal(t, 0.5, c.Accuracy())
	many := NewConfusion(MaxConfusion + 1)
	many.Add(make([]float32, 2*many.Classes), []int32{0, 3})
	assert.Nil(t, many.Counts, "of very many classes only the totals are kept")
	assert.Equal(t, []int{1, 2, 2}, []int{many.Correct, many.Top5, many.Total})
	two := NewConfusion(2)
	two.Add([]float32{1, -1, 0}, []int32{1, 1, 0})
	assert.Equal(t, []int{1, 0, 1, 1}, two.Counts)
}
