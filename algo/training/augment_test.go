package training

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/measure"
	"mdfa/gpu"
	"mdfa/model"
)

// augmented moves and mirrors the training images of a small learner, and normalizes all images.
func augmented(t *testing.T, dev gpu.Device) *algo.Learner {
	t.Helper()
	net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, []int{7}, 3, gpu.Tanh)
	require.NoError(t, err)
	net.Normalization = &model.Normalization{Mean: []float64{0.25}, Deviation: []float64{0.5}}
	cfg := algotest.Config(algo.MDFA)
	cfg.Augment, cfg.AugmentSeed = model.Augment{Shift: 2, Flip: true}, 5
	params, err := cfg.Rule.DrawParams(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	feedback, err := cfg.Rule.DrawFeedback(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	return l
}

// shown returns what a network with the numbers of augmented gets for an image of 9x9 that is moved and
// mirrored, with black behind its edges.
func shown(image []uint8, down, right int, mirrored bool) []float32 {
	out := make([]float32, 81)
	for y := range 9 {
		for x := range 9 {
			from, v, pixel := x, y+down, uint8(0)
			if mirrored {
				from = 8 - x
			}
			if u := from + right; v >= 0 && v < 9 && u >= 0 && u < 9 {
				pixel = image[9*v+u]
			}
			out[9*y+x] = (float32(pixel) - 63.75) * float32(1/127.5)
		}
	}
	return out
}

// TestEachStepDrawsItsImagesAnew looks at the inputs of every step of two epochs.
func TestEachStepDrawsItsImagesAnew(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, streamed := range []bool{false, true} {
			l := augmented(t, dev)
			train := algotest.Bands(1, 24)
			first := train.Images[:algotest.Features]
			for i := range train.Len() { // the same image everywhere
				copy(train.Images[i*algotest.Features:], first)
			}
			if streamed {
				train = algotest.FromSource(train, false)
			}
			trainer, err := New(t.Context(), l, Data{Train: train, Valid: algotest.Bands(2, 16)}, Schedule{Epochs: 2, Seed: 4})
			require.NoError(t, err)
			draws, step := l.Config().Augment.On(l.Network().Input, 5), int32(0)
			for epoch := 1; epoch <= 2; epoch++ {
				require.NoError(t, trainer.BeginEpoch(epoch))
				for range trainer.Steps() {
					require.NoError(t, trainer.Step())
					x, err := gpu.Read[float32](dev, l.Step(8).Input(0))
					require.NoError(t, err)
					for i := range 8 {
						down, right, mirrored := draws.Draw(step, i)
						require.Equal(t, shown(first, down, right, mirrored), x[i*81:(i+1)*81], "image %d of step %d", i, step)
					}
					step++
				}
				_, err := trainer.valid.run(t.Context(), nil)
				require.NoError(t, err)
				x, err := gpu.Read[float32](dev, l.Step(16).Input(0))
				require.NoError(t, err)
				for i := range 16 {
					require.Equal(t, shown(algotest.Bands(2, 16).Images[i*81:(i+1)*81], 0, 0, false), x[i*81:(i+1)*81], "validation is not augmented")
				}
			}
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
		}
	})
}

// stopper wants the alignment, and ends the run after some steps.
type stopper struct {
	silent
	steps int
	stop  func()
}

func (*stopper) Alignment(measure.Alignment) error { return nil }

func (a *stopper) Step(int, int, func() (float64, error)) {
	if a.steps--; a.steps == 0 {
		a.stop()
	}
}

// TestAugmentedRunsResumeBitIdentically stops a run in mid-epoch, measured and streamed or not.
func TestAugmentedRunsResumeBitIdentically(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		run := func(streamed bool, every, stopAfter int) ([]float32, Result) {
			data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41)}
			if streamed {
				data.Train = algotest.FromSource(data.Train, false)
			}
			var state *State
			schedule := Schedule{Epochs: 2, Seed: 4, AlignmentEvery: every, Save: func(s State) error { state = &s; return nil }}
			for {
				l := augmented(t, dev)
				trainer, err := New(t.Context(), l, data, schedule)
				require.NoError(t, err)
				if state != nil {
					require.NoError(t, trainer.Restore(*state))
					stopAfter = 0
				}
				ctx, stop := context.WithCancel(t.Context())
				r, err := trainer.Run(ctx, &stopper{steps: stopAfter, stop: stop})
				stop()
				if stopAfter == 0 {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
				params, paramErr := l.Params()
				require.NoError(t, paramErr)
				require.NoError(t, trainer.Close())
				require.NoError(t, l.Close())
				if stopAfter == 0 {
					return params, untimed(r)
				}
			}
		}
		wantParams, want := run(false, 0, 0)
		for _, c := range []struct {
			streamed         bool
			every, stopAfter int
		}{{true, 0, 0}, {false, 1, 0}, {false, 0, 5}, {true, 0, 5}, {false, 3, 17}} {
			params, got := run(c.streamed, c.every, c.stopAfter)
			assert.Equal(t, want, got, "%v", c)
			assert.True(t, slices.Equal(wantParams, params), "%v", c)
		}
	})
}

func TestAugmentationThatDoesNotFitIsRefused(t *testing.T) {
	net, err := model.NewDense(model.Vector(81), []int{7}, 3, gpu.Tanh)
	require.NoError(t, err)
	cfg := algotest.Config(algo.BP)
	cfg.Augment.Flip = true
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		_, err = algo.NewLearner(dev, net, cfg, make([]float32, net.Params), nil)
		require.ErrorIs(t, err, algo.ErrConfig)
		assert.ErrorContains(t, err, "augment flip: the inputs of 1x1x81 are vectors")
	})
}
