package algotest

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/testimages"
	"mdfa/gpu"
	"mdfa/model"
)

// Features is the size of the images of Bands and Coded.
const Features = 81

// Bands returns learnable images: the class is which third of the image is bright.
func Bands(seed uint64, n int) feed.Examples {
	rng := rand.New(rand.NewPCG(seed, 5))
	e := feed.Examples{Images: make([]uint8, n*Features), Labels: make([]int32, n)}
	for i := range n {
		label := rng.IntN(3)
		e.Labels[i] = int32(label)
		for p := range Features {
			e.Images[i*Features+p] = uint8(rng.IntN(60))
			if p/27 == label {
				e.Images[i*Features+p] += 150
			}
		}
	}
	return e
}

// FromSource returns examples in memory as a source.
func FromSource(e feed.Examples, resident bool) feed.Examples {
	return feed.Examples{Source: feed.InMemory(e.Images, Features), Labels: e.Labels, Resident: resident}
}

// Coded returns n examples whose images show their numbers.
func Coded(n int) feed.Examples {
	return feed.Examples{Source: testimages.Coded, Labels: testimages.Labels(n)}
}

// Decode returns which coded images lie in the learner's input, after a look at every pixel and label.
func Decode(t *testing.T, l *algo.Learner, n int) []int {
	t.Helper()
	s := l.Step(n)
	x, err := gpu.Read[float32](l.Device(), s.Input(0))
	require.NoError(t, err)
	y, err := gpu.Read[int32](l.Device(), s.Labels())
	require.NoError(t, err)
	var seen []int
	for row := range n {
		pixels := make([]uint8, Features)
		for p := range pixels {
			pixels[p] = uint8(x[row*Features+p]*255 + 0.5)
		}
		image := testimages.Decode(t, pixels)
		require.Equal(t, testimages.Label(image), y[row], "the label of image %d", image)
		seen = append(seen, image)
	}
	return seen
}

// Init returns an initializer by its name.
func Init(t *testing.T, text string) model.Init {
	t.Helper()
	init, err := model.ParseInit(text)
	require.NoError(t, err)
	return init
}

// Config trains with a rule in small batches.
func Config(rule *algo.Rule) algo.Config {
	return algo.Config{Rule: rule, Optimizer: gpu.RMSProp, LR: 3e-3, Batch: 8, EvalBatch: 16}
}

// Learner returns a small convolutional network for images of Features.
func Learner(t *testing.T, dev gpu.Device, cfg algo.Config) *algo.Learner {
	t.Helper()
	return LearnerWith(t, dev, cfg, gpu.Tanh)
}

// LearnerWith returns the same network with an activation.
func LearnerWith(t *testing.T, dev gpu.Device, cfg algo.Config, act gpu.Activation) *algo.Learner {
	t.Helper()
	net, err := model.NewConv(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{{Filters: 8, Kernel: 3, Stride: 2}}, 3, act)
	require.NoError(t, err)
	params, err := cfg.Rule.DrawParams(net, Init(t, "U1"), 1)
	require.NoError(t, err)
	feedback, err := cfg.DrawFeedback(net, Init(t, "U1"), 1)
	require.NoError(t, err)
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	return l
}
