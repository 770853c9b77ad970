package algo_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// frozenNetworks are a dense and a convolutional network of three layers.
func frozenNetworks(t *testing.T) map[string]*model.Network {
	dense, err := model.NewDense(model.Vector(algotest.Features), []int{10, 7}, 3, gpu.ReLU)
	require.NoError(t, err)
	conv, err := model.NewConv(model.Shape{H: 9, W: 9, C: 1},
		[]model.Filter{{Filters: 6, Kernel: 3, Stride: 2}, {Filters: 5, Kernel: 2, Stride: 1}}, 3, gpu.Tanh)
	require.NoError(t, err)
	return map[string]*model.Network{"dense": dense, "conv": conv}
}

// TestFrozenLayersKeepEveryBitAndTheOthersLearnAsBefore trains with each choice of frozen layers that leaves one to
// learn. L2 and the floor would move weights without any gradient. A twin in which all layers learn makes each step
// from the same state.
func TestFrozenLayersKeepEveryBitAndTheOthersLearnAsBefore(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for kind, net := range frozenNetworks(t) {
			for i, rule := range algo.Rules() {
				optimizer := gpu.Optimizers()[i%gpu.NumOptimizers]
				choices := 1<<len(net.Layers) - 1
				if rule.LogitsOnly {
					choices = 1 << len(net.Hidden())
				}
				for choice := range choices {
					t.Run(fmt.Sprintf("%s %v %v %03b", kind, rule, optimizer, choice), func(t *testing.T) {
						cfg := algotest.Config(rule)
						cfg.Optimizer, cfg.L2, cfg.Floor = optimizer, 0.01, 0.02
						checkFrozen(t, dev, net, cfg, choice)
					})
				}
			}
		}
	})
}

func checkFrozen(t *testing.T, dev gpu.Device, net *model.Network, cfg algo.Config, choice int) {
	params, err := cfg.Rule.DrawParams(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	feedback, err := cfg.DrawFeedback(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	twin, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	defer func() { assert.NoError(t, twin.Close()) }()
	for layer := range net.Layers {
		if choice>>layer&1 == 1 {
			cfg.Frozen = append(cfg.Frozen, layer)
		}
	}
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	program, err := dev.Record(func() error { return l.Train(nil) })
	require.NoError(t, err)

	// arenas are the weights, and the optimizer's; learned is the feedback, and its optimizer's.
	arenas := func(l *algo.Learner) (weights, learned [][]float32) {
		params, err := l.Params()
		require.NoError(t, err)
		feedback, err := l.Feedback()
		require.NoError(t, err)
		states, learnedStates, err := l.OptimizerState()
		require.NoError(t, err)
		return append(states, params), append(learnedStates, feedback)
	}
	learns, data := cfg.Learning(net), algotest.Bands(7, 4*cfg.Batch)
	rng := rand.New(rand.NewPCG(1, uint64(choice)))
	for step := range 3 {
		before, learnedBefore := arenas(l)
		last := len(before) - 1
		require.NoError(t, twin.SetParams(before[last]))
		learnedLast := len(learnedBefore) - 1
		require.NoError(t, twin.SetOptimizerState(before[:last], learnedBefore[:learnedLast]))
		if cfg.Rule.LearnsFeedback() {
			require.NoError(t, twin.SetFeedback(learnedBefore[learnedLast]))
		}
		require.NoError(t, twin.SetCounters(step, step))
		x := make([]float32, cfg.Batch*net.Input.Size())
		for i := range x {
			x[i] = rng.Float32()
		}
		for _, learner := range []*algo.Learner{l, twin} {
			uploadBatch(t, learner, x, data.Labels[step*cfg.Batch:][:cfg.Batch])
		}
		require.NoError(t, program.Run())
		require.NoError(t, twin.Train(nil))
		after, learned := arenas(l)
		others, learnedOthers := arenas(twin)
		if cfg.Rule.Mirrors() {
			ranges, _ := net.FARanges()
			for i, r := range ranges {
				want := learnedOthers
				if !learns[i] || !cfg.HiddenLearn(net) {
					want = learnedBefore
				}
				for arena := range learned {
					require.Equal(t, r.Of(want[arena]), r.Of(learned[arena]), "feedback %d of layer %d after step %d", arena, i, step)
				}
			}
		}
		grads, err := l.Grads()
		require.NoError(t, err)
		for i, layer := range net.Layers {
			for _, r := range []model.Range{layer.W, layer.B} {
				for arena := range after {
					want := others
					if !learns[i] {
						want = before
						require.Equal(t, make([]float32, r.Len), r.Of(grads), "the gradients of frozen layer %d", i)
					}
					require.Equal(t, r.Of(want[arena]), r.Of(after[arena]), "arena %d of layer %d after step %d", arena, i, step)
				}
			}
		}
		assert.NotEqual(t, before, after, "something learns")
	}
}

// TestFrozenLayersCostNothing counts operations: a layer that learns takes one weight gradient, and the chain of
// errors ends at the lowest of them. What lies side by side is updated at once.
func TestFrozenLayersCostNothing(t *testing.T) {
	dev := &algotest.Counted{Device: cpu.Open()}
	defer func() { require.NoError(t, dev.Close()) }()
	net := frozenNetworks(t)["dense"] // the arena is W_0 b_0 b_1 b_2 W_1 W_2
	for _, c := range []struct {
		rule                         *algo.Rule
		frozen                       []int
		backward, feedbacks, updates int
	}{
		{algo.BP, nil, 3 + 2, 0, 1},
		{algo.BP, []int{0}, 2 + 1, 0, 1},
		{algo.BP, []int{1}, 2 + 2, 0, 3},
		{algo.BP, []int{2}, 2 + 2, 0, 2},
		{algo.BP, []int{0, 1}, 1, 0, 2},
		{algo.FA, []int{1, 0}, 1, 0, 2},
		{algo.FA, []int{1, 2}, 1 + 2, 0, 1},
		{algo.DFA, []int{0}, 2, 1, 1},
		{algo.DFA, []int{0, 1, 1}, 1, 0, 2},
		{algo.Shallow, nil, 1, 0, 2},
		{algo.KP, nil, 3 + 2, 0, 1 + 1},
		{algo.KP, []int{0}, 2 + 1, 0, 1 + 1},
		{algo.KP, []int{1}, 2 + 2, 0, 3 + 1},
		{algo.KP, []int{0, 1}, 1, 0, 2},
	} {
		t.Run(fmt.Sprintf("%v without %v", c.rule, c.frozen), func(t *testing.T) {
			cfg := algotest.Config(c.rule)
			cfg.Frozen = c.frozen
			feedback, err := cfg.DrawFeedback(net, algotest.Init(t, "U1"), 1)
			require.NoError(t, err)
			l, err := algo.NewLearner(dev, net, cfg, make([]float32, net.Params), feedback)
			require.NoError(t, err)
			before := *dev
			require.NoError(t, l.Train(nil))
			got := []int{dev.Backward - before.Backward, dev.Feedbacks - before.Feedbacks, dev.Updates - before.Updates}
			assert.Equal(t, []int{c.backward, c.feedbacks, c.updates}, got, "gradients and errors, feedback, updates")
			if c.rule == algo.DFA {
				for layer := range net.Hidden() {
					delta, err := gpu.Read[float32](dev, l.Step(cfg.Batch).Delta(layer))
					require.NoError(t, err)
					frozen := !cfg.Learning(net)[layer]
					assert.Equal(t, frozen, assert.ObjectsAreEqual(make([]float32, len(delta)), delta), "no error of a frozen layer")
				}
			}
			require.NoError(t, l.Close())
		})
	}
}

func TestNothingLeftToLearnIsRefused(t *testing.T) {
	net := frozenNetworks(t)["dense"]
	for _, c := range []struct {
		rule   *algo.Rule
		frozen []int
		reason string
	}{
		{algo.BP, []int{3}, "0 to 2"},
		{algo.BP, []int{-1}, "layer -1"},
		{algo.BP, []int{0, 1, 2}, "nothing is left to learn"},
		{algo.Shallow, []int{2}, "nothing is left to learn"},
	} {
		cfg := algotest.Config(c.rule)
		cfg.Frozen = c.frozen
		_, err := algo.NewLearner(nil, net, cfg, make([]float32, net.Params), nil)
		require.ErrorIs(t, err, algo.ErrConfig)
		require.ErrorContains(t, err, c.reason)
	}
}
