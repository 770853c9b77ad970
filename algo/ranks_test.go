package algo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// TestGradientsAreAddedUpInPieces counts the sums of a step, as docs/gpu-step.md has them: small gradients wait for those
// of the next layer.
func TestGradientsAreAddedUpInPieces(t *testing.T) {
	for name, want := range map[string]struct{ dense, conv int }{"bp": {2, 3}, "dfa": {2, 3}, "kp": {2, 3}, "dkp": {3, 4}} {
		rule, err := algo.ParseRule(name)
		require.NoError(t, err)
		for conv, sums := range map[bool]int{false: want.dense, true: want.conv} {
			net, err := model.Default(model.Shape{H: 28, W: 28, C: 1}, conv, 10, gpu.Tanh)
			require.NoError(t, err)
			dev := &algotest.Counted{Device: cpu.Open()}
			cfg := algo.Config{Rule: rule, Optimizer: gpu.RMSProp, LR: 1e-4, Batch: 4, Ranks: algo.Ranks{Rank: 1, Size: 2}}
			params, err := rule.DrawParams(net, algotest.Init(t, "U1"), 1)
			require.NoError(t, err)
			feedback, err := cfg.DrawFeedback(net, algotest.Init(t, "U1"), 1)
			require.NoError(t, err)
			l, err := algo.NewLearner(dev, net, cfg, params, feedback)
			require.NoError(t, err)
			require.NoError(t, l.Train(nil))
			assert.Equal(t, sums, dev.Sums, "%s, convolutional: %v", name, conv)
			floats := net.Params
			if name == "dkp" {
				floats += len(feedback)
			}
			assert.Equal(t, floats, dev.Summed, "%s, convolutional: %v: each gradient once", name, conv)
			require.NoError(t, dev.Close())
		}
	}
}

func TestRanksShareExamples(t *testing.T) {
	for _, c := range []struct{ n, size int }{{64, 1}, {64, 3}, {5, 5}, {2, 3}, {0, 2}} {
		next := 0
		for rank := range c.size {
			part := algo.Ranks{Rank: rank, Size: c.size}.Part(c.n)
			assert.Equal(t, next, part.Off)
			assert.Contains(t, []int{c.n / c.size, (c.n + c.size - 1) / c.size}, part.Len)
			next = part.End()
		}
		assert.Equal(t, c.n, next, "%d examples, %d ranks", c.n, c.size)
	}
}
