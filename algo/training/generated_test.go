package training

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/model"
)

// TestGeneratedFeedbackTrainsBitByBitLikeStored compares the weights after some steps, on
// every device, for every initializer.
func TestGeneratedFeedbackTrainsBitByBitLikeStored(t *testing.T) {
	for _, classes := range []int{2, 3} {
		for _, rule := range []*algo.Rule{algo.DFA, algo.MDFA} {
			for _, text := range []string{"U1", "N0.1", "P1", "A0.1", "0.05"} {
				t.Run(fmt.Sprintf("%d classes/%v/%s", classes, rule, text), func(t *testing.T) {
					algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
						net, err := model.New(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{{Filters: 8, Kernel: 3, Stride: 2}, {Filters: 5, Kernel: 2, Stride: 1, Pool: model.Pooling{Kind: gpu.AveragePooling, Kernel: 2, Stride: 1}}}, []int{7}, classes, gpu.ReLU)
						require.NoError(t, err)
						init := algotest.Init(t, text)
						params, err := net.InitialParams(algotest.Init(t, "U1"), rule.Monotone(), 1)
						require.NoError(t, err)
						data := Data{Train: algotest.Bands(1, 40)}
						for i := range data.Train.Labels {
							data.Train.Labels[i] %= int32(classes)
						}
						weights := func(cfg algo.Config, feedback []float32) []float32 {
							l, err := algo.NewLearner(dev, net, cfg, params, feedback)
							require.NoError(t, err)
							trainer, err := New(t.Context(), l, data, Schedule{Epochs: 1})
							require.NoError(t, err)
							require.NoError(t, trainer.BeginEpoch(1))
							for range 5 {
								require.NoError(t, trainer.Step())
							}
							w, err := l.Params()
							require.NoError(t, err)
							require.NoError(t, trainer.Close())
							require.NoError(t, l.Close())
							return w
						}
						cfg := algotest.Config(rule)
						stored, err := rule.DrawFeedback(net, init, 7)
						require.NoError(t, err)
						want := weights(cfg, stored)
						assert.NotEqual(t, params, want, "the steps change weights")
						cfg.Feedback, err = rule.GenerateFeedback(net, init, 7)
						require.NoError(t, err)
						assert.Equal(t, want, weights(cfg, nil))
					})
				})
			}
		}
	}
}

func TestFeedbackIsGeneratedForDirectFeedbackOnly(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		net, err := model.NewDense(model.Shape{H: 1, W: 1, C: 5}, []int{4}, 3, gpu.Tanh)
		require.NoError(t, err)
		params, err := net.InitialParams(algotest.Init(t, "U1"), false, 1)
		require.NoError(t, err)
		gen, err := algo.DFA.GenerateFeedback(net, algotest.Init(t, "U1"), 1)
		require.NoError(t, err)
		for _, rule := range []*algo.Rule{algo.BP, algo.FA} {
			_, err := rule.GenerateFeedback(net, algotest.Init(t, "U1"), 1)
			require.ErrorIs(t, err, algo.ErrConfig)
			cfg := algotest.Config(rule)
			cfg.Feedback = gen
			_, err = algo.NewLearner(dev, net, cfg, params, nil)
			require.ErrorIs(t, err, algo.ErrConfig)
		}
		stored, err := algo.DFA.DrawFeedback(net, algotest.Init(t, "U1"), 1)
		require.NoError(t, err)
		cfg := algotest.Config(algo.DFA)
		cfg.Feedback = gen
		_, err = algo.NewLearner(dev, net, cfg, params, stored)
		require.ErrorIs(t, err, gpu.ErrShape, "both stored and generated")
		_, err = algo.MDFA.GenerateFeedback(net, algotest.Init(t, "-1"), 1)
		require.ErrorContains(t, err, "mdfa needs")
	})
}
