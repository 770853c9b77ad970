package algo_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/model"
)

// The gradients are float32 sums of some hundred products, the differences float64
// with an error of h²: both far below this share of the largest gradient.
const gradientTolerance = 2e-5

// difference is h of the central differences (f(w+h) - f(w-h)) / 2h.
const difference = 1e-5

// TestExactRulesFollowTheGradient compares every rule that promises exact gradients with central differences
// of a forward pass in float64 that shares no code with the engine.
func TestExactRulesFollowTheGradient(t *testing.T) {
	require.True(t, algo.BP.Exact)
	for _, rule := range algo.Rules() {
		if rule.Exact {
			t.Run(rule.Name, func(t *testing.T) { checkGradients(t, rule) })
		}
	}
}

func checkGradients(t *testing.T, rule *algo.Rule) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, act := range gpu.Activations() {
			for _, classes := range []int{2, 4} {
				for _, reduction := range []algo.Reduction{algo.Mean, algo.Sum} {
					dense, err := model.NewDense(model.Vector(7), []int{6, 5}, classes, act)
					require.NoError(t, err)
					conv, err := model.NewConv(model.Shape{H: 8, W: 9, C: 2},
						[]model.Filter{{Filters: 4, Kernel: 3, Stride: 2}, {Filters: 3, Kernel: 2, Stride: 1}}, classes, act)
					require.NoError(t, err)
					mixed, err := model.New(model.Shape{H: 8, W: 9, C: 2},
						[]model.Filter{{Filters: 4, Kernel: 3, Stride: 2, Pad: 1}, {Filters: 3, Kernel: 2, Stride: 1}}, []int{6, 5}, classes, act)
					require.NoError(t, err)
					pooled, err := model.New(model.Shape{H: 8, W: 9, C: 2}, []model.Filter{
						{Filters: 4, Kernel: 3, Stride: 1, Pad: 1, Pool: model.Pooling{Kind: gpu.MaxPooling, Kernel: 3, Stride: 2}},
						{Filters: 3, Kernel: 2, Stride: 1, Pool: model.Pooling{Kind: gpu.AveragePooling, Kernel: 2, Stride: 1}},
					}, []int{6}, classes, act)
					require.NoError(t, err)
					for kind, net := range map[string]*model.Network{"dense": dense, "conv": conv, "dense behind padded conv": mixed, "pooled": pooled} {
						t.Run(fmt.Sprintf("%s %v %d classes %v", kind, act, classes, reduction), func(t *testing.T) {
							checkGradient(t, dev, net, rule, reduction)
						})
					}
				}
			}
		}
	})
}

func checkGradient(t *testing.T, dev gpu.Device, net *model.Network, rule *algo.Rule, reduction algo.Reduction) {
	const batch = 3
	params, x, y := awayFromKinks(t, net, batch)
	cfg := algo.Config{Rule: rule, Optimizer: gpu.SGD, Reduction: reduction, Batch: batch}
	l, err := algo.NewLearner(dev, net, cfg, params, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	uploadBatch(t, l, x, y)
	require.NoError(t, l.Train(nil))
	got, err := l.Grads()
	require.NoError(t, err)

	loss := func(params []float64) float64 {
		sum, _ := lossOf(net, params, x, y)
		if reduction == algo.Mean {
			sum /= batch
		}
		return sum
	}
	wide := make([]float64, len(params))
	for i, v := range params {
		wide[i] = float64(v)
	}
	want := make([]float64, len(params))
	largest := 0.0
	for i := range wide {
		kept := wide[i]
		wide[i] = kept + difference
		above := loss(wide)
		wide[i] = kept - difference
		below := loss(wide)
		wide[i] = kept
		want[i] = (above - below) / (2 * difference)
		largest = math.Max(largest, math.Abs(want[i]))
	}
	require.Greater(t, largest, 0.01, "a gradient to compare with")
	for i := range want {
		require.InDelta(t, want[i], got[i], gradientTolerance*largest, "parameter %d", i)
	}
}

// awayFromKinks draws parameters and a batch for which no preactivation lies so close
// to a kink of relu or pl that a difference could step over it.
func awayFromKinks(t *testing.T, net *model.Network, batch int) (params, x []float32, y []int32) {
	for seed := uint64(0); seed < 1000; seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		params = make([]float32, net.Params)
		for _, layer := range net.Layers {
			for _, r := range []model.Range{layer.W, layer.B} {
				for i := range r.Of(params) {
					r.Of(params)[i] = float32(rng.NormFloat64()) * 0.6
				}
			}
		}
		x, y = make([]float32, batch*net.Input.Size()), make([]int32, batch)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for i := range y {
			y[i] = rng.Int32N(int32(net.Classes))
		}
		wide := make([]float64, len(params))
		for i, v := range params {
			wide[i] = float64(v)
		}
		if _, kinked := lossOf(net, wide, x, y); !kinked {
			return params, x, y
		}
	}
	require.Fail(t, "no parameters away from the kinks")
	return nil, nil, nil
}

// lossOf is the summed cross-entropy of a batch in float64, and whether any preactivation came near a kink. A dense
// layer is a 1x1 convolution of a 1x1 image.
func lossOf(net *model.Network, params []float64, x []float32, y []int32) (sum float64, kinked bool) {
	features := net.Input.Size()
	for n, label := range y {
		h := make([]float64, features)
		for i := range h {
			h[i] = float64(x[n*features+i])
		}
		for i, layer := range net.Layers {
			pre := convolve(layer, params, h)
			a := slices.Clone(pre)
			if i < len(net.Layers)-1 {
				for j, v := range a {
					a[j] = net.Activation.F(v)
					kinked = kinked || nearKink(net.Activation, v)
				}
			}
			if layer.Pool.Any() {
				var tied bool
				a, tied = pool(layer, net.Activation, pre)
				kinked = kinked || tied
			}
			h = a
		}
		sum += crossEntropy(h, int(label))
	}
	return sum, kinked
}

// nearKink says whether f' jumps within 1e-3 of a.
func nearKink(act gpu.Activation, a float64) bool {
	const margin = 1e-3
	slope := func(a float64) float64 {
		if !act.NeedsPre() {
			a = act.F(a)
		}
		return act.Slope(a)
	}
	return math.Abs(slope(a+margin)-slope(a-margin)) > 0.5
}

func convolve(layer model.Layer, params, in []float64) []float64 {
	w, b := params[layer.W.Off:layer.W.End()], params[layer.B.Off:layer.B.End()]
	shape := layer.In
	if layer.Kind == model.Dense {
		shape = model.Vector(layer.FanIn())
	}
	out := make([]float64, 0, layer.Units())
	for oy := range layer.Out.H {
		for ox := range layer.Out.W {
			for o := range layer.Out.C {
				a := b[o]
				for i := range layer.Kernel {
					for j := range layer.Kernel {
						y, x := oy*layer.Stride+i-layer.Pad, ox*layer.Stride+j-layer.Pad
						if y < 0 || y >= shape.H || x < 0 || x >= shape.W {
							continue
						}
						for c := range shape.C {
							pixel := (y*shape.W+x)*shape.C + c
							a += in[pixel] * w[((i*layer.Kernel+j)*shape.C+c)*layer.Out.C+o]
						}
					}
				}
				out = append(out, a)
			}
		}
	}
	return out
}

// pool pools a layer's outputs f(a), and says whether any other a of a window comes so near the largest that a
// difference could step over it. Where f is constant it does not matter.
func pool(layer model.Layer, act gpu.Activation, pre []float64) (out []float64, tied bool) {
	const margin = 1e-3
	moves := func(a float64) bool { return act.F(a) != act.F(a-margin) }
	to, p := layer.Passed(), layer.Pool
	for oy := range to.H {
		for ox := range to.W {
			for c := range to.C {
				largest, second, sum := math.Inf(-1), math.Inf(-1), 0.0
				for i := range p.Kernel {
					for j := range p.Kernel {
						a := pre[((oy*p.Stride+i)*layer.Out.W+ox*p.Stride+j)*layer.Out.C+c]
						second = max(second, min(a, largest))
						largest = max(largest, a)
						sum += act.F(a)
					}
				}
				if p.Kind == gpu.AveragePooling {
					out = append(out, sum/float64(p.Kernel*p.Kernel))
					continue
				}
				tied = tied || largest-second < margin && moves(largest)
				out = append(out, act.F(largest))
			}
		}
	}
	return out, tied
}

func crossEntropy(logits []float64, label int) float64 {
	if len(logits) == 1 {
		return math.Log1p(math.Exp(-logits[0])) + (1-float64(label))*logits[0]
	}
	sum := 0.0
	for _, a := range logits {
		sum += math.Exp(a)
	}
	return math.Log(sum) - logits[label]
}
