package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// Lengths around the vector width, its multiples and the 16 bytes of ScaleBytes.
var lengths = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1023, 1025}

// The plain loops round after every operation, the vector ones fuse some of them: they
// may part by a few roundings of 2^-24 each, relative to the largest term of the sum.
const roundings = 6 * 0x1p-24

// A curve is off by at most this share of its value: the fits' 2e-8, and some roundings.
const curveTolerance = 3e-7

func random(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rng.NormFloat64() * 1.5)
	}
	return s
}

func clone(s []float32) []float32 { return append([]float32(nil), s...) }

func assertClose(t *testing.T, want, got []float32, tolerance float64, name string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		scale := math.Max(1, math.Abs(float64(want[i])))
		if !assert.InDelta(t, want[i], got[i], tolerance*scale, "%s, element %d", name, i) {
			return
		}
	}
}

// everywhere is a fine walk over [-100, 100] and every power of two.
func everywhere() []float32 {
	var xs []float32
	for x := float32(-12); x < 12; x += 0.0007 {
		xs = append(xs, x, 8*x)
	}
	for e := -149; e < 127; e++ {
		x := float32(math.Ldexp(1.37, e))
		xs = append(xs, x, -x)
	}
	return xs
}

func TestActivationsAreAccurateEverywhere(t *testing.T) {
	xs := everywhere()
	for act := range gpu.Activation(gpu.NumActivations) {
		h, pre := clone(xs), clone(xs)
		Activate(act, h, pre, make([]float32, len(xs)))
		for i, x := range xs {
			want := act.F(float64(x))
			require.InDelta(t, want, h[i], curveTolerance*math.Abs(want)+0x1p-125, "%v(%g)", act, x)
			if act == gpu.Tanh {
				require.InDelta(t, want, h[i], curveTolerance*math.Abs(want)+math.SmallestNonzeroFloat32, "tanh(%g)", x)
				require.LessOrEqual(t, math.Abs(float64(h[i])), 1.0)
			}
		}
	}
}

func TestTanhOfSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	h := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, nan, 20, -20, 1e38, -1e38}
	Activate(gpu.Tanh, h, nil, []float32{0, float32(math.Copysign(0, -1)), 0, 0, 0, 0, 0, 0, 0})
	assert.Equal(t, []float32{1, -1}, []float32{h[2], h[3]})
	assert.Equal(t, []float32{1, -1, 1, -1}, h[5:])
	assert.False(t, math.Signbit(float64(h[0])) || h[0] != 0)
	assert.True(t, math.Signbit(float64(h[1])) && h[1] == 0)
	assert.True(t, math.IsNaN(float64(h[4])))
}

func TestVectorLoopsEqualPlainLoops(t *testing.T) {
	if !accelerated {
		assert.Equal(t, "no SIMD", SIMD()) // one version only: the device suite compares it with float64
		return
	}
	for _, n := range lengths {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			z, b, d := random(n, 1), random(n, 2), random(n, 3)
			kinks := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Nextafter32(1, 2)), float32(math.Inf(-1)), float32(math.NaN()), 3}
			for i := range min(n, len(kinks)) {
				z[n-1-i], b[n-1-i] = kinks[i], 0
			}
			for act := range gpu.Activation(gpu.NumActivations) {
				if _, _, clipped := bounds(act); clipped {
					h1, pre1, h2, pre2 := clone(d), clone(z), clone(d), clone(z)
					Activate(act, h1, pre1, b)
					activate(act, h2, pre2, b)
					assert.Equal(t, bitsOf(h2), bitsOf(h1), act)
					assert.Equal(t, bitsOf(pre2), bitsOf(pre1), act)
				}
				d1, sum1, d2, sum2 := clone(d), clone(b), clone(d), clone(b)
				TimesSlope(act, d1, z, sum1)
				timesSlope(act, d2, z, sum2)
				assert.Equal(t, bitsOf(d2), bitsOf(d1), act)
				assert.Equal(t, bitsOf(sum2), bitsOf(sum1), act)
			}
			for name, pair := range map[string][2]func(a, b []float32){
				"scale": {func(a, b []float32) { Scale(a, b, 1.7) }, func(a, b []float32) { scaleFloats(a, b, 1.7) }},
				"add":   {Add, add},
				"sign":  {func(a, b []float32) { Sign(a, b, a) }, func(a, b []float32) { sign(a, b, a) }},
			} {
				a1, a2 := clone(d), clone(d)
				pair[0](a1, z)
				pair[1](a2, z)
				assert.Equal(t, bitsOf(a2), bitsOf(a1), name)
			}
			bytes := make([]uint8, n)
			for i := range bytes {
				bytes[i] = uint8(i * 37)
			}
			want, got := make([]float32, n), make([]float32, n)
			scaleBytes(want, bytes, 1.0/255)
			ScaleBytes(got, bytes, 1.0/255)
			assert.Equal(t, want, got)
			normalizeBytes(want, bytes, z, d)
			NormalizeBytes(got, bytes, z, d)
			assert.Equal(t, bitsOf(want), bitsOf(got))
		})
	}
}

func TestFillDrawsTheGeneratorsBits(t *testing.T) {
	for _, draw := range []gpu.Draw{gpu.DrawConstant, gpu.DrawSymmetric, gpu.DrawUniform, gpu.DrawNormal, gpu.DrawAbsNormal} {
		g := gpu.Generator{Draw: draw, Seed: 0xfedcba9876543210, Low: 0.25, High: 2}
		for _, n := range []int{0, 1, 3, 15, 16, 21, 256, 600} {
			for _, column := range []int{0, 1, 2, 3, 4, 1027} {
				got, want := make([]float32, n), make([]float32, n)
				Fill(got, g, 5, 7, column)
				g.Fill(want, 5, 7, column)
				require.Equal(t, want, got, "%v, %d from %d", draw, n, column)
			}
		}
	}
}

// TestWindowLoopsEqualPlainLoops compares poolings of 3×3 windows in an image of 4 pixels a line.
func TestWindowLoopsEqualPlainLoops(t *testing.T) {
	const kernel, width = 3, 4
	for _, n := range lengths {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h, e, line := random(kernel*width*n, 1), random(n, 2), width*n
			for i := range h {
				h[i] = float32(int(2 * h[i])) // equal ones among them
				if i%7 == 3 {
					h[i] = float32(math.NaN())
				}
			}
			want, got := make([]float32, n), make([]float32, n)
			wantIndex, index := make([]uint8, n), make([]uint8, n)
			maxWindow(want, wantIndex, h, kernel, line, 0)
			MaxWindow(got, index, h, kernel, line)
			assert.Equal(t, bitsOf(want), bitsOf(got))
			assert.Equal(t, wantIndex, index)
			clear(got)
			MaxWindow(got, nil, h, kernel, line)
			assert.Equal(t, bitsOf(want), bitsOf(got))

			averageWindow(want, h, kernel, line, 0)
			AverageWindow(got, h, kernel, line)
			assert.Equal(t, bitsOf(want), bitsOf(got))

			d1, d2 := random(len(h), 3), random(len(h), 3)
			addToMax(d1, e, index, kernel, line, 0)
			AddToMax(d2, e, index, kernel, line)
			assert.Equal(t, d1, d2)
			addToWindow(d1, e, kernel, line, 0)
			AddToWindow(d2, e, kernel, line)
			assert.Equal(t, d1, d2)
		})
	}
}

// bitsOf makes NaN equal to itself.
func bitsOf(s []float32) []uint32 {
	out := make([]uint32, len(s))
	for i, v := range s {
		out[i] = math.Float32bits(v)
		if v != v {
			out[i] = 0x7fc00000
		}
	}
	return out
}

func TestOptimizersFollowTheirFormulas(t *testing.T) {
	for _, n := range lengths {
		for _, u := range []Update{
			{LR: 0.01, Floor: Unclamped},
			{LR: 0.1, L2: 0.03, Floor: Unclamped, Momentum: 0.9},
			{LR: 0.125, Shrink: 0.0625, L2: 0.03, Floor: Unclamped, Momentum: 0.8, Nesterov: true},
			{LR: 0.1, Floor: 1e-6, Momentum: 0.5},
		} {
			u.Epsilon = gpu.AdamEpsilon
			w0, g := random(n, 4), random(n, 5)
			s1, s2 := random(n, 6), random(n, 7)
			for i := range s1 {
				s1[i], s2[i] = s1[i]*s1[i], s2[i]*s2[i]
			}
			for _, kind := range gpu.Optimizers() {
				w, a, b := clone(w0), clone(s1), clone(s2)
				Optimize(kind, w, g, a, b, u)
				wantW, wantA, wantB := make([]float32, n), make([]float32, n), make([]float32, n)
				for i := range w0 {
					s := [gpu.MaxStates]float64{float64(s1[i]), float64(s2[i])}
					// In step 1e9 the corrections of Adam's rate, which the caller makes, are 1.
					x := gpu.OptimizeArgs{Kind: kind, LR: u.LR, L2: u.L2, Decay: u.Shrink / u.LR, Momentum: u.Momentum, Nesterov: u.Nesterov}.
						Update(float64(w0[i]), float64(g[i]), 1e9, &s)
					wantW[i], wantA[i], wantB[i] = float32(math.Max(x, float64(u.Floor))), float32(s[0]), float32(s[1])
				}
				assertClose(t, wantW, w, roundings, kind.String()+" w")
				assertClose(t, wantA, a, roundings, kind.String()+" s1")
				assertClose(t, wantB, b, roundings, kind.String()+" s2")
			}
		}
	}
}

func TestADivergedWeightStaysVisible(t *testing.T) {
	nan := float32(math.NaN())
	for _, n := range []int{3, 16} {
		w, g, s := make([]float32, n), make([]float32, n), make([]float32, n)
		w[n-1] = nan
		Optimize(gpu.SGD, w, g, nil, nil, Update{LR: 0.1, Floor: 0.5})
		assert.Equal(t, float32(0.5), w[0])
		assert.True(t, math.IsNaN(float64(w[n-1])))
		Optimize(gpu.RMSProp, w, g, s, nil, Update{LR: 0.1, Floor: 0.5})
		assert.True(t, math.IsNaN(float64(w[n-1])))
	}
}

func BenchmarkActivate(b *testing.B) {
	for act := range gpu.Activation(gpu.NumActivations) {
		b.Run(act.String(), func(b *testing.B) {
			h, pre, bias := random(4096, 1), random(4096, 2), make([]float32, 4096)
			b.SetBytes(4096 * 4)
			for b.Loop() {
				Activate(act, h, pre, bias)
			}
		})
	}
}

func BenchmarkTimesSlope(b *testing.B) {
	for act := range gpu.Activation(gpu.NumActivations) {
		b.Run(act.String(), func(b *testing.B) {
			d, v, sum := random(96, 1), random(96, 2), make([]float32, 96)
			b.SetBytes(96 * 4)
			for b.Loop() {
				TimesSlope(act, d, v, sum)
			}
		})
	}
}

func BenchmarkWindows(b *testing.B) {
	const kernel, width, channels = 2, 14, 32
	h, p, index := random(kernel*width*channels, 1), make([]float32, channels), make([]uint8, channels)
	for name, run := range map[string]func(){
		"max":               func() { MaxWindow(p, nil, h, kernel, width*channels) },
		"max with index":    func() { MaxWindow(p, index, h, kernel, width*channels) },
		"average":           func() { AverageWindow(p, h, kernel, width*channels) },
		"add to max":        func() { AddToMax(h, p, index, kernel, width*channels) },
		"add to the window": func() { AddToWindow(h, p, kernel, width*channels) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * channels * kernel * kernel)
			for b.Loop() {
				run()
			}
		})
	}
}

func BenchmarkRMSProp(b *testing.B) {
	w, g, s := random(1<<16, 1), random(1<<16, 2), make([]float32, 1<<16)
	b.SetBytes(1 << 16 * 20)
	for b.Loop() {
		Optimize(gpu.RMSProp, w, g, s, nil, Update{LR: 1e-4, Floor: Unclamped})
	}
}

// TestInfiniteStateStopsTheWeight has gradients whose squares overflow: the step is 0.
func TestInfiniteStateStopsTheWeight(t *testing.T) {
	for _, n := range []int{3, 16} {
		w, g, s := make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range w {
			w[i], g[i] = 0.5, 1e30
		}
		Optimize(gpu.RMSProp, w, g, s, nil, Update{LR: 0.1, Floor: Unclamped})
		for i := range w {
			assert.Equal(t, float32(0.5), w[i])
			assert.True(t, math.IsInf(float64(s[i]), 1))
		}
	}
}
