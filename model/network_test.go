package model

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

var (
	mnist    = Shape{28, 28, 1}
	cifar    = Shape{32, 32, 3}
	imagenet = Shape{224, 224, 3}
)

func mustDefault(t *testing.T, input Shape, conv bool, classes int) *Network {
	t.Helper()
	n, err := Default(input, conv, classes, gpu.Tanh)
	require.NoError(t, err)
	return n
}

func TestDefaultNetworksAreThePapers(t *testing.T) {
	// Weights worked out by hand from the table of networks, biases included.
	for _, c := range []struct {
		input   Shape
		conv    bool
		classes int
		text    string
		weights int
		units   int
	}{
		{mnist, false, 10, "28x28x1 -> dense 200 -> dense 200 -> dense 10",
			784*200 + 200 + 200*200 + 200 + 200*10 + 10, 400},
		{mnist, true, 10, "28x28x1 -> conv 96 5/2 -> conv 96 3/2 -> conv 96 3/1 -> dense 10",
			177_226, 12*12*96 + 5*5*96 + 3*3*96},
		{mnist, true, 2, "28x28x1 -> conv 96 5/2 -> conv 96 3/2 -> conv 96 3/1 -> dense 1",
			169_441, 12*12*96 + 5*5*96 + 3*3*96},
		{cifar, false, 100, "32x32x3 -> dense 1024 -> dense 1024 -> dense 100",
			3072*1024 + 1024 + 1024*1024 + 1024 + 1024*100 + 100, 2048},
		{cifar, true, 10, "32x32x3 -> conv 96 5/2 -> conv 96 3/2 -> conv 96 3/1 -> dense 10",
			5*5*3*96 + 2*9*96*96 + 3*96 + 4*4*96*10 + 10, 14*14*96 + 6*6*96 + 4*4*96},
		{imagenet, false, 1000, "224x224x3 -> dense 1024 -> dense 1024 -> dense 1024 -> dense 1024 -> dense 1000",
			150528*1024 + 3*1024*1024 + 4*1024 + 1024*1000 + 1000, 4096},
		{imagenet, true, 1000, "224x224x3 -> conv 96 9/4 -> conv 96 3/2 -> conv 128 5/1 -> conv 128 3/2 -> conv 192 3/1 -> conv 192 3/2 -> conv 384 3/1 -> dense 1000",
			81*3*96 + 9*96*96 + 25*96*128 + 9*128*128 + 9*128*192 + 9*192*192 + 9*192*384 + (96 + 96 + 128 + 128 + 192 + 192 + 384) + 384*1000 + 1000, 433_984},
	} {
		n := mustDefault(t, c.input, c.conv, c.classes)
		assert.Equal(t, c.text, n.String())
		assert.Equal(t, c.weights, n.Weights(), c.text)
		assert.Equal(t, c.units, n.HiddenUnits(), c.text)
	}
}

// TestPublishedNetworksHaveTheirWeights counts LeNet-5 and torchvision's AlexNet.
func TestPublishedNetworksHaveTheirWeights(t *testing.T) {
	for _, c := range []struct {
		input   Shape
		filters string
		hidden  []int
		classes int
		text    string
		weights int
	}{
		{mnist, "6:5:1:2,max:2:2,16:5:1,avg:2:2", []int{120, 84}, 10,
			"28x28x1 -> conv 6 5/1 pad 2, max 2/2 -> conv 16 5/1, avg 2/2 -> dense 120 -> dense 84 -> dense 10", 61_706},
		{imagenet, "64:11:4:2,max:3:2,192:5:1:2,max:3:2,384:3:1:1,256:3:1:1,256:3:1:1,max:3:2", []int{4096, 4096}, 1000,
			"224x224x3 -> conv 64 11/4 pad 2, max 3/2 -> conv 192 5/1 pad 2, max 3/2 -> conv 384 3/1 pad 1 -> conv 256 3/1 pad 1 -> conv 256 3/1 pad 1, max 3/2 -> dense 4096 -> dense 4096 -> dense 1000", 61_100_840},
	} {
		filters, err := ParseFilters(c.filters)
		require.NoError(t, err)
		n, err := New(c.input, filters, c.hidden, c.classes, gpu.ReLU)
		require.NoError(t, err)
		assert.Equal(t, c.text, n.String())
		assert.Equal(t, c.weights, n.Weights())
		assert.Equal(t, filters, n.Filters())
		assert.Equal(t, c.hidden, n.Widths())
	}
}

func TestImageNetConvnetHasTheShapesOfValidConvolutions(t *testing.T) {
	var outputs []Shape
	for _, l := range mustDefault(t, imagenet, true, 1000).Layers {
		outputs = append(outputs, l.Out)
	}
	assert.Equal(t, []Shape{{54, 54, 96}, {26, 26, 96}, {22, 22, 128}, {10, 10, 128},
		{8, 8, 192}, {3, 3, 192}, {1, 1, 384}, {1, 1, 1000}}, outputs)
}

func TestDefaultRefusesUnknownImageShapes(t *testing.T) {
	_, err := Default(Shape{17, 17, 1}, true, 10, gpu.Tanh)
	assert.EqualError(t, err, "no default network for images of 17x17x1 (there is one for 28x28x1, 32x32x3, 224x224x3): name the layers")
}

func TestTwoClassesHaveOneLogit(t *testing.T) {
	for classes, logits := range map[int]int{2: 1, 3: 3, 10: 10} {
		n, err := NewDense(mnist, []int{5}, classes, gpu.ReLU)
		require.NoError(t, err)
		assert.Equal(t, logits, n.Logits)
		assert.Equal(t, Vector(logits), n.Layers[1].Out)
		assert.Equal(t, classes, n.Classes)
	}
}

func TestNetworkWithoutHiddenLayerClampsNothing(t *testing.T) {
	n, err := NewDense(Shape{4, 4, 3}, nil, 7, gpu.Tanh)
	require.NoError(t, err)
	assert.Equal(t, "4x4x3 -> dense 7", n.String())
	assert.Empty(t, n.Hidden())
	assert.Zero(t, n.HiddenUnits())
	assert.Zero(t, n.Clamp.Len)
	assert.Equal(t, Range{0, 48 * 7}, n.Layers[0].W)
	assert.Equal(t, Range{352, 7}, n.Layers[0].B)
	assert.Equal(t, 384, n.Params)

	feedback, err := n.DFAFeedback(DirectFeedback, Init{Dist: gpu.DrawSymmetric, Value: 1}, true, 0)
	require.NoError(t, err)
	assert.Empty(t, feedback)
	feedback, ranges, err := n.FAFeedback(Init{Dist: gpu.DrawSymmetric, Value: 1}, 0)
	require.NoError(t, err)
	assert.Empty(t, feedback)
	assert.Equal(t, []Range{{}}, ranges)
}

func TestImpossibleNetworksAreRefused(t *testing.T) {
	const huge = 1 << 30
	dense := func(input Shape, hidden []int, classes int) error {
		_, err := NewDense(input, hidden, classes, gpu.Tanh)
		return err
	}
	conv := func(input Shape, filters ...Filter) error {
		_, err := NewConv(input, filters, 10, gpu.Tanh)
		return err
	}
	for _, c := range []struct {
		name  string
		err   error
		text  string
		large bool
	}{
		{"one class", dense(mnist, nil, 1), "1 classes: a classifier needs at least 2", false},
		{"negative classes", dense(mnist, nil, -1), "a classifier needs at least 2", false},
		{"no input", dense(Shape{0, 28, 1}, nil, 10), "input 0x28x1", false},
		{"no units", dense(mnist, []int{5, 0}, 10), "layer 1 (dense 0): a layer needs at least 1 unit", false},
		{"negative units", dense(mnist, []int{-5}, 10), "layer 0 (dense -5)", false},
		{"no filters", conv(mnist, Filter{Filters: 0, Kernel: 3, Stride: 1}), "layer 0 (conv 0 3/1): filters, kernel and stride", false},
		{"no stride", conv(mnist, Filter{Filters: 3, Kernel: 3, Stride: 0}), "filters, kernel and stride", false},
		{"negative kernel", conv(mnist, Filter{Filters: 3, Kernel: -3, Stride: 1}), "filters, kernel and stride", false},
		{"kernel larger than its input", conv(mnist, Filter{Filters: 96, Kernel: 5, Stride: 2}, Filter{Filters: 96, Kernel: 13, Stride: 1}),
			"layer 1 (conv 96 13/1) does not fit: its kernel is 13x13 and what reaches it only 12x12 (28x28x1 -> conv 96 5/2): take a smaller kernel", false},
		{"kernel wider than a tall input", conv(Shape{28, 3, 1}, Filter{Filters: 4, Kernel: 5, Stride: 1}), "only 28x3", false},
		{"padding as wide as the kernel", conv(mnist, Filter{Filters: 3, Kernel: 3, Stride: 1, Pad: 3}), "layer 0 (conv 3 3/1 pad 3): the padding must be", false},
		{"negative padding", conv(mnist, Filter{Filters: 3, Kernel: 3, Stride: 1, Pad: -1}), "the padding must be", false},
		{"kernel larger than its padded input", conv(mnist, Filter{Filters: 3, Kernel: 31, Stride: 1, Pad: 1}),
			"layer 0 (conv 3 31/1 pad 1) does not fit: its kernel is 31x31 and what reaches it only 28x28", false},
		{"pooling larger than the output", conv(mnist, Filter{Filters: 3, Kernel: 24, Stride: 1, Pool: Pooling{gpu.AveragePooling, 6, 1}}),
			"layer 0 (conv 3 24/1, avg 6/1): its pooling does not fit: the kernel is 6x6 and the convolution's output only 5x5", false},
		{"pooling without a stride", conv(mnist, Filter{Filters: 3, Kernel: 3, Stride: 1, Pool: Pooling{gpu.MaxPooling, 2, 0}}), "kernel and stride of a pooling", false},
		{"huge max pooling", conv(mnist, Filter{Filters: 3, Kernel: 3, Stride: 1, Pool: Pooling{gpu.MaxPooling, 17, 1}}), "the kernel of max pooling must be at most 16", false},
		{"huge padding", conv(mnist, Filter{Filters: 1, Kernel: huge, Stride: huge, Pad: huge - 1}), "outputs or weights", true},
		{"huge classes", dense(mnist, nil, huge), "classes: at most", true},
		{"huge input", dense(Shape{huge, huge, huge}, nil, 10), "input", true},
		{"huge layer", dense(mnist, []int{huge}, 10), "outputs or weights", true},
		{"overflowing weights", dense(Shape{1, 1, 1 << 20}, []int{1 << 20}, 10), "outputs or weights", true},
		{"overflowing sum", dense(Shape{1, 1, 40000}, []int{40000, 40000}, 2), "weights", true},
		{"overflowing units", conv(Shape{40000, 40000, 1}, Filter{Filters: 1, Kernel: 1, Stride: 1}, Filter{Filters: 1, Kernel: 1, Stride: 1}, Filter{Filters: 1, Kernel: 1, Stride: 40000}), "units", true},
		{"huge stride and filters", conv(mnist, Filter{Filters: huge, Kernel: 28, Stride: huge}), "outputs or weights", true},
		{"too many layers", dense(mnist, make([]int, maxLayers+1), 10), "hidden layers", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, c.err, c.text)
			if c.large {
				assert.ErrorIs(t, c.err, ErrTooLarge)
			} else {
				assert.NotErrorIs(t, c.err, ErrTooLarge)
			}
		})
	}
	_, err := NewDense(mnist, nil, 10, gpu.Activation(9))
	assert.ErrorContains(t, err, "unknown activation")
}

// randomNetwork makes a small network of any kind out of rng.
func randomNetwork(t *testing.T, rng *rand.Rand) *Network {
	t.Helper()
	input := Shape{1 + rng.IntN(20), 1 + rng.IntN(20), 1 + rng.IntN(4)}
	classes := 2 + rng.IntN(6)
	act := gpu.Activations()[rng.IntN(len(gpu.Activations()))]
	hidden := make([]int, rng.IntN(4))
	for i := range hidden {
		hidden[i] = 1 + rng.IntN(70)
	}
	var filters []Filter
	at := input
	for range rng.IntN(4) {
		f := Filter{Filters: 1 + rng.IntN(9), Kernel: 1 + rng.IntN(min(at.H, at.W)), Stride: 1 + rng.IntN(3)}
		f.Pad = rng.IntN(f.Kernel)
		at.H, at.W = (at.H+2*f.Pad-f.Kernel)/f.Stride+1, (at.W+2*f.Pad-f.Kernel)/f.Stride+1
		if kind := gpu.Pooling(rng.IntN(3)); kind != gpu.NoPooling {
			f.Pool = Pooling{Kind: kind, Kernel: 1 + rng.IntN(min(at.H, at.W, gpu.MaxPoolingKernel)), Stride: 1 + rng.IntN(3)}
			at.H, at.W = (at.H-f.Pool.Kernel)/f.Pool.Stride+1, (at.W-f.Pool.Kernel)/f.Pool.Stride+1
		}
		filters = append(filters, f)
	}
	n, err := New(input, filters, hidden, classes, act)
	require.NoError(t, err)
	return n
}

const randomNetworks = 200

// eachRandomNetwork runs check on many networks, the same ones every time.
func eachRandomNetwork(t *testing.T, check func(t *testing.T, n *Network)) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range randomNetworks {
		n := randomNetwork(t, rng)
		if !t.Run(fmt.Sprintf("%d/%v", i, n), func(t *testing.T) { check(t, n) }) {
			return
		}
	}
}

// requireLayout checks that ranges are aligned, disjoint, in the arena and close together.
func requireLayout(t *testing.T, ranges []Range, length int) {
	t.Helper()
	ranges = slices.SortedFunc(slices.Values(ranges), func(a, b Range) int { return cmp.Compare(a.Off, b.Off) })
	end := 0
	for _, r := range ranges {
		require.Positive(t, r.Len)
		require.Zero(t, r.Off%Alignment, "aligned")
		require.GreaterOrEqual(t, r.Off, end, "disjoint")
		require.Less(t, r.Off-end, Alignment, "no more padding than alignment needs")
		end = r.End()
	}
	require.GreaterOrEqual(t, length, end)
	require.Less(t, length-end, Alignment)
	require.Zero(t, length%Alignment)
}

func TestArenaBlocksAreAlignedDisjointAndComplete(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		var ranges []Range
		sum := 0
		for _, l := range n.Layers {
			size := 1
			for _, d := range l.WeightShape() {
				size *= d
			}
			require.Equal(t, size, l.W.Len)
			require.Equal(t, l.Channels(), l.B.Len)
			ranges = append(ranges, l.W, l.B)
			sum += l.W.Len + l.B.Len
		}
		requireLayout(t, ranges, n.Params)
		require.Equal(t, sum, n.Weights())
	})
}

// TestRangesAreTheChosenBlocksAndNoOthers looks at every choice of layers, element by element.
func TestRangesAreTheChosenBlocksAndNoOthers(t *testing.T) {
	for _, hidden := range [][]int{nil, {3}, {40, 5}, {33, 64, 1}} {
		n, err := NewDense(Vector(7), hidden, 3, gpu.Tanh)
		require.NoError(t, err)
		for choice := range 1 << len(n.Layers) {
			chosen, want := make([]bool, len(n.Layers)), make([]bool, n.Params)
			for i := range chosen {
				chosen[i] = choice>>i&1 == 1
			}
			of, block := -1, 0 // padding belongs to the block before it
			for at := range want {
				for _, b := range n.blocks() {
					if at >= b.Off && b.Off >= block {
						of, block = b.layer, b.Off
					}
				}
				want[at] = chosen[of]
			}
			got, end := make([]bool, n.Params), -1
			for _, r := range n.Ranges(chosen) {
				assert.Greater(t, r.Off, end, "in order, and not to be joined")
				end = r.End()
				for i := r.Off; i < end; i++ {
					got[i] = true
				}
			}
			assert.Equal(t, want, got, "%v %b", n, choice)
		}
		assert.Empty(t, n.Ranges(make([]bool, len(n.Layers))))
	}
}

func TestChoicesAreFoundInTheNetwork(t *testing.T) {
	dense, err := NewDense(Vector(7), []int{4}, 3, gpu.Tanh)
	require.NoError(t, err)
	conv, err := NewConv(Shape{9, 9, 1}, []Filter{{Filters: 4, Kernel: 3, Stride: 1}, {Filters: 4, Kernel: 3, Stride: 1}}, 3, gpu.Tanh)
	require.NoError(t, err)
	for text, want := range map[string][]int{"": nil, "conv": {0, 1}, "2,1": {1, 2}, "1,conv": {0, 1}, "conv,2": {0, 1, 2}} {
		choice, err := ParseChoice(text)
		require.NoError(t, err)
		layers, err := conv.Choose(choice)
		require.NoError(t, err)
		assert.Equal(t, want, layers, text)
	}
	_, err = conv.Choose([]string{"3"})
	require.EqualError(t, err, "there is no layer 3: those of 9x9x1 -> conv 4 3/1 -> conv 4 3/1 -> dense 3 are 0 to 2")
	_, err = dense.Choose([]string{AllConv})
	require.EqualError(t, err, "1x1x7 -> dense 4 -> dense 3 has no convolution")
}

func TestClampRangeHoldsEveryWeightButTheFirstLayers(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		inside := func(r Range) bool { return r.Off >= n.Clamp.Off && r.End() <= n.Clamp.End() }
		outside := func(r Range) bool { return r.End() <= n.Clamp.Off || r.Off >= n.Clamp.End() }
		require.LessOrEqual(t, n.Clamp.End(), n.Params)
		for i, l := range n.Layers {
			require.True(t, outside(l.B), "b_%d", i)
			require.Equal(t, i == 0, outside(l.W), "W_%d", i)
			require.Equal(t, i > 0, inside(l.W), "W_%d", i)
		}
		require.Equal(t, len(n.Layers) == 1, n.Clamp.Len == 0)
	})
}

func TestLayersFitTogetherAndIntoTheDeviceContract(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		at, units := n.Input, 0
		for i, l := range n.Layers {
			require.Equal(t, at.Size(), l.In.Size())
			if l.Kind == Conv {
				require.Equal(t, at, l.In)
			} else {
				require.Equal(t, Vector(at.Size()), l.In)
				require.Equal(t, []int{l.FanIn(), l.Units()}, l.WeightShape())
			}
			s := l.ConvShape(3)
			require.NoError(t, s.Check())
			require.Equal(t, 3*l.Units(), s.OutLen())
			require.Equal(t, 3*l.In.Size(), s.InLen())
			require.Equal(t, l.FanIn(), s.Patch())
			require.Equal(t, l.W.Len, s.Patch()*l.Out.C)
			require.Zero(t, l.Units()%l.Channels())
			if i < len(n.Layers)-1 {
				units += l.Units()
			}
			at = l.Out
			if l.Pool.Any() {
				p := l.PoolShape(3)
				require.NoError(t, p.Check())
				require.Equal(t, 3*l.Units(), p.InLen())
				require.Equal(t, 3*l.Passed().Size(), p.OutLen())
				at = Shape{p.OutH(), p.OutW(), p.Channels}
			}
		}
		require.Equal(t, Vector(n.Logits), at)
		require.Equal(t, units, n.HiddenUnits())
	})
}

func TestFeedbackLayouts(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		off := 0
		for i, c := range n.FeedbackColumns() {
			require.Equal(t, Range{off, n.Layers[i].Units()}, c)
			off += c.Len
		}
		require.Equal(t, n.HiddenUnits(), off)

		ranges, length := n.FARanges()
		require.Len(t, ranges, len(n.Layers))
		require.Zero(t, ranges[0])
		requireLayout(t, ranges[1:], length)
		for i, l := range n.Layers[1:] {
			require.Equal(t, l.W.Len, ranges[i+1].Len)
		}
		require.EqualValues(t, length, n.FeedbackLen(LayerFeedback))
		require.EqualValues(t, n.Logits*off, n.FeedbackLen(DirectFeedback))
		require.EqualValues(t, n.Classes*off, n.FeedbackLen(ClassFeedback))
		require.Zero(t, n.FeedbackLen(NoFeedback))
	})
}
