package training

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// TestThePlanIsTheMemoryThatARunTakes counts the allocations of runs of every rule and activation, with their images in
// every place. The plan leaves out labels of the current batch, cursors, counters and sums.
func TestThePlanIsTheMemoryThatARunTakes(t *testing.T) {
	train, valid, test := algotest.Coded(103), algotest.Coded(41), algotest.Coded(20)
	resident := func(e feed.Examples) feed.Examples { e.Resident = true; return e }
	places := map[string]Data{
		"streamed":       {Train: train, Valid: valid, Test: test},
		"small streamed": {Train: train, Test: algotest.Coded(3)},
		"resident":       {Train: resident(train), Valid: resident(valid), Test: resident(test)},
		"in memory":      {Train: algotest.Bands(1, 100)},
		"mixed":          {Train: train, Valid: resident(valid), Test: test},
	}
	for _, rule := range algo.Rules() {
		for _, act := range gpu.Activations() {
			for place, data := range places {
				for _, align := range []int{0, 3} {
					t.Run(fmt.Sprintf("%v %v %s, alignment %d", rule, act, place, align), func(t *testing.T) {
						dev := &algotest.Counted{Device: cpu.Open()}
						defer func() { require.NoError(t, dev.Close()) }()
						cfg := algotest.Config(rule)
						l := algotest.LearnerWith(t, dev, cfg, act)
						_, err := New(t.Context(), l, data, Schedule{Epochs: 1, AlignmentEvery: align})
						require.NoError(t, err)
						left := dev.Bytes - int(PlanMemory(l.Network(), cfg, data, align > 0).Total())
						small := 4*cfg.EvalBatch + 8*gpu.NumMetrics + 4*(2+1+1+2+2)
						if align > 0 {
							small += 4 * 8 * gpu.NumCompared * len(l.Network().Layers)
						}
						assert.GreaterOrEqual(t, left, 0)
						assert.LessOrEqual(t, left, small)
					})
				}
			}
		}
	}
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	cfg := algotest.Config(algo.DFA)
	net := algotest.Learner(t, dev, cfg).Network()
	cfg.EvalBatch = 0
	const example = algotest.Features + 4
	assert.EqualValues(t, 4*8*example+4*41*example, PlanMemory(net, cfg, places["streamed"], false).Images, "evaluated at once")
}

// TestThePlanCountsPoolings counts the allocations of networks with poolings.
func TestThePlanCountsPoolings(t *testing.T) {
	net, err := model.New(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{
		{Filters: 8, Kernel: 3, Stride: 1, Pool: model.Pooling{Kind: gpu.MaxPooling, Kernel: 2, Stride: 1}},
		{Filters: 6, Kernel: 2, Stride: 1, Pool: model.Pooling{Kind: gpu.AveragePooling, Kernel: 2, Stride: 1}},
	}, []int{5}, 3, gpu.Tanh)
	require.NoError(t, err)
	for _, rule := range []*algo.Rule{algo.BP, algo.DFA} {
		dev := &algotest.Counted{Device: cpu.Open()}
		cfg := algotest.Config(rule)
		params, err := cfg.Rule.DrawParams(net, algotest.Init(t, "U1"), 1)
		require.NoError(t, err)
		feedback, err := cfg.DrawFeedback(net, algotest.Init(t, "U1"), 1)
		require.NoError(t, err)
		l, err := algo.NewLearner(dev, net, cfg, params, feedback)
		require.NoError(t, err)
		data := Data{Train: algotest.Bands(1, 100)}
		_, err = New(t.Context(), l, data, Schedule{Epochs: 1})
		require.NoError(t, err)
		left := dev.Bytes - int(PlanMemory(net, cfg, data, false).Total())
		assert.GreaterOrEqual(t, left, 0, rule)
		assert.LessOrEqual(t, left, 4*cfg.EvalBatch+8*gpu.NumMetrics+4*(2+1+1+2+2), rule)
		require.NoError(t, dev.Close())
	}
}
