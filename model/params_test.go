package model

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

var everyInit = []Init{constant(0), constant(0.1), uniform(1), normal(0.05), positiveU(1), absNormal(0.05)}

func TestInitialParamsObeyTheInitializerInEveryLayer(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		for _, init := range everyInit {
			for _, monotone := range []bool{false, true} {
				arena, err := n.InitialParams(init, monotone, 5)
				require.NoError(t, err)
				require.Len(t, arena, n.Params)
				for i, l := range n.Layers {
					checkDraws(t, init, monotone && i > 0, monotone && i == 0, l.FanIn(), l.W.Of(arena))
					clear(l.W.Of(arena))
				}
				require.False(t, slices.ContainsFunc(arena, func(x float32) bool { return x != 0 }), "biases and padding are zero")
			}
		}
	})
}

func TestFeedbackObeysTheInitializerInEveryLayer(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		for _, init := range everyInit {
			for _, monotone := range []bool{false, true} {
				matrix, err := n.DFAFeedback(DirectFeedback, init, monotone, 5)
				require.NoError(t, err)
				require.Len(t, matrix, n.Logits*n.HiddenUnits())
				checkDraws(t, init, monotone, false, n.Logits, matrix)
			}
			arena, ranges, err := n.FAFeedback(init, 5)
			require.NoError(t, err)
			for i, r := range ranges {
				checkDraws(t, init, false, false, n.Layers[i].FanOut(), r.Of(arena))
				clear(r.Of(arena))
			}
			require.False(t, slices.ContainsFunc(arena, func(x float32) bool { return x != 0 }), "padding is zero")
		}
	})
}

// checkDraws holds values against the table of initializers, written out once more.
func checkDraws(t *testing.T, init Init, monotone, free bool, fanIn int, values []float32) {
	t.Helper()
	bound := float32(init.Value / math.Sqrt(float64(fanIn)))
	low, high := -bound, bound
	switch init.Dist {
	case gpu.DrawNone, gpu.DrawSymmetric:
	case gpu.DrawConstant:
		low, high = float32(init.Value), float32(init.Value)
	case gpu.DrawUniform:
		if !free {
			low = 0
		}
	case gpu.DrawNormal, gpu.DrawAbsNormal:
		// Ten standard deviations: no draw of these tests comes near.
		high = float32(10 * init.Value)
		low = -high
		if init.Dist == gpu.DrawAbsNormal && !free {
			low = 0
		}
	}
	if monotone && init.Dist != gpu.DrawConstant {
		low = 0
		if init.Dist == gpu.DrawSymmetric || init.Dist == gpu.DrawUniform {
			low = MonotoneMin
		}
	}
	requireWithin(t, values, low, high, init, fanIn)
	negative := slices.ContainsFunc(values, func(x float32) bool { return x < 0 })
	const enough = 64 // draws, of which 2^-64 would have one sign by chance
	if low < 0 && len(values) >= enough && init.Dist != gpu.DrawConstant {
		require.True(t, negative, "%v is signed", init)
	}
}

// TestGlorotTakesBothFansOfALayer looks at the bounds of weights and feedback.
func TestGlorotTakesBothFansOfALayer(t *testing.T) {
	n, err := NewConv(Shape{20, 20, 3}, []Filter{{Filters: 40, Kernel: 3, Stride: 2}, {Filters: 50, Kernel: 3, Stride: 2}}, 7, gpu.Tanh)
	require.NoError(t, err)
	fans := []float64{9 * (3 + 40), 9 * (40 + 50), 4*4*50 + 7}
	params, err := n.InitialParams(glorot(2), false, 1)
	require.NoError(t, err)
	feedback, ranges, err := n.FAFeedback(glorot(2), 1)
	require.NoError(t, err)
	generators, err := n.FAGenerators(glorot(2), 1)
	require.NoError(t, err)
	for i, l := range n.Layers {
		bound := 2 * math.Sqrt(6/fans[i])
		assert.InEpsilon(t, bound, slices.Max(l.W.Of(params)), 0.01)
		assert.LessOrEqual(t, slices.Max(l.W.Of(params)), float32(bound))
		if i > 0 {
			assert.InEpsilon(t, bound, slices.Max(ranges[i].Of(feedback)), 0.01)
			assert.InEpsilon(t, bound, generators[i].High, 1e-6)
		}
	}
	for _, monotone := range []bool{false, true} {
		_, err = n.DFAFeedback(DirectFeedback, glorot(1), monotone, 1)
		assert.ErrorContains(t, err, "initializer X1: its bound depends on the width of a layer")
	}
}

// TestGeneratedFeedbackIsTheStoredMatrix draws every element by itself.
func TestGeneratedFeedbackIsTheStoredMatrix(t *testing.T) {
	for _, init := range everyInit {
		for i := range 4 {
			monotone, kind, classes := i%2 == 1, DirectFeedback, 3
			if i >= 2 {
				kind, classes = ClassFeedback, 2
			}
			n := mustDefault(t, mnist, true, classes)
			g, err := n.DFAGenerator(kind, init, monotone, 5)
			require.NoError(t, err)
			matrix, err := n.DFAFeedback(kind, init, monotone, 5)
			require.NoError(t, err)
			require.EqualValues(t, n.FeedbackLen(kind), len(matrix))
			one := make([]float32, 1)
			for layer, columns := range n.FeedbackColumns() {
				for row := range n.FeedbackRows(kind) {
					for j := 0; j < columns.Len; j += 7 {
						g.Fill(one, layer, row, j)
						require.Equal(t, matrix[row*n.HiddenUnits()+columns.Off+j], one[0], "%v, layer %d", init, layer)
					}
				}
			}
		}
	}
}

func TestSameSeedGivesTheSameBits(t *testing.T) {
	n := mustDefault(t, mnist, true, 10)
	for _, init := range everyInit {
		for range 2 {
			a, err := n.InitialParams(init, true, 42)
			require.NoError(t, err)
			b, err := n.InitialParams(init, true, 42)
			require.NoError(t, err)
			require.True(t, slices.Equal(a, b))
			c, err := n.InitialParams(init, true, 43)
			require.NoError(t, err)
			require.Equal(t, init.Dist != gpu.DrawConstant, !slices.Equal(a, c), "another seed, other bits")
		}
	}
}

func TestDrawsAreFixedForAllTime(t *testing.T) {
	// Checkpoints and published results name a seed: its draws must never change.
	// The uniform draws were confirmed by a second implementation of SplitMix64 and
	// PCG-DXSM in another language, the feedback by one of Philox and the quantile.
	n, err := NewDense(Shape{1, 1, 3}, []int{2}, 2, gpu.Tanh)
	require.NoError(t, err)
	arena, err := n.InitialParams(uniform(1), false, 0)
	require.NoError(t, err)
	feedback, err := n.DFAFeedback(DirectFeedback, normal(1), false, 0)
	require.NoError(t, err)
	assert.Equal(t, []float32{-0.23513015, -0.15484719, -0.49336693, -0.24230707, -0.4041632, -0.3649447}, n.Layers[0].W.Of(arena))
	assert.Equal(t, []float32{-0.0655459, 0.092249386}, feedback)
}

func TestEveryTensorHasItsOwnStream(t *testing.T) {
	// Two networks that share their first layers show the dependence of the draws.
	short, err := NewDense(mnist, []int{30, 20}, 10, gpu.Tanh)
	require.NoError(t, err)
	long, err := NewDense(mnist, []int{30, 20, 10}, 10, gpu.ReLU)
	require.NoError(t, err)

	t.Run("a further layer leaves the others as they were", func(t *testing.T) {
		a, err := short.InitialParams(normal(1), false, 9)
		require.NoError(t, err)
		b, err := long.InitialParams(normal(1), false, 9)
		require.NoError(t, err)
		for i := range short.Hidden() {
			assert.Equal(t, short.Layers[i].W.Of(a), long.Layers[i].W.Of(b))
		}
		fa, ra, err := short.FAFeedback(normal(1), 9)
		require.NoError(t, err)
		fb, rb, err := long.FAFeedback(normal(1), 9)
		require.NoError(t, err)
		assert.Equal(t, ra[1].Of(fa), rb[1].Of(fb))

		da, err := short.DFAFeedback(DirectFeedback, normal(1), false, 9)
		require.NoError(t, err)
		db, err := long.DFAFeedback(DirectFeedback, normal(1), false, 9)
		require.NoError(t, err)
		for row := range short.Logits {
			assert.Equal(t, da[row*50:][:50], db[row*60:][:50])
		}
	})

	t.Run("mdfa takes the same draws and folds them", func(t *testing.T) {
		signed, err := short.InitialParams(normal(1), false, 9)
		require.NoError(t, err)
		folded, err := short.InitialParams(normal(1), true, 9)
		require.NoError(t, err)
		assert.Equal(t, short.Layers[0].W.Of(signed), short.Layers[0].W.Of(folded))
		for i, x := range short.Layers[1].W.Of(signed) {
			require.Equal(t, float32(math.Abs(float64(x))), short.Layers[1].W.Of(folded)[i])
		}
	})

	t.Run("no two tensors are alike or shifted", func(t *testing.T) {
		seen := map[uint64]bool{}
		for seed := range uint64(50) {
			for p := forwardWeights; p <= layerFeedback; p++ {
				for layer := range 20 {
					rng := stream(seed, p, layer)
					for range 8 {
						x := rng.Uint64()
						require.False(t, seen[x], "seed %d, purpose %d, layer %d", seed, p, layer)
						seen[x] = true
					}
				}
			}
		}
	})

	t.Run("layers are uncorrelated", func(t *testing.T) {
		const count = 1 << 16
		const tolerance = 6.0 / 256 // six standard errors, 6/sqrt(count)
		draws := make([][]float32, 4)
		for i := range draws {
			draws[i] = make([]float32, count)
			require.NoError(t, normal(1).Draw(draws[i], 1, 1, stream(0, forwardWeights, i)))
			for j := range i {
				dot := 0.0
				for k, x := range draws[i] {
					dot += float64(x) * float64(draws[j][k]) / count
				}
				assert.InDelta(t, 0, dot, tolerance, "layers %d and %d", i, j)
			}
		}
	})
}

func TestFanInsAreThoseOfTheTable(t *testing.T) {
	// The largest of hundreds of uniform draws comes close to its bound, from below.
	const near = 0.95
	const v = 3.0
	n := mustDefault(t, mnist, true, 10)
	bounded := func(name string, values []float32, fanIn float64) {
		t.Helper()
		most := slices.Max(values)
		assert.LessOrEqual(t, most, float32(v/math.Sqrt(fanIn)), name)
		assert.Greater(t, most, float32(near*v/math.Sqrt(fanIn)), name)
	}
	arena, err := n.InitialParams(uniform(v), false, 1)
	require.NoError(t, err)
	bounded("W_0: k·k·c_in", n.Layers[0].W.Of(arena), 5*5*1)
	bounded("W_1: k·k·c_in", n.Layers[1].W.Of(arena), 3*3*96)
	bounded("W_3: in", n.Layers[3].W.Of(arena), 864)
	matrix, err := n.DFAFeedback(DirectFeedback, uniform(v), false, 1)
	require.NoError(t, err)
	bounded("DFA: logits", matrix, 10)
	feedback, ranges, err := n.FAFeedback(uniform(v), 1)
	require.NoError(t, err)
	bounded("FA, conv: k·k·c_out", ranges[1].Of(feedback), 3*3*96)
	bounded("FA, dense: out", ranges[3].Of(feedback), 10)

	two := mustDefault(t, mnist, false, 2)
	matrix, err = two.DFAFeedback(DirectFeedback, uniform(v), false, 1)
	require.NoError(t, err)
	bounded("DFA, one logit", matrix, 1)
	matrix, err = two.DFAFeedback(ClassFeedback, uniform(v), false, 1)
	require.NoError(t, err)
	bounded("DRTP, one logit of two classes", matrix, 2)
}

func TestInitializersThatDoNotSuitTheNetworkAreRefused(t *testing.T) {
	n := mustDefault(t, mnist, false, 10)
	_, err := n.InitialParams(constant(-1), true, 0)
	assert.ErrorContains(t, err, "mdfa needs")
	_, err = n.DFAFeedback(DirectFeedback, constant(-1), true, 0)
	assert.ErrorContains(t, err, "mdfa needs")
	_, err = n.InitialParams(constant(-1), false, 0)
	assert.NoError(t, err)
	_, err = n.InitialParams(uniform(1e-5), true, 0)
	assert.ErrorContains(t, err, "the weights of layer 1 (dense 200): ")
	_, err = n.DFAFeedback(DirectFeedback, uniform(1e-6), true, 0)
	assert.ErrorContains(t, err, "the feedback of the hidden layers: ")
	_, _, err = n.FAFeedback(Init{Dist: 9}, 0)
	assert.ErrorContains(t, err, "the feedback of layer 1 (dense 200): ")
}

func TestFeedbackBeyondWhatDevicesIndexIsAnError(t *testing.T) {
	n, err := NewConv(Shape{10_000, 10_000, 1}, []Filter{{Filters: 4, Kernel: 1, Stride: 1}, {Filters: 1, Kernel: 10_000, Stride: 1}}, 10, gpu.Tanh)
	require.NoError(t, err, "without DFA the network is possible")
	_, err = n.DFAFeedback(DirectFeedback, uniform(1), false, 0)
	assert.ErrorIs(t, err, ErrTooLarge)
	assert.ErrorContains(t, err, "feedback [10, 400000001]")
}

func TestSingleLayerDrawsIgnoreTheMonotoneRewrite(t *testing.T) {
	n, err := NewDense(mnist, nil, 10, gpu.Tanh)
	require.NoError(t, err)
	arena, err := n.InitialParams(constant(-1), true, 0)
	require.NoError(t, err, "the only layer is the first, whose weights are free")
	assert.Equal(t, float32(-1), arena[0])
}
