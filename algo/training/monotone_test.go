package training

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/model"
)

// TestMonotoneNetworksStayMonotone trains random networks with mdfa and looks at every
// weight after every step.
func TestMonotoneNetworksStayMonotone(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for seed := range uint64(12) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { checkMonotone(t, dev, seed) })
		}
	})
}

func checkMonotone(t *testing.T, dev gpu.Device, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 17))
	net := randomNetwork(t, rng)
	cfg := algo.Config{
		Rule: algo.MDFA, Batch: 1 + rng.IntN(9), LR: 0.05, L2: float32(rng.IntN(2)) * 0.01, Decay: float32(rng.IntN(2)) * 0.1,
		Optimizer: gpu.Optimizers()[rng.IntN(gpu.NumOptimizers)], Reduction: algo.Reduction(rng.IntN(2)),
		Floor: []float32{0, 1e-6, 0.01}[rng.IntN(3)],
	}
	init := algotest.Init(t, []string{"U1", "N0.2", "P1", "A0.1", "0.1"}[rng.IntN(5)])
	params, err := net.InitialParams(init, true, seed)
	require.NoError(t, err)
	feedback, err := algo.MDFA.DrawFeedback(net, init, seed)
	require.NoError(t, err)
	for _, b := range feedback {
		require.GreaterOrEqual(t, b, float32(0))
	}
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	data := randomExamples(rng, net, 40)
	trainer, err := New(t.Context(), l, Data{Train: data}, Schedule{Epochs: 1, Seed: seed})
	require.NoError(t, err)
	require.NoError(t, trainer.BeginEpoch(1))
	negatives := 0
	for range trainer.Steps() {
		require.NoError(t, trainer.Step())
		after, err := l.Params()
		require.NoError(t, err)
		for i, layer := range net.Layers[1:] {
			for _, w := range layer.W.Of(after) {
				require.GreaterOrEqual(t, w, cfg.Floor, "W%d", i+1)
			}
		}
		for _, w := range net.Layers[0].W.Of(after) {
			if w < 0 {
				negatives++
			}
		}
	}
	if init.String() != "0.1" { // a positive constant may take longer than an epoch to fall below 0
		assert.Positive(t, negatives, "the first layer's weights are free")
	}
	kept, err := l.Feedback()
	require.NoError(t, err)
	assert.Equal(t, feedback, kept, "feedback never changes")
}

// randomNetwork is a small network of dense layers, of convolutions or of both.
func randomNetwork(t *testing.T, rng *rand.Rand) *model.Network {
	act, classes := gpu.Activations()[rng.IntN(len(gpu.Activations()))], 2+rng.IntN(4)
	input, convs := model.Vector(5+rng.IntN(30)), rng.IntN(3)
	if convs > 0 {
		input = model.Shape{H: 8 + rng.IntN(5), W: 8 + rng.IntN(5), C: 1 + rng.IntN(3)}
	}
	filters := []model.Filter{{Filters: 2 + rng.IntN(9), Kernel: 1 + rng.IntN(4), Stride: 1 + rng.IntN(3)},
		{Filters: 2 + rng.IntN(9), Kernel: 1 + rng.IntN(2), Stride: 1}}[:convs]
	if convs > 0 && rng.IntN(2) == 0 { // its input is at least 2x2
		filters[convs-1].Pad = filters[convs-1].Kernel - 1
		filters[convs-1].Pool = model.Pooling{Kind: []gpu.Pooling{gpu.MaxPooling, gpu.AveragePooling}[rng.IntN(2)], Kernel: 1 + rng.IntN(2), Stride: 1 + rng.IntN(2)}
	}
	hidden := make([]int, max(1-convs, 0)+rng.IntN(3))
	for i := range hidden {
		hidden[i] = 3 + rng.IntN(40)
	}
	net, err := model.New(input, filters, hidden, classes, act)
	require.NoError(t, err)
	return net
}

func randomExamples(rng *rand.Rand, net *model.Network, n int) feed.Examples {
	e := feed.Examples{Images: make([]uint8, n*net.Input.Size()), Labels: make([]int32, n)}
	for i := range e.Images {
		e.Images[i] = uint8(rng.Uint32())
	}
	for i := range e.Labels {
		e.Labels[i] = rng.Int32N(int32(net.Classes))
	}
	return e
}
