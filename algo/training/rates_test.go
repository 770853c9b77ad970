package training

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
)

func ratesOf(t *testing.T, schedule, warmup string) (r Rates) {
	t.Helper()
	var err error
	r.Schedule, err = ParseRateSchedule(schedule)
	require.NoError(t, err)
	r.Warmup, err = ParseWarmup(warmup)
	require.NoError(t, err)
	return r
}

func TestRatesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{
		"constant": "constant", "step:30:0.1": "step:30:0.1", "Step:30:1e-1:steps": "step:30:0.1:steps", "multistep:30,60:0.2": "multistep:30,60:0.2",
		"multistep:5:.5:steps": "multistep:5:0.5:steps", "cosine": "cosine", "cosine:0.001": "cosine:0.001", "cosine:steps": "cosine:steps", "cosine:1e-5:steps": "cosine:1e-05:steps",
	} {
		s, err := ParseRateSchedule(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, s.String())
	}
	for text, want := range map[string]string{"0": "0", "5": "5", "5:0.1": "5", "5:0.01": "5:0.01", "500:steps": "500:steps", "500:1:steps": "500:1:steps"} {
		w, err := ParseWarmup(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, w.String())
	}
	for _, text := range []string{
		"", "constant:steps", "constant:1", "step", "step:30", "step:0:0.1", "step:30:0", "step:30:-1", "step:30:x", "step:30:0.1:epochs", "step:1.5:0.1", "step:30:NaN", "steps",
		"multistep:60,30:0.1", "multistep:30,30:0.1", "multistep::0.1", "multistep:30,60", "cosine:0", "cosine:-1", "cosine:1:2", "linear", "step:30:1e39",
	} {
		_, err := ParseRateSchedule(text)
		assert.ErrorIs(t, err, algo.ErrConfig, text)
	}
	for _, text := range []string{"", "-1", "5:0", "5:1.1", "5:0.1:0.1", "x", "0:steps", "0:0.1", "steps", "5:epochs"} {
		_, err := ParseWarmup(text)
		assert.ErrorIs(t, err, algo.ErrConfig, text)
	}
}

// TestFactorsOfARun takes ten epochs of four steps.
func TestFactorsOfARun(t *testing.T) {
	factor := func(step int, schedule, warmup string) float64 {
		return ratesOf(t, schedule, warmup).Factor(step, 0.5, 4, 40)
	}
	assert.InDelta(t, 0.1, factor(3, "constant", "2"), 1e-12, "an epoch has one rate")
	assert.InDelta(t, 0.55, factor(4, "constant", "2"), 1e-12)
	assert.InDelta(t, 1, factor(8, "constant", "2"), 1e-12)
	assert.InDelta(t, 0.2+0.8*3/8, factor(3, "constant", "8:0.2:steps"), 1e-12)
	assert.InDelta(t, 1, factor(19, "step:3:0.5", "2"), 1e-12, "the schedule begins after the warmup")
	assert.InDelta(t, 0.5, factor(20, "step:3:0.5", "2"), 1e-12)
	assert.InDelta(t, 0.5, factor(15, "step:3:0.5", "3:steps"), 1e-12, "a warmup in steps, epochs from there on")
	assert.InDelta(t, 0.25, factor(20, "step:10:0.5:steps", "0"), 1e-12)
	assert.InDelta(t, 1, factor(11, "multistep:3,5:0.5", "0"), 1e-12)
	assert.InDelta(t, 0.5, factor(12, "multistep:3,5:0.5", "0"), 1e-12)
	assert.InDelta(t, 0.25, factor(39, "multistep:3,5:0.5", "0"), 1e-12)
	assert.InDelta(t, 0.5, factor(23, "cosine", "0"), 1e-12, "half of ten epochs")
	assert.InDelta(t, 0.5+0.5*0.2, factor(20, "cosine:0.1:steps", "0"), 1e-12, "half of 40 steps; the floor is a fifth of 0.5")
	assert.InDelta(t, 0.5, factor(24, "cosine", "2"), 1e-12, "half of the eight epochs behind the warmup")
}

func TestRatesThatDoNotFitTheRun(t *testing.T) {
	assert.ErrorContains(t, ratesOf(t, "cosine:0.6", "0").Check(0.5, 4, 40), "ends above the learning rate 0.5")
	assert.ErrorContains(t, ratesOf(t, "cosine", "10").Check(0.5, 4, 40), "takes the whole run of 40 steps")
	assert.NoError(t, ratesOf(t, "cosine:0.5", "39:steps").Check(0.5, 4, 40))
	assert.NoError(t, ratesOf(t, "step:1:0.5", "10").Check(0.5, 4, 40))
}

// TestEachStepHasItsRate compares each update with the gradient, of resident and of streamed images, and resumes in an epoch.
func TestEachStepHasItsRate(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, streamed := range []bool{false, true} {
			data := Data{Train: algotest.Bands(1, 103)}
			if streamed {
				data.Train = algotest.FromSource(data.Train, false)
			}
			cfg := algotest.Config(algo.BP)
			cfg.Optimizer, cfg.LR = gpu.SGD, 0.25
			rates := ratesOf(t, "step:5:0.5:steps", "4:0.1:steps")
			l, trainer := newRunOn(t, dev, cfg, Schedule{Epochs: 3, Seed: 4, Rates: rates}, data)
			for epoch := 1; epoch <= 2; epoch++ {
				require.NoError(t, trainer.BeginEpoch(epoch))
				for i := range trainer.Steps() {
					before, err := l.Params()
					require.NoError(t, err)
					require.NoError(t, trainer.Step())
					after, err := l.Params()
					require.NoError(t, err)
					grads, err := l.Grads()
					require.NoError(t, err)
					rate := 0.25 * rates.Factor((epoch-1)*trainer.Steps()+i, 0.25, trainer.Steps(), 3*trainer.Steps())
					for j, layer := range l.Network().Layers {
						for k, w := range layer.W.Of(before) {
							require.InDelta(t, float64(w)-rate*float64(layer.W.Of(grads)[k]), layer.W.Of(after)[k], 1e-6, "epoch %d, step %d, layer %d", epoch, i, j)
						}
					}
				}
			}
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
		}
	})
}

func TestEpochsHaveTheirLastRate(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for schedule, want := range map[string][]float64{"constant": {0, 0, 0}, "step:1:0.1": {0.003, 0.0003, 3e-5}, "cosine": {0.003, 0.00225, 0.00075}} {
			_, trainer, _ := newRun(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 3, Seed: 4, Rates: ratesOf(t, schedule, "0")})
			r, err := trainer.Run(t.Context(), &silent{})
			require.NoError(t, err)
			for i, e := range r.Epochs {
				assert.Equal(t, want[i], e.LR, "%s, epoch %d", schedule, e.Number)
			}
		}
	})
}
