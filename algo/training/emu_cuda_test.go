//go:build cuda && linux && (amd64 || arm64)

package training

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cuda"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/softgpu"
)

const (
	// agreementBatch is that of the convolutional runs whose results are compared; it takes the software GPU a
	// quarter of the time of mnistBatch, the program's default.
	agreementBatch = 16
	mnistBatch     = 64
	// agreementSteps is long enough for a systematic difference to show in the losses.
	agreementSteps = 50
	// agreementRate is ten times the program's own, and errors are summed: these few steps
	// have to learn something.
	agreementRate = 1e-3
	// lossTolerance is relative, weightTolerance to the largest weight. The devices sum
	// in different orders, and each rounds tanh and exp in its own way, within an ulp.
	lossTolerance   = 1e-5
	weightTolerance = 1e-4
)

// mnist is real MNIST, cut to the examples that the tests visit.
func mnist(t *testing.T) Data {
	t.Helper()
	set, err := loaders.Load(context.Background(), "mnist", loaders.Options{})
	require.NoError(t, err)
	cut := func(s *loaders.Split, n int) feed.Examples {
		return feed.Examples{Images: s.Images[:n*set.Height*set.Width], Labels: s.Labels[:n]}
	}
	return Data{Train: cut(&set.Train, agreementSteps*mnistBatch), Valid: cut(&set.Valid, 100), Test: cut(&set.Test, 50)}
}

// mnistNet is the program's default network.
func mnistNet(t *testing.T, convnet bool) *model.Network {
	t.Helper()
	net, err := model.Default(model.Shape{H: 28, W: 28, C: 1}, convnet, 10, gpu.Tanh)
	require.NoError(t, err)
	return net
}

// mnistRun is a run of the program's default network on a device, in the batches of results that are compared.
func mnistRun(t *testing.T, dev gpu.Device, rule *algo.Rule, convnet bool, data Data) (*algo.Learner, *Trainer) {
	t.Helper()
	batch := mnistBatch
	if convnet {
		batch = agreementBatch
	}
	return netRun(t, dev, rule, mnistNet(t, convnet), batch, data)
}

// netRun is a run of a network on a device.
func netRun(t *testing.T, dev gpu.Device, rule *algo.Rule, net *model.Network, batch int, data Data) (*algo.Learner, *Trainer) {
	t.Helper()
	params, err := net.InitialParams(algotest.Init(t, "U1"), rule.Monotone(), 3)
	require.NoError(t, err)
	cfg := algo.Config{Rule: rule, Optimizer: gpu.RMSProp, LR: agreementRate, Reduction: algo.Sum, Batch: batch}
	feedback, err := cfg.DrawFeedback(net, algotest.Init(t, "U1"), 3)
	require.NoError(t, err)
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	trainer, err := New(t.Context(), l, data, Schedule{Epochs: 1, Seed: 3})
	require.NoError(t, err)
	require.NoError(t, trainer.BeginEpoch(1))
	return l, trainer
}

// losses makes steps and reads the loss of each, and the weights after the last.
func losses(t *testing.T, l *algo.Learner, trainer *Trainer, steps int) (means []float64, weights []float32) {
	t.Helper()
	for range steps {
		require.NoError(t, l.ResetMetrics())
		require.NoError(t, trainer.Step())
		m, err := l.Metrics()
		require.NoError(t, err)
		means = append(means, m.MeanLoss())
	}
	weights, err := l.Params()
	require.NoError(t, err)
	return means, weights
}

func netName(convnet bool) string {
	if convnet {
		return "conv"
	}
	return "fc"
}

// TestSoftwareGPUAgreesWithTheCPU trains real MNIST on both devices, under every rule.
func TestSoftwareGPUAgreesWithTheCPU(t *testing.T) {
	algotest.NeedEmu(t)
	data := mnist(t)
	for _, convnet := range []bool{false, true} {
		for i, rule := range algo.Rules() {
			t.Run(fmt.Sprintf("%s/%v", netName(convnet), rule), func(t *testing.T) {
				host := cpu.Open()
				defer func() { require.NoError(t, host.Close()) }()
				l, trainer := mnistRun(t, host, rule, convnet, data)
				wantLosses, wantWeights := losses(t, l, trainer, agreementSteps)

				o := softgpu.DefaultOptions()
				o.Seed = uint64(i) + 1
				dev, _ := algotest.OpenEmu(t, o, cuda.Options{})
				l, trainer = mnistRun(t, dev, rule, convnet, data)
				gotLosses, gotWeights := losses(t, l, trainer, agreementSteps)

				for i, want := range wantLosses {
					require.InEpsilon(t, want, gotLosses[i], lossTolerance, "loss of step %d", i+1)
				}
				largest, worst := 0.0, 0.0
				for i, want := range wantWeights {
					largest = max(largest, math.Abs(float64(want)))
					worst = max(worst, math.Abs(float64(want)-float64(gotWeights[i])))
				}
				assert.LessOrEqual(t, worst, weightTolerance*largest, "weights")
				if !rule.ErrorSigns || convnet { // nine of ten error signs are equal at first: sdfa's dense layers need more steps
					assert.Less(t, wantLosses[agreementSteps-1], 0.95*wantLosses[0], "the run learns something")
				}
				t.Logf("last loss %.6f, weights differ by %.1e of the largest", gotLosses[agreementSteps-1], worst/largest)
			})
		}
	}
}

// TestForkedStepsGiveTheBitsOfUnforkedOnes trains with every rule on one stream, then on
// several under two orders of overlapping operations. The software GPU finds any two operations
// that conflict without being ordered.
func TestForkedStepsGiveTheBitsOfUnforkedOnes(t *testing.T) {
	algotest.NeedEmu(t)
	data := mnist(t)
	for _, convnet := range []bool{false, true} {
		for _, rule := range algo.Rules() {
			t.Run(fmt.Sprintf("%s/%v", netName(convnet), rule), func(t *testing.T) {
				const steps = 2
				weights := func(t *testing.T, seed uint64, streams int) (got []float32) {
					o := softgpu.DefaultOptions()
					o.Seed = seed
					dev, _ := algotest.OpenEmu(t, o, cuda.Options{Streams: streams})
					l, trainer := mnistRun(t, dev, rule, convnet, data)
					_, got = losses(t, l, trainer, steps)
					return got
				}
				var want []float32
				t.Run("one stream", func(t *testing.T) { want = weights(t, 0, 1) })
				for _, seed := range []uint64{1, 2} {
					t.Run(fmt.Sprintf("several streams, seed %d", seed), func(t *testing.T) {
						assert.Equal(t, want, weights(t, seed, 0))
					})
				}
			})
		}
	}
}

const (
	// leanDense and leanConv are the launches of a step of DFA or DRTP, chainDense and chainConv those of BP;
	// docs/gpu-step.md lists them. Rules that take signs have a launch more for each array of signs, those whose feedback
	// learns one for its update, and DKP a product for each hidden layer.
	leanDense, leanConv   = 12, 19
	chainDense, chainConv = 15, 26
	// leanLeNet and chainLeNet are those of a LeNet under DFA and BP.
	leanLeNet, chainLeNet = 23, 33
	// shallowDense and shallowConv are those of Shallow, which updates the two ranges of its logit layer in the arena.
	shallowDense, shallowConv = 10, 15
	// leanBytes is how much more than their floor all kernels but the products may move
	// together: the rest are biases and errors, which every few rows read again.
	leanBytes = 1.1
	// leanLabels is the same for DRTP, in which every example reads the row of its class.
	leanLabels = 1.2
	// lenetBytes is the same for a LeNet, whose first convolution reads the pixel of its one channel for every window.
	lenetBytes = 1.5
	// leanShallow is the same for Shallow, whose updates are too small for the biases not to count.
	leanShallow = 1.2
)

// TestStepsOnAGPUAreLean bounds the cost of a training step, read from the ledger of
// the software GPU: launches, and bytes against reading every input and writing every
// output once.
func TestStepsOnAGPUAreLean(t *testing.T) {
	algotest.NeedEmu(t)
	data := mnist(t)
	for _, c := range []struct {
		rule     *algo.Rule
		convnet  bool
		launches int
	}{
		{algo.DFA, false, leanDense},
		{algo.DFA, true, leanConv},
		{algo.DRTP, false, leanDense},
		{algo.DRTP, true, leanConv},
		{algo.SDFA, false, leanDense + 1},
		{algo.SDFA, true, leanConv + 1},
		{algo.BP, false, chainDense},
		{algo.BP, true, chainConv},
		{algo.Shallow, false, shallowDense},
		{algo.Shallow, true, shallowConv},
		{algo.KP, false, chainDense + 1},
		{algo.KP, true, chainConv + 1},
		{algo.DKP, false, leanDense + 2 + 1},
		{algo.DKP, true, leanConv + 3 + 1},
		{algo.USF, false, chainDense + 2},
		{algo.USF, true, chainConv + 3},
		{algo.FRSF, false, chainDense + 2},
		{algo.FRSF, true, chainConv + 3},
		{algo.BRSF, false, chainDense + 2},
		{algo.BRSF, true, chainConv + 3},
	} {
		t.Run(fmt.Sprintf("%s/%v", netName(c.convnet), c.rule), func(t *testing.T) {
			dev, machine := algotest.OpenEmu(t, softgpu.DefaultOptions(), cuda.Options{})
			_, trainer := netRun(t, dev, c.rule, mnistNet(t, c.convnet), mnistBatch, data)
			bound := leanBytes
			switch c.rule {
			case algo.DRTP:
				bound = leanLabels
			case algo.Shallow:
				bound = leanShallow
			}
			checkLean(t, dev, machine, trainer, c.launches, bound)
		})
	}
}

// TestPooledStepsOnAGPUAreLean is the same for a LeNet, which has padding, pooling, and dense layers behind
// convolutions.
func TestPooledStepsOnAGPUAreLean(t *testing.T) {
	algotest.NeedEmu(t)
	data := mnist(t)
	filters, err := model.ParseFilters("6:5:1:2,max:2:2,16:5:1,max:2:2")
	require.NoError(t, err)
	net, err := model.New(model.Shape{H: 28, W: 28, C: 1}, filters, []int{120, 84}, 10, gpu.Tanh)
	require.NoError(t, err)
	for _, c := range []struct {
		rule     *algo.Rule
		launches int
	}{{algo.DFA, leanLeNet}, {algo.BP, chainLeNet}} {
		t.Run(c.rule.Name, func(t *testing.T) {
			dev, machine := algotest.OpenEmu(t, softgpu.DefaultOptions(), cuda.Options{})
			_, trainer := netRun(t, dev, c.rule, net, mnistBatch, data)
			checkLean(t, dev, machine, trainer, c.launches, lenetBytes)
		})
	}
}

// checkLean makes steps and bounds their launches, and their bytes over the floor.
func checkLean(t *testing.T, dev gpu.Device, machine *softgpu.Machine, trainer *Trainer, launches int, bound float64) {
	t.Helper()
	require.NoError(t, trainer.Step())
	require.NoError(t, dev.Sync())
	const steps = 2
	before := machine.Ledger()
	for range steps {
		require.NoError(t, trainer.Step())
	}
	submitted := machine.Ledger().Since(before)
	assert.Zero(t, submitted.Syncs, "synchronisations")
	assert.Zero(t, submitted.Allocs+submitted.HostAllocs+submitted.Frees, "allocations")
	assert.Equal(t, steps, submitted.GraphLaunches, "one graph a step")
	require.NoError(t, dev.Sync())
	ran := machine.Ledger().Since(before)
	assert.Zero(t, ran.HostToDevice+ran.DeviceToHost, "copies between host and device")
	count := ran.Launches + ran.Memsets + ran.DeviceToDevice
	assert.LessOrEqual(t, count, steps*launches, "kernels, products, fills and copies: %v", ran.Kernels)

	profile, err := trainer.training.plain[0].(gpu.Profiler).Profile(steps)
	require.NoError(t, err)
	var moved, floor int64
	for _, k := range profile.Kernels {
		if k.Kernel != "sgemm" {
			moved += k.Read + k.Written
			floor += k.FloorRead + k.FloorWritten
		}
	}
	require.NotZero(t, floor)
	ratio := float64(moved) / float64(floor)
	assert.LessOrEqual(t, ratio, bound, "bytes of elementwise kernels over their floor")
	t.Logf("%.0f launches a step; elementwise kernels move %d kB, %.3f times the floor", float64(count)/steps, moved/1000, ratio)
}
